/**
 * Activation checkpointing: memory for time. Chen et al. 2016, https://arxiv.org/abs/1604.06174.
 *
 * The forward pass keeps nothing inside a checkpoint; backward runs that part again and goes through it at once. What the part
 * drew the first time (dropout's seeds, the momentum of a batch norm that counts) it is given again, and running statistics do
 * not move twice.
 */
import { RegraftError } from '../core/errors.ts';
import { checkFunction } from '../core/options.ts';
import type { Value } from '../graph/value.ts';
import { accumulate } from '../ops/elementwise.ts';
import { isAutocastEnabled, withAutocast } from './autocast.ts';
import { applyOp, backward, isGradEnabled, newestNode, releaseTrail } from './autograd.ts';
import { through } from './replay.ts';
import { Tensor } from './tensor.ts';

/**
 * Runs `part(x)` without keeping its intermediate results; backward computes them again.
 * The part must be synchronous and compute the same each time; forward hooks inside it are called both times.
 * @param part From one tensor to another, as a module’s `forward`.
 * @param x What the part gets.
 * @throws RegraftError if the part uses, beside leaves, a tensor that was computed outside of it.
 * @example
 * const y = checkpoint((x) => block.forward(x), x);
 */
export function checkpoint(part: (x: Tensor) => Tensor, x: Tensor): Tensor {
  checkFunction('checkpoint', 'its part', part, 'checkpoint((x) => block.forward(x), x)');
  if (!isGradEnabled()) return part(x);
  const drawn: number[] = [];
  const mixed = isAutocastEnabled();
  const since = newestNode();
  const first = through(drawn, false, () => part(x));
  if (!first.gradNode) return first;
  if (first.gradNode.serial <= since) return first;
  // The inputs of the part are x and every leaf that it uses, so that autograd watches their versions.
  const leaves = releaseTrail(first.gradNode, since).filter((start) => start !== x);
  if (leaves.some(({ gradNode }) => gradNode))
    throw new RegraftError(
      'checkpoint: the part uses a tensor that was computed outside of it. Pass it as the input, or compute it inside.',
    );
  const inputs = [x, ...leaves];
  const op = {
    name: 'checkpoint',
    forward: () => first.value,
    backward: (gy: Value) => {
      let gx: Value | null = null;
      const again = new Tensor(x.value, { requires_grad: x.requires_grad });
      again.addGrad = (gradient) => {
        gx = accumulate(gx, gradient);
      };
      backward(
        withAutocast(mixed, () => through(drawn, true, () => part(again))),
        gy,
        false,
      );
      // The leaves have theirs: backward() gave it to them.
      return [gx, ...inputs.slice(1).map(() => null)];
    },
  };
  const { value, gradNode } = applyOp(op, inputs, null);
  return new Tensor(value, { gradNode });
}
