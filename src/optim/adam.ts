/** Adam and AdamW. The step count is kept per parameter, so that one unfrozen late starts with full bias correction. */
import { ArgumentError } from '../core/errors.ts';
import { recordUpdate } from '../graph/record.ts';
import { hostValue, type Value } from '../graph/value.ts';
import { input } from '../kernels/kernel.ts';
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
  weightDecay: number;
}

/** Adam (Kingma and Ba 2015). Weight decay is L2: added to the gradient. */
export class Adam extends Optimizer<AdamOptions> {
  constructor(params: Iterable<Tensor> | Iterable<GroupOptions<AdamOptions>>, options: Partial<AdamOptions> = {}) {
    super(params, { lr: 1e-3, betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0, ...options });
    for (const { betas } of this.paramGroups)
      if (!betas.every((b) => b >= 0 && b < 1))
        throw new ArgumentError(`Adam: betas must be from 0 to below 1, got [${betas.join(', ')}].`);
  }

  protected hyperparameters(group: ParamGroup<AdamOptions>): Value {
    const hyper = adamHyper(group);
    return hostValue([hyper.length], 'float32', hyper);
  }

  protected get kernel(): { name: string; lower: typeof adam } {
    return { name: 'adam', lower: adam };
  }

  protected update(param: Tensor, inputs: readonly Value[]): void {
    const first = this.state(param, 'exp_avg', param.shape);
    const second = this.state(param, 'exp_avg_sq', param.shape);
    const count = this.state(param, 'step', [1]);
    const { name, lower } = this.kernel;
    recordUpdate(name, inputs, [param.value, first, second, count], {
      key: '',
      lower: (target) => lower(target, { size: param.size, skip: inputs[2] && input(2) }),
    });
  }
}

/** Adam with decoupled weight decay (Loshchilov and Hutter 2019), 0.01 by default. */
export class AdamW extends Adam {
  constructor(params: Iterable<Tensor> | Iterable<GroupOptions<AdamOptions>>, options: Partial<AdamOptions> = {}) {
    super(params, { weightDecay: 0.01, ...options });
  }

  protected override get kernel(): { name: string; lower: typeof adam } {
    return { name: 'adamw', lower: adamw };
  }
}
