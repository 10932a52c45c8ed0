/**
 * The core of regraft: devices, tensors and differentiation. Layers, optimizers, models, data and training have entries of their own.
 * @module regraft
 */
export type {
  DType,
  HostArray,
  HostTensor,
  HostTensors,
  StateDict,
  StoredArray,
  StoredDType,
  TensorData,
} from './core/dtype.ts';
export {
  ArgumentError,
  DataError,
  DeviceError,
  DisposedError,
  RegraftError,
  ShapeError,
  StateDictError,
  WeightFileError,
} from './core/errors.ts';
export { Generator, manualSeed } from './core/random.ts';
export type { Shape } from './core/shape.ts';
export type { AdapterChoice, MatrixConfig } from './device/adapter.ts';
export type { DeviceInfo, DeviceOptions } from './device/device.ts';
export { init } from './graph/init.ts';
export { type Explanation, explain } from './graph/run.ts';
export { type TimedTile, type TunedProduct, tune } from './graph/tune.ts';
export type { LaneTile, MatrixTile, Tile, WorkgroupTile } from './kernels/gemm/shape.ts';
export type { Conv2dOptions, ConvTranspose2dOptions, Pair } from './ops/conv2d.ts';
export type { CrossEntropyAttributes, Reduction } from './ops/loss.ts';
export type { AvgPoolOptions, MaxPoolOptions, PoolOptions } from './ops/pool.ts';
export { type AutocastOptions, autocast, isAutocastEnabled } from './tensor/autocast.ts';
export { isGradEnabled, noGrad, step } from './tensor/autograd.ts';
export { checkpoint } from './tensor/checkpoint.ts';
export {
  arange,
  full,
  type Nested,
  ones,
  type RandomOptions,
  rand,
  randn,
  type TensorOptions,
  tensor,
  zeros,
} from './tensor/factory.ts';
export { cat, Tensor } from './tensor/tensor.ts';
