/** ROUGE, as Google's rouge_score computes it without stems: how much of a text's words are in a reference, in their order or not. */
import { counted, shared, splitSpaces } from '../python-text.ts';
import { checkTexts } from './check-texts.ts';

/** What {@link RougeMetric} tells: mean F1 over texts, from 0 to 1; null where there are none. */
export interface RougeScores {
  /** Of words. */
  readonly rouge1: number | null;
  /** Of pairs of words. */
  readonly rouge2: number | null;
  /** Of the longest sequence that both have, with gaps. */
  readonly rougeL: number | null;
  /** The same line by line: of summaries with a sentence a line. */
  readonly rougeLsum: number | null;
}

/**
 * ROUGE-1, -2, -L and -Lsum, gathered text by text. Of several references each score takes the one that it is highest with. Letters and digits of
 * ASCII alone are words.
 * @example
 * const metric = new RougeMetric().add('a cat sat on the mat', ['the cat sat on the mat']);
 * console.log(metric.evaluate().rougeL); // 0.833
 */
export class RougeMetric {
  readonly #sums = { rouge1: 0, rouge2: 0, rougeL: 0, rougeLsum: 0 };
  #texts = 0;

  /**
   * Adds a text.
   * @param found as it was generated
   * @param references right ones
   * @throws ArgumentError for no reference.
   */
  add(found: string, references: readonly string[]): this {
    checkTexts('RougeMetric', found, references);
    const best = (score: (found: string, reference: string) => number) =>
      Math.max(...references.map((reference) => score(found, reference)));
    this.#sums.rouge1 += best((a, b) => gramF1(a, b, 1));
    this.#sums.rouge2 += best((a, b) => gramF1(a, b, 2));
    this.#sums.rougeL += best((a, b) => sequenceF1(wordsOf(a), wordsOf(b)));
    this.#sums.rougeLsum += best(lineF1);
    this.#texts++;
    return this;
  }

  /** The scores of all texts so far. */
  evaluate(): RougeScores {
    const mean = (sum: number) => (this.#texts === 0 ? null : sum / this.#texts);
    const { rouge1, rouge2, rougeL, rougeLsum } = this.#sums;
    return { rouge1: mean(rouge1), rouge2: mean(rouge2), rougeL: mean(rougeL), rougeLsum: mean(rougeLsum) };
  }
}

const wordsOf = (text: string): string[] => splitSpaces(text.toLowerCase().replace(/[^a-z0-9]+/g, ' '));

function f1(both: number, found: number, there: number): number {
  const [precision, recall] = [both / Math.max(found, 1), both / Math.max(there, 1)];
  return precision + recall > 0 ? (2 * precision * recall) / (precision + recall) : 0;
}

function gramF1(found: string, reference: string, n: number): number {
  const grams = (text: string) => {
    const words = wordsOf(text);
    return Array.from({ length: Math.max(words.length - n + 1, 0) }, (_, i) => words.slice(i, i + n).join(' '));
  };
  const [a, b] = [grams(found), grams(reference)];
  return f1(shared(counted(a), counted(b)), a.length, b.length);
}

function sequenceF1(found: readonly string[], reference: readonly string[]): number {
  if (found.length === 0 || reference.length === 0) return 0;
  return f1(table(reference, found).at(-1)!.at(-1)!, found.length, reference.length);
}

/** Of every line of the reference the words that are in its longest sequence with any line of the text. */
function lineF1(found: string, reference: string): number {
  const linesOf = (text: string) =>
    text
      .split('\n')
      .filter((line) => line !== '')
      .map(wordsOf);
  const [a, b] = [linesOf(found), linesOf(reference)];
  const left = [counted(a.flat()), counted(b.flat())];
  let hits = 0;
  for (const line of b) {
    const places = new Set(a.flatMap((other) => sequence(line, other)));
    for (const place of [...places].sort((x, y) => x - y)) {
      const word = line[place]!;
      // No word counts more often than it is there.
      if (!left.every((counts) => (counts.get(word) ?? 0) > 0)) continue;
      hits++;
      for (const counts of left) counts.set(word, counts.get(word)! - 1);
    }
  }
  return f1(hits, a.flat().length, b.flat().length);
}

/** Lengths of the longest common sequences of all beginnings. */
function table(a: readonly string[], b: readonly string[]): Int32Array[] {
  const rows = Array.from({ length: a.length + 1 }, () => new Int32Array(b.length + 1));
  for (let i = 1; i <= a.length; i++) {
    for (let j = 1; j <= b.length; j++) {
      rows[i]![j] = a[i - 1] === b[j - 1] ? rows[i - 1]![j - 1]! + 1 : Math.max(rows[i - 1]![j]!, rows[i]![j - 1]!);
    }
  }
  return rows;
}

/** Places in `a` of a longest sequence that it has with `b`. */
function sequence(a: readonly string[], b: readonly string[]): number[] {
  const rows = table(a, b);
  const places: number[] = [];
  for (let [i, j] = [a.length, b.length]; i > 0 && j > 0; ) {
    if (a[i - 1] === b[j - 1]) {
      places.push(i - 1);
      i--;
      j--;
    } else if (rows[i]![j - 1]! > rows[i - 1]![j]!) j--;
    else i--;
  }
  return places;
}
