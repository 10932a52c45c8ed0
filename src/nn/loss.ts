/** Losses, as functions and as modules. */
import { atLeast, check, oneOf, PROBABILITY, within } from '../core/check.ts';
import { ArgumentError } from '../core/errors.ts';
import { checkOptions, type OptionNames } from '../core/options.ts';
import { sameShape } from '../core/shape.ts';
import { isAutocastEnabled } from '../tensor/autocast.ts';
import { checkTensor, Tensor } from '../tensor/tensor.ts';
import { Module } from './module.ts';
import { Buffer } from './parameter.ts';

/** What becomes of the losses of a batch: their mean, their sum, or each by itself. */
export type Reduction = 'mean' | 'sum' | 'none';

/** Options of {@link crossEntropy}, with PyTorch’s defaults. */
export interface CrossEntropyOptions {
  /** A factor per class, [classes]; 'mean' divides by the factors' sum, as PyTorch does. */
  weight?: Tensor;
  /** The share of the target that is spread over all classes; 0 by default. */
  labelSmoothing?: number;
  /** Rows with this label count for nothing; -100 by default. */
  ignoreIndex?: number;
  /** 'mean' by default. */
  reduction?: Reduction;
}

/** Options of {@link CrossEntropyLoss}: those of {@link crossEntropy}, with the class weights as numbers. */
export interface CrossEntropyLossOptions extends Omit<CrossEntropyOptions, 'weight'> {
  /** A factor per class. */
  weight?: readonly number[];
}

const CROSS_ENTROPY: OptionNames<CrossEntropyLossOptions> = {
  weight: true,
  labelSmoothing: true,
  ignoreIndex: true,
  reduction: true,
};

/**
 * Cross-entropy between logits [N, classes] and int32 labels [N], or probabilities [N, classes]; the softmax is inside.
 * @param logits [N, classes], as a model gives them: no softmax before.
 * @param labels [N], int32: the index of each row’s class; or floats of the logits' shape: its share of each class, as mixed images have.
 * @param options Label smoothing, weights of classes, how rows are put together; there is no `ignoreIndex` of probabilities, and their mean is over
 * the rows, weighted or not.
 * @throws ShapeError if the labels are not one per row; ArgumentError for a label that is no class. Labels that were computed on the GPU
 * are not looked at: one out of range makes the loss NaN.
 * @example
 * crossEntropy(model.forward(images), labels, { labelSmoothing: 0.1 }).backward();
 */
export function crossEntropy(logits: Tensor, labels: Tensor, options: CrossEntropyOptions = {}): Tensor {
  checkTensor('crossEntropy', logits);
  const areShares =
    logits.rank > 1 && labels instanceof Tensor && labels.dtype !== 'int32' && sameShape(labels.shape, logits.shape);
  return areShares ? ofProbabilities(logits, labels, options) : logits.crossEntropy(labels, options);
}

function ofProbabilities(logits: Tensor, probabilities: Tensor, options: CrossEntropyOptions): Tensor {
  checkOptions<CrossEntropyOptions>('crossEntropy', options, CROSS_ENTROPY);
  const { weight, labelSmoothing = 0, ignoreIndex, reduction } = options;
  if (ignoreIndex !== undefined)
    throw new ArgumentError(
      'crossEntropy: expected no ignoreIndex beside probabilities, got one. Give such rows zeros.',
    );
  check('crossEntropy', 'labelSmoothing', labelSmoothing, within(0, 1));
  const classes = logits.shape[1]!;
  const smoothed =
    labelSmoothing > 0 ? probabilities.mul(1 - labelSmoothing).add(labelSmoothing / classes) : probabilities;
  const weighted = weight ? smoothed.mul(weight.reshape([classes, ...logits.shape.slice(2).fill(1)])) : smoothed;
  return reduced('crossEntropy', logits.logSoftmax(1).mul(weighted).sum(1).neg(), reduction);
}

/** (prediction - target)^2: its mean, its sum, or each. */
export function mseLoss(prediction: Tensor, target: Tensor, options: { reduction?: Reduction } = {}): Tensor {
  return checkTensor('mseLoss', prediction).mseLoss(target, options);
}

/** Options of {@link binaryCrossEntropyWithLogits}, with PyTorch’s defaults. */
export interface BinaryCrossEntropyOptions {
  /** A factor for the ones of each label, [labels]: above 1, what is rare counts more. */
  posWeight?: Tensor;
  /** 'mean' by default. */
  reduction?: Reduction;
}

/**
 * Binary cross-entropy between logits and targets from 0 to 1 of the same shape [N, labels]; the sigmoid is inside. Each label is asked for by
 * itself: an image may have several, or none.
 * @param logits [N, labels].
 * @param targets As many numbers from 0 to 1.
 * @param options `posWeight` and the reduction.
 * @throws ShapeError if the shapes do not fit.
 * @example
 * binaryCrossEntropyWithLogits(model.forward(images), labels).backward();
 */
export function binaryCrossEntropyWithLogits(
  logits: Tensor,
  targets: Tensor,
  options: BinaryCrossEntropyOptions = {},
): Tensor {
  const { posWeight, reduction } = options;
  const op = 'binaryCrossEntropyWithLogits';
  return reduced(op, binaryCrossEntropies(...inFloat32(logits, targets), posWeight), reduction);
}

function binaryCrossEntropies(logits: Tensor, targets: Tensor, posWeight: Tensor | undefined): Tensor {
  // log(1 + exp(-|x|)), which no logit overflows.
  const rest = logits.abs().sigmoid().log().neg();
  if (!posWeight) return logits.relu().sub(logits.mul(targets)).add(rest);
  const factor = posWeight.sub(1).mul(targets).add(1);
  return logits.sub(logits.mul(targets)).add(factor.mul(rest.add(logits.neg().relu())));
}

/** Options of {@link focalLoss}. */
export interface FocalOptions {
  /** How much less an image counts that is told well: 0 is plain cross-entropy; 2 by default. */
  gamma?: number;
  /** A factor per class, [classes]; none by default. */
  alpha?: Tensor;
  /** Rows with this label count for nothing; -100 by default. */
  ignoreIndex?: number;
  /** 'mean' by default: over the rows that count, whatever their factors. */
  reduction?: Reduction;
}

/** Options of {@link FocalLoss}: those of {@link focalLoss}, with the factors of classes as numbers. */
export interface FocalLossOptions extends Omit<FocalOptions, 'alpha'> {
  /** A factor per class. */
  alpha?: readonly number[];
}

const FOCAL: OptionNames<FocalOptions> = { gamma: true, alpha: true, ignoreIndex: true, reduction: true };

/**
 * Focal loss (Lin et al. 2017): cross-entropy times (1 - p) ** gamma, where p is the probability of the row's class. Images that are told well count
 * little, so a rare or hard class is not drowned by the others.
 * @param logits [N, classes], as a model gives them: no softmax before.
 * @param labels [N], int32: the index of each row’s class.
 * @param options `gamma`, factors of classes, how rows are put together.
 * @throws ShapeError if the labels are not one per row; ArgumentError for a label that is no class, or a `gamma` below 0.
 * @see https://arxiv.org/abs/1708.02002
 * @example
 * focalLoss(model.forward(images), labels, { gamma: 2 }).backward();
 */
export function focalLoss(logits: Tensor, labels: Tensor, options: FocalOptions = {}): Tensor {
  checkOptions('focalLoss', options, FOCAL);
  const { gamma = 2, alpha, ignoreIndex = -100, reduction = 'mean' } = options;
  check('focalLoss', 'gamma', gamma, atLeast(0));
  if (labels.dtype !== 'int32')
    throw new ArgumentError(
      `focalLoss: expected int32 classes, got targets of ${labels.dtype}. Leave out MixUp and CutMix, or take crossEntropy.`,
    );
  const plain = crossEntropy(logits, labels, { ignoreIndex, reduction: 'none' });
  const weighted = alpha ? crossEntropy(logits, labels, { weight: alpha, ignoreIndex, reduction: 'none' }) : plain;
  const losses = weighted.mul(missed(plain.neg().exp().neg().add(1), gamma));
  if (reduction === 'mean') return losses.sum().div(labels.ne(ignoreIndex).sum());
  return reduced('focalLoss', losses, reduction);
}

/** Options of {@link sigmoidFocalLoss}. */
export interface SigmoidFocalOptions extends BinaryCrossEntropyOptions {
  /** How much less a label counts that is told well: 0 is plain binary cross-entropy; 2 by default. */
  gamma?: number;
  /** The factor of the ones, from 0 to 1; that of the zeros is 1 - alpha. None by default, where torchvision has 0.25. */
  alpha?: number;
}

/** Options of {@link SigmoidFocalLoss}: those of {@link sigmoidFocalLoss}, with the factors of labels as numbers. */
export interface SigmoidFocalLossOptions extends Omit<SigmoidFocalOptions, 'posWeight'> {
  /** A factor for the ones of each label. */
  posWeight?: readonly number[];
}

const SIGMOID_FOCAL: OptionNames<SigmoidFocalOptions> = {
  gamma: true,
  alpha: true,
  posWeight: true,
  reduction: true,
};

/**
 * Focal loss of several labels an image: {@link binaryCrossEntropyWithLogits} times (1 - p) ** gamma, where p is the probability of what the target says.
 * @param logits [N, labels].
 * @param targets As many numbers from 0 to 1.
 * @param options `gamma`, the factors of ones, the reduction: the mean by default, where torchvision has none.
 * @throws ShapeError if the shapes do not fit; ArgumentError for a `gamma` below 0.
 * @see https://docs.pytorch.org/vision/stable/generated/torchvision.ops.sigmoid_focal_loss.html
 * @example
 * sigmoidFocalLoss(model.forward(images), labels, { gamma: 2, alpha: 0.25 }).backward();
 */
export function sigmoidFocalLoss(logits: Tensor, targets: Tensor, options: SigmoidFocalOptions = {}): Tensor {
  checkOptions('sigmoidFocalLoss', options, SIGMOID_FOCAL);
  const { gamma = 2, alpha, posWeight, reduction } = options;
  check('sigmoidFocalLoss', 'gamma', gamma, atLeast(0));
  const plain = binaryCrossEntropyWithLogits(logits, targets, { reduction: 'none', ...(posWeight && { posWeight }) });
  // 1 - p, without a difference of equals: sigmoid(-x) where the target is 1, sigmoid(x) where it is 0.
  const [wide] = inFloat32(logits);
  const [ifZero, ifOne] = [wide.sigmoid(), wide.neg().sigmoid()];
  const losses = plain.mul(missed(ifZero.add(targets.mul(ifOne.sub(ifZero))), gamma));
  if (alpha === undefined) return reduced('sigmoidFocalLoss', losses, reduction);
  check('sigmoidFocalLoss', 'alpha', alpha, PROBABILITY);
  return reduced('sigmoidFocalLoss', losses.mul(targets.mul(2 * alpha - 1).add(1 - alpha)), reduction);
}

/** share ** gamma. A share of 0 has no slope where gamma is below 1: it counts as the least. */
const missed = (share: Tensor, gamma: number): Tensor => share.maximum(1e-12).pow(gamma);

/** |prediction - target|: its mean, its sum, or each. */
export function l1Loss(prediction: Tensor, target: Tensor, { reduction }: { reduction?: Reduction } = {}): Tensor {
  const [x, y] = inFloat32(prediction, target);
  return reduced('l1Loss', x.sub(y).abs(), reduction);
}

/**
 * Half the square of prediction - target up to `delta` (default 1), linear beyond: outliers pull less.
 * @see https://docs.pytorch.org/docs/stable/generated/torch.nn.HuberLoss.html
 */
export function huberLoss(
  prediction: Tensor,
  target: Tensor,
  { delta = 1, reduction }: { delta?: number; reduction?: Reduction } = {},
): Tensor {
  const [x, y] = inFloat32(prediction, target);
  const error = x.sub(y).abs();
  const near = error.minimum(delta);
  return reduced('huberLoss', near.mul(error.sub(near.mul(0.5))), reduction);
}

/** Operands as autocast gives them to a loss; as they are without it. */
function inFloat32<T extends Tensor[]>(...operands: T): T {
  return isAutocastEnabled() ? (operands.map((x) => x.to('float32')) as T) : operands;
}

const REDUCTION = oneOf('mean', 'sum', 'none');

function reduced(op: string, losses: Tensor, reduction: Reduction = 'mean'): Tensor {
  check(op, 'reduction', reduction, REDUCTION);
  if (reduction === 'none') return losses;
  return reduction === 'sum' ? losses.sum() : losses.mean();
}

/** {@link crossEntropy} as a module; class weights are a buffer. */
export class CrossEntropyLoss extends Module {
  weight: Buffer | null;
  readonly options: Omit<CrossEntropyOptions, 'weight'>;

  constructor(options: CrossEntropyLossOptions = {}) {
    super();
    checkOptions('CrossEntropyLoss', options, CROSS_ENTROPY);
    const { weight, ...rest } = options;
    this.weight = weight ? new Buffer([weight.length], () => Float32Array.from(weight)) : null;
    this.options = rest;
  }

  override forward(logits: Tensor, labels: Tensor): Tensor {
    return crossEntropy(logits, labels, this.weight ? { ...this.options, weight: this.weight } : this.options);
  }
}

/** {@link mseLoss} as a module. */
export class MSELoss extends Module {
  readonly options: { reduction?: Reduction };

  constructor(options: { reduction?: Reduction } = {}) {
    super();
    checkOptions('MSELoss', options, { reduction: true });
    this.options = options;
  }

  override forward(prediction: Tensor, target: Tensor): Tensor {
    return mseLoss(prediction, target, this.options);
  }
}

/** {@link binaryCrossEntropyWithLogits} as a module; the factors are a buffer. */
export class BCEWithLogitsLoss extends Module {
  pos_weight: Buffer | null;
  readonly options: Omit<BinaryCrossEntropyOptions, 'posWeight'>;

  constructor(options: { posWeight?: readonly number[]; reduction?: Reduction } = {}) {
    super();
    checkOptions('BCEWithLogitsLoss', options, { posWeight: true, reduction: true });
    const { posWeight, ...rest } = options;
    this.pos_weight = posWeight ? new Buffer([posWeight.length], () => Float32Array.from(posWeight)) : null;
    this.options = rest;
  }

  override forward(logits: Tensor, targets: Tensor): Tensor {
    const { options, pos_weight: posWeight } = this;
    return binaryCrossEntropyWithLogits(logits, targets, posWeight ? { ...options, posWeight } : options);
  }
}

/** {@link focalLoss} as a module; the factors are a buffer. */
export class FocalLoss extends Module {
  alpha: Buffer | null;
  readonly options: Omit<FocalOptions, 'alpha'>;

  constructor(options: FocalLossOptions = {}) {
    super();
    checkOptions<FocalLossOptions>('FocalLoss', options, FOCAL);
    const { alpha, ...rest } = options;
    check('FocalLoss', 'gamma', rest.gamma ?? 2, atLeast(0));
    this.alpha = alpha ? new Buffer([alpha.length], () => Float32Array.from(alpha)) : null;
    this.options = rest;
  }

  override forward(logits: Tensor, labels: Tensor): Tensor {
    return focalLoss(logits, labels, this.alpha ? { ...this.options, alpha: this.alpha } : this.options);
  }
}

/** {@link sigmoidFocalLoss} as a module; `posWeight` is a buffer. */
export class SigmoidFocalLoss extends Module {
  pos_weight: Buffer | null;
  readonly options: Omit<SigmoidFocalOptions, 'posWeight'>;

  constructor(options: SigmoidFocalLossOptions = {}) {
    super();
    checkOptions<SigmoidFocalLossOptions>('SigmoidFocalLoss', options, SIGMOID_FOCAL);
    const { posWeight, ...rest } = options;
    check('SigmoidFocalLoss', 'gamma', rest.gamma ?? 2, atLeast(0));
    this.pos_weight = posWeight ? new Buffer([posWeight.length], () => Float32Array.from(posWeight)) : null;
    this.options = rest;
  }

  override forward(logits: Tensor, targets: Tensor): Tensor {
    const { options, pos_weight: posWeight } = this;
    return sigmoidFocalLoss(logits, targets, posWeight ? { ...options, posWeight } : options);
  }
}

/** {@link l1Loss} as a module. */
export class L1Loss extends Module {
  readonly options: { reduction?: Reduction };

  constructor(options: { reduction?: Reduction } = {}) {
    super();
    checkOptions('L1Loss', options, { reduction: true });
    this.options = options;
  }

  override forward(prediction: Tensor, target: Tensor): Tensor {
    return l1Loss(prediction, target, this.options);
  }
}

/** {@link huberLoss} as a module. */
export class HuberLoss extends Module {
  readonly options: { delta?: number; reduction?: Reduction };

  constructor(options: { delta?: number; reduction?: Reduction } = {}) {
    super();
    checkOptions('HuberLoss', options, { delta: true, reduction: true });
    this.options = options;
  }

  override forward(prediction: Tensor, target: Tensor): Tensor {
    return huberLoss(prediction, target, this.options);
  }
}
