/** Scaled dot-product attention: softmax(q kᵀ scale + bias) v over the keys that a query sees. Vaswani et al. 2017, https://arxiv.org/abs/1706.03762 */
import { ShapeError } from '../core/errors.ts';
import { formatShape, type Shape, stridesOf } from '../core/shape.ts';
import { recordElementwise, recordKernel } from '../graph/record.ts';
import { floatTypeOf, type Value, withShape } from '../graph/value.ts';
import { matmul } from '../kernels/gemm/matmul.ts';
import { type MaskedSoftmax, maskedSoftmax } from '../kernels/rows/masked-softmax.ts';
import { softmaxGrad } from '../kernels/rows/softmax.ts';
import { checkOneType } from './cast.ts';
import { elementwise, type Scalars } from './elementwise.ts';
import { defineOp, type Op } from './op.ts';
import { sumTo } from './reduce.ts';
import { permuted } from './shape.ts';

/** Order of the axes of queries, keys and values: batch, heads, time, width, or heads after time, as a dense layer gives them. */
export type AttentionLayout = 'bhtd' | 'bthd';

export interface AttentionAttributes {
  readonly scale: number;
  readonly causal: boolean;
  /** The fourth input has the numbers of keys, and is no mask. */
  readonly lengths: boolean;
  /** Those of the op `dropout`; null for none. */
  readonly dropout: Scalars | null;
  readonly layout: AttentionLayout;
}

const OP = 'scaledDotProductAttention';

/** [batch, heads, rows, columns], read through strides. */
interface Heads {
  readonly value: Value;
  readonly batch: number;
  readonly heads: number;
  readonly rows: number;
  readonly columns: number;
  readonly strides: readonly [batch: number, head: number, row: number];
}

/** A value of two to four axes as heads. */
function headsOf({ data, shape }: Value, layout: AttentionLayout): Heads {
  const four = [...Array<number>(4 - shape.length).fill(1), ...shape] as [number, number, number, number];
  const strides = stridesOf(four) as [number, number, number, number];
  const [h, t] = layout === 'bthd' ? [2, 1] : [1, 2];
  return {
    value: { shape: four, data },
    ...{ batch: four[0], heads: four[h]!, rows: four[t]!, columns: four[3] },
    strides: [strides[0], strides[h]!, strides[t]!],
  };
}

/** Dense [batch, heads, rows, columns]. */
const dense = (value: Value): Heads => headsOf(value, 'bhtd');

/** Records a @ b for each head, each operand perhaps as its transpose; [batch, heads, rows, columns]. */
function product(a: Heads, b: Heads, transposed: { readonly a?: boolean; readonly b?: boolean } = {}): Value {
  const [M, K] = transposed.a ? [a.columns, a.rows] : [a.rows, a.columns];
  const N = transposed.b ? b.rows : b.columns;
  const { batch, heads } = a;
  const [aRow, bRow] = [a.strides[2], b.strides[2]];
  const shape = {
    ...{ M, N, K, batch: [batch, heads] },
    aStrides: transposed.a ? ([1, aRow] as const) : ([aRow, 1] as const),
    bStrides: transposed.b ? ([1, bRow] as const) : ([bRow, 1] as const),
    ...{ aBatch: a.strides.slice(0, 2), bBatch: b.strides.slice(0, 2) },
  };
  const outputs = [{ shape: [batch, heads, M, N], dtype: floatTypeOf(a.value) }];
  const [y] = recordKernel('attention.product', [a.value, b.value], outputs, {
    key: JSON.stringify(shape),
    lower: (target, epilogue) => matmul(target, shape, epilogue),
    fuses: 'epilogue',
    axes: { row: { inner: N, size: M }, column: { inner: 1, size: N } },
    samplewise: true,
    joins: true,
  });
  return y!;
}

/** Records a product that is multiplied by a number. */
const scaled = (value: Value, scale: number): Value =>
  scale === 1 ? value : recordElementwise('attention.scale', 'a * s', [value], value.shape, { scalars: [scale] });

/** [batch, heads, rows, columns] in the order of `like`. */
function ordered(value: Value, like: Shape, layout: AttentionLayout): Value {
  return withShape(layout === 'bthd' ? permuted(value, [0, 2, 1, 3]) : value, like);
}

function checkShapes(q: Value, k: Value, v: Value, layout: AttentionLayout): void {
  checkOneType(OP, q, k);
  checkOneType(OP, q, v);
  const shapes = [q.shape, k.shape, v.shape];
  const said = shapes.map(formatShape).join(', ');
  const rank = q.shape.length;
  const least = layout === 'bthd' ? 4 : 2;
  if (shapes.some((shape) => shape.length !== rank) || rank < least || rank > 4)
    throw new ShapeError(
      OP,
      `queries, keys and values must have ${least === 4 ? '4 dimensions' : '2 to 4 dimensions, as many as each other'}, got ${said}.`,
      shapes,
    );
  const [a, b, c] = [headsOf(q, layout), headsOf(k, layout), headsOf(v, layout)];
  if ([b, c].some(({ batch, heads }) => batch !== a.batch || heads !== a.heads))
    throw new ShapeError(OP, `queries, keys and values must be of one batch and number of heads, got ${said}.`, shapes);
  if (a.columns !== b.columns)
    throw new ShapeError(OP, `queries and keys must be of one width, got ${a.columns} and ${b.columns}.`, shapes);
  if (b.rows !== c.rows)
    throw new ShapeError(OP, `there must be a value for each key, got ${b.rows} keys and ${c.rows} values.`, shapes);
}

/** Whether `shape` broadcasts to `to`. */
const broadcasts = (shape: Shape, to: Shape): boolean =>
  shape.length <= to.length && shape.every((size, d) => size === 1 || size === to[to.length - shape.length + d]);

/** What hides keys, as the kernel reads it. */
function maskOf(mask: Value | null, scores: Shape, isLengths: boolean): { mask: MaskedSoftmax['mask']; value?: Value } {
  if (!mask) return { mask: null };
  const [batch] = scores as [number];
  if (isLengths) {
    if (mask.shape.length !== 1 || mask.shape[0] !== batch || mask.data.dtype !== 'int32')
      throw new ShapeError(
        OP,
        `lengths must be int32 [${batch}], one of each of the batch, got ${mask.data.dtype} ${formatShape(mask.shape)}.`,
        [mask.shape],
      );
    return { mask: 'lengths', value: mask };
  }
  if (!broadcasts(mask.shape, scores))
    throw new ShapeError(
      OP,
      `the mask must broadcast to ${formatShape(scores)}, got ${formatShape(mask.shape)}. For a mask of keys [batch, keys] write mask.reshape([batch, 1, 1, keys]).`,
      [mask.shape, scores],
    );
  const four = [...Array<number>(4 - mask.shape.length).fill(1), ...mask.shape];
  const strides = stridesOf(four).map((stride, d) => (four[d] === 1 ? 0 : stride)) as [number, number, number, number];
  const isWhole = mask.data.dtype === 'int32';
  const value = isWhole
    ? withShape(mask, four)
    : recordElementwise('attention.mask', 'select(T(0), T(1), a != T(0))', [mask], four, { dtype: 'int32' });
  return { mask: { batch: strides[0], head: strides[1], query: strides[2], key: strides[3] }, value };
}

/**
 * inputs: queries, keys, values, a mask or lengths or null, a bias or null. Axes as {@link AttentionLayout} says, the first ones left out where
 * there are two or three. As `F.scaled_dot_product_attention`, whose mask of booleans is `mask` here and whose mask of numbers `bias`.
 */
export const attention: Op<AttentionAttributes> = defineOp<AttentionAttributes>({
  name: OP,
  autocast: 'float16',
  forward: ([q, k, v, mask, bias], attributes, saved) => {
    const { scale, causal, lengths, dropout, layout } = attributes;
    checkShapes(q!, k!, v!, layout);
    const [queries, keys, values] = [q!, k!, v!].map((value) => headsOf(value, layout)) as [Heads, Heads, Heads];
    let scores = scaled(product(queries, keys, { b: true }), scale);
    if (bias) {
      if (!broadcasts(bias.shape, scores.shape))
        throw new ShapeError(
          OP,
          `the bias must broadcast to ${formatShape(scores.shape)}, got ${formatShape(bias.shape)}.`,
          [bias.shape, scores.shape],
        );
      scores = elementwise('add', [scores, bias]);
    }
    const hidden = maskOf(mask ?? null, scores.shape, lengths);
    const { batch, heads } = queries;
    const shape = { batch, heads, queries: queries.rows, keys: keys.rows, causal, mask: hidden.mask };
    const inputs = hidden.value ? [scores, hidden.value] : [scores];
    const [weights] = recordKernel('maskedSoftmax', inputs, [{ shape: scores.shape, dtype: floatTypeOf(scores) }], {
      key: JSON.stringify(shape),
      lower: (target) => maskedSoftmax(target, shape),
      samplewise: true,
      joins: true,
    }) as [Value];
    if (saved) saved.weights = weights;
    const kept = dropout ? elementwise('dropout', [weights], dropout) : weights;
    const out =
      layout === 'bthd' ? [batch, queries.rows, heads, values.columns] : [...q!.shape.slice(0, -1), values.columns];
    return ordered(product(dense(kept), values), out, layout);
  },
  backward: (gy, { inputs: [q, k, v, , bias], attributes, needs, saved }) => {
    const { scale, dropout, layout } = attributes;
    const [queries, keys, values, g] = [q!, k!, v!, gy].map((value) => headsOf(value, layout)) as [
      Heads,
      Heads,
      Heads,
      Heads,
    ];
    const weights = saved.weights!;
    const { shape } = weights;
    const masked = (value: Value) => (dropout ? elementwise('dropout', [value], dropout) : value);
    const gv = needs[2] ? ordered(product(dense(masked(weights)), g, { a: true }), v!.shape, layout) : null;
    if (!needs[0] && !needs[1] && !needs[4]) return [null, null, gv, null, null];
    const gWeights = masked(product(g, values, { b: true }));
    const outputs = [{ shape, dtype: floatTypeOf(weights) }];
    const [gScores] = recordKernel('maskedSoftmaxGrad', [weights, gWeights], outputs, {
      key: '',
      lower: (target) => softmaxGrad(target, { shape, axis: 3 }),
      samplewise: true,
      joins: true,
    }) as [Value];
    const gq = needs[0] ? scaled(product(dense(gScores), keys), scale) : null;
    const gk = needs[1] ? scaled(product(dense(gScores), queries, { a: true }), scale) : null;
    return [
      gq && ordered(gq, q!.shape, layout),
      gk && ordered(gk, k!.shape, layout),
      gv,
      null,
      needs[4] ? sumTo(gScores, bias!.shape) : null,
    ];
  },
});
