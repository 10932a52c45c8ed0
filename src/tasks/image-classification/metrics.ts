/**
 * Classification metrics on plain arrays. Scores (logits or probabilities) are row-major [N, C], labels are class indices.
 * A ratio with nothing to divide by is `null`, never 0 or NaN.
 */
import { ArgumentError } from '../../core/errors.ts';

/** Scores of one class. */
export interface ClassScores {
  /** Share of the images predicted as this class that belong to it; null if none was predicted. */
  readonly precision: number | null;
  /** Share of this class's images that were found; null if it has none. */
  readonly recall: number | null;
  /** Harmonic mean of the two; null where the class neither occurs nor was predicted. */
  readonly f1: number | null;
  /** Images of this class. */
  readonly support: number;
}

/** Unweighted means over the classes that occur. */
export interface MacroScores {
  readonly precision: number | null;
  readonly recall: number | null;
  readonly f1: number | null;
}

/** Everything that scoring a labelled set gives; JSON-able. */
export interface Evaluation {
  readonly images: number;
  /** Mean cross-entropy. */
  readonly loss: number | null;
  readonly accuracy: number | null;
  /** Share of images whose label is among the `k` highest scores; left out below 10 classes, where it says little. */
  readonly topK?: { readonly k: number; readonly accuracy: number };
  readonly calibrationError: number | null;
  /** `confusion[label][predicted]`: counts. */
  readonly confusion: readonly (readonly number[])[];
  /** One entry a class, in class order. */
  readonly perClass: readonly ClassScores[];
  readonly macro: MacroScores;
}

/** One wrong prediction, by the index of its row. */
export interface Mistake {
  readonly index: number;
  readonly label: number;
  readonly predicted: number;
  /** Probability of the predicted class. */
  readonly probability: number;
  readonly loss: number;
}

/** Index of the highest score of each row: the first of equals; NaN is never the highest. */
export function argmaxRows(scores: ArrayLike<number>, classes: number): number[] {
  return rows('argmaxRows', scores, classes, (at) => {
    let best = 0;
    for (let c = 1; c < classes; c++)
      if (!(scores[at + c]! <= scores[at + best]!) && !Number.isNaN(scores[at + c])) best = c;
    return best;
  });
}

/** Softmax of each row of logits, in float64: row-major [N, C]. */
export function softmaxRows(logits: ArrayLike<number>, classes: number): Float64Array {
  const out = new Float64Array(logits.length);
  rows('softmaxRows', logits, classes, (at) => {
    let max = Number.NEGATIVE_INFINITY;
    for (let c = 0; c < classes; c++) max = Math.max(max, logits[at + c]!);
    let sum = 0;
    for (let c = 0; c < classes; c++) sum += out[at + c] = Math.exp(logits[at + c]! - max);
    for (let c = 0; c < classes; c++) out[at + c]! /= sum;
  });
  return out;
}

/** Cross-entropy of each row of logits against its label, by log-sum-exp: [N]. */
export function crossEntropyRows(logits: ArrayLike<number>, labels: ArrayLike<number>, classes: number): number[] {
  checkLabels('crossEntropyRows', logits, labels, classes);
  return rows('crossEntropyRows', logits, classes, (at, row) => {
    let max = Number.NEGATIVE_INFINITY;
    for (let c = 0; c < classes; c++) max = Math.max(max, logits[at + c]!);
    let sum = 0;
    for (let c = 0; c < classes; c++) sum += Math.exp(logits[at + c]! - max);
    return Math.log(sum) + max - logits[at + labels[row]!]!;
  });
}

/** Share of equal entries; null for none at all. */
export function accuracy(predicted: ArrayLike<number>, labels: ArrayLike<number>): number | null {
  sameLength('accuracy', predicted, labels);
  let right = 0;
  for (let i = 0; i < labels.length; i++) if (predicted[i] === labels[i]) right++;
  return ratio(right, labels.length);
}

/** Share of rows whose label has one of the `k` highest scores; among equals the lower class index ranks first. */
export function topKAccuracy(
  scores: ArrayLike<number>,
  labels: ArrayLike<number>,
  classes: number,
  k: number,
): number | null {
  return ratio(topKHits(scores, labels, classes, k), labels.length);
}

/** How many rows have their label among the `k` highest scores, as {@link topKAccuracy} ranks them. @internal */
export function topKHits(scores: ArrayLike<number>, labels: ArrayLike<number>, classes: number, k: number): number {
  checkLabels('topKAccuracy', scores, labels, classes);
  let right = 0;
  rows('topKAccuracy', scores, classes, (at, row) => {
    const label = labels[row]!;
    const score = scores[at + label]!;
    let ahead = Number.isNaN(score) ? k : 0;
    for (let c = 0; c < classes; c++) {
      const other = scores[at + c]!;
      if (other > score || (other === score && c < label)) ahead++;
    }
    if (ahead < k) right++;
  });
  return right;
}

/** `matrix[label][predicted]`: counts, `classes` by `classes`. */
export function confusionMatrix(labels: ArrayLike<number>, predicted: ArrayLike<number>, classes: number): number[][] {
  const matrix = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  countConfusion(matrix, labels, predicted);
  return matrix;
}

/** Adds what was predicted to the counts of a {@link confusionMatrix}. @internal */
export function countConfusion(
  matrix: readonly number[][],
  labels: ArrayLike<number>,
  predicted: ArrayLike<number>,
): void {
  sameLength('confusionMatrix', predicted, labels);
  for (let i = 0; i < labels.length; i++) {
    const row = matrix[labels[i]!];
    const column = predicted[i]!;
    if (row?.[column] === undefined)
      throw new ArgumentError(
        `confusionMatrix: expected classes 0 to ${matrix.length - 1}, got label ${labels[i]} and prediction ${column} at ${i}.`,
      );
    row[column]!++;
  }
}

/** Precision, recall, F1 and support of each class of a confusion matrix. */
export function classScores(confusion: readonly (readonly number[])[]): ClassScores[] {
  return confusion.map((row, c) => {
    const right = row[c]!;
    const support = row.reduce((sum, n) => sum + n, 0);
    const predicted = confusion.reduce((sum, other) => sum + other[c]!, 0);
    return {
      precision: ratio(right, predicted),
      recall: ratio(right, support),
      f1: ratio(2 * right, support + predicted),
      support,
    };
  });
}

/** Means over the classes that occur (support above 0). A class that occurs and was never predicted counts with precision 0. */
export function macroAverage(scores: readonly ClassScores[]): MacroScores {
  const present = scores.filter((s) => s.support > 0);
  return {
    precision: mean(present.map((s) => s.precision ?? 0)),
    recall: mean(present.map((s) => s.recall ?? 0)),
    f1: mean(present.map((s) => s.f1 ?? 0)),
  };
}

/** The accuracy of always answering the commonest class: its share of the images; null where there are none. */
export function commonestShare(scores: readonly ClassScores[]): number | null {
  const images = scores.reduce((sum, { support }) => sum + support, 0);
  return ratio(
    scores.reduce((most, { support }) => Math.max(most, support), 0),
    images,
  );
}

/**
 * The 95 % confidence interval of a share, `right` of `total`, by Wilson's score; null for a total of 0.
 * @see https://doi.org/10.1080/01621459.1927.10502953
 */
export function wilsonInterval(right: number, total: number): readonly [number, number] | null {
  if (total === 0) return null;
  const z = 1.959963984540054;
  const share = right / total;
  const scale = 1 + (z * z) / total;
  const centre = (share + (z * z) / (2 * total)) / scale;
  const half = (z / scale) * Math.sqrt((share * (1 - share)) / total + (z * z) / (4 * total * total));
  return [Math.max(0, centre - half), Math.min(1, centre + half)];
}

/** Arithmetic mean; null for no values. */
export function mean(values: ArrayLike<number>): number | null {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return ratio(sum, values.length);
}

/**
 * Expected calibration error: the gap between confidence and accuracy, weighted over `bins` equal bins (lower, upper].
 * 0.05 reads as "off by 5 points on average". null for no predictions.
 * @see https://arxiv.org/abs/1706.04599
 */
export function expectedCalibrationError(
  confidences: ArrayLike<number>,
  correct: ArrayLike<boolean>,
  bins = 15,
): number | null {
  sameLength('expectedCalibrationError', confidences, correct);
  const gaps = new CalibrationGaps(bins);
  for (let i = 0; i < confidences.length; i++) gaps.add(confidences[i]!, correct[i]!);
  return gaps.error;
}

/** An {@link expectedCalibrationError} in the making, a prediction at a time. @internal */
export class CalibrationGaps {
  // A bin's weight times its gap is |sum of confidences - number right| / N.
  readonly #gaps: Float64Array;
  #count = 0;

  constructor(bins = 15) {
    this.#gaps = new Float64Array(bins);
  }

  add(confidence: number, correct: boolean): void {
    const bins = this.#gaps.length;
    this.#gaps[Math.min(bins - 1, Math.max(0, Math.ceil(confidence * bins) - 1))]! += confidence - (correct ? 1 : 0);
    this.#count++;
  }

  get error(): number | null {
    return ratio(
      this.#gaps.reduce((sum, gap) => sum + Math.abs(gap), 0),
      this.#count,
    );
  }
}

/** Order of mistakes: by falling loss, NaN before all; of equals the first. @internal */
export function worstFirst(a: Mistake, b: Mistake): number {
  const rank = ({ loss }: Mistake): number => (Number.isNaN(loss) ? Number.POSITIVE_INFINITY : loss);
  return rank(a) === rank(b) ? a.index - b.index : rank(b) - rank(a);
}

/** The wrong predictions with the highest loss, highest first, at most `limit` (default 12). A NaN loss ranks first. */
export function worstMistakes(
  logits: ArrayLike<number>,
  labels: ArrayLike<number>,
  classes: number,
  limit = 12,
): Mistake[] {
  const losses = crossEntropyRows(logits, labels, classes);
  const probabilities = softmaxRows(logits, classes);
  return argmaxRows(logits, classes)
    .map((predicted, index) => ({
      index,
      label: labels[index]!,
      predicted,
      probability: probabilities[index * classes + predicted]!,
      loss: losses[index]!,
    }))
    .filter((m) => m.predicted !== m.label)
    .sort(worstFirst)
    .slice(0, limit);
}

function ratio(part: number, whole: number): number | null {
  return whole === 0 ? null : part / whole;
}

/** Calls `row(offset, index)` for each row of C scores. */
function rows<T>(name: string, scores: ArrayLike<number>, classes: number, row: (at: number, index: number) => T): T[] {
  if (!Number.isInteger(classes) || classes < 1 || scores.length % classes !== 0)
    throw new ArgumentError(`${name}: ${scores.length} scores do not split into rows of ${classes} classes.`);
  return Array.from({ length: scores.length / classes }, (_, i) => row(i * classes, i));
}

function sameLength(name: string, a: ArrayLike<unknown>, b: ArrayLike<unknown>): void {
  if (a.length !== b.length)
    throw new ArgumentError(`${name}: expected two lists of one length, got ${a.length} and ${b.length}.`);
}

function checkLabels(name: string, scores: ArrayLike<number>, labels: ArrayLike<number>, classes: number): void {
  if (scores.length !== labels.length * classes)
    throw new ArgumentError(
      `${name}: expected ${labels.length} rows of ${classes} scores for ${labels.length} labels, got ${scores.length} scores.`,
    );
  for (let i = 0; i < labels.length; i++)
    if (!(Number.isInteger(labels[i]) && labels[i]! >= 0 && labels[i]! < classes))
      throw new ArgumentError(`${name}: expected labels 0 to ${classes - 1}, got ${labels[i]} at ${i}.`);
}
