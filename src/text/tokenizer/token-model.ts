/** What every kind of model does. */

/** Takes a token and the units [start, end) of the word that it stands for. */
export type Emit = (id: number, start: number, end: number) => void;

export interface TokenModel {
  /** Ids by token. */
  readonly vocabulary: ReadonlyMap<string, number>;
  /** The tokens of a word in their order; `word` is not empty. */
  tokenize(word: string, emit: Emit): void;
}
