/** Keras's batch normalisation, and its layers that shift and scale an input by fixed numbers. */
import { ShapeError } from '../../core/errors.ts';
import { checkOptions } from '../../core/options.ts';
import { formatShape } from '../../core/shape.ts';
import { recordAssign, recordElementwise } from '../../graph/record.ts';
import { BatchNorm2d, Buffer, Module } from '../../nn/index.ts';
import type { Tensor } from '../../tensor/tensor.ts';

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
  mean: Buffer;
  variance: Buffer;
  /** Whether the numbers are weights of the layer, or options of it. */
  readonly adapted: boolean;

  /** @param size channels, or 0 for one number. */
  constructor(size: number, values?: { mean: readonly number[]; variance: readonly number[] }) {
    super();
    const shape = size === 0 ? [] : [size];
    const filled = (given: readonly number[] | undefined, otherwise: number) => () =>
      Float32Array.from({ length: Math.max(1, size) }, (_, i) => given?.[given.length === 1 ? 0 : i] ?? otherwise);
    this.adapted = values === undefined;
    this.mean = new Buffer(shape, filled(values?.mean, 0));
    this.variance = new Buffer(shape, filled(values?.variance, 1));
  }

  override forward(x: Tensor): Tensor {
    const shape = this.mean.rank === 1 && x.rank === 4 ? [this.mean.size, 1, 1] : [...this.mean.shape];
    // Keras's own floor, so that a constant channel does not divide by zero.
    const deviation = this.variance.sqrt().maximum(1e-7);
    return x.sub(this.mean.reshape(shape)).div(deviation.reshape(shape));
  }
}
