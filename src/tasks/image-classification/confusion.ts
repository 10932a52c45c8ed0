/** Reading a confusion matrix: the images of a class, the pairs that are mixed up; and writing it as JSON. */
import type { Evaluation } from './metrics.ts';

/** `confusion[label][predicted]`: counts. Rows may leave out those that are 0. */
export type Confusion = readonly Readonly<Record<number, number>>[];

/** Images of one class that were taken for another. */
export interface ConfusedPair {
  readonly label: number;
  readonly predicted: number;
  readonly count: number;
  /** Of the images of `label`. */
  readonly share: number;
}

/** With more classes nobody can look at the matrix, and nearly all of it is zeros. */
export const MATRIX_CLASSES = 100;

/** The pairs that are mixed up, most frequent first; among equals the one with the larger share of its class. */
export function confusedPairs(confusion: Confusion): ConfusedPair[] {
  return confusion
    .flatMap((row, label) => {
      const total = sum(row);
      return Object.entries(row).flatMap(([predicted, count]) =>
        count > 0 && Number(predicted) !== label
          ? [{ label, predicted: Number(predicted), count, share: count / total }]
          : [],
      );
    })
    .sort((a, b) => b.count - a.count || b.share - a.share);
}

/** Images of a row's class. */
export function sum(row: Confusion[number]): number {
  return Object.values(row).reduce((total, count) => total + count, 0);
}

/** An evaluation for JSON: with more than {@link MATRIX_CLASSES} classes, a row of the matrix is an object of the counts that are not 0. */
export function storedEvaluation<T extends Pick<Evaluation, 'confusion'>>(
  evaluation: T,
): Omit<T, 'confusion'> & { readonly confusion: Confusion } {
  const { confusion } = evaluation;
  if (confusion.length <= MATRIX_CLASSES) return evaluation;
  return { ...evaluation, confusion: confusion.map(withoutZeros) };
}

function withoutZeros(row: Confusion[number]): Confusion[number] {
  return Object.fromEntries(Object.entries(row).filter(([, count]) => count > 0));
}
