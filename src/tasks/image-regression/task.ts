/** Numbers from an image: an age, a count, coordinates. */

import type { HostTensors } from '../../core/dtype.ts';
import { ArgumentError } from '../../core/errors.ts';
import { checkOptions } from '../../core/options.ts';
import type { HostBatch } from '../../data/collate.ts';
import type { LabelledImage } from '../../data/dataset.ts';
import { huberLoss, l1Loss, mseLoss } from '../../nn/loss.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import type { ImageValues } from '../image-task.ts';
import { floatTargets, forwardImages, imageBatches, Rows } from '../images.ts';
import { type Metric, type Scores, type Task, withAuxiliary } from '../task.ts';
import { REGRESSION_KIND } from './kind.ts';
import { evaluateRegression, type RegressionEvaluation } from './metrics.ts';
import { fromUnits, toUnits, type Units } from './units.ts';

/** 'mse' (mean squared error), 'l1' (mean absolute error), or 'huber' (squares up to 1, linear beyond). */
export type RegressionLoss = 'mse' | 'l1' | 'huber';

const LOSSES: Readonly<Record<RegressionLoss, (outputs: Tensor, targets: Tensor) => Tensor>> = {
  mse: mseLoss,
  l1: l1Loss,
  huber: huberLoss,
};

/** An image whose numbers the model was far from. */
export interface RegressionMistake {
  /** The image's place in the data set. */
  readonly index: number;
  readonly wanted: readonly number[];
  readonly predicted: readonly number[];
}

/** What the metric of image regression tells. */
export type RegressionResults = ImageValues<RegressionEvaluation, RegressionMistake>;

/** Options of {@link imageRegression}. */
export interface RegressionOptions {
  /** 'mse' by default. */
  readonly loss?: RegressionLoss | undefined;
  /** The model's outputs are in these; the loss compares targets in them, the scores tell those as they were measured. None by default. */
  readonly units?: Units | undefined;
}

/**
 * The task of numbers to come close to: targets are float rows [N, values]; the scores are R², mean absolute error and its root mean
 * squared sibling, as means over the values.
 * @param options Which loss.
 * @throws ArgumentError for another loss.
 * @example
 * const ages = Float32Array.of(3, 41); // two images, a number each
 * const train = new ArrayDataset(new Float32Array(2 * 3 * 32 * 32), [2, 3, 32, 32], ages);
 * const task = imageRegression({ loss: 'huber' }); // fit(model, { task, train, epochs: 5 })
 */
export function imageRegression(options: RegressionOptions = {}): Task<LabelledImage, RegressionResults> {
  checkOptions('imageRegression', options, { loss: true, units: true });
  const { loss = 'mse', units } = options;
  if (!Object.hasOwn(LOSSES, loss))
    throw new ArgumentError(
      `imageRegression: expected loss as one of ${Object.keys(LOSSES).join(', ')}, got '${loss}'. For one of your own give fit the function.`,
    );
  return {
    ...(units ? batchesIn(units) : imageBatches),
    ...REGRESSION_KIND,
    forward: forwardImages('predictions'),
    loss(outputs, { labels }, context) {
      floatTargets('image-regression', 'value', context, outputs.predictions!);
      return withAuxiliary(outputs, ({ predictions }) => LOSSES[loss](predictions!, labels!));
    },
    metric: () => new RegressionMetric(units),
  };
}

/** Batches whose targets are in units. */
function batchesIn(units: Units): typeof imageBatches {
  const inUnits = (targets: HostTensors): HostTensors => ({ ...targets, labels: toUnits(targets.labels!, units) });
  return {
    collate: (samples) => {
      const batch = imageBatches.collate(samples);
      return { ...batch, targets: inUnits(batch.targets) };
    },
    targetsOf: (data, indices) => {
      const targets = imageBatches.targetsOf!(data, indices);
      return targets && inUnits(targets);
    },
  };
}

/** How many of the largest errors are kept. */
const WORST = 12;

/** Keeps the predictions and targets of all images: a few numbers each. */
class RegressionMetric implements Metric<RegressionResults> {
  readonly #predicted = new Rows();
  readonly #wanted = new Rows();
  readonly #indices: number[] = [];
  readonly #units: Units | undefined;
  #values = 0;

  constructor(units: Units | undefined) {
    this.#units = units;
  }

  update({ predictions }: HostTensors, { targets, indices }: Pick<HostBatch, 'targets' | 'indices'>): void {
    this.#values = predictions!.shape[1]!;
    const measured = (rows: ArrayLike<number>) => (this.#units ? fromUnits(rows, this.#units) : rows);
    this.#predicted.add(measured(predictions!.data));
    this.#wanted.add(measured(targets.labels!.data));
    for (const index of indices) this.#indices.push(index);
  }

  scores(): Scores {
    const { r2, mae, rmse } = this.#evaluation();
    return { r2, mae, rmse };
  }

  values(): RegressionResults {
    const evaluation = this.#evaluation();
    return { evaluation, mistakes: this.#largest(evaluation) };
  }

  #evaluation(): RegressionEvaluation {
    return evaluateRegression(this.#predicted.data, this.#wanted.data, this.#values);
  }

  /** The images with the largest errors, those of each value in units of its mean absolute error. */
  #largest({ perValue }: RegressionEvaluation): RegressionMistake[] {
    const row = (rows: Rows, at: number) => [...rows.data.subarray(at * this.#values, (at + 1) * this.#values)];
    const errors = this.#indices.map((index, at) => {
      const [predicted, wanted] = [row(this.#predicted, at), row(this.#wanted, at)];
      const error = perValue.reduce((sum, { mae }, k) => sum + Math.abs(predicted[k]! - wanted[k]!) / (mae || 1), 0);
      return { index, predicted, wanted, error };
    });
    const worst = errors.sort((a, b) => b.error - a.error).slice(0, WORST);
    return worst.flatMap(({ error, ...mistake }) => (error > 0 ? [mistake] : []));
  }
}
