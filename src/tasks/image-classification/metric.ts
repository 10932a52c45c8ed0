/** The metric of image classification: scores and the worst mistakes, gathered batch by batch. */
import type { HostTensors } from '../../core/dtype.ts';
import type { HostBatch } from '../../data/collate.ts';
import type { Metric, Scores } from '../task.ts';
import { EvaluationSum } from './evaluation-sum.ts';
import { argmaxRows, type Evaluation, type Mistake, worstFirst, worstMistakes } from './metrics.ts';

/** All that the metric of image classification tells. */
export interface ClassificationValues {
  readonly evaluation: Evaluation;
  /** The wrong predictions with the highest loss, highest first; `index` is the image's place in the data set. */
  readonly mistakes: readonly Mistake[];
}

/** How many mistakes are kept. */
const WORST = 12;

/** Gathers what {@link ClassificationValues} tells. Outputs that are no scores for classes have no accuracy. */
export class ClassificationMetric implements Metric<ClassificationValues> {
  #images = 0;
  #right = 0;
  #sum: EvaluationSum | null = null;
  #mistakes: Mistake[] = [];
  /** Whether all outputs were scores for classes so far, and all labels classes among them. */
  #areScores = true;
  #areClasses = true;

  update({ logits }: HostTensors, { targets: { labels }, indices }: Pick<HostBatch, 'targets' | 'indices'>): void {
    const { data, shape } = logits!;
    const [images, classes = 1] = shape;
    const wanted = labels!.data;
    this.#areScores &&= shape.length === 2 && classes > 1 && wanted instanceof Int32Array && wanted.length === images;
    if (!this.#areScores) return;
    this.#images += wanted.length;
    for (const [row, predicted] of argmaxRows(data, classes).entries()) if (predicted === wanted[row]) this.#right++;
    this.#areClasses &&= wanted.every((label) => label >= 0 && label < classes);
    if (!this.#areClasses) return;
    this.#sum = (this.#sum ?? new EvaluationSum(classes)).add(data, wanted);
    const found = worstMistakes(data, wanted, classes, WORST).map((m) => ({ ...m, index: indices[m.index]! }));
    this.#mistakes = [...this.#mistakes, ...found].sort(worstFirst).slice(0, WORST);
  }

  scores(): Scores {
    return { accuracy: this.#areScores && this.#images > 0 ? this.#right / this.#images : null };
  }

  values(): ClassificationValues | null {
    if (!this.#areScores || !this.#areClasses || !this.#sum) return null;
    return { evaluation: this.#sum.result(), mistakes: this.#mistakes };
  }
}
