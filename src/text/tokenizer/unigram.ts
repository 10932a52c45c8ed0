/** SentencePiece's model: of all ways to cut a text into pieces the likeliest, by their scores, which are logarithms. */
import { DataError } from '../../core/errors.ts';
import { shown } from '../../io/base/bytes.ts';
import { characterAt, widthAt } from './aligned-text.ts';
import { byteToken } from './bpe.ts';
import type { Section } from './section.ts';
import type { Emit, TokenModel } from './token-model.ts';
import { Trie } from './trie.ts';

/** How much less than the least piece an unknown character scores. */
const UNKNOWN_PENALTY = 10;
const encoder = new TextEncoder();

/** @throws WeightFileError if the vocabulary is no list of pieces with scores. */
export function unigram(section: Section): TokenModel {
  return new Unigram(section);
}

class Unigram implements TokenModel {
  readonly vocabulary = new Map<string, number>();
  readonly #trie = new Trie();
  readonly #scores: Float64Array;
  readonly #unknownScore: number;
  readonly #unknown: number | undefined;
  readonly #byBytes: boolean;
  readonly #file: string;

  constructor(section: Section) {
    this.#file = section.file;
    const pieces = section.list('vocab');
    this.#scores = new Float64Array(pieces.length);
    let least = Infinity;
    pieces.forEach((piece, id) => {
      const [text, score] = Array.isArray(piece) ? piece : [];
      if (typeof text !== 'string' || typeof score !== 'number') {
        section.fail(`must be a piece and its score, got ${shown(piece)}.`, `vocab.${id}`);
      }
      this.#scores[id] = score;
      least = Math.min(least, score);
      this.vocabulary.set(text, id);
      this.#trie.add(text, id);
    });
    this.#unknownScore = least - UNKNOWN_PENALTY;
    this.#byBytes = section.flag('byte_fallback', false);
    if (section.fields.unk_id != null) this.#unknown = section.number('unk_id');
    if (this.#unknown !== undefined && !(this.#unknown in this.#scores)) {
      section.fail(`is ${this.#unknown}, but the vocabulary has ${pieces.length} pieces.`, 'unk_id');
    }
  }

  /** Viterbi's algorithm. */
  tokenize(word: string, emit: Emit): void {
    const scores = new Float64Array(word.length + 1);
    const from = new Int32Array(word.length + 1).fill(-1);
    const ids = new Int32Array(word.length + 1);
    for (let start = 0; start < word.length; ) {
      const single = start + widthAt(word, start);
      let known = false;
      const offer = (id: number, score: number, end: number) => {
        if (from[end]! >= 0 && !(score > scores[end]!)) return;
        from[end] = start;
        scores[end] = score;
        ids[end] = id;
      };
      this.#trie.prefixes(word, start, (id, end) => {
        known ||= end === single;
        offer(id, scores[start]! + this.#scores[id]!, end);
      });
      if (!known) offer(this.#unknown ?? this.#missing(word, start), scores[start]! + this.#unknownScore, single);
      start = single;
    }
    const ends: number[] = [];
    for (let end = word.length; end > 0; end = from[end]!) {
      // Unknown characters side by side are one token.
      const last = ends.at(-1);
      if (last === undefined || ids[end] !== this.#unknown || ids[last] !== this.#unknown) ends.push(end);
      else from[last] = from[end]!;
    }
    for (const end of ends.reverse()) this.#emit(word, ids[end]!, from[end]!, end, emit);
  }

  #emit(word: string, id: number, start: number, end: number, emit: Emit): void {
    for (const token of id === this.#unknown ? this.#unknownTokens(word.slice(start, end), id) : [id])
      emit(token, start, end);
  }

  /** Unknown characters that are a piece when they are together; or bytes, if the model has all of them. */
  #unknownTokens(piece: string, unknown: number): readonly number[] {
    const known = this.vocabulary.get(piece);
    if (known !== undefined || !this.#byBytes) return [known ?? unknown];
    const bytes = Array.from(encoder.encode(piece), (byte) => this.vocabulary.get(byteToken(byte)));
    return bytes.includes(undefined) ? [unknown] : (bytes as number[]);
  }

  #missing(word: string, at: number): never {
    const character = shown(characterAt(word, at));
    throw new DataError(
      this.#file,
      `has no token for '${character}', and no unknown token: its model's unk_id is null.`,
    );
  }
}
