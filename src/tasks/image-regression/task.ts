/** Numbers from an image: an age, a count, coordinates. */
import type { HostTensors } from '../../core/dtype.ts';
import { ArgumentError } from '../../core/errors.ts';
import { checkOptions } from '../../core/options.ts';
import type { HostBatch } from '../../data/collate.ts';
import type { LabelledImage } from '../../data/dataset.ts';
import { huberLoss, l1Loss, mseLoss } from '../../nn/loss.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { floatTargets, imageBatches, Rows } from '../images.ts';
import type { Metric, Scores, Task } from '../task.ts';
import { evaluateRegression, type RegressionEvaluation } from './metrics.ts';

/** 'mse' (mean squared error), 'l1' (mean absolute error), or 'huber' (squares up to 1, linear beyond). */
export type RegressionLoss = 'mse' | 'l1' | 'huber';

const LOSSES: Readonly<Record<RegressionLoss, (outputs: Tensor, targets: Tensor) => Tensor>> = {
  mse: mseLoss,
  l1: l1Loss,
  huber: huberLoss,
};

/** Options of {@link imageRegression}. */
export interface RegressionOptions {
  /** 'mse' by default. */
  readonly loss?: RegressionLoss | undefined;
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
export function imageRegression(options: RegressionOptions = {}): Task<LabelledImage, RegressionEvaluation> {
  checkOptions('imageRegression', options, { loss: true });
  const { loss = 'mse' } = options;
  if (!Object.hasOwn(LOSSES, loss))
    throw new ArgumentError(
      `imageRegression: expected loss as one of ${Object.keys(LOSSES).join(', ')}, got '${loss}'. For one of your own give fit the function.`,
    );
  return {
    ...imageBatches,
    name: 'image-regression',
    scores: [
      { name: 'r2', title: 'R²', better: 'higher', format: 'value' },
      { name: 'mae', title: 'mean absolute error', better: 'lower', format: 'value' },
      { name: 'rmse', title: 'root mean squared error', better: 'lower', format: 'value' },
    ],
    forward: (model, { images }) => ({ predictions: model.forward(images) }),
    loss({ predictions }, { labels }, context) {
      floatTargets('image-regression', 'value', context, predictions!);
      return LOSSES[loss](predictions!, labels!);
    },
    metric: () => new RegressionMetric(),
  };
}

/** Keeps the predictions and targets of all images: a few numbers each. */
class RegressionMetric implements Metric<RegressionEvaluation> {
  readonly #predicted = new Rows();
  readonly #wanted = new Rows();
  #values = 0;

  update({ predictions }: HostTensors, { targets }: Pick<HostBatch, 'targets' | 'indices'>): void {
    this.#values = predictions!.shape[1]!;
    this.#predicted.add(predictions!.data);
    this.#wanted.add(targets.labels!.data);
  }

  scores(): Scores {
    const { r2, mae, rmse } = this.values();
    return { r2, mae, rmse };
  }

  values(): RegressionEvaluation {
    return evaluateRegression(this.#predicted.data, this.#wanted.data, this.#values);
  }
}
