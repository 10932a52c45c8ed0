/** BLEU of a corpus, as sacreBLEU computes it. */
import { counted, splitSpaces } from '../python-text.ts';
import { checkTexts } from './check-texts.ts';

/** Words of a match at most. */
const ORDER = 4;

/** What {@link BleuMetric} tells. */
export interface BleuScore {
  /** From 0 to 100. */
  readonly score: number;
  /** Share of the 1- to 4-grams that are in a reference, in percent; of none that is, what smoothing makes of it. */
  readonly precisions: readonly number[];
  /** What texts that are too short cost: from 0 to 1. */
  readonly brevityPenalty: number;
  /** Words of the texts, and of the references that are nearest in length. */
  readonly lengths: { readonly found: number; readonly references: number };
  /** How it was computed, as sacreBLEU signs its scores. */
  readonly signature: string;
}

/** Options of {@link BleuMetric}. */
export interface BleuOptions {
  /** Whether case counts for nothing; false by default. */
  readonly lowercase?: boolean;
}

/** A text as words and signs: mteval's `13a`. */
export function tokenize13a(text: string): string[] {
  const plain = text
    .replaceAll('<skipped>', '')
    .replaceAll('-\n', '')
    .replaceAll('\n', ' ')
    .replaceAll('&quot;', '"')
    .replaceAll('&amp;', '&')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>');
  return splitSpaces(
    ` ${plain} `
      .replace(/([{-~[-` -&(-+:-@/])/g, ' $1 ')
      .replace(/([^0-9])([.,])/gu, '$1 $2 ')
      .replace(/([.,])([^0-9])/gu, ' $1 $2')
      .replace(/([0-9])(-)/g, '$1 $2 '),
  );
}

/**
 * BLEU, gathered text by text and computed of all: 4-grams, 13a tokens, exponential smoothing, any number of references.
 * @example
 * const metric = new BleuMetric().add('a cat sat on the mat', ['the cat sat on the mat']);
 * console.log(metric.evaluate().score);
 */
export class BleuMetric {
  readonly #lowercase: boolean;
  readonly #right = new Array<number>(ORDER).fill(0);
  readonly #all = new Array<number>(ORDER).fill(0);
  readonly #references = new Set<number>();
  #found = 0;
  #nearest = 0;

  constructor({ lowercase = false }: BleuOptions = {}) {
    this.#lowercase = lowercase;
  }

  /**
   * Adds a text.
   * @param found as it was generated
   * @param references right ones
   * @throws ArgumentError for no reference.
   */
  add(found: string, references: readonly string[]): this {
    checkTexts('BleuMetric', found, references);
    const tokens = this.#tokens(found);
    const known = references.map((text) => this.#tokens(text));
    for (let n = 1; n <= ORDER; n++) {
      const most = new Map<string, number>();
      for (const reference of known) {
        for (const [gram, count] of grams(reference, n)) most.set(gram, Math.max(count, most.get(gram) ?? 0));
      }
      for (const [gram, count] of grams(tokens, n)) {
        this.#all[n - 1]! += count;
        this.#right[n - 1]! += Math.min(count, most.get(gram) ?? 0);
      }
    }
    this.#found += tokens.length;
    // The shorter of two that are equally near.
    const lengths = known.map(({ length }) => length).sort((a, b) => a - b);
    const off = (length: number) => Math.abs(length - tokens.length);
    this.#nearest += lengths.reduce((best, length) => (off(length) < off(best) ? length : best));
    this.#references.add(references.length);
    return this;
  }

  /** The score of all texts so far. */
  evaluate(): BleuScore {
    const [found, references] = [this.#found, this.#nearest];
    const brevityPenalty = found >= references ? 1 : found > 0 ? Math.exp(1 - references / found) : 0;
    const precisions = this.#precisions();
    const logs = precisions.map((percent) => (percent > 0 ? Math.log(percent) : -9999999999));
    const some = this.#right.some((count) => count > 0);
    return {
      score: some ? brevityPenalty * Math.exp(logs.reduce((a, b) => a + b, 0) / ORDER) : 0,
      precisions,
      brevityPenalty,
      lengths: { found, references },
      signature: `nrefs:${[...this.#references].join('|') || 1}|case:${this.#lowercase ? 'lc' : 'mixed'}|eff:no|tok:13a|smooth:exp`,
    };
  }

  /** Of orders without a match the k-th counts as 1 / 2^k matches. */
  #precisions(): number[] {
    const precisions = new Array<number>(ORDER).fill(0);
    if (this.#right.every((count) => count === 0)) return precisions;
    let smoothing = 1;
    for (let n = 0; n < ORDER && this.#all[n]! > 0; n++) {
      if (this.#right[n] === 0) smoothing *= 2;
      precisions[n] =
        this.#right[n] === 0 ? 100 / (smoothing * this.#all[n]!) : (100 * this.#right[n]!) / this.#all[n]!;
    }
    return precisions;
  }

  #tokens(text: string): string[] {
    return tokenize13a((this.#lowercase ? text.toLowerCase() : text).trimEnd());
  }
}

function grams(tokens: readonly string[], n: number): Map<string, number> {
  const count = Math.max(tokens.length - n + 1, 0);
  return counted(Array.from({ length: count }, (_, i) => tokens.slice(i, i + n).join(' ')));
}
