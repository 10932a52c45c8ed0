/** Scores of masks, out of one confusion matrix over all pixels of a data set. */
import { ArgumentError } from '../../core/errors.ts';
import { IGNORED } from '../../data/masks/coding.ts';

/** The scores of one class; null where it is neither there nor found. */
export interface ClassOverlap {
  /** Intersection over union. */
  readonly iou: number | null;
  /** Twice the intersection over the sum. */
  readonly dice: number | null;
  /** Share of the class's pixels that were found; null where there are none. */
  readonly recall: number | null;
  /** Its pixels. */
  readonly support: number;
}

/** What {@link SegmentationMetric} tells. */
export interface SegmentationEvaluation {
  /** Pixels that were scored: all but the ignored. */
  readonly pixels: number;
  /** Mean over the classes that are there or found. Null where no pixel was scored. */
  readonly meanIoU: number | null;
  readonly meanDice: number | null;
  readonly pixelAccuracy: number | null;
  /** One entry a class, in their order. */
  readonly perClass: readonly ClassOverlap[];
  /** Pixels by class (rows) and by what was found: [classes, classes]. */
  readonly confusion: Float64Array;
}

/**
 * Scores of masks, gathered image by image or batch by batch. Pixels whose label is 255 are not scored.
 * @example
 * const metric = new SegmentationMetric(classes.length).add(found, truth);
 * console.log(metric.evaluate().meanIoU);
 */
export class SegmentationMetric {
  readonly classes: number;
  readonly #confusion: Float64Array;

  /** @param classes how many there are, 255 at most */
  constructor(classes: number) {
    if (!Number.isInteger(classes) || classes < 1 || classes > IGNORED)
      throw new ArgumentError(
        `SegmentationMetric: expected classes as a whole number from 1 to ${IGNORED}, got ${classes}.`,
      );
    this.classes = classes;
    this.#confusion = new Float64Array(classes * classes);
  }

  /**
   * Adds pixels, of any number of images.
   * @param found class indices
   * @param truth class indices, or 255
   * @throws ArgumentError where they are not as many, or an index is none of a class.
   */
  add(found: ArrayLike<number>, truth: ArrayLike<number>): this {
    if (found.length !== truth.length)
      throw new ArgumentError(
        `SegmentationMetric: expected as many pixels of both, got ${found.length} and ${truth.length}.`,
      );
    const isClass = (label: number) => Number.isInteger(label) && label >= 0 && label < this.classes;
    for (let i = 0; i < truth.length; i++)
      if (truth[i] !== IGNORED && !(isClass(truth[i]!) && isClass(found[i]!)))
        throw new ArgumentError(
          `SegmentationMetric: expected classes from 0 to ${this.classes - 1}, got ${found[i]} where the truth is ${truth[i]}.`,
        );
    for (let i = 0; i < truth.length; i++)
      if (truth[i] !== IGNORED) this.#confusion[truth[i]! * this.classes + found[i]!]!++;
    return this;
  }

  /**
   * Adds a confusion matrix that was counted elsewhere: as in {@link SegmentationEvaluation}.
   * @throws ArgumentError for one of another size.
   */
  addConfusion(confusion: ArrayLike<number>): this {
    if (confusion.length !== this.#confusion.length)
      throw new ArgumentError(
        `SegmentationMetric: expected a confusion matrix of ${this.#confusion.length} numbers, got ${confusion.length}.`,
      );
    for (let i = 0; i < confusion.length; i++) this.#confusion[i]! += confusion[i]!;
    return this;
  }

  /** The scores of all pixels so far. */
  evaluate(): SegmentationEvaluation {
    const [K, confusion] = [this.classes, this.#confusion];
    const sum = (at: (k: number) => number) =>
      Array.from({ length: K }, (_, k) => confusion[at(k)]!).reduce((a, b) => a + b, 0);
    const perClass = Array.from({ length: K }, (_, k): ClassOverlap => {
      const [both, there, found] = [confusion[k * K + k]!, sum((j) => k * K + j), sum((j) => j * K + k)];
      return {
        iou: ratio(both, there + found - both),
        dice: ratio(2 * both, there + found),
        recall: ratio(both, there),
        support: there,
      };
    });
    const pixels = perClass.reduce((n, { support }) => n + support, 0);
    return {
      pixels,
      meanIoU: meanOf(perClass.map(({ iou }) => iou)),
      meanDice: meanOf(perClass.map(({ dice }) => dice)),
      pixelAccuracy: ratio(
        sum((k) => k * K + k),
        pixels,
      ),
      perClass,
      confusion: confusion.slice(),
    };
  }
}

const ratio = (part: number, whole: number): number | null => (whole === 0 ? null : part / whole);

/** The mean of those that are numbers. */
function meanOf(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return ratio(
    known.reduce((sum, value) => sum + value, 0),
    known.length,
  );
}
