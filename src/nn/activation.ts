/** Activation functions as layers. `inplace` only shows in the printed text: results never overwrite their input. */
import { checkNumber, checkOptions } from '../core/options.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { Module } from './module.ts';
import { pythonFloat } from './print.ts';

/** Options of the activations that PyTorch has in place too. */
export interface ActivationOptions {
  /** Printed, as in PyTorch; nothing else depends on it. */
  inplace?: boolean;
}

abstract class Activation extends Module {
  readonly inplace: boolean;

  constructor(options: ActivationOptions = {}) {
    super();
    checkOptions(this.typeName, options, { inplace: true });
    this.inplace = options.inplace ?? false;
  }

  override extraRepr(): string {
    return this.inplace ? 'inplace=True' : '';
  }
}

/** max(x, 0). */
export class ReLU extends Activation {
  override forward(x: Tensor): Tensor {
    return x.relu();
  }
}

/** min(max(x, 0), 6). */
export class ReLU6 extends Activation {
  override forward(x: Tensor): Tensor {
    return x.relu6();
  }
}

/** x where positive, else slope * x. */
export class LeakyReLU extends Activation {
  readonly slope: number;

  constructor(slope = 0.01, options: ActivationOptions = {}) {
    super(options);
    this.slope = checkNumber('LeakyReLU', 'slope', slope);
  }

  override forward(x: Tensor): Tensor {
    return x.leakyRelu(this.slope);
  }

  /** As PyTorch spells them. */
  override extraRepr(): string {
    return `negative_slope=${pythonFloat(this.slope)}${this.inplace ? ', inplace=True' : ''}`;
  }
}

/** 1 / (1 + exp(-x)). */
export class Sigmoid extends Module {
  override forward(x: Tensor): Tensor {
    return x.sigmoid();
  }
}

/** Hyperbolic tangent. */
export class Tanh extends Module {
  override forward(x: Tensor): Tensor {
    return x.tanh();
  }
}

/** x * sigmoid(x), also called swish. */
export class SiLU extends Activation {
  override forward(x: Tensor): Tensor {
    return x.silu();
  }
}

/** x times the normal distribution function of x, exact or by its tanh approximation. https://arxiv.org/abs/1606.08415 */
export class GELU extends Module {
  readonly approximate: 'none' | 'tanh';

  constructor(options: { approximate?: 'none' | 'tanh' } = {}) {
    super();
    checkOptions('GELU', options, { approximate: true });
    this.approximate = options.approximate ?? 'none';
  }

  override forward(x: Tensor): Tensor {
    return x.gelu({ approximate: this.approximate });
  }

  override extraRepr(): string {
    return `approximate='${this.approximate}'`;
  }
}

/** x * relu6(x + 3) / 6. https://arxiv.org/abs/1905.02244 */
export class Hardswish extends Module {
  override forward(x: Tensor): Tensor {
    return x.hardswish();
  }
}

/** relu6(x + 3) / 6. */
export class Hardsigmoid extends Module {
  override forward(x: Tensor): Tensor {
    return x.hardsigmoid();
  }
}

/** exp(x) divided by its sum along `axis`. */
export class Softmax extends Module {
  readonly axis: number;

  constructor(axis: number) {
    super();
    this.axis = axis;
  }

  override forward(x: Tensor): Tensor {
    return x.softmax(this.axis);
  }

  override extraRepr(): string {
    return `dim=${this.axis}`;
  }
}

/** The logarithm of {@link Softmax}, without its overflow. */
export class LogSoftmax extends Module {
  readonly axis: number;

  constructor(axis: number) {
    super();
    this.axis = axis;
  }

  override forward(x: Tensor): Tensor {
    return x.logSoftmax(this.axis);
  }

  override extraRepr(): string {
    return `dim=${this.axis}`;
  }
}
