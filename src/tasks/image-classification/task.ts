/** Image classification: a class for each image. Float targets are taken too where the loss is one for those; there is no accuracy then. */
import { above, check } from '../../core/check.ts';
import { ArgumentError } from '../../core/errors.ts';
import { checkOptions } from '../../core/options.ts';
import { formatShape } from '../../core/shape.ts';
import type { Dataset, LabelledImage } from '../../data/dataset.ts';
import type { Labels } from '../../data/labels.ts';
import { CrossEntropyLoss, FocalLoss } from '../../nn/loss.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { forwardImages, imageBatches } from '../images.ts';
import { type LossContext, type Task, withAuxiliary } from '../task.ts';
import { CLASSIFICATION_KIND } from './kind.ts';
import { ClassificationMetric, type ClassificationValues } from './metric.ts';

/** Options of {@link imageClassification}. */
export interface ClassificationOptions {
  /** Share of the target spread over all classes in training; validation tells the plain cross-entropy. Default 0. */
  readonly labelSmoothing?: number | undefined;
  /** A factor for each class in the loss: above 1, its images count more. None by default. */
  readonly classWeights?: readonly number[] | undefined;
  /** The focal loss of this gamma in place of cross-entropy, in training and validation: images that are told well count less. None by default. */
  readonly focalGamma?: number | undefined;
}

/**
 * The task of `fit` where none is given: cross-entropy over logits [N, classes], accuracy as the score. Targets may be probabilities [N, classes],
 * as MixUp makes of classes; there is no accuracy of those.
 * @param options Label smoothing or the focal loss, factors of classes.
 * @throws ArgumentError for both, or a gamma that is not above 0.
 * @example
 * const task = imageClassification({ focalGamma: 2 }); // fit(model, { task, train, epochs: 5 })
 */
export function imageClassification(options: ClassificationOptions = {}): Task<LabelledImage, ClassificationValues> {
  checkOptions('imageClassification', options, { labelSmoothing: true, classWeights: true, focalGamma: true });
  const { labelSmoothing = 0, classWeights, focalGamma: gamma } = options;
  if (gamma !== undefined) check('imageClassification', 'focalGamma', gamma, above(0));
  if (gamma !== undefined && labelSmoothing)
    throw new ArgumentError(
      'imageClassification: expected labelSmoothing or focalGamma, got both. The focal loss is of whole labels: leave one out.',
    );
  const lossWith = (smoothing: number) =>
    gamma === undefined
      ? new CrossEntropyLoss({ ...(classWeights && { weight: classWeights }), labelSmoothing: smoothing })
      : new FocalLoss({ ...(classWeights && { alpha: classWeights }), gamma });
  const [training, validation] = [lossWith(labelSmoothing), lossWith(0)];
  return {
    ...imageBatches,
    ...CLASSIFICATION_KIND,
    forward: forwardImages('logits'),
    loss(outputs, { labels }, context) {
      checkLabels('fit', context, outputs.logits!.shape[1]!);
      const loss = context.training ? training : validation;
      return withAuxiliary(outputs, ({ logits }) => loss.forward(logits!, labels!));
    },
    sums: ({ logits }, { labels }) =>
      isClassified(logits!, labels!) ? { accuracy: logits!.argmax(1).eq(labels!).sum() } : {},
    metric: () => new ClassificationMetric(),
  };
}

const isClassified = ({ shape }: Tensor, labels: Tensor): boolean =>
  shape.length === 2 && shape[1]! > 1 && labels.dtype === 'int32' && labels.rank === 1;

/** @throws ArgumentError for classes, or a label of the batch, that a model with so many outputs cannot learn. */
export function checkLabels(op: string, { batch, data }: Pick<LossContext, 'batch' | 'data'>, outputs: number): void {
  const { data: targets, shape } = batch.targets.labels!;
  const labels = targets as Labels;
  const { classes = [] } = data as Dataset;
  if (labels instanceof Float32Array) {
    if (shape[1] === outputs && areShares(labels, outputs)) return;
    throw new ArgumentError(
      `${op}: cross-entropy expected a class for each sample, or shares of ${outputs} classes that add up to 1, got float targets ${formatShape(shape)}. Pass a loss for those, as in { loss: mseLoss }.`,
    );
  }
  const graft = (heads: number) => `Graft a head of ${heads}.`;
  if (classes.length > outputs)
    throw new ArgumentError(
      `${op}: expected an output for each of the ${classes.length} classes, got a model with ${outputs}. ${graft(classes.length)}`,
    );
  const at = labels.findIndex((label) => label >= outputs || (label < 0 && label !== IGNORED));
  if (at < 0) return;
  const most = labels.reduce((a, b) => Math.max(a, b), 0) + 1;
  throw new ArgumentError(
    `${op}: expected labels from 0 to ${outputs - 1}, one for each output of the model, got ${labels[at]} in ` +
      `${batch.paths[at] ?? `sample ${batch.indices[at]}`}. ${labels[at]! < 0 ? 'Number the classes from 0.' : graft(most)}`,
  );
}

/** Whether each row is of numbers from 0 to 1 that add up to 1. */
function areShares(rows: Float32Array, columns: number): boolean {
  for (let from = 0; from < rows.length; from += columns) {
    const row = rows.subarray(from, from + columns);
    if (!row.every((share) => share >= 0 && share <= 1)) return false;
    if (Math.abs(row.reduce((sum, share) => sum + share, 0) - 1) > 1e-3) return false;
  }
  return true;
}

/** The label that cross-entropy leaves out. */
const IGNORED = -100;
