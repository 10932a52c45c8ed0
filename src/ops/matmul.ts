/** Matrix products: batched, broadcasting, with PyTorch's rules for vectors; and the affine map of a linear layer. */
import { ShapeError } from '../core/errors.ts';
import { broadcastShapes, formatShape, type Shape, sizeOf, stridesOf } from '../core/shape.ts';
import { recordKernel } from '../graph/record.ts';
import { floatTypeOf, type Value, withShape } from '../graph/value.ts';
import { matmul as matmulKernel } from '../kernels/gemm/matmul.ts';
import { checkOneType } from './cast.ts';
import { elementwise } from './elementwise.ts';
import { defineOp, type Op } from './op.ts';
import { sumTo } from './reduce.ts';

interface Transposes {
  readonly a?: boolean;
  readonly b?: boolean;
}

/** Strides of the batch axes of an operand, 0 where it is broadcast to `batch`. */
function batchStrides(shape: Shape, batch: Shape): number[] {
  const strides = stridesOf(shape);
  const lead = batch.length - (shape.length - 2);
  return batch.map((_, d) => (d < lead || shape[d - lead] === 1 ? 0 : strides[d - lead]!));
}

/** Records a[…, M, K] @ b[…, K, N] for operands of rank 2 or more, each perhaps read as its transpose. */
export function product(a: Value, b: Value, transposed: Transposes = {}): Value {
  checkOneType('matmul', a, b);
  const dims = ({ shape }: Value, flip = false): [number, number] => {
    const [rows, columns] = shape.slice(-2) as [number, number];
    return flip ? [columns, rows] : [rows, columns];
  };
  const [M, K] = dims(a, transposed.a);
  const [, N] = dims(b, transposed.b);
  const batch = broadcastShapes('matmul', a.shape.slice(0, -2), b.shape.slice(0, -2));
  const aStrides = transposed.a ? ([1, M] as const) : ([K, 1] as const);
  const bStrides = transposed.b ? ([1, K] as const) : ([N, 1] as const);
  const [aBatch, bBatch] = [batchStrides(a.shape, batch), batchStrides(b.shape, batch)];
  const [y] = recordKernel('matmul', [a, b], [{ shape: [...batch, M, N], dtype: floatTypeOf(a) }], {
    key: `${transposed.a ?? false},${transposed.b ?? false}`,
    lower: (target, epilogue) => matmulKernel(target, { M, N, K, batch, aStrides, bStrides, aBatch, bBatch }, epilogue),
    fuses: 'epilogue',
    axes: { row: { inner: N, size: M }, column: { inner: 1, size: N } },
    samplewise: !transposed.a && b.shape.length === 2,
  });
  return y!;
}

/** a @ b. Vectors are rows on the left, columns on the right; batch axes broadcast. */
export const matmul: Op<undefined> = defineOp<undefined>({
  name: 'matmul',
  autocast: 'float16',
  forward: ([a, b]) => {
    if (!a!.shape.length || !b!.shape.length)
      throw new ShapeError(
        'matmul',
        `both operands must have 1 dimension or more, got ${formatShape(a!.shape)} and ${formatShape(b!.shape)}.`,
        [a!.shape, b!.shape],
      );
    const [x, w] = [asRow(a!), asColumn(b!)];
    const [K, inner] = [x.shape.at(-1)!, w.shape.at(-2)!];
    if (K !== inner)
      throw new ShapeError(
        'matmul',
        `inner dimensions must match, got ${formatShape(a!.shape)} and ${formatShape(b!.shape)} (${K} vs ${inner}).`,
        [a!.shape, b!.shape],
      );
    const y = product(x, w);
    const shape = y.shape.filter(
      (_, d) =>
        !(d === y.shape.length - 2 && a!.shape.length === 1) && !(d === y.shape.length - 1 && b!.shape.length === 1),
    );
    return withShape(y, shape);
  },
  backward: (gy, { inputs: [a, b], needs }) => {
    const [x, w] = [asRow(a!), asColumn(b!)];
    const batch = broadcastShapes('matmul', x.shape.slice(0, -2), w.shape.slice(0, -2));
    const g = withShape(gy, [...batch, x.shape.at(-2)!, w.shape.at(-1)!]);
    const to = (value: Value, like: Value, shape: Shape) => withShape(sumTo(value, like.shape), shape);
    return [
      needs[0] ? to(product(g, w, { b: true }), x, a!.shape) : null,
      needs[1] ? to(product(x, g, { a: true }), w, b!.shape) : null,
    ];
  },
});

const asRow = (v: Value): Value => (v.shape.length === 1 ? withShape(v, [1, v.shape[0]!]) : v);
const asColumn = (v: Value): Value => (v.shape.length === 1 ? withShape(v, [v.shape[0]!, 1]) : v);

/** x[…, in] @ weight[out, in]ᵀ + bias[out]: a linear layer, without a transposed copy of its weight. */
export const linear: Op<undefined> = defineOp<undefined>({
  name: 'linear',
  autocast: 'float16',
  forward: ([x, weight, bias]) => {
    const [out, features] = weight!.shape;
    if (x!.shape.at(-1) !== features)
      throw new ShapeError(
        'linear',
        `input has ${x!.shape.at(-1)} features, but weight ${formatShape(weight!.shape)} expects ${features}.`,
        [x!.shape, weight!.shape],
      );
    const rows = sizeOf(x!.shape.slice(0, -1));
    const y = product(withShape(x!, [rows, features!]), weight!, { b: true });
    return withShape(bias ? elementwise('add', [y, bias]) : y, [...x!.shape.slice(0, -1), out!]);
  },
  backward: (gy, { inputs: [x, weight, bias], needs }) => {
    const [out, features] = weight!.shape as [number, number];
    const rows = sizeOf(x!.shape.slice(0, -1));
    const g = withShape(gy, [rows, out]);
    return [
      needs[0] ? withShape(product(g, weight!), x!.shape) : null,
      needs[1] ? product(g, withShape(x!, [rows, features]), { a: true }) : null,
      needs[2] ? sumTo(g, bias!.shape) : null,
    ];
  },
});
