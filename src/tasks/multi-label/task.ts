/** Several labels an image, or none: each is asked for by itself. */
import type { HostTensors } from '../../core/dtype.ts';
import { ArgumentError } from '../../core/errors.ts';
import { checkList, checkOptions } from '../../core/options.ts';
import type { HostBatch } from '../../data/collate.ts';
import type { LabelledImage } from '../../data/dataset.ts';
import { BCEWithLogitsLoss } from '../../nn/loss.ts';
import { floatTargets, imageBatches, Rows } from '../images.ts';
import type { Metric, Scores, Task } from '../task.ts';
import { evaluateLabels, type MultiLabelEvaluation } from './metrics.ts';

/** Options of {@link multiLabel}. */
export interface MultiLabelOptions {
  /** A factor for the images that have a label, one a label: above 1, what is rare counts more. None by default. */
  readonly posWeight?: readonly number[] | undefined;
}

/**
 * The task of images with several labels each: targets are float rows [N, labels] of 0 and 1, the loss is binary cross-entropy with logits, the
 * scores are mAP and macro F1.
 * @param options Factors for what is rare.
 * @throws ArgumentError for factors that are not above 0.
 * @example
 * const labels = Float32Array.of(1, 0, 1, 0, 1, 0); // two images, three labels
 * const train = new ArrayDataset(new Float32Array(2 * 3 * 32 * 32), [2, 3, 32, 32], labels);
 * const task = multiLabel({ posWeight: [1, 2, 4] }); // fit(model, { task, train, epochs: 5 })
 */
export function multiLabel(options: MultiLabelOptions = {}): Task<LabelledImage, MultiLabelEvaluation> {
  checkOptions('multiLabel', options, { posWeight: true });
  const { posWeight } = options;
  if (posWeight) checkFactors(posWeight);
  const loss = new BCEWithLogitsLoss(posWeight ? { posWeight } : {});
  return {
    ...imageBatches,
    name: 'multi-label',
    scores: [
      { name: 'mAP', title: 'mAP', better: 'higher', format: 'percent' },
      { name: 'macroF1', title: 'macro F1', better: 'higher', format: 'percent' },
    ],
    forward: (model, { images }) => ({ logits: model.forward(images) }),
    loss({ logits }, { labels }, context) {
      const targets = floatTargets('multi-label', 'label', context, logits!);
      const at = targets.findIndex((target) => !(target >= 0 && target <= 1));
      const width = logits!.shape[1]!;
      if (at >= 0) {
        const { paths, indices } = context.batch;
        const sample = Math.floor(at / width);
        throw new ArgumentError(
          `multi-label: expected targets from 0 to 1, got ${targets[at]} in ${paths[sample] ?? `sample ${indices[sample]}`}.`,
        );
      }
      if (posWeight && posWeight.length !== width)
        throw new ArgumentError(
          `multi-label: posWeight has ${posWeight.length} numbers, but there are ${width} labels. Give one a label.`,
        );
      return loss.forward(logits!, labels!);
    },
    metric: () => new MultiLabelMetric(),
  };
}

function checkFactors(factors: readonly number[]): void {
  checkList('multiLabel', 'posWeight', factors);
  if (!factors.every((factor) => Number.isFinite(factor) && factor > 0))
    throw new ArgumentError(
      `multiLabel: posWeight must be numbers above 0, one a label, got ${JSON.stringify(factors)}.`,
    );
}

/** Keeps the logits and targets of all images: a ranking needs them. */
class MultiLabelMetric implements Metric<MultiLabelEvaluation> {
  readonly #logits = new Rows();
  readonly #targets = new Rows();
  #labels = 0;

  update({ logits }: HostTensors, { targets }: Pick<HostBatch, 'targets' | 'indices'>): void {
    this.#labels = logits!.shape[1]!;
    this.#logits.add(logits!.data);
    this.#targets.add(targets.labels!.data);
  }

  scores(): Scores {
    const { mAP, macroF1 } = this.values();
    return { mAP, macroF1 };
  }

  values(): MultiLabelEvaluation {
    return evaluateLabels(this.#logits.data, this.#targets.data, this.#labels);
  }
}
