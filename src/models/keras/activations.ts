/** Keras's activation functions by name. */
import { sizeOf } from '../../core/shape.ts';
import { Module, Parameter } from '../../nn/index.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { isJson, type LayerConfig } from './config.ts';
import { axisHere } from './shape.ts';

const hardSilu = (x: Tensor) =>
  x.mul(
    x
      .add(3)
      .relu6()
      .mul(1 / 6),
  );

const ACTIVATIONS = {
  linear: (x: Tensor) => x,
  relu: (x: Tensor) => x.relu(),
  relu6: (x: Tensor) => x.relu6(),
  leaky_relu: (x: Tensor) => x.leakyRelu(0.2),
  sigmoid: (x: Tensor) => x.sigmoid(),
  tanh: (x: Tensor) => x.tanh(),
  silu: (x: Tensor) => x.silu(),
  swish: (x: Tensor) => x.silu(),
  hard_silu: hardSilu,
  hard_swish: hardSilu,
  gelu: (x: Tensor) => x.gelu(),
  softmax: (x: Tensor) => x.softmax(axisHere(-1, x.rank)),
} as const;

/** What `activation` may be in a layer. */
export type ActivationName = keyof typeof ACTIVATIONS;

export function activate(x: Tensor, name: ActivationName): Tensor {
  return ACTIVATIONS[name](x);
}

/** The activation of a layer's configuration: a name, or Keras 3's description of a function. */
export function activationOf(config: LayerConfig): ActivationName {
  const value = config.get('activation') ?? 'linear';
  const named = isJson(value) ? (value.class_name === 'function' ? value.config : value.class_name) : value;
  if (typeof named === 'string' && Object.hasOwn(ACTIVATIONS, named)) return named as ActivationName;
  throw config.error(
    `activation ${JSON.stringify(named)} is not supported: expected one of ${Object.keys(ACTIVATIONS).join(', ')}.`,
  );
}

/** An activation function as a layer. */
export class Activation extends Module {
  activation: ActivationName;

  constructor(activation: ActivationName) {
    super();
    this.activation = activation;
  }

  override forward(x: Tensor): Tensor {
    return activate(x, this.activation);
  }

  override extraRepr(): string {
    return this.activation;
  }
}

export interface ReLUOptions {
  /** Larger values become this; none by default. */
  maxValue?: number | null;
  /** 0 by default. */
  negativeSlope?: number;
  /** Where the slope changes; 0 by default. */
  threshold?: number;
}

/** x from `threshold` up, at most `maxValue`; below, negativeSlope * (x - threshold). */
export class ReLU extends Module {
  readonly maxValue: number | null;
  readonly negativeSlope: number;
  readonly threshold: number;

  constructor(options: ReLUOptions = {}) {
    super();
    this.maxValue = options.maxValue ?? null;
    this.negativeSlope = options.negativeSlope ?? 0;
    this.threshold = options.threshold ?? 0;
  }

  override forward(x: Tensor): Tensor {
    const { maxValue, negativeSlope, threshold } = this;
    if (threshold === 0 && negativeSlope === 0) {
      if (maxValue === null) return x.relu();
      return maxValue === 6 ? x.relu6() : x.clamp(0, maxValue);
    }
    const below = x.sub(threshold).mul(negativeSlope);
    const y = threshold === 0 ? x.leakyRelu(negativeSlope) : x.ge(threshold).where(x, below);
    return maxValue === null ? y : y.minimum(maxValue);
  }

  override extraRepr(): string {
    const parts = [
      this.maxValue === null ? '' : `max_value=${this.maxValue}`,
      this.negativeSlope === 0 ? '' : `negative_slope=${this.negativeSlope}`,
      this.threshold === 0 ? '' : `threshold=${this.threshold}`,
    ];
    return parts.filter((part) => part !== '').join(', ');
  }
}

/** x where it is above 0, alpha * x below: an alpha for each element, or for all of an axis that shares it. */
export class PReLU extends Module {
  /** [C, H, W] for images, 1 where it is shared. */
  weight: Parameter;

  /** @param shape of alpha, as here. */
  constructor(shape: readonly number[]) {
    super();
    this.weight = new Parameter(shape, () => new Float32Array(sizeOf(shape)));
  }

  override forward(x: Tensor): Tensor {
    return x.relu().sub(x.neg().relu().mul(this.weight));
  }
}
