/** Random versions of a sample. */

/** The random version of a sample that is meant: equal views of an index are equal floats. */
export interface View {
  readonly seed: number;
  readonly view: number;
}
