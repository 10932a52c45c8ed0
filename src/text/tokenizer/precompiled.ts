/** The map of characters that SentencePiece compiles into its models: a double-array trie over UTF-8, and what its leaves point at. */
import { type AlignedText, characterAt } from './aligned-text.ts';

/** Longer clusters are looked up character by character. */
const CLUSTER_BYTES = 6;
/** Units that are segmented at once. */
const SEGMENTED = 1024;
/** ASCII characters that stand beside none of others, so that each is a cluster. */
const ASCII_RUN = /(?<=^|[ -~])[ -~]+(?![^ -~])/g;
const ASCII = /^[ -~]+$/;
const encoder = new TextEncoder();

export class CharacterMap {
  readonly #trie: Uint32Array;
  /** Texts that end in 0. */
  readonly #texts: Uint8Array;
  /** Whether the map leaves printable ASCII as it is. */
  readonly #keepsAscii: boolean;
  readonly #known = new Map<string, string | undefined>();
  readonly #segmenter = new Intl.Segmenter('und', { granularity: 'grapheme' });

  /** @param bytes The trie's size as uint32, the trie, the texts. @throws RangeError if they are too few. */
  constructor(bytes: Uint8Array) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const size = view.getUint32(0, true);
    if (size % 4 !== 0 || size < 4 || 4 + size > bytes.byteLength)
      throw new RangeError('the trie reaches past the end');
    this.#trie = Uint32Array.from({ length: size / 4 }, (_, i) => view.getUint32(4 + 4 * i, true));
    this.#texts = bytes.subarray(4 + size);
    const printable = Array.from({ length: 0x5f }, (_, i) => String.fromCharCode(0x20 + i));
    this.#keepsAscii = printable.every((character) => this.#lookUp(character) === undefined);
  }

  /** Every cluster, or else every character, that the map has is replaced by what it has for it. */
  apply(source: AlignedText): AlignedText {
    const changes: [text: string, change: number | 'same'][] = [];
    let dropped = 0;
    let modified = false;
    const replace = (old: string, by: string) => {
      modified = true;
      const more = [...by].length - [...old].length;
      let left = [...by].length - Math.max(more, 0);
      for (const character of by) changes.push([character, left-- > 0 ? 0 : 1]);
      if (more >= 0) return;
      const last = changes.at(-1);
      if (!last) dropped -= more;
      else if (last[1] !== 'same') last[1] += more;
      else {
        const character = last[0].at(-1)!;
        last[0] = last[0].slice(0, -1);
        changes.push([character, more]);
      }
    };
    for (const cluster of this.#clustersOf(source.text)) {
      if (this.#keepsAscii && ASCII.test(cluster)) {
        changes.push([cluster, 'same']);
        continue;
      }
      const whole = utf8Length(cluster) < CLUSTER_BYTES ? this.#lookUp(cluster) : undefined;
      if (whole !== undefined) {
        replace(cluster, whole);
        continue;
      }
      for (const character of cluster) {
        const by = this.#lookUp(character);
        if (by === undefined) changes.push([character, 0]);
        else replace(character, by);
      }
    }
    return modified ? source.transform(changes, dropped) : source;
  }

  /** Grapheme clusters, and runs of ASCII as they are where the map keeps it, which spares most texts the segmenter. */
  *#clustersOf(text: string): Generator<string> {
    let done = 0;
    for (const { index, 0: run } of text.matchAll(ASCII_RUN)) {
      yield* this.#segments(text.slice(done, index));
      if (this.#keepsAscii) yield run;
      else yield* run;
      done = index + run.length;
    }
    yield* this.#segments(text.slice(done));
  }

  /** A part at a time: for long texts the segmenter takes longer than in proportion. */
  *#segments(text: string): Generator<string> {
    for (let start = 0; start < text.length; ) {
      const part = text.slice(start, start + SEGMENTED);
      const clusters = Array.from(this.#segmenter.segment(part), ({ segment }) => segment);
      // The last cluster may go on.
      if (start + part.length < text.length && clusters.length > 1) clusters.pop();
      for (const cluster of clusters) start += cluster.length;
      yield* clusters;
    }
  }

  #lookUp(chunk: string): string | undefined {
    if (this.#known.has(chunk)) return this.#known.get(chunk);
    const found = this.#find(encoder.encode(chunk));
    if (this.#known.size < 100_000) this.#known.set(chunk, found);
    return found;
  }

  /** What the map has for the shortest beginning of `key` that it knows, as Hugging Face's library looks it up. */
  #find(key: Uint8Array): string | undefined {
    const trie = this.#trie;
    let node = offsetOf(trie[0]!);
    for (const byte of key) {
      if (byte === 0) return undefined;
      node ^= byte;
      const unit = trie[node];
      if (unit === undefined || (unit & 0x800000ff) >>> 0 !== byte) return undefined;
      node ^= offsetOf(unit);
      if ((unit >>> 8) & 1) return this.#textAt((trie[node] ?? 0) & 0x7fffffff);
    }
    return undefined;
  }

  #textAt(start: number): string {
    const end = this.#texts.indexOf(0, start);
    return new TextDecoder().decode(this.#texts.subarray(start, end < 0 ? undefined : end));
  }
}

const offsetOf = (unit: number): number => (unit >>> 10) << ((unit & 0x200) >>> 6);

function utf8Length(text: string): number {
  let length = 0;
  for (let i = 0; i < text.length; ) {
    const width = characterAt(text, i).length;
    const code = text.charCodeAt(i);
    length += width === 2 ? 4 : code < 0x80 ? 1 : code < 0x800 ? 2 : 3;
    i += width;
  }
  return length;
}
