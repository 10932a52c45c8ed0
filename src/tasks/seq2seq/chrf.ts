/** chrF of a corpus, as sacreBLEU computes it: matches of characters, and for chrF++ of words. */
import { counted, shared, splitSpaces } from '../python-text.ts';
import { checkTexts } from './check-texts.ts';

/** Characters of a match at most. */
const CHARACTERS = 6;
const BETA = 2;

/** Options of {@link ChrfMetric}. */
export interface ChrfOptions {
  /** Words of a match at most: 0 for chrF2, the default, and 2 for chrF2++. */
  readonly wordOrder?: number;
  /** Whether case counts for nothing; false by default. */
  readonly lowercase?: boolean;
}

/** Of an order: n-grams of the text, of the reference, of both. */
type Matches = readonly [found: number, there: number, both: number];

/**
 * chrF2, gathered text by text and computed of all, from 0 to 100. Of several references a text counts with the one that it matches best.
 * @example
 * const metric = new ChrfMetric().add('a cat sat on the mat', ['the cat sat on the mat']);
 * console.log(metric.evaluate());
 */
export class ChrfMetric {
  readonly #wordOrder: number;
  readonly #lowercase: boolean;
  #matches: Matches[];

  constructor({ wordOrder = 0, lowercase = false }: ChrfOptions = {}) {
    this.#wordOrder = wordOrder;
    this.#lowercase = lowercase;
    this.#matches = Array.from({ length: CHARACTERS + wordOrder }, () => [0, 0, 0]);
  }

  /**
   * Adds a text.
   * @param found as it was generated
   * @param references right ones
   * @throws ArgumentError for no reference.
   */
  add(found: string, references: readonly string[]): this {
    checkTexts('ChrfMetric', found, references);
    const grams = this.#grams(found);
    let [best, bestScore]: [Matches[], number] = [[], -1];
    for (const reference of references) {
      const matches = this.#grams(reference).map((there, n) => matchesOf(grams[n]!, there));
      const score = scoreOf(matches);
      if (score > bestScore) [best, bestScore] = [matches, score];
    }
    this.#matches = this.#matches.map((sum, n) => sum.map((count, k) => count + best[n]![k]!) as unknown as Matches);
    return this;
  }

  /** The score of all texts so far, from 0 to 100. */
  evaluate(): number {
    return scoreOf(this.#matches);
  }

  /** N-grams of each order, counted. */
  #grams(text: string): Map<string, number>[] {
    const words = splitSpaces(this.#lowercase ? text.toLowerCase() : text);
    const characters = Array.from(words.join(''));
    const of = (items: readonly string[], n: number, joint: string) =>
      counted(Array.from({ length: Math.max(items.length - n + 1, 0) }, (_, i) => items.slice(i, i + n).join(joint)));
    const signs = words.flatMap(withoutSign);
    return [
      ...Array.from({ length: CHARACTERS }, (_, n) => of(characters, n + 1, '')),
      ...Array.from({ length: this.#wordOrder }, (_, n) => of(signs, n + 1, ' ')),
    ];
  }
}

/** A word and the sign at its end, or at its beginning: one of the two. */
function withoutSign(word: string): string[] {
  const sign = /[!-/:-@[-`{-~]/;
  const characters = Array.from(word);
  if (characters.length === 1) return [word];
  if (sign.test(word.at(-1)!)) return [word.slice(0, -1), word.at(-1)!];
  return sign.test(word[0]!) ? [word[0]!, word.slice(1)] : [word];
}

function matchesOf(found: ReadonlyMap<string, number>, there: ReadonlyMap<string, number>): Matches {
  const sum = (counts: ReadonlyMap<string, number>) => [...counts.values()].reduce((a, b) => a + b, 0);
  return [there.size > 0 ? sum(found) : 0, sum(there), shared(found, there)];
}

/** F of the mean precision and recall over the orders that both texts have n-grams of. */
function scoreOf(matches: readonly Matches[]): number {
  const known = matches.filter(([found, there]) => found > 0 && there > 0);
  if (known.length === 0) return 0;
  const mean = (of: (matches: Matches) => number) => known.reduce((sum, one) => sum + of(one), 0) / known.length;
  const precision = mean(([found, , both]) => both / found);
  const recall = mean(([, there, both]) => both / there);
  const factor = BETA ** 2;
  if (precision + recall === 0) return 0;
  return (100 * ((1 + factor) * precision * recall)) / (factor * precision + recall);
}
