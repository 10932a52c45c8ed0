/** Tokens that are looked for in a text before all else: special ones, and those that somebody added to a vocabulary. */
import type { AlignedText } from './aligned-text.ts';
import type { Normalizer } from './normalizers.ts';
import type { Section } from './section.ts';

export interface AddedToken {
  readonly id: number;
  readonly content: string;
  /** Left out by `decode` where special tokens are. */
  readonly special: boolean;
  /** Whether it is looked for in the normalised text, not in the text as it came. */
  readonly normalized: boolean;
  /** Whether it takes the white space before it, or behind it. */
  readonly lstrip: boolean;
  readonly rstrip: boolean;
  /** Whether it has to stand between characters that are no letters. */
  readonly singleWord: boolean;
}

/** The token of a section, as in `added_tokens` of tokenizer.json. */
export function addedToken(section: Section, id = section.number('id')): AddedToken {
  const special = section.flag('special', false);
  return {
    id,
    content: section.text('content'),
    special,
    normalized: section.flag('normalized', !special),
    lstrip: section.flag('lstrip', false),
    rstrip: section.flag('rstrip', false),
    singleWord: section.flag('single_word', false),
  };
}

/** A part of a text: a token already, or still to be split. */
export interface Piece {
  readonly text: AlignedText;
  readonly token?: AddedToken;
}

export class AddedTokens {
  readonly #raw: Matcher;
  readonly #normalized: Matcher;
  readonly #normalizer: Normalizer;

  constructor(tokens: readonly AddedToken[], normalizer: Normalizer, normalizedText: (text: string) => string) {
    this.#normalizer = normalizer;
    this.#raw = new Matcher(tokens.filter(({ normalized }) => !normalized).map((token) => [token.content, token]));
    this.#normalized = new Matcher(
      tokens.filter(({ normalized }) => normalized).map((token) => [normalizedText(token.content), token]),
    );
  }

  /** The text's parts in their order, those that are no tokens normalised. */
  *extract(text: AlignedText): Generator<Piece> {
    for (const piece of this.#raw.split(text)) {
      if (piece.token) yield piece;
      else for (const part of this.#normalized.split(this.#normalizer(piece.text))) if (part.text.text) yield part;
    }
  }
}

const WORD = /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\u200c\u200d]/u;

/** Finds tokens in a text: of those that begin at a place the longest. */
class Matcher {
  readonly #tokens: ReadonlyMap<string, AddedToken>;
  readonly #pattern: RegExp | undefined;

  constructor(tokens: readonly (readonly [string, AddedToken])[]) {
    const found = tokens.filter(([content]) => content !== '');
    this.#tokens = new Map(found);
    const longestFirst = [...this.#tokens.keys()].sort((a, b) => b.length - a.length);
    const escaped = longestFirst.map((content) => content.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&'));
    this.#pattern = escaped.length > 0 ? new RegExp(escaped.join('|'), 'gu') : undefined;
  }

  *split(source: AlignedText): Generator<Piece> {
    const { text } = source;
    let done = 0;
    for (const match of this.#pattern ? text.matchAll(this.#pattern) : []) {
      const token = this.#tokens.get(match[0])!;
      let start = match.index;
      let end = start + match[0].length;
      if (token.singleWord && (WORD.test(characterBefore(text, start)) || WORD.test(characterAfter(text, end))))
        continue;
      // What a token before has taken is gone.
      if (start < done) continue;
      if (token.lstrip) while (start > done && /\p{White_Space}/u.test(text[start - 1]!)) start--;
      if (token.rstrip) while (end < text.length && /\p{White_Space}/u.test(text[end]!)) end++;
      if (start > done) yield { text: source.slice(done, start) };
      yield { text: source.slice(start, end), token };
      done = end;
    }
    if (done < text.length) yield { text: source.slice(done, text.length) };
  }
}

const characterBefore = (text: string, at: number): string =>
  /.$/su.exec(text.slice(Math.max(at - 2, 0), at))?.[0] ?? '';
const characterAfter = (text: string, at: number): string => /^./su.exec(text.slice(at, at + 2))?.[0] ?? '';
