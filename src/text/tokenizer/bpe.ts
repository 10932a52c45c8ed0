/** Byte pair encoding: the characters of a word are merged pair by pair, the pair that was learned first before all others. */
import { shown } from '../../io/base/bytes.ts';
import { widthAt } from './aligned-text.ts';
import { MinHeap } from './min-heap.ts';
import type { Section } from './section.ts';
import type { Emit, TokenModel } from './token-model.ts';

/** Words that are kept with their tokens. */
const CACHED_WORDS = 20_000;
const CACHED_LENGTH = 64;
const encoder = new TextEncoder();

interface Merge {
  readonly rank: number;
  readonly id: number;
}

/** @throws WeightFileError if a merge or the unknown token is not in the vocabulary. */
export function bpe(section: Section, vocabulary: ReadonlyMap<string, number>): TokenModel {
  if (section.fields.dropout)
    section.fail('drops merges at random, which is for training tokenizers. Set it to null.', 'dropout');
  return new Bpe(section, vocabulary);
}

class Bpe implements TokenModel {
  readonly vocabulary: ReadonlyMap<string, number>;
  /** Merges by pair, which is left × base + right. */
  readonly #merges = new Map<number, Merge>();
  readonly #base: number;
  readonly #prefix: string;
  readonly #suffix: string;
  readonly #unknown: number | undefined;
  readonly #fuses: boolean;
  readonly #byBytes: boolean;
  readonly #wholeFirst: boolean;
  /** Ids, starts and ends of words, one after another. */
  readonly #cache = new Map<string, readonly number[]>();

  constructor(section: Section, vocabulary: ReadonlyMap<string, number>) {
    this.vocabulary = vocabulary;
    let last = 0;
    for (const id of vocabulary.values()) last = Math.max(last, id);
    this.#base = last + 1;
    this.#prefix = section.textOrNone('continuing_subword_prefix') ?? '';
    this.#suffix = section.textOrNone('end_of_word_suffix') ?? '';
    this.#fuses = section.flag('fuse_unk', false);
    this.#byBytes = section.flag('byte_fallback', false);
    this.#wholeFirst = section.flag('ignore_merges', false);
    const unknown = section.textOrNone('unk_token');
    if (unknown !== undefined) {
      this.#unknown = vocabulary.get(unknown);
      if (this.#unknown === undefined)
        section.fail(`is '${shown(unknown)}', which the vocabulary does not have.`, 'unk_token');
    }
    this.#readMerges(section);
  }

  #readMerges(section: Section): void {
    const merges = section.list('merges');
    for (let rank = 0; rank < merges.length; rank++) {
      const one = merges[rank];
      const [left, right, ...more] = typeof one === 'string' ? one.split(' ') : Array.isArray(one) ? one : [];
      if (typeof left !== 'string' || typeof right !== 'string' || more.length > 0) {
        section.fail(`must be two tokens, got ${shown(one)}.`, `merges.${rank}`);
      }
      const merged = left + (right as string).slice(this.#prefix.length);
      const [a, b, id] = [left, right as string, merged].map((token) => {
        const found = this.vocabulary.get(token as string);
        return (
          found ??
          section.fail(`needs the token '${shown(token)}', which the vocabulary does not have.`, `merges.${rank}`)
        );
      });
      this.#merges.set(a! * this.#base + b!, { rank, id: id! });
    }
  }

  tokenize(word: string, emit: Emit): void {
    let tokens = this.#cache.get(word);
    if (!tokens) {
      const whole = this.#wholeFirst ? this.vocabulary.get(word) : undefined;
      tokens = whole === undefined ? this.#merged(word) : [whole, 0, word.length];
      if (word.length <= CACHED_LENGTH && this.#cache.size < CACHED_WORDS) this.#cache.set(word, tokens);
    }
    for (let i = 0; i < tokens.length; i += 3) emit(tokens[i]!, tokens[i + 1]!, tokens[i + 2]!);
  }

  /** A heap of the pairs that can be merged, so that a long word takes little more than its length. */
  #merged(word: string): readonly number[] {
    const { ids, starts, ends } = this.#symbols(word);
    const count = ids.length;
    const next = Int32Array.from(ids, (_, i) => (i + 1 < count ? i + 1 : -1));
    const before = Int32Array.from(ids, (_, i) => i - 1);
    const heap = new MinHeap();
    const offer = (left: number) => {
      const right = left < 0 ? -1 : next[left]!;
      const merge = right < 0 ? undefined : this.#merges.get(ids[left]! * this.#base + ids[right]!);
      // The leftmost of equal pairs comes first.
      if (merge) heap.push(merge.rank * count + left, merge.id);
    };
    for (let i = 0; i < count; i++) offer(i);
    for (let top = heap.pop(); top; top = heap.pop()) {
      const left = top.key % count;
      const right = next[left]!;
      // Entries stay when one of their symbols has been merged since.
      if (ids[left]! < 0 || right < 0) continue;
      if (this.#merges.get(ids[left]! * this.#base + ids[right]!)?.id !== top.value) continue;
      ids[left] = top.value;
      ends[left] = ends[right]!;
      ids[right] = -1;
      next[left] = next[right]!;
      if (next[left]! >= 0) before[next[left]!] = left;
      offer(before[left]!);
      offer(left);
    }
    const out: number[] = [];
    for (let i = 0; i < count; i++) if (ids[i]! >= 0) out.push(ids[i]!, starts[i]!, ends[i]!);
    return out;
  }

  /** The characters' tokens; bytes or the unknown token for those that have none. */
  #symbols(word: string) {
    const ids: number[] = [];
    const starts: number[] = [];
    const ends: number[] = [];
    const add = (id: number, start: number, end: number) => {
      ids.push(id);
      starts.push(start);
      ends.push(end);
    };
    /** Where a run of unknown characters begins, which is added when it ends. */
    let unknownFrom = -1;
    let unknownTo = -1;
    const flush = () => {
      if (unknownFrom >= 0) add(this.#unknown!, unknownFrom, unknownTo);
      unknownFrom = -1;
    };
    for (let start = 0; start < word.length; ) {
      const end = start + widthAt(word, start);
      let character = word.slice(start, end);
      if (start > 0) character = this.#prefix + character;
      if (end === word.length) character += this.#suffix;
      const id = this.vocabulary.get(character);
      const bytes = id === undefined && this.#byBytes ? this.#bytes(character) : undefined;
      if (id !== undefined) {
        flush();
        add(id, start, end);
      } else if (bytes) for (const byte of bytes) add(byte, start, end);
      else if (this.#unknown !== undefined) {
        if (unknownFrom >= 0 && !this.#fuses) flush();
        if (unknownFrom < 0) unknownFrom = start;
        unknownTo = end;
      }
      start = end;
    }
    flush();
    return { ids, starts, ends };
  }

  /** Tokens `<0xF0>` of the bytes, if the vocabulary has all of them. */
  #bytes(character: string): readonly number[] | undefined {
    const ids = Array.from(encoder.encode(character), (byte) => this.vocabulary.get(byteToken(byte)));
    return ids.includes(undefined) ? undefined : (ids as number[]);
  }
}

/** `<0x0A>` */
export function byteToken(byte: number): string {
  return `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`;
}
