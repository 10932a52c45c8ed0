/**
 * Losses of how far masks overlap, class by class over a batch, as segmentation-models-pytorch defines them: Tversky's index, of which Dice and Jaccard
 * are cases.
 */
import { above, atLeast, check } from '../core/check.ts';
import { ArgumentError, ShapeError } from '../core/errors.ts';
import { checkOptions, type OptionNames } from '../core/options.ts';
import { formatShape, sameShape } from '../core/shape.ts';
import { isAutocastEnabled } from '../tensor/autocast.ts';
import { tensor } from '../tensor/factory.ts';
import { checkTensor, type Tensor } from '../tensor/tensor.ts';

/** Options of {@link diceLoss} and {@link jaccardLoss}. */
export interface OverlapOptions {
  /** Pixels that are added to what overlaps, and to what it is divided by: above 0, small classes lose less. 0 by default. */
  smooth?: number;
  /** The fraction's lower side is no smaller than this; 1e-7 by default. */
  eps?: number;
  /** Pixels with this label count for nothing; 255 by default. */
  ignoreIndex?: number;
  /** Minus the logarithm of the overlap, in place of 1 minus it; false by default. */
  logLoss?: boolean;
}

/** Options of {@link tverskyLoss}. */
export interface TverskyOptions extends OverlapOptions {
  /** What a pixel counts that is falsely found; 0.5 by default. */
  alpha?: number;
  /** What a pixel counts that is missed; 0.5 by default: both together are Dice. */
  beta?: number;
  /** The power that the loss is raised to; 1 by default. */
  gamma?: number;
}

const OVERLAP: OptionNames<OverlapOptions> = { smooth: true, eps: true, ignoreIndex: true, logLoss: true };
const TVERSKY: OptionNames<TverskyOptions> = { ...OVERLAP, alpha: true, beta: true, gamma: true };

/** Sums over the batch's pixels, [classes] each: of probability times truth, of probabilities, of truths. */
interface Sums {
  readonly both: Tensor;
  readonly found: Tensor;
  readonly there: Tensor;
}

/**
 * Sums over all pixels whose label is not ignored.
 * @param logits [N, classes, …]: softmax over the classes; of one class the sigmoid, and labels of 0 and 1
 */
function sumsOf(op: string, logits: Tensor, labels: Tensor, ignoreIndex: number): Sums {
  checkTensor(op, logits);
  checkTensor(op, labels);
  const [N, classes, ...rest] = logits.shape as [number, number, ...number[]];
  if (logits.rank < 3 || !sameShape(labels.shape, [N, ...rest]))
    throw new ShapeError(
      op,
      `expected logits [N, classes, H, W] and labels [N, H, W], got ${formatShape(logits.shape)} and ${formatShape(labels.shape)}.`,
      [logits.shape, labels.shape],
    );
  if (labels.dtype !== 'int32')
    throw new ArgumentError(
      `${op}: labels must be int32 class indices, got ${labels.dtype}. Pass an Int32Array, or { dtype: 'int32' }.`,
    );
  const wide = isAutocastEnabled() ? logits.to('float32') : logits;
  const given = labels.to('float32').unsqueeze(1);
  const counted = given.ne(ignoreIndex);
  // The classes that labels are compared with, along the second axis.
  const names = classes === 1 ? [1] : Array.from({ length: classes }, (_, k) => k);
  const truth = given.eq(tensor(Float32Array.from(names), [classes, ...rest.map(() => 1)]));
  const shares = (classes === 1 ? wide.sigmoid() : wide.softmax(1)).mul(counted);
  const axes = logits.shape.map((_, axis) => axis).filter((axis) => axis !== 1);
  // What is ignored may be a class's index too.
  const real = truth.mul(counted);
  return { both: shares.mul(real).sum(axes), found: shares.sum(axes), there: real.sum(axes) };
}

/** The loss of Tversky's index, both / (both + alpha falsely found + beta missed), whose mean over the classes is raised to a power. */
function tversky(op: string, logits: Tensor, labels: Tensor, options: TverskyOptions): Tensor {
  const { smooth = 0, eps = 1e-7, ignoreIndex = 255, logLoss = false, alpha = 0.5, beta = 0.5, gamma = 1 } = options;
  for (const [name, value] of Object.entries({ smooth, alpha, beta })) check(op, name, value, atLeast(0));
  for (const [name, value] of Object.entries({ eps, gamma })) check(op, name, value, above(0));
  const { both, found, there } = sumsOf(op, logits, labels, ignoreIndex);
  const falsely = found.sub(both).mul(alpha);
  const missed = there.sub(both).mul(beta);
  const sizes = both.add(falsely).add(missed).add(smooth).maximum(eps);
  const overlap = both.add(smooth).div(sizes);
  const lost = logLoss ? overlap.maximum(eps).log().neg() : overlap.neg().add(1);
  // A class that is nowhere loses nothing.
  const loss = lost.mul(there.gt(0)).mean();
  return gamma === 1 ? loss : loss.maximum(1e-12).pow(gamma);
}

/**
 * 1 minus the Dice coefficient, 2 |A and B| / (|A| + |B|), of each class's probabilities and pixels over the whole batch; the mean over the classes.
 * Where one class is most of the image, its size does not outweigh the others. The softmax is inside; of one class the sigmoid.
 * @param logits [N, classes, H, W].
 * @param labels [N, H, W], int32: the index of each pixel's class; with one class 0 or 1.
 * @param options Smoothing, what is ignored.
 * @throws ShapeError if the shapes do not fit.
 * @example
 * crossEntropy(logits, masks, { ignoreIndex: 255 }).add(diceLoss(logits, masks)).backward();
 */
export function diceLoss(logits: Tensor, labels: Tensor, options: OverlapOptions = {}): Tensor {
  checkOptions('diceLoss', options, OVERLAP);
  return tversky('diceLoss', logits, labels, options);
}

/**
 * 1 minus the Jaccard index (IoU), |A and B| / |A or B|, of each class's probabilities and pixels over the whole batch; the mean over the classes.
 * @param logits [N, classes, H, W]; see {@link diceLoss}.
 * @param labels [N, H, W], int32.
 * @param options Smoothing, what is ignored.
 * @throws ShapeError if the shapes do not fit.
 */
export function jaccardLoss(logits: Tensor, labels: Tensor, options: OverlapOptions = {}): Tensor {
  checkOptions('jaccardLoss', options, OVERLAP);
  return tversky('jaccardLoss', logits, labels, { ...options, alpha: 1, beta: 1 });
}

/**
 * Dice with factors of its own for pixels that are falsely found (`alpha`) and that are missed (`beta`): a `beta` above `alpha` finds more of what is
 * small.
 * @param logits [N, classes, H, W]; see {@link diceLoss}.
 * @param labels [N, H, W], int32.
 * @param options The factors, a power, smoothing, what is ignored.
 * @throws ShapeError if the shapes do not fit.
 * @see https://arxiv.org/abs/1706.05721
 */
export function tverskyLoss(logits: Tensor, labels: Tensor, options: TverskyOptions = {}): Tensor {
  checkOptions('tverskyLoss', options, TVERSKY);
  return tversky('tverskyLoss', logits, labels, options);
}
