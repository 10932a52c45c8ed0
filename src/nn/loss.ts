/** Losses, as functions and as modules. */
import { checkOptions, type OptionNames } from '../core/options.ts';
import { checkTensor, type Tensor } from '../tensor/tensor.ts';
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
 * Cross-entropy between logits [N, classes] and int32 labels [N]; the softmax is inside.
 * @param logits [N, classes], as a model gives them: no softmax before.
 * @param labels [N], int32: the index of each row’s class.
 * @param options Label smoothing, weights of classes, how rows are put together.
 * @throws ShapeError if the labels are not one per row; ArgumentError for a label that is no class. Labels that were computed on the GPU
 * are not looked at: one out of range makes the loss NaN.
 * @example
 * crossEntropy(model.forward(images), labels, { labelSmoothing: 0.1 }).backward();
 */
export function crossEntropy(logits: Tensor, labels: Tensor, options: CrossEntropyOptions = {}): Tensor {
  return checkTensor('crossEntropy', logits).crossEntropy(labels, options);
}

/** (prediction - target)^2: its mean, its sum, or each. */
export function mseLoss(prediction: Tensor, target: Tensor, options: { reduction?: Reduction } = {}): Tensor {
  return checkTensor('mseLoss', prediction).mseLoss(target, options);
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
