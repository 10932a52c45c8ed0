/** Stochastic gradient descent with momentum, in PyTorch's form. */

import { ArgumentError } from '../core/errors.ts';
import type { OptionNames } from '../core/options.ts';
import { recordUpdate } from '../graph/record.ts';
import type { Value } from '../graph/value.ts';
import { sgd, sgdHyper } from '../kernels/optimizer.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { type GroupOptions, Optimizer, type ParamGroup } from './optimizer.ts';

/** Hyperparameters of {@link SGD}. */
export interface SGDOptions {
  /** Learning rate. */
  lr: number;
  /** 0 by default: no velocity is kept. */
  momentum: number;
  /** Share of a new gradient that momentum leaves out; 0 by default. */
  dampening: number;
  /** L2: added to the gradient. */
  weightDecay: number;
  /** Nesterov's momentum, which looks a step ahead; off by default. */
  nesterov: boolean;
}

const OPTIONS: OptionNames<SGDOptions> = {
  lr: true,
  momentum: true,
  dampening: true,
  weightDecay: true,
  nesterov: true,
};

/**
 * v = momentum v + g (the first time v = g); p -= lr v, with Nesterov lr (g + momentum v). Sutskever et al. 2013.
 * @example
 * const optimizer = new SGD(model.parameters(), { lr: 1e-2, momentum: 0.9, weightDecay: 1e-4 });
 */
export class SGD extends Optimizer<SGDOptions> {
  constructor(
    params: Iterable<Tensor> | Iterable<GroupOptions<SGDOptions>>,
    options: Partial<SGDOptions> & { lr: number },
  ) {
    super(params, { momentum: 0, dampening: 0, weightDecay: 0, nesterov: false }, options, OPTIONS);
    for (const g of this.paramGroups)
      if (g.nesterov && (g.momentum <= 0 || g.dampening !== 0))
        throw new ArgumentError('SGD: Nesterov momentum needs momentum above 0 and no dampening.');
  }

  protected update(param: Tensor, inputs: readonly Value[], group: ParamGroup<SGDOptions>): void {
    const [momentum, dampening] = [group.momentum > 0, group.momentum > 0 && group.dampening > 0];
    const slots = [param.value];
    if (momentum) slots.push(this.state(param, 'momentum_buffer', param.shape));
    if (dampening) slots.push(this.state(param, 'step', [1]));
    recordUpdate(inputs, slots, {
      name: 'sgd',
      key: `${momentum},${dampening}`,
      scalars: sgdHyper(group),
      update: (hyper, skip) => sgd(hyper, { momentum, dampening, skip }),
    });
  }
}
