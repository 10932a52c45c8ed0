/** Adam and AdamW. The step count is kept per parameter, so that one unfrozen late starts with full bias correction. */

import { ArgumentError } from '../core/errors.ts';
import type { OptionNames } from '../core/options.ts';
import { recordUpdate } from '../graph/record.ts';
import type { Value } from '../graph/value.ts';
import { adam, adamHyper, adamw } from '../kernels/optimizer.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { type GroupOptions, Optimizer, type ParamGroup } from './optimizer.ts';

/** Hyperparameters of {@link Adam} and {@link AdamW}. */
export interface AdamOptions {
  /** Learning rate; 1e-3 by default. */
  lr: number;
  /** Decay of the moments; [0.9, 0.999] by default. */
  betas: readonly [number, number];
  /** 1e-8 by default. */
  eps: number;
  /** Added to the gradient as this share of the weight (Adam), or taken off the weight itself (AdamW). */
  weightDecay: number;
}

const OPTIONS: OptionNames<AdamOptions> = { lr: true, betas: true, eps: true, weightDecay: true };

/** Adam (Kingma and Ba 2015). Weight decay is L2: added to the gradient. */
export class Adam extends Optimizer<AdamOptions> {
  /** @param weightDecay what it is by default; for subclasses */
  constructor(
    params: Iterable<Tensor> | Iterable<GroupOptions<AdamOptions>>,
    options: Partial<AdamOptions> = {},
    weightDecay = 0,
  ) {
    super(params, { lr: 1e-3, betas: [0.9, 0.999], eps: 1e-8, weightDecay }, options, OPTIONS);
    for (const { betas } of this.paramGroups)
      if (!betas.every((b) => b >= 0 && b < 1))
        throw new ArgumentError(`Adam: betas must be from 0 to below 1, got [${betas.join(', ')}].`);
  }

  protected get kernel(): { name: string; update: typeof adam } {
    return { name: 'adam', update: adam };
  }

  protected update(param: Tensor, inputs: readonly Value[], group: ParamGroup<AdamOptions>): void {
    const first = this.state(param, 'exp_avg', param.shape);
    const second = this.state(param, 'exp_avg_sq', param.shape);
    const count = this.state(param, 'step', [1]);
    const { name, update } = this.kernel;
    recordUpdate(inputs, [param.value, first, second, count], {
      name,
      key: '',
      scalars: adamHyper(group),
      update: (hyper, skip) => update(hyper, { skip }),
    });
  }
}

/**
 * Adam with decoupled weight decay (Loshchilov and Hutter 2019), 0.01 by default.
 * @example
 * const optimizer = new AdamW(model.parameters(), { lr: 1e-3, weightDecay: 0.01 });
 */
export class AdamW extends Adam {
  constructor(params: Iterable<Tensor> | Iterable<GroupOptions<AdamOptions>>, options: Partial<AdamOptions> = {}) {
    super(params, options, 0.01);
  }

  protected override get kernel(): { name: string; update: typeof adam } {
    return { name: 'adamw', update: adamw };
  }
}
