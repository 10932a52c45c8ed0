/** Dropout. */

import { check, PROBABILITY } from '../core/check.ts';
import { checkOptions } from '../core/options.ts';
import { defaultGenerator, Generator } from '../core/random.ts';
import { drawOnce } from '../tensor/replay.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { Module } from './module.ts';
import { pythonBool } from './print.ts';

/** Options of {@link Dropout}. */
export interface DropoutOptions {
  /** Makes the layer's own sequence of masks; without it they follow from `manualSeed`. */
  seed?: number;
  /** Printed, as in PyTorch; nothing else depends on it. */
  inplace?: boolean;
}

/**
 * In training, zeroes each element with probability `p` and scales the others by 1 / (1 - p); else the identity.
 * Srivastava et al. 2014.
 */
export class Dropout extends Module {
  readonly p: number;
  readonly inplace: boolean;
  #generator: Generator | undefined;

  constructor(p = 0.5, options: DropoutOptions = {}) {
    super();
    checkOptions('Dropout', options, { inplace: true, seed: true });
    this.p = check('Dropout', 'p', p, PROBABILITY);
    this.inplace = options.inplace ?? false;
    if (options.seed !== undefined) this.#generator = new Generator(options.seed);
  }

  override forward(x: Tensor): Tensor {
    if (!this.training || this.p === 0) return x;
    return x.dropout(this.p, { seed: drawOnce(() => (this.#generator ?? defaultGenerator).uint32()) });
  }

  override extraRepr(): string {
    return `p=${this.p}, inplace=${pythonBool(this.inplace)}`;
  }
}
