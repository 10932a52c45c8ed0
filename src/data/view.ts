/** Random versions of a sample. */

/** One random version of a sample: equal views of an index are equal floats. */
export interface View {
  readonly seed: number;
  readonly view: number;
}
