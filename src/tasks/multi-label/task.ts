/** Several labels an image, or none: each is asked for by itself. */

import { above, check } from '../../core/check.ts';
import type { HostTensors } from '../../core/dtype.ts';
import { ArgumentError } from '../../core/errors.ts';
import { checkList, checkOptions } from '../../core/options.ts';
import type { HostBatch } from '../../data/collate.ts';
import type { LabelledImage } from '../../data/dataset.ts';
import { BCEWithLogitsLoss, SigmoidFocalLoss } from '../../nn/loss.ts';
import type { ImageValues } from '../image-task.ts';
import { floatTargets, forwardImages, imageBatches, Rows } from '../images.ts';
import { type Measured, type Metric, type Scores, type Task, withAuxiliary } from '../task.ts';
import { MULTI_LABEL_KIND } from './kind.ts';
import { evaluateLabels, type MultiLabelEvaluation } from './metrics.ts';

/** An image whose labels the model got wrong, by their indices. */
export interface MultiLabelMistake {
  /** The image's place in the data set. */
  readonly index: number;
  /** Labels that apply and were not found. */
  readonly missed: readonly number[];
  /** Labels that were found and do not apply. */
  readonly wrong: readonly number[];
  /** Mean binary cross-entropy over the labels. */
  readonly loss: Measured;
}

/** What the metric of multi-label classification tells. */
export type MultiLabelResults = ImageValues<MultiLabelEvaluation, MultiLabelMistake>;

/** Options of {@link multiLabel}. */
export interface MultiLabelOptions {
  /** A factor for the images that have a label, one a label: above 1, what is rare counts more. None by default. */
  readonly posWeight?: readonly number[] | undefined;
  /** The focal loss of this gamma in place of binary cross-entropy, in training and validation: what is told well counts less. None by default. */
  readonly focalGamma?: number | undefined;
}

/**
 * The task of images with several labels each: targets are float rows [N, labels] of 0 and 1, the loss is binary cross-entropy with logits, the
 * scores are mAP and macro F1.
 * @param options Factors for what is rare, or the focal loss.
 * @throws ArgumentError for factors or a gamma that are not above 0.
 * @example
 * const labels = Float32Array.of(1, 0, 1, 0, 1, 0); // two images, three labels
 * const train = new ArrayDataset(new Float32Array(2 * 3 * 32 * 32), [2, 3, 32, 32], labels);
 * const task = multiLabel({ posWeight: [1, 2, 4] }); // fit(model, { task, train, epochs: 5 })
 */
export function multiLabel(options: MultiLabelOptions = {}): Task<LabelledImage, MultiLabelResults> {
  checkOptions('multiLabel', options, { posWeight: true, focalGamma: true });
  const { posWeight, focalGamma: gamma } = options;
  if (posWeight) checkFactors(posWeight);
  if (gamma !== undefined) check('multiLabel', 'focalGamma', gamma, above(0));
  const factors = posWeight ? { posWeight } : {};
  const loss = gamma === undefined ? new BCEWithLogitsLoss(factors) : new SigmoidFocalLoss({ ...factors, gamma });
  return {
    ...imageBatches,
    ...MULTI_LABEL_KIND,
    forward: forwardImages('logits'),
    loss(outputs, { labels }, context) {
      const targets = floatTargets('multi-label', 'label', context, outputs.logits!);
      const at = targets.findIndex((target) => !(target >= 0 && target <= 1));
      const width = outputs.logits!.shape[1]!;
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
      return withAuxiliary(outputs, ({ logits }) => loss.forward(logits!, labels!));
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

/** How many of the worst mistakes are kept. */
const WORST = 12;

/** Keeps the logits and targets of all images: a ranking needs them. */
class MultiLabelMetric implements Metric<MultiLabelResults> {
  readonly #logits = new Rows();
  readonly #targets = new Rows();
  #mistakes: (MultiLabelMistake & { readonly loss: number })[] = [];
  #labels = 0;

  update({ logits }: HostTensors, { targets, indices }: Pick<HostBatch, 'targets' | 'indices'>): void {
    const labels = logits!.shape[1]!;
    const [given, wanted] = [logits!.data as Float32Array, targets.labels!.data as Float32Array];
    this.#labels = labels;
    this.#logits.add(given);
    this.#targets.add(wanted);
    const found = indices.map((index, row) => {
      const part = (rows: Float32Array) => rows.subarray(row * labels, (row + 1) * labels);
      return { index, ...comparison(part(given), part(wanted)) };
    });
    const mistakes = found.filter(({ missed, wrong }) => missed.length + wrong.length > 0);
    this.#mistakes = [...this.#mistakes, ...mistakes].sort((a, b) => b.loss - a.loss).slice(0, WORST);
  }

  scores(): Scores {
    const { mAP, macroF1 } = this.#evaluation();
    return { mAP, macroF1 };
  }

  values(): MultiLabelResults {
    return { evaluation: this.#evaluation(), mistakes: this.#mistakes };
  }

  #evaluation(): MultiLabelEvaluation {
    return evaluateLabels(this.#logits.data, this.#targets.data, this.#labels);
  }
}

/** The labels of one image that are wrong, and its loss. */
function comparison(logits: Float32Array, targets: Float32Array) {
  const [missed, wrong]: [number[], number[]] = [[], []];
  let sum = 0;
  for (const [label, logit] of logits.entries()) {
    const target = targets[label]!;
    // max(x, 0) - x t + log(1 + e^-|x|)
    sum += Math.max(logit, 0) - logit * target + Math.log1p(Math.exp(-Math.abs(logit)));
    if (target > 0.5 && logit <= 0) missed.push(label);
    if (target <= 0.5 && logit > 0) wrong.push(label);
  }
  return { missed, wrong, loss: sum / logits.length };
}
