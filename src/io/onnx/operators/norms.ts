/** Normalisations and softmaxes. */
import { formatShape, normalizeAxis } from '../../../core/shape.ts';
import type { Tensor } from '../../../tensor/tensor.ts';
import { type Call, onDevice, type Rule } from './call.ts';

/** A vector of channels as it broadcasts against [N, C, …]. */
const perChannel = (v: Tensor, x: Tensor): Tensor => v.reshape([-1, ...new Array(x.rank - 2).fill(1)]);

/** [N, C, …] as images. */
const asImages = (x: Tensor): Tensor =>
  x.rank === 4
    ? x
    : x.rank < 4
      ? x.reshape([...x.shape, ...new Array(4 - x.rank).fill(1)])
      : x.reshape([x.shape[0]!, x.shape[1]!, x.shape[2]!, -1]);

/** How a batch norm of a graph is computed; `training` by the batch's statistics, which move the running ones by `momentum`. */
export interface BatchNormOptions {
  readonly training: boolean;
  readonly momentum: number;
  readonly eps: number;
}

/** Batch normalisation of [N, C, …] of any rank. */
export function batchNorm(
  x: Tensor,
  [weight, bias, mean, variance]: readonly [Tensor, Tensor, Tensor | null, Tensor | null],
  options: BatchNormOptions,
): Tensor {
  return asImages(x).batchNorm2d(weight, bias, mean, variance, options).reshape(x.shape);
}

/** x over its mean and variance along the axes from `from` on, once for each place before. */
function standardized(x: Tensor, from: number, eps: number): Tensor {
  return x.layerNorm(x.shape.slice(from), null, null, { eps });
}

function instanceNorm(call: Call, x: Tensor): Tensor {
  const y = standardized(x.reshape([x.shape[0]!, x.shape[1]!, -1]), 2, call.float('epsilon', 1e-5)).reshape(x.shape);
  return y.mul(perChannel(call.tensor(1), x)).add(perChannel(call.tensor(2), x));
}

function groupNorm(call: Call, x: Tensor): Tensor {
  const [N, C] = x.shape as [number, number];
  const groups = call.int('num_groups', 1);
  const y = standardized(x.reshape([N, groups, -1]), 2, call.float('epsilon', 1e-5)).reshape(x.shape);
  // Before opset 21 there is one weight a group.
  const each = (v: Tensor): Tensor =>
    perChannel(
      v.size === C
        ? v
        : v
            .reshape([groups, 1])
            .expand([groups, C / groups])
            .reshape([C]),
      x,
    );
  return y.mul(each(call.tensor(1))).add(each(call.tensor(2)));
}

function layerNorm(call: Call, x: Tensor): Tensor {
  if (call.outputs > 1) call.refuse('its mean and deviation, its further outputs, are not computed here.');
  const axis = normalizeAxis('LayerNormalization', call.int('axis', -1), x.rank);
  const shape = x.shape.slice(axis);
  const eps = call.float('epsilon', 1e-5);
  const [scale, shift] = [call.tensor(1), call.optional(2)];
  const fits = (v: Tensor | null) => !v || formatShape(v.shape) === formatShape(shape);
  if (fits(scale) && fits(shift)) return x.layerNorm(shape, scale, shift, { eps });
  const y = standardized(x, axis, eps).mul(scale);
  return shift ? y.add(shift) : y;
}

/** x / (bias + alpha mean)^beta, the mean of the squares of `size` neighbouring channels; there are zeros beyond the first and last. */
function lrn(call: Call, x: Tensor): Tensor {
  const size = call.int('size', 1);
  const [N, C] = x.shape as [number, number];
  const before = Math.floor((size - 1) / 2);
  const rows = x
    .square()
    .reshape([N, 1, C, -1])
    .pad([0, 0, before, size - 1 - before]);
  const mean = rows.avgPool2d([size, 1], { stride: 1 }).reshape(x.shape);
  return x.mul(mean.mul(call.float('alpha', 1e-4)).add(call.float('bias', 1)).pow(-call.float('beta', 0.75)));
}

function lpNorm(call: Call, x: Tensor): Tensor {
  const axis = call.int('axis', -1);
  const p = call.int('p', 2);
  const keep = { keepdim: true };
  const norm = p === 1 ? x.abs().sum(axis, keep) : x.square().sum(axis, keep).sqrt();
  // Where all is 0 it stays so.
  return x.div(norm.maximum(1e-12));
}

/** A softmax along one axis; before opset 13, over everything from that axis on. */
const softmax = (kind: 'softmax' | 'logSoftmax'): Rule =>
  onDevice((call, x) => {
    if (call.opset >= 13) return x[kind](normalizeAxis(kind, call.int('axis', -1), x.rank));
    const axis = normalizeAxis(kind, call.int('axis', 1), x.rank);
    if (axis === x.rank - 1) return x[kind](axis);
    return x.flatten(axis)[kind](axis).reshape(x.shape);
  });

export const NORMS: Readonly<Record<string, Rule>> = {
  BatchNormalization: onDevice((call, x) => {
    if (call.outputs > 1 && call.int('training_mode', 0))
      call.refuse('its running statistics as outputs are not computed here.');
    const tensors = [1, 2, 3, 4].map((i) => call.tensor(i)) as [Tensor, Tensor, Tensor, Tensor];
    return batchNorm(x, tensors, { training: false, momentum: 0, eps: call.float('epsilon', 1e-5) });
  }),
  InstanceNormalization: onDevice(instanceNorm),
  GroupNormalization: onDevice(groupNorm),
  LayerNormalization: onDevice(layerNorm),
  RMSNormalization: onDevice((call, x) => {
    const axis = normalizeAxis('RMSNormalization', call.int('axis', -1), x.rank);
    const axes = x.shape.map((_, d) => d).slice(axis);
    const square = x.square().mean(axes, { keepdim: true });
    return x.mul(square.add(call.float('epsilon', 1e-5)).rsqrt()).mul(call.tensor(1));
  }),
  MeanVarianceNormalization: onDevice((call, x) => {
    const axes = call.ints('axes', [0, 2, 3]);
    const centred = x.sub(x.mean(axes, { keepdim: true }));
    return centred.div(centred.square().mean(axes, { keepdim: true }).sqrt().add(1e-9));
  }),
  LpNormalization: onDevice(lpNorm),
  LRN: onDevice(lrn),
  Softmax: softmax('softmax'),
  LogSoftmax: softmax('logSoftmax'),
};
