/** Fully connected layer. */
import { check } from '../core/check.ts';
import { checkOptions, type OptionNames } from '../core/options.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { layerBias, layerWeight } from './init.ts';
import { Module } from './module.ts';
import { Parameter } from './parameter.ts';
import { pythonBool } from './print.ts';
import { COUNT } from './sizes.ts';

/** Options of {@link Linear}. */
export interface LinearOptions {
  /** Whether there is a bias; true by default. */
  bias?: boolean;
}

const OPTIONS: OptionNames<LinearOptions> = { bias: true };

/**
 * y = x W^T + b over the last axis: [..., inFeatures] to [..., outFeatures].
 * @throws ShapeError from forward, if the last axis is not inFeatures long.
 * @example
 * model.linear = new Linear(model.linear.inFeatures, 10); // a new head of ten classes
 */
export class Linear extends Module {
  /** [outFeatures, inFeatures]. */
  weight: Parameter;
  /** [outFeatures], or null. */
  bias: Parameter | null;
  readonly inFeatures: number;
  readonly outFeatures: number;

  constructor(inFeatures: number, outFeatures: number, options: LinearOptions = {}) {
    super();
    checkOptions('Linear', options, OPTIONS);
    const shape = [
      check('Linear', 'outFeatures', outFeatures, COUNT),
      check('Linear', 'inFeatures', inFeatures, COUNT),
    ];
    this.inFeatures = inFeatures;
    this.outFeatures = outFeatures;
    this.weight = new Parameter(shape, layerWeight(shape));
    this.bias = (options.bias ?? true) ? new Parameter([outFeatures], layerBias(outFeatures, shape)) : null;
  }

  override forward(x: Tensor): Tensor {
    return x.linear(this.weight, this.bias);
  }

  override extraRepr(): string {
    return `in_features=${this.inFeatures}, out_features=${this.outFeatures}, bias=${pythonBool(this.bias !== null)}`;
  }
}
