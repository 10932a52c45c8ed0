/** The losses of masks by name, and sums of them: `cross-entropy+dice`. */
import { ArgumentError } from '../../core/errors.ts';
import { IGNORED } from '../../data/masks/coding.ts';
import { binaryCrossEntropyWithLogits, crossEntropy, focalLoss } from '../../nn/loss.ts';
import { diceLoss, jaccardLoss, tverskyLoss } from '../../nn/overlap-loss.ts';
import { tensor } from '../../tensor/factory.ts';
import type { Tensor } from '../../tensor/tensor.ts';

/** What the losses are given beside logits [N, classes, H, W] and labels [N, H, W]. */
export interface MaskLossOptions {
  /** A factor for each class, of cross-entropy and of the focal loss; none by default. */
  readonly classWeights?: readonly number[] | undefined;
  /** Of the focal loss; 2 by default. */
  readonly focalGamma?: number | undefined;
}

type MaskLoss = (logits: Tensor, labels: Tensor, options: MaskLossOptions) => Tensor;

const LOSSES: Readonly<Record<string, MaskLoss>> = {
  'cross-entropy': (logits, labels, { classWeights }) =>
    logits.shape[1] === 1
      ? binaryOf(logits, labels)
      : crossEntropy(logits, labels, { ignoreIndex: IGNORED, ...(classWeights && { weight: tensor(classWeights) }) }),
  bce: binaryOf,
  dice: (logits, labels) => diceLoss(logits, labels),
  jaccard: (logits, labels) => jaccardLoss(logits, labels),
  focal: (logits, labels, { classWeights, focalGamma = 2 }) =>
    focalLoss(logits, labels, {
      gamma: focalGamma,
      ignoreIndex: IGNORED,
      ...(classWeights && { alpha: tensor(classWeights) }),
    }),
  tversky: (logits, labels) => tverskyLoss(logits, labels, { alpha: 0.3, beta: 0.7 }),
};

/** The names of the losses. */
export const MASK_LOSSES: readonly string[] = Object.keys(LOSSES);

/**
 * A loss by its name, or several that are added: 'cross-entropy+dice'. Pixels of 255 count for nothing.
 * @throws ArgumentError for a name that is none.
 */
export function maskLoss(names: string, options: MaskLossOptions = {}): (logits: Tensor, labels: Tensor) => Tensor {
  const parts = names.split('+').map((name) => name.trim());
  const unknown = parts.find((name) => !Object.hasOwn(LOSSES, name));
  if (unknown !== undefined)
    throw new ArgumentError(
      `segmentation: expected loss as ${MASK_LOSSES.join(', ')}, or a sum as cross-entropy+dice, got '${names}'.`,
    );
  return (logits, labels) =>
    parts.map((name) => LOSSES[name]!(logits, labels, options)).reduce((sum, loss) => sum.add(loss));
}

/** Binary cross-entropy of each class against all others, or of one: the mean over all pixels that count. */
function binaryOf(logits: Tensor, labels: Tensor): Tensor {
  const classes = logits.shape[1]!;
  const given = labels.to('float32').unsqueeze(1);
  const counted = given.ne(IGNORED);
  const names = classes === 1 ? [1] : Array.from({ length: classes }, (_, k) => k);
  const truth = given.eq(tensor(Float32Array.from(names), [classes, 1, 1]));
  const losses = binaryCrossEntropyWithLogits(logits, truth, { reduction: 'none' });
  return losses.mul(counted).sum().div(counted.sum().mul(classes));
}
