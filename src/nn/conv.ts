/** Convolution layers over images [N, C, H, W]. */

import { check } from '../core/check.ts';
import { ArgumentError } from '../core/errors.ts';
import { checkOptions, type OptionNames } from '../core/options.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { layerBias, layerWeight } from './init.ts';
import { Module } from './module.ts';
import { Parameter } from './parameter.ts';
import { pythonSize } from './print.ts';
import { COUNT, checkSize, type Padding2d, pair, type Size2d } from './sizes.ts';

/** Options of {@link Conv2d}, with PyTorch’s defaults. */
export interface Conv2dOptions {
  /** 1 by default. */
  stride?: Size2d;
  /** Zeros around the input: one number, [height, width] or [top, bottom, left, right]; 0 by default. */
  padding?: Padding2d;
  /** 1 by default. */
  dilation?: Size2d;
  /** Blocked connections: 1 by default, inChannels for depthwise. */
  groups?: number;
  /** Whether there is a bias; true by default. */
  bias?: boolean;
}

/** Options of {@link ConvTranspose2d}, with PyTorch’s defaults. */
export interface ConvTranspose2dOptions extends Omit<Conv2dOptions, 'padding'> {
  /** What is cut off the output's border; 0 by default. */
  padding?: Size2d;
  /** Extra rows and columns on one side of the output; 0 by default. */
  outputPadding?: Size2d;
}

const OPTIONS: OptionNames<Conv2dOptions> = { stride: true, padding: true, dilation: true, groups: true, bias: true };
const TRANSPOSE_OPTIONS: OptionNames<ConvTranspose2dOptions> = { ...OPTIONS, outputPadding: true };

/** Fields and printing that both directions share. */
abstract class Convolution extends Module {
  weight: Parameter;
  /** [outChannels], or null. */
  bias: Parameter | null;
  readonly inChannels: number;
  readonly outChannels: number;
  readonly kernelSize: [number, number];
  readonly stride: [number, number];
  readonly dilation: [number, number];
  readonly groups: number;

  constructor(
    inChannels: number,
    outChannels: number,
    kernelSize: Size2d,
    options: Omit<Conv2dOptions, 'padding'>,
    names: OptionNames<Conv2dOptions> | OptionNames<ConvTranspose2dOptions>,
    weightShape: (groups: number, kernel: [number, number]) => number[],
  ) {
    super();
    const op = this.typeName;
    checkOptions(op, options, names as OptionNames<Omit<Conv2dOptions, 'padding'>>);
    const groups = check(op, 'groups', options.groups ?? 1, COUNT);
    for (const [name, channels] of Object.entries({ inChannels, outChannels }))
      if (check(op, name, channels, COUNT) % groups !== 0)
        throw new ArgumentError(`${op}: ${name} must be a multiple of groups, got ${channels} and ${groups}.`);
    this.inChannels = inChannels;
    this.outChannels = outChannels;
    this.kernelSize = pair(checkSize(op, 'kernelSize', kernelSize, 1));
    this.stride = pair(checkSize(op, 'stride', options.stride ?? 1, 1));
    this.dilation = pair(checkSize(op, 'dilation', options.dilation ?? 1, 1));
    this.groups = groups;
    const shape = weightShape(groups, this.kernelSize);
    this.weight = new Parameter(shape, layerWeight(shape));
    this.bias = (options.bias ?? true) ? new Parameter([outChannels], layerBias(outChannels, shape)) : null;
  }

  protected repr(padding: readonly number[], outputPadding: readonly number[]): string {
    const parts = [
      `${this.inChannels}, ${this.outChannels}`,
      `kernel_size=${pythonSize(this.kernelSize)}`,
      `stride=${pythonSize(this.stride)}`,
    ];
    if (padding.some((p) => p !== 0)) parts.push(`padding=${pythonSize(padding)}`);
    if (this.dilation.some((d) => d !== 1)) parts.push(`dilation=${pythonSize(this.dilation)}`);
    if (outputPadding.some((p) => p !== 0)) parts.push(`output_padding=${pythonSize(outputPadding)}`);
    if (this.groups !== 1) parts.push(`groups=${this.groups}`);
    if (this.bias === null) parts.push('bias=False');
    return parts.join(', ');
  }
}

/**
 * Convolution: [N, inChannels, H, W] to [N, outChannels, H', W'], H' = floor((H + top + bottom - dilation (kernel - 1) - 1) / stride) + 1.
 * The weight is [outChannels, inChannels / groups, height, width].
 * @throws ShapeError from forward, if the input has other channels or is smaller than the kernel.
 */
export class Conv2d extends Convolution {
  /** [height, width] or [top, bottom, left, right]. */
  readonly padding: [number, number] | readonly [number, number, number, number];

  constructor(inChannels: number, outChannels: number, kernelSize: Size2d, options: Conv2dOptions = {}) {
    super(inChannels, outChannels, kernelSize, options, OPTIONS, (g, k) => [outChannels, inChannels / g, ...k]);
    const padding = checkSize('Conv2d', 'padding', options.padding ?? 0, 0, 4);
    this.padding = typeof padding !== 'number' && padding.length === 4 ? padding : pair(padding);
  }

  override forward(x: Tensor): Tensor {
    const { stride, padding, dilation, groups } = this;
    return x.conv2d(this.weight, this.bias, { stride, padding, dilation, groups });
  }

  override extraRepr(): string {
    return this.repr(this.padding, []);
  }
}

/**
 * Transposed convolution: [N, inChannels, H, W] to [N, outChannels, H', W'],
 * H' = (H - 1) stride - 2 padding + dilation (kernel - 1) + outputPadding + 1.
 * The weight is [inChannels, outChannels / groups, height, width].
 */
export class ConvTranspose2d extends Convolution {
  readonly padding: [number, number];
  readonly outputPadding: [number, number];

  constructor(inChannels: number, outChannels: number, kernelSize: Size2d, options: ConvTranspose2dOptions = {}) {
    super(inChannels, outChannels, kernelSize, options, TRANSPOSE_OPTIONS, (g, k) => [
      inChannels,
      outChannels / g,
      ...k,
    ]);
    this.padding = pair(checkSize('ConvTranspose2d', 'padding', options.padding ?? 0, 0));
    this.outputPadding = pair(checkSize('ConvTranspose2d', 'outputPadding', options.outputPadding ?? 0, 0));
  }

  override forward(x: Tensor): Tensor {
    const { stride, padding, outputPadding, dilation, groups } = this;
    return x.convTranspose2d(this.weight, this.bias, { stride, padding, outputPadding, dilation, groups });
  }

  override extraRepr(): string {
    return this.repr(this.padding, this.outputPadding);
  }
}
