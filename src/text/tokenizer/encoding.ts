/** What a tokenizer makes of a text. */

/** A text, or two, as a network takes them: lists of equal length, an entry a token. */
export interface Encoding {
  readonly ids: readonly number[];
  /** The token's spelling in the vocabulary. */
  readonly tokens: readonly string[];
  /** 0 and 1 tell the two texts apart, where the tokenizer has networks do so. */
  readonly typeIds: readonly number[];
  /** 1 for tokens, 0 for padding. */
  readonly mask: readonly number[];
  /** 1 for special tokens and padding, 0 for those of the texts. */
  readonly specialMask: readonly number[];
  /** Where the token lies in its text, [start, end) in UTF-16 units as JavaScript's `slice` takes them; [0, 0] for special tokens. */
  readonly offsets: readonly (readonly [start: number, end: number])[];
  /** The number of the word in its text; null for special tokens. */
  readonly words: readonly (number | null)[];
  /** Which text it is of, 0 or 1; null for special tokens. */
  readonly sequences: readonly (number | null)[];
  /** With `stride`: the windows after this one, in their order. */
  readonly overflow: readonly Encoding[];
}

/** The lists of an encoding in the making. */
export interface TokenLists {
  readonly ids: number[];
  readonly tokens: string[];
  readonly offsets: (readonly [start: number, end: number])[];
  readonly words: number[];
}

/** Tokens [start, end). */
export function sliceTokens({ ids, tokens, offsets, words }: TokenLists, start: number, end: number): TokenLists {
  return {
    ids: ids.slice(start, end),
    tokens: tokens.slice(start, end),
    offsets: offsets.slice(start, end),
    words: words.slice(start, end),
  };
}
