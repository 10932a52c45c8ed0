/** Sums, means and their like over axes. */
import { normalizeAxes, reducedShape, type Shape, stridesOf } from '../../../core/shape.ts';
import type { Tensor } from '../../../tensor/tensor.ts';
import type { Call, Rule } from './call.ts';
import { HostValue, isHost, strided } from './value.ts';

type Axes = readonly number[];
type Keep = { readonly keepdim: boolean };

/** The axes of a node: an attribute, from opset 18 on (of sums 13) an input. All where none is named. */
function axesOf(call: Call, rank: number): number[] {
  const list = call.list(1, 'axes');
  if (!list?.length && call.int('noop_with_empty_axes', 0)) return [];
  return normalizeAxes('onnx', list?.length ? list : undefined, rank);
}

/** Reduces numbers, all of a group at a time. */
function reducedHost(x: HostValue, axes: Axes, keepdim: boolean, f: (group: readonly number[]) => number): HostValue {
  const own = stridesOf(x.shape);
  const kept = x.shape.map((_, d) => d).filter((d) => !axes.includes(d));
  const order = [...kept, ...axes];
  const rows = strided(
    x,
    order.map((d) => x.shape[d]!),
    order.map((d) => own[d]!),
  ).data;
  const length = axes.reduce((n, d) => n * x.shape[d]!, 1);
  const groups = Array.from({ length: rows.length / length }, (_, i) =>
    f([...rows.subarray(i * length, (i + 1) * length)]),
  );
  return new HostValue(reducedShape(x.shape, axes, keepdim), x.kind, groups);
}

const reduction =
  (host: ((group: readonly number[]) => number) | null, device: (x: Tensor, axes: Axes, keep: Keep) => Tensor): Rule =>
  (call) => {
    const x = call.value(0);
    const axes = axesOf(call, x.shape.length);
    const keepdim = call.int('keepdims', 1) === 1;
    if (axes.length === 0) return x;
    if (isHost(x) && host) return reducedHost(x, axes, keepdim, host);
    return device(call.tensor(0), axes, { keepdim });
  };

const sum = (group: readonly number[]) => group.reduce((a, b) => a + b, 0);

const indexOfMost =
  (sign: 1 | -1): Rule =>
  (call) => {
    if (call.int('select_last_index', 0)) call.refuse('the last of equal elements is not found here.');
    const x = call.tensor(0);
    return (sign === 1 ? x : x.neg()).argmax(call.int('axis', 0), { keepdim: call.int('keepdims', 1) === 1 });
  };

export const REDUCTIONS: Readonly<Record<string, Rule>> = {
  ReduceSum: reduction(sum, (x, axes, keep) => x.sum(axes, keep)),
  ReduceMean: reduction(
    (group) => sum(group) / group.length,
    (x, axes, keep) => globalMean(x, axes, keep) ?? x.mean(axes, keep),
  ),
  ReduceMax: reduction(
    (group) => Math.max(...group),
    (x, axes, keep) => x.max(axes, keep),
  ),
  ReduceMin: reduction(
    (group) => Math.min(...group),
    (x, axes, keep) => x.min(axes, keep),
  ),
  ReduceProd: (call) => {
    const x = call.host(0);
    const axes = axesOf(call, x.shape.length);
    return reducedHost(x, axes, call.int('keepdims', 1) === 1, (group) => group.reduce((a, b) => a * b, 1));
  },
  ReduceL1: reduction(null, (x, axes, keep) => x.abs().sum(axes, keep)),
  ReduceL2: reduction(null, (x, axes, keep) => x.square().sum(axes, keep).sqrt()),
  ReduceSumSquare: reduction(null, (x, axes, keep) => x.square().sum(axes, keep)),
  ReduceLogSum: reduction(null, (x, axes, keep) => x.sum(axes, keep).log()),
  ReduceLogSumExp: reduction(null, (x, axes, keep) => {
    const most = x.max(axes, { keepdim: true }).detach();
    const log = x.sub(most).exp().sum(axes, keep).log();
    return log.add(keep.keepdim ? most : most.reshape(log.shape));
  }),
  ArgMax: indexOfMost(1),
  ArgMin: indexOfMost(-1),
};

/** The mean of whole images, by the op that pools them; undefined for other axes. */
function globalMean(x: Tensor, axes: Axes, { keepdim }: Keep): Tensor | undefined {
  const [N, C] = x.shape as Shape & [number, number];
  if (x.rank !== 4 || axes.length !== 2 || axes[0] !== 2 || axes[1] !== 3) return undefined;
  const y = x.adaptiveAvgPool2d(1);
  return keepdim ? y : y.reshape([N, C]);
}
