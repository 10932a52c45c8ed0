/** Keras's batch normalisation, and its layers that shift and scale an input by fixed numbers. */
import { ShapeError } from '../../core/errors.ts';
import { checkOptions } from '../../core/options.ts';
import { formatShape, sizeOf } from '../../core/shape.ts';
import { recordAssign, recordElementwise } from '../../graph/record.ts';
import { BatchNorm2d, Buffer, Module, Parameter } from '../../nn/index.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { axisHere } from './shape.ts';

/** Options of {@link BatchNormalization}. */
export interface BatchNormalizationOptions {
  /** Added to the variance; 1e-3 by default. */
  epsilon?: number;
  /** The share that the moving statistics keep; 0.99 by default. */
  momentum?: number;
  /** Whether there is a gamma (`weight`); true by default. */
  scale?: boolean;
  /** Whether there is a beta (`bias`); true by default. */
  center?: boolean;
}

/**
 * Batch normalisation by Keras's rules: a layer that is not trainable runs in inference mode, in training too;
 * the moving variance is the biased one; `momentum` here is PyTorch's, the share of the new statistics, 1 - Keras's.
 * Takes [N, C, H, W] and [N, C].
 */
export class BatchNormalization extends BatchNorm2d {
  /** False freezes the statistics too, with or without gamma and beta. `layer.trainable` sets it. */
  trainable = true;

  constructor(channels: number, options: BatchNormalizationOptions = {}) {
    checkOptions('BatchNormalization', options, { epsilon: true, momentum: true, scale: true, center: true });
    const { epsilon = 1e-3, momentum = 0.99, scale = true, center = true } = options;
    super(channels, { eps: epsilon, momentum: 1 - momentum });
    if (!scale) this.weight = null;
    if (!center) this.bias = null;
    this.num_batches_tracked = null;
  }

  override get frozen(): boolean {
    if (this.frozenStats === 'update') return false;
    const own = [this.weight, this.bias].filter((p) => p !== null);
    return !this.trainable || (own.length > 0 && own.every((p) => !p.requires_grad));
  }

  override forward(x: Tensor): Tensor {
    if ((x.rank !== 4 && x.rank !== 2) || x.shape[1] !== this.numFeatures)
      throw new ShapeError(
        'batchNorm2d',
        `input must be [N, ${this.numFeatures}, H, W] or [N, ${this.numFeatures}], got ${formatShape(x.shape)}.`,
        [x.shape],
      );
    const image = x.rank === 4 ? x : x.reshape([...x.shape, 1, 1]);
    const { weight, bias, running_mean, running_var, eps } = this;
    const training = this.training && !this.frozen;
    const share = training ? (this.momentum ?? 0) : 0;
    const variance = running_var!.value;
    const before = training ? recordElementwise('movingVariance', 'a', [variance], variance.shape) : variance;
    const y = image.batchNorm2d(weight, bias, running_mean, running_var, { training, momentum: share, eps });
    if (training) {
      // The op keeps PyTorch's unbiased estimate, n / (n - 1) of Keras's: v (n - 1) / n + before (1 - share) / n is the biased one.
      const n = image.size / this.numFeatures;
      recordAssign('movingVariance', 'a * s + b * t', variance, [variance, before], [(n - 1) / n, (1 - share) / n]);
    }
    return x.rank === 4 ? y : y.reshape(x.shape);
  }
}

/** Values [C] or one number, as they broadcast against an input. */
function constant(values: readonly number[], rank: number): Tensor {
  const shape = values.length > 1 && rank === 4 ? [values.length, 1, 1] : [values.length];
  return new Buffer(shape, () => Float32Array.from(values));
}

/** x * scale + offset; numbers, or one a channel. */
export class Rescaling extends Module {
  readonly #scale: number | Tensor;
  readonly #offset: number | Tensor;

  constructor(scale: number | readonly number[], offset: number | readonly number[], rank = 4) {
    super();
    this.#scale = typeof scale === 'number' ? scale : constant(scale, rank);
    this.#offset = typeof offset === 'number' ? offset : constant(offset, rank);
  }

  override forward(x: Tensor): Tensor {
    return x.mul(this.#scale).add(this.#offset);
  }
}

/** (x - mean) / sqrt(variance) by numbers of the data set, one a channel or one for all: they are saved with the model. */
export class Normalization extends Module {
  /** Weights of the layer where the data set told the numbers; null where they are options of it. */
  mean: Buffer | null;
  variance: Buffer | null;
  readonly #options: readonly [mean: Buffer, variance: Buffer] | null;

  /** @param size channels, or 0 for one number. */
  constructor(size: number, values?: { mean: readonly number[]; variance: readonly number[] }) {
    super();
    const shape = size === 0 ? [] : [size];
    const filled = (given: readonly number[] | undefined, otherwise: number) => () =>
      Float32Array.from({ length: Math.max(1, size) }, (_, i) => given?.[given.length === 1 ? 0 : i] ?? otherwise);
    const numbers = [
      new Buffer(shape, filled(values?.mean, 0)),
      new Buffer(shape, filled(values?.variance, 1)),
    ] as const;
    this.#options = values === undefined ? null : numbers;
    this.mean = values === undefined ? numbers[0] : null;
    this.variance = values === undefined ? numbers[1] : null;
  }

  override forward(x: Tensor): Tensor {
    const [mean, variance] = this.#options ?? [this.mean!, this.variance!];
    const shape = mean.rank === 1 && x.rank === 4 ? [mean.size, 1, 1] : [...mean.shape];
    // Keras's own floor, so that a constant channel does not divide by zero.
    const deviation = variance.sqrt().maximum(1e-7);
    return x.sub(mean.reshape(shape)).div(deviation.reshape(shape));
  }
}

/** Options of {@link LayerNormalization}. */
export interface LayerNormalizationOptions {
  /** Of Keras's layout; the last one by default. */
  axis?: number;
  /** Added to the variance; 1e-3 by default. */
  epsilon?: number;
  /** Whether there is a gamma (`weight`); true by default. */
  scale?: boolean;
  /** Whether there is a beta (`bias`); true by default. */
  center?: boolean;
}

/** Normalises each element of a batch along one axis, the channels by default, by its own mean and deviation there. */
export class LayerNormalization extends Module {
  weight: Parameter | null;
  bias: Parameter | null;
  readonly axis: number;
  readonly epsilon: number;

  /** @param size of the axis. */
  constructor(size: number, options: LayerNormalizationOptions = {}) {
    super();
    const { axis = -1, epsilon = 1e-3, scale = true, center = true } = options;
    this.axis = axis;
    this.epsilon = epsilon;
    this.weight = scale ? filled([size], 1) : null;
    this.bias = center ? filled([size], 0) : null;
  }

  override forward(x: Tensor): Tensor {
    const axis = axisHere(this.axis, x.rank);
    const along = (parameter: Parameter) => parameter.reshape(x.shape.map((_, i) => (i === axis ? parameter.size : 1)));
    const centred = x.sub(x.mean([axis], { keepdim: true }));
    const variance = centred.mul(centred).mean([axis], { keepdim: true });
    const y = centred.div(variance.add(this.epsilon).sqrt());
    const scaled = this.weight ? y.mul(along(this.weight)) : y;
    return this.bias ? scaled.add(along(this.bias)) : scaled;
  }

  override extraRepr(): string {
    return `axis=${this.axis}, epsilon=${this.epsilon}`;
  }
}

/** x * gamma, one number a channel: ConvNeXt's. */
export class LayerScale extends Module {
  weight: Parameter;

  constructor(channels: number, initValue: number) {
    super();
    this.weight = filled([channels], initValue);
  }

  override forward(x: Tensor): Tensor {
    return x.mul(x.rank === 4 ? this.weight.reshape([this.weight.size, 1, 1]) : this.weight);
  }
}

function filled(shape: readonly number[], value: number): Parameter {
  return new Parameter(shape, () => new Float32Array(sizeOf(shape)).fill(value));
}
