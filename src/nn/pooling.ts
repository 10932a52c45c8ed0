/** Pooling layers over images [N, C, H, W]. */
import { checkOptions, type OptionNames } from '../core/options.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { Module } from './module.ts';
import { pythonBool, pythonSize } from './print.ts';
import { checkSize, type Size2d } from './sizes.ts';

/** Options that all pooling layers have. */
export interface PoolOptions {
  /** The kernel's size by default. */
  stride?: Size2d;
  /** On all sides; 0 by default. */
  padding?: Size2d;
  /** Whether a last window that is only partly inside counts; false by default. */
  ceilMode?: boolean;
}

/** Options of {@link MaxPool2d}. */
export interface MaxPool2dOptions extends PoolOptions {
  /** 1 by default. */
  dilation?: Size2d;
}

/** Options of {@link AvgPool2d}. */
export interface AvgPool2dOptions extends PoolOptions {
  /** Whether padding counts as zeros in the mean; true by default. */
  countIncludePad?: boolean;
}

const POOL: OptionNames<PoolOptions> = { stride: true, padding: true, ceilMode: true };
const MAX_POOL: OptionNames<MaxPool2dOptions> = { ...POOL, dilation: true };
const AVG_POOL: OptionNames<AvgPool2dOptions> = { ...POOL, countIncludePad: true };

/** The largest element of each window; padding never wins. */
export class MaxPool2d extends Module {
  readonly kernelSize: Size2d;
  readonly stride: Size2d;
  readonly padding: Size2d;
  readonly dilation: Size2d;
  readonly ceilMode: boolean;

  constructor(kernelSize: Size2d, options: MaxPool2dOptions = {}) {
    super();
    checkOptions('MaxPool2d', options, MAX_POOL);
    this.kernelSize = checkSize('MaxPool2d', 'kernelSize', kernelSize, 1);
    this.stride = checkSize('MaxPool2d', 'stride', options.stride ?? kernelSize, 1);
    this.padding = checkSize('MaxPool2d', 'padding', options.padding ?? 0, 0);
    this.dilation = checkSize('MaxPool2d', 'dilation', options.dilation ?? 1, 1);
    this.ceilMode = options.ceilMode ?? false;
  }

  override forward(x: Tensor): Tensor {
    const { stride, padding, dilation, ceilMode } = this;
    return x.maxPool2d(this.kernelSize, { stride, padding, dilation, ceilMode });
  }

  override extraRepr(): string {
    const [kernel, stride, padding, dilation] = [this.kernelSize, this.stride, this.padding, this.dilation].map(
      pythonSize,
    );
    const ceilMode = pythonBool(this.ceilMode);
    return `kernel_size=${kernel}, stride=${stride}, padding=${padding}, dilation=${dilation}, ceil_mode=${ceilMode}`;
  }
}

/** The mean of each window. */
export class AvgPool2d extends Module {
  readonly kernelSize: Size2d;
  readonly stride: Size2d;
  readonly padding: Size2d;
  readonly ceilMode: boolean;
  readonly countIncludePad: boolean;

  constructor(kernelSize: Size2d, options: AvgPool2dOptions = {}) {
    super();
    checkOptions('AvgPool2d', options, AVG_POOL);
    this.kernelSize = checkSize('AvgPool2d', 'kernelSize', kernelSize, 1);
    this.stride = checkSize('AvgPool2d', 'stride', options.stride ?? kernelSize, 1);
    this.padding = checkSize('AvgPool2d', 'padding', options.padding ?? 0, 0);
    this.ceilMode = options.ceilMode ?? false;
    this.countIncludePad = options.countIncludePad ?? true;
  }

  override forward(x: Tensor): Tensor {
    const { stride, padding, ceilMode, countIncludePad } = this;
    return x.avgPool2d(this.kernelSize, { stride, padding, ceilMode, countIncludePad });
  }

  override extraRepr(): string {
    const [kernel, stride, padding] = [this.kernelSize, this.stride, this.padding].map(pythonSize);
    return `kernel_size=${kernel}, stride=${stride}, padding=${padding}`;
  }
}

/** Means over as many windows as it takes to reach `outputSize`: 1 or [1, 1] for the mean of the whole image. */
export class AdaptiveAvgPool2d extends Module {
  readonly outputSize: number | readonly [number | null, number | null];

  constructor(outputSize: number | readonly [number | null, number | null]) {
    super();
    // null keeps a side as it is.
    const sides = Array.isArray(outputSize) ? outputSize.map((side) => side ?? 1) : outputSize;
    checkSize('AdaptiveAvgPool2d', 'outputSize', sides as Size2d, 1);
    this.outputSize = outputSize;
  }

  override forward(x: Tensor): Tensor {
    if (typeof this.outputSize === 'number') return x.adaptiveAvgPool2d(this.outputSize);
    const [height, width] = this.outputSize;
    return x.adaptiveAvgPool2d([height ?? x.shape.at(-2)!, width ?? x.shape.at(-1)!]);
  }

  override extraRepr(): string {
    return `output_size=${pythonSize(this.outputSize)}`;
  }
}
