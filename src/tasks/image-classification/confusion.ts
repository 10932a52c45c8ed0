/** Reading a confusion matrix: the images of a class, the pairs that are mixed up. */

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
