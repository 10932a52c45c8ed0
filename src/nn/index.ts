/**
 * Modules, layers, losses, initialisation.
 * @module regraft/nn
 */
export {
  type ActivationOptions,
  GELU,
  Hardsigmoid,
  Hardswish,
  LeakyReLU,
  LogSoftmax,
  ReLU,
  ReLU6,
  Sigmoid,
  SiLU,
  Softmax,
  Tanh,
} from './activation.ts';
export { type AttentionOptions, scaledDotProductAttention } from './attention.ts';
export { BatchNorm2d, type BatchNorm2dOptions, type FrozenStats } from './batchnorm.ts';
export { ModuleList, Sequential } from './container.ts';
export { Conv2d, type Conv2dOptions, ConvTranspose2d, type ConvTranspose2dOptions } from './conv.ts';
export { Conv2dNormActivation, type Conv2dNormActivationOptions } from './conv-norm-activation.ts';
export { Dropout, type DropoutOptions } from './dropout.ts';
export { Embedding, type EmbeddingOptions, embedding } from './embedding.ts';
export { Flatten, Identity, Permute } from './flatten.ts';
export * as init from './init.ts';
export type { InputSpec, InputSpecs } from './inputs.ts';
export { LayerNorm, LayerNorm2d, type LayerNormOptions } from './layernorm.ts';
export { Linear, type LinearOptions } from './linear.ts';
export {
  BCEWithLogitsLoss,
  type BinaryCrossEntropyOptions,
  binaryCrossEntropyWithLogits,
  CrossEntropyLoss,
  type CrossEntropyLossOptions,
  type CrossEntropyOptions,
  crossEntropy,
  FocalLoss,
  type FocalLossOptions,
  type FocalOptions,
  focalLoss,
  HuberLoss,
  huberLoss,
  L1Loss,
  l1Loss,
  MSELoss,
  mseLoss,
  type Reduction,
  SigmoidFocalLoss,
  type SigmoidFocalLossOptions,
  type SigmoidFocalOptions,
  sigmoidFocalLoss,
} from './loss.ts';
export { type AnyModule, Module } from './module.ts';
export { diceLoss, jaccardLoss, type OverlapOptions, type TverskyOptions, tverskyLoss } from './overlap-loss.ts';
export { Buffer, Counter, type InitialValues, Parameter } from './parameter.ts';
export {
  AdaptiveAvgPool2d,
  AvgPool2d,
  type AvgPool2dOptions,
  MaxPool2d,
  type MaxPool2dOptions,
  type PoolOptions,
} from './pooling.ts';
export type { Padding2d, Size2d } from './sizes.ts';
export { SqueezeExcitation, type SqueezeExcitationOptions } from './squeeze-excitation.ts';
export type { LoadOptions, StateDictFaults } from './state-dict.ts';
export { StochasticDepth, type StochasticDepthMode, type StochasticDepthOptions } from './stochastic-depth.ts';
export type { SummaryOptions } from './summary.ts';
export type { ForwardHook } from './tree.ts';
export {
  type InterpolateOptions,
  type InterpolationMode,
  interpolate,
  Upsample,
  type UpsampleOptions,
} from './upsample.ts';
