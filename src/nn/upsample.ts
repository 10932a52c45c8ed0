/** Images at another size, as a layer. */
import { checkOptions, type OptionNames } from '../core/options.ts';
import type { InterpolationMode } from '../kernels/interpolate.ts';
import * as op from '../ops/interpolate.ts';
import { apply, type Tensor } from '../tensor/tensor.ts';
import { Module } from './module.ts';
import { pythonFloat, pythonSize } from './print.ts';
import type { Size2d } from './sizes.ts';

export type { InterpolationMode } from '../kernels/interpolate.ts';
export type { InterpolateOptions } from '../ops/interpolate.ts';

/** Options of {@link Upsample}, with PyTorch’s defaults: a size or a factor. */
export interface UpsampleOptions {
  /** [height, width] of the output, or both in one number. */
  size?: Size2d;
  /** What height and width are multiplied with; the product is rounded down. */
  scaleFactor?: Size2d;
  /** 'nearest' by default. */
  mode?: InterpolationMode;
  /** Whether the centres of the corner pixels stay in place; false by default, for bilinear and bicubic alone. */
  alignCorners?: boolean;
}

const OPTIONS: OptionNames<UpsampleOptions> = { size: true, scaleFactor: true, mode: true, alignCorners: true };

/**
 * Images at another size, as PyTorch's `F.interpolate` without antialiasing: [N, C, H, W] to [N, C, outH, outW].
 * @param x Images [N, C, H, W].
 * @param options A size or a factor, the mode, and where the corners lie.
 * @throws ArgumentError for a size and a factor at once, or neither; ShapeError for other tensors.
 * @example
 * const doubled = interpolate(x, { scaleFactor: 2, mode: 'bilinear' });
 */
export function interpolate(x: Tensor, options: op.InterpolateOptions): Tensor {
  checkOptions('interpolate', options, OPTIONS);
  return apply(op.interpolate, [x], options);
}

/**
 * Brings images [N, C, H, W] to another size, up or down: {@link interpolate} as a layer.
 * @throws ArgumentError from forward for a size and a factor at once, or neither.
 */
export class Upsample extends Module {
  readonly size: Size2d | undefined;
  readonly scaleFactor: Size2d | undefined;
  readonly mode: InterpolationMode;
  readonly alignCorners: boolean;

  constructor(options: UpsampleOptions) {
    super();
    checkOptions('Upsample', options, OPTIONS);
    this.size = options.size;
    this.scaleFactor = options.scaleFactor;
    this.mode = options.mode ?? 'nearest';
    this.alignCorners = options.alignCorners ?? false;
  }

  override forward(x: Tensor): Tensor {
    const { size, scaleFactor, mode, alignCorners } = this;
    return interpolate(x, { size, scaleFactor, mode, alignCorners });
  }

  override extraRepr(): string {
    const { size, scaleFactor, mode } = this;
    const factors = typeof scaleFactor === 'object' ? `(${scaleFactor.map(pythonFloat).join(', ')})` : scaleFactor;
    const given = typeof factors === 'number' ? pythonFloat(factors) : factors;
    return `${size === undefined ? `scale_factor=${given}` : `size=${pythonSize(size)}`}, mode='${mode}'`;
  }
}
