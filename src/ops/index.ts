/** All ops. Importing this file registers them. */
export { batchNorm2d } from './batchnorm.ts';
export { cast, to } from './cast.ts';
export { type Conv2dOptions, type ConvTranspose2dOptions, conv2d, convTranspose2d, type Pair } from './conv2d.ts';
export { dropout, dropoutScalars } from './dropout.ts';
export { accumulate, duplicate, type ElementwiseName, elementwiseOps } from './elementwise.ts';
export { type LayerNormAttributes, layerNorm } from './layernorm.ts';
export { type CrossEntropyAttributes, crossEntropy, mseLoss, type Reduction } from './loss.ts';
export { linear, matmul } from './matmul.ts';
export { type Op, ops } from './op.ts';
export { type AvgPoolOptions, adaptiveAvgPool2d, avgPool2d, type MaxPoolOptions, maxPool2d } from './pool.ts';
export { argmax, max, mean, min, sum, variance } from './reduce.ts';
export { cat, expand, flip, pad, permute, reshape, slice } from './shape.ts';
export { logSoftmax, softmax } from './softmax.ts';
