/** Stochastic depth: residual branches that are left out at random. */
import { check, oneOf, PROBABILITY } from '../core/check.ts';
import { checkOptions } from '../core/options.ts';
import { ones } from '../tensor/factory.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { type AnyModule, Module } from './module.ts';
import { pythonFloat } from './print.ts';

/** Whether {@link StochasticDepth} zeroes each sample on its own, or all of a batch together. */
export type StochasticDepthMode = 'row' | 'batch';

/** Options of {@link StochasticDepth}. */
export interface StochasticDepthOptions {
  /** The residual block that it is part of: while all parameters of that are frozen, nothing is dropped. */
  block?: AnyModule;
}

const MODE = oneOf('batch', 'row');

/**
 * In training, zeroes its input with probability `p` and scales what is left by 1 / (1 - p); else the identity. Applied to the branch of a
 * residual block, it leaves the shortcut alone. A frozen block is the same in every epoch: told its `block`, it keeps that so.
 * Masks follow from `manualSeed`. Huang et al. 2016, https://arxiv.org/abs/1603.09382
 * @throws ArgumentError for a probability out of range, or an unknown mode.
 */
export class StochasticDepth extends Module {
  readonly p: number;
  readonly mode: StochasticDepthMode;
  readonly #block: AnyModule | undefined;

  constructor(p: number, mode: StochasticDepthMode, options: StochasticDepthOptions = {}) {
    super();
    checkOptions('StochasticDepth', options, { block: true });
    this.p = check('StochasticDepth', 'p', p, PROBABILITY);
    this.mode = check('StochasticDepth', 'mode', mode, MODE);
    this.#block = options.block;
  }

  /** Whether it was told its block, and no parameter of that is trainable. */
  get frozen(): boolean {
    return this.#block !== undefined && !isTrainable(this.#block);
  }

  override forward(x: Tensor): Tensor {
    if (!this.training || this.p === 0 || this.frozen) return x;
    const shape = x.shape.map((size, axis) => (axis === 0 && this.mode === 'row' ? size : 1));
    return x.mul(ones(shape, { dtype: x.dtype }).dropout(this.p));
  }

  override extraRepr(): string {
    return `p=${pythonFloat(this.p)}, mode=${this.mode}`;
  }
}

/** Whether a parameter of the module or below it is trainable: asked of every block in every step, so it ends at the first one. */
function isTrainable(module: AnyModule, seen = new Set<AnyModule>()): boolean {
  if (seen.has(module)) return false;
  seen.add(module);
  const own = module.ownParameters().some(([, parameter]) => parameter.requires_grad);
  return own || module.children().some((child) => isTrainable(child, seen));
}
