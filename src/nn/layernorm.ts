/** Layer normalisation: by the statistics of each row, not of the batch, so training and evaluation are alike. */

import { check, each } from '../core/check.ts';
import { checkOptions, type OptionNames } from '../core/options.ts';
import { type Shape, sizeOf } from '../core/shape.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { constantValues } from './init.ts';
import { Module } from './module.ts';
import { Parameter } from './parameter.ts';
import { pythonBool, pythonFloat } from './print.ts';
import { COUNT } from './sizes.ts';

/** Options of {@link LayerNorm}. */
export interface LayerNormOptions {
  /** Added to the variance; 1e-5 by default. */
  eps?: number;
  /** Whether there are a weight and a bias; true by default. */
  elementwiseAffine?: boolean;
  /** Whether there is a bias beside the weight; true by default. */
  bias?: boolean;
}

const OPTIONS: OptionNames<LayerNormOptions> = { eps: true, elementwiseAffine: true, bias: true };

/**
 * Layer normalisation over the last axes: (x - mean) / sqrt(variance + eps) * weight + bias, with the mean and the biased variance of
 * each row. In training and evaluation alike, in every batch size.
 * @throws ShapeError from forward, if the input does not end in normalizedShape.
 * @see https://arxiv.org/abs/1607.06450
 * @example
 * const norm = new LayerNorm(768); // of [..., 768]
 */
export class LayerNorm extends Module {
  /** Of normalizedShape, or null. */
  weight: Parameter | null;
  /** Of normalizedShape, or null. */
  bias: Parameter | null;
  /** Sizes of the axes that are normalised over. */
  readonly normalizedShape: Shape;
  readonly eps: number;

  /** @param normalizedShape sizes of the last axes; one number for the last alone. */
  constructor(normalizedShape: number | Shape, options: LayerNormOptions = {}) {
    super();
    const op = this.typeName;
    checkOptions(op, options, OPTIONS);
    const { eps = 1e-5, elementwiseAffine = true, bias = true } = options;
    const shape = [check(op, 'normalizedShape', normalizedShape, each(COUNT))].flat();
    this.normalizedShape = shape;
    this.eps = eps;
    this.weight = elementwiseAffine ? new Parameter(shape, constantValues(sizeOf(shape), 1)) : null;
    this.bias = elementwiseAffine && bias ? new Parameter(shape, constantValues(sizeOf(shape), 0)) : null;
  }

  override forward(x: Tensor): Tensor {
    return x.layerNorm(this.normalizedShape, this.weight, this.bias, { eps: this.eps });
  }

  override extraRepr(): string {
    const { normalizedShape, eps, weight } = this;
    const shape = normalizedShape.length === 1 ? `${normalizedShape[0]},` : normalizedShape.join(', ');
    return `(${shape}), eps=${pythonFloat(eps)}, elementwise_affine=${pythonBool(weight !== null)}`;
  }
}

/**
 * {@link LayerNorm} of [N, C, H, W] over the channels, for each pixel: as torchvision's.
 * @throws ShapeError from forward, if the input has other channels.
 */
export class LayerNorm2d extends LayerNorm {
  override forward(x: Tensor): Tensor {
    return x.layerNorm(this.normalizedShape, this.weight, this.bias, { eps: this.eps, axis: 1 });
  }
}
