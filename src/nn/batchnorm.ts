/** Batch normalisation, with a state that most frameworks lack: frozen. */

import { check } from '../core/check.ts';
import { ShapeError } from '../core/errors.ts';
import { checkOptions, type OptionNames } from '../core/options.ts';
import { formatShape } from '../core/shape.ts';
import { isReplaying } from '../tensor/replay.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { constantValues } from './init.ts';
import { Module } from './module.ts';
import { Buffer, Counter, Parameter } from './parameter.ts';
import { pythonBool, pythonFloat } from './print.ts';
import { COUNT } from './sizes.ts';

/** What a frozen batch norm does in training mode: keep its statistics, or update them as PyTorch does. */
export type FrozenStats = 'keep' | 'update';

/** Options of {@link BatchNorm2d}. */
export interface BatchNorm2dOptions {
  /** Added to the variance; 1e-5 by default. */
  eps?: number;
  /** The share of the new statistics; 0.1 by default. null averages over all batches since the start. */
  momentum?: number | null;
  /** Whether there are a weight and a bias; true by default. */
  affine?: boolean;
  /** Whether running statistics are kept; true by default. Without them batch statistics are used always. */
  trackRunningStats?: boolean;
  /** 'keep' by default. */
  frozenStats?: FrozenStats;
}

const OPTIONS: OptionNames<BatchNorm2dOptions> = {
  eps: true,
  momentum: true,
  affine: true,
  trackRunningStats: true,
  frozenStats: true,
};

let warnedHalfFrozen = false;

/**
 * Batch normalisation of [N, C, H, W] per channel: (x - mean) / sqrt(variance + eps) * weight + bias.
 *
 * - Training: statistics of the batch (biased variance); running statistics move by `momentum` (unbiased variance), as in PyTorch.
 * - Evaluation: running statistics.
 * - Frozen (weight and bias have `requires_grad` false): running statistics, never changed, in training mode too.
 *   PyTorch would go on updating them; `frozenStats: 'update'` does that.
 * @throws ShapeError from forward, if the input is not 4-D or has other channels.
 * @see https://arxiv.org/abs/1502.03167
 */
export class BatchNorm2d extends Module {
  weight: Parameter | null;
  bias: Parameter | null;
  running_mean: Buffer | null;
  running_var: Buffer | null;
  num_batches_tracked: Counter | null;
  readonly numFeatures: number;
  readonly eps: number;
  momentum: number | null;
  frozenStats: FrozenStats;

  constructor(numFeatures: number, options: BatchNorm2dOptions = {}) {
    super();
    checkOptions('BatchNorm2d', options, OPTIONS);
    const { eps = 1e-5, momentum = 0.1, affine = true, trackRunningStats = true, frozenStats = 'keep' } = options;
    const shape = [check('BatchNorm2d', 'numFeatures', numFeatures, COUNT)];
    const zeros = constantValues(numFeatures, 0);
    const ones = constantValues(numFeatures, 1);
    this.numFeatures = numFeatures;
    this.eps = eps;
    this.momentum = momentum;
    this.frozenStats = frozenStats;
    this.weight = affine ? new Parameter(shape, ones) : null;
    this.bias = affine ? new Parameter(shape, zeros) : null;
    this.running_mean = trackRunningStats ? new Buffer(shape, zeros) : null;
    this.running_var = trackRunningStats ? new Buffer(shape, ones) : null;
    this.num_batches_tracked = trackRunningStats ? new Counter() : null;
  }

  /** Whether the affine parameters are all frozen, and the statistics with them. */
  get frozen(): boolean {
    const { weight, bias } = this;
    return this.frozenStats === 'keep' && weight?.requires_grad === false && bias?.requires_grad === false;
  }

  /** Statistics of a few thousand values do not fit float16; the output has the input's type all the same. */
  protected override get keepsFloat32(): boolean {
    return true;
  }

  override forward(x: Tensor): Tensor {
    if (x.rank !== 4 || x.shape[1] !== this.numFeatures)
      throw new ShapeError(
        'batchNorm2d',
        `input must be [N, ${this.numFeatures}, H, W], got ${formatShape(x.shape)}.`,
        [x.shape],
      );
    const { weight, bias, running_mean, running_var, eps } = this;
    const updates = this.training && !this.frozen && running_mean !== null;
    if (updates) this.#warnIfHalfFrozen();
    // A checkpointed part that runs again has moved its statistics the first time.
    if (updates && isReplaying()) return x.batchNorm2d(weight, bias, null, null, { training: true, eps });
    const momentum = updates ? this.#countBatch() : 0;
    const training = updates || running_mean === null;
    return x.batchNorm2d(weight, bias, running_mean, running_var, { training, momentum, eps });
  }

  /** Counts a training batch; gives the share that its statistics get. */
  #countBatch(): number {
    const count = this.num_batches_tracked?.increment() ?? 1;
    return this.momentum ?? 1 / count;
  }

  #warnIfHalfFrozen(): void {
    if (warnedHalfFrozen || this.frozenStats === 'update') return;
    if (!this.weight || !this.bias || this.weight.requires_grad === this.bias.requires_grad) return;
    warnedHalfFrozen = true;
    const [frozen, trainable] = this.weight.requires_grad ? ['bias', 'weight'] : ['weight', 'bias'];
    console.warn(
      `BatchNorm2d(${this.numFeatures}): ${frozen} is frozen and ${trainable} is not, so its running statistics keep changing. ` +
        'Freeze both to freeze the layer.',
    );
  }

  override extraRepr(): string {
    const momentum = this.momentum === null ? 'None' : pythonFloat(this.momentum);
    const affine = pythonBool(this.weight !== null);
    const tracked = pythonBool(this.running_mean !== null);
    return `${this.numFeatures}, eps=${pythonFloat(this.eps)}, momentum=${momentum}, affine=${affine}, track_running_stats=${tracked}`;
  }
}
