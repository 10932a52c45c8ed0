/** Reductions over any axes: sum, mean, max, min, variance, argmax; and what broadcasting's gradient needs. */
import type { DType } from '../core/dtype.ts';
import { ShapeError } from '../core/errors.ts';
import {
  formatShape,
  normalizeAxes,
  normalizeAxis,
  reducedShape,
  type Shape,
  sameShape,
  sizeOf,
} from '../core/shape.ts';
import { recordElementwise, recordKernel } from '../graph/record.ts';
import { floatTypeOf, type Value, withShape } from '../graph/value.ts';
import { type ReduceOp, reduce } from '../kernels/reduce.ts';
import { argmax as argmaxKernel } from '../kernels/rows/argmax.ts';
import { cast } from './cast.ts';
import { defineOp, type Op } from './op.ts';

export interface ReduceOptions {
  /** Axes to reduce; all of them when absent. */
  readonly axes?: number | readonly number[] | undefined;
  readonly keepdim?: boolean | undefined;
}

/** Records a reduction; `axes` sorted and without repeats. The sum is float32's; what is kept of it is of type `dtype`. */
export function reduceAxes(
  op: ReduceOp,
  x: Value,
  axes: readonly number[],
  keepdim: boolean,
  dtype: DType = floatTypeOf(x),
): Value {
  const shape = reducedShape(x.shape, axes, keepdim);
  const noop = axes.every((a) => x.shape[a] === 1);
  if (noop && op !== 'sumOfSquares') return withShape(dtype === floatTypeOf(x) ? x : cast(x, dtype), shape);
  const [y] = recordKernel(op, [x], [{ shape, dtype }], {
    key: axes.join(),
    lower: (target, element) => reduce(target, { op, shape: x.shape, axes }, element),
    fuses: 'element',
    samplewise: !axes.includes(0),
  });
  return y!;
}

/** Sums away what broadcasting from `shape` had repeated. */
export function sumTo(x: Value, shape: Shape): Value {
  if (sameShape(x.shape, shape)) return x;
  const lead = x.shape.length - shape.length;
  const axes = x.shape.map((_, d) => d).filter((d) => d < lead || (shape[d - lead] === 1 && x.shape[d] !== 1));
  return withShape(reduceAxes('sum', x, axes, true), shape);
}

/** `[2, 1, 4]` for a reduction of `[2, 3, 4]` over axis 1: how its result broadcasts against the input. */
function kept(shape: Shape, axes: readonly number[]): Shape {
  return reducedShape(shape, axes, true);
}

function checkNotEmpty(op: string, shape: Shape): void {
  if (sizeOf(shape) === 0)
    throw new ShapeError(op, `expected at least one element, got shape ${formatShape(shape)}.`, [shape]);
}

/** Repeats a reduced gradient over the input's shape. */
export function spread(name: string, gy: Value, shape: Shape, axes: readonly number[], factor: number): Value {
  const g = withShape(gy, kept(shape, axes));
  return recordElementwise(name, 'a * s', [g], shape, { scalars: [factor] });
}

const axesOf = (op: string, x: Value, options: ReduceOptions): number[] =>
  normalizeAxes(op, options.axes, x.shape.length);

const linear = (name: 'sum' | 'mean'): Op<ReduceOptions> =>
  defineOp<ReduceOptions>({
    name,
    // As PyTorch: a mean cannot overflow, a sum can.
    autocast: name === 'sum' ? 'float32' : undefined,
    forward: ([x], options) => reduceAxes(name, x!, axesOf(name, x!, options), options.keepdim ?? false),
    backward: (gy, { inputs: [x], attributes }) => {
      const axes = axesOf(name, x!, attributes);
      const count = axes.reduce((n, a) => n * x!.shape[a]!, 1);
      return [spread(`${name}.grad`, gy, x!.shape, axes, name === 'mean' ? 1 / count : 1)];
    },
  });

/** Max and min; the gradient is shared evenly by equal elements, as in `torch.amax`. */
const extreme = (name: 'max' | 'min'): Op<ReduceOptions> =>
  defineOp<ReduceOptions>({
    name,
    forward: ([x], options) => {
      checkNotEmpty(name, x!.shape);
      return reduceAxes(name, x!, axesOf(name, x!, options), options.keepdim ?? false);
    },
    backward: (gy, { inputs: [x], output, attributes }) => {
      const axes = axesOf(name, x!, attributes);
      const y = withShape(output, kept(x!.shape, axes));
      const isExtreme = 'select(T(0), T(1), a == b)';
      // Counts: float16 has no whole numbers beyond 2048.
      const dtype = 'float32';
      const equal = recordElementwise(`${name}.ties`, isExtreme, [x!, y], x!.shape, { dtype });
      const ties = reduceAxes('sum', equal, axes, true);
      const g = withShape(gy, y.shape);
      return [recordElementwise(`${name}.grad`, 'select(T(0), c / d, a == b)', [x!, y, g, ties], x!.shape)];
    },
  });

export const sum: Op<ReduceOptions> = linear('sum');
export const mean: Op<ReduceOptions> = linear('mean');
export const max: Op<ReduceOptions> = extreme('max');
export const min: Op<ReduceOptions> = extreme('min');

export interface VarianceOptions extends ReduceOptions {
  /** Subtracted from the count in the divisor: 1 (the default) is unbiased, 0 biased. */
  readonly correction?: number | undefined;
}

/** Mean of squared deviations, in two passes. */
export const variance: Op<VarianceOptions> = defineOp<VarianceOptions>({
  name: 'variance',
  autocast: 'float32',
  forward: ([x], options, saved) => {
    const axes = axesOf('variance', x!, options);
    const count = axes.reduce((n, a) => n * x!.shape[a]!, 1);
    const mean = reduceAxes('mean', x!, axes, true, 'float32');
    if (saved) saved.mean = mean;
    const scalars = [1 / (count - (options.correction ?? 1))];
    const squares = recordElementwise('squaredDeviation', '(a - b) * (a - b) * s', [x!, mean], x!.shape, { scalars });
    return reduceAxes('sum', squares, axes, options.keepdim ?? false, floatTypeOf(x!));
  },
  backward: (gy, { inputs: [x], attributes, saved }) => {
    const axes = axesOf('variance', x!, attributes);
    const count = axes.reduce((n, a) => n * x!.shape[a]!, 1);
    const scalars = [2 / (count - (attributes.correction ?? 1))];
    const g = withShape(gy, kept(x!.shape, axes));
    return [recordElementwise('variance.grad', '(a - b) * c * s', [x!, saved.mean!, g], x!.shape, { scalars })];
  },
});

export interface ArgmaxOptions {
  /** The axis; the flattened tensor when absent. */
  readonly axis?: number | undefined;
  readonly keepdim?: boolean | undefined;
}

/** Index of the first largest element, int32. */
export const argmax: Op<ArgmaxOptions> = defineOp<ArgmaxOptions>({
  name: 'argmax',
  forward: ([x], { axis, keepdim = false }) => {
    checkNotEmpty('argmax', x!.shape);
    const flat = axis === undefined;
    const shape = flat ? [x!.data.count] : x!.shape;
    const at = flat ? 0 : normalizeAxis('argmax', axis, shape.length);
    const [y] = recordKernel(
      'argmax',
      [withShape(x!, shape)],
      [{ shape: reducedShape(shape, [at], keepdim && !flat), dtype: 'int32' }],
      {
        key: `${at}`,
        lower: (target) => argmaxKernel(target, { shape, axis: at }),
      },
    );
    return flat && keepdim
      ? withShape(
          y!,
          x!.shape.map(() => 1),
        )
      : y!;
  },
  backward: null,
});
