/** Scores of a labelled set, from its logits in one piece or batch by batch. */
import {
  argmaxRows,
  CalibrationGaps,
  classScores,
  countConfusion,
  crossEntropyRows,
  type Evaluation,
  macroAverage,
  softmaxRows,
  topKHits,
} from './metrics.ts';

/** The `k` of {@link Evaluation.topK}, and the fewest classes that it says something of. */
const [TOP, TOP_CLASSES] = [5, 10];

/**
 * An {@link Evaluation} in the making: for sets whose logits are not to be held at once. Nothing is kept of those that it was given.
 * @example
 * const scores = new EvaluationSum(2).add([2, 0], [0]).add([0, 1], [1]);
 * console.log(scores.result().accuracy);
 */
export class EvaluationSum {
  readonly #confusion: number[][];
  readonly #calibration = new CalibrationGaps();
  #images = 0;
  #loss = 0;
  #right = 0;
  #top = 0;

  constructor(classes: number) {
    this.#confusion = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  }

  /** Images so far. */
  get images(): number {
    return this.#images;
  }

  /**
   * Adds images by their logits [N, C] and their classes.
   * @throws ArgumentError if a label is not a class or the lengths do not fit.
   */
  add(logits: ArrayLike<number>, labels: ArrayLike<number>): this {
    const classes = this.#confusion.length;
    for (const loss of crossEntropyRows(logits, labels, classes)) this.#loss += loss;
    const probabilities = softmaxRows(logits, classes);
    const predicted = argmaxRows(logits, classes);
    countConfusion(this.#confusion, labels, predicted);
    for (const [row, c] of predicted.entries()) {
      if (c === labels[row]) this.#right++;
      this.#calibration.add(probabilities[row * classes + c]!, c === labels[row]);
    }
    if (classes >= TOP_CLASSES) this.#top += topKHits(logits, labels, classes, TOP);
    this.#images += labels.length;
    return this;
  }

  /** The scores of all images so far. */
  result(): Evaluation {
    const confusion = this.#confusion.map((row) => [...row]);
    const share = (part: number) => (this.#images === 0 ? null : part / this.#images);
    const perClass = classScores(confusion);
    const top = confusion.length >= TOP_CLASSES ? share(this.#top) : null;
    return {
      images: this.#images,
      loss: share(this.#loss),
      accuracy: share(this.#right),
      ...(top !== null && { topK: { k: TOP, accuracy: top } }),
      calibrationError: this.#calibration.error,
      confusion,
      perClass,
      macro: macroAverage(perClass),
    };
  }
}

/**
 * Every metric at once, from the logits [N, C] of a labelled set.
 * @param logits Row by row, as {@link predictLogits} gives them.
 * @param labels [N]: the index of each row’s class.
 * @param classes How many there are: C.
 * @throws ArgumentError if a label is not a class or the lengths do not fit.
 * @example
 * const { accuracy, perClass } = evaluateLogits([2, 0, 0, 1], [0, 1], 2);
 * console.log(accuracy, perClass[0]!.recall);
 */
export function evaluateLogits(logits: ArrayLike<number>, labels: ArrayLike<number>, classes: number): Evaluation {
  return new EvaluationSum(classes).add(logits, labels).result();
}
