/** Layer normalisation over any run of axes, from each row's own statistics. Ba et al. 2016, https://arxiv.org/abs/1607.06450 */
import { ShapeError } from '../core/errors.ts';
import { formatShape, normalizeAxis, type Shape, sameShape, sizeOf } from '../core/shape.ts';
import { recordElementwise, recordKernel } from '../graph/record.ts';
import { floatTypeOf, type Value } from '../graph/value.ts';
import { layerNorm as kernel, layerNormGrad } from '../kernels/rows/layernorm.ts';
import { defineOp, type Op } from './op.ts';
import { reduceAxes } from './reduce.ts';

export interface LayerNormAttributes {
  /** Sizes of the axes to normalise over. */
  readonly normalizedShape: Shape;
  /** The first of them; where it is left out, they are the last. */
  readonly axis?: number | undefined;
  readonly eps: number;
}

/** What an input of `shape` is to the kernels: rows, and the axes that they run over. */
function rowsOf(shape: Shape, { normalizedShape, axis }: LayerNormAttributes) {
  const first =
    axis === undefined ? shape.length - normalizedShape.length : normalizeAxis('layerNorm', axis, shape.length);
  const end = first + normalizedShape.length;
  if (normalizedShape.length === 0 || first < 0 || !sameShape(shape.slice(first, end), normalizedShape))
    throw new ShapeError(
      'layerNorm',
      `input must ${axis === undefined ? 'end in' : `have from axis ${axis} on`} ${formatShape(normalizedShape)}, the shape to normalise over, got ${formatShape(shape)}.`,
      [shape, normalizedShape],
    );
  const inner = sizeOf(shape.slice(end));
  const isNormalized = (d: number) => d >= first && d < end;
  return {
    sizes: { rows: sizeOf(shape.slice(0, first)) * inner, length: sizeOf(normalizedShape), inner },
    /** Of a row's mean, as it broadcasts against the input. */
    statistic: shape.map((size, d) => (isNormalized(d) ? 1 : size)),
    /** The axes that rows are counted by. */
    others: shape.map((_, d) => d).filter((d) => !isNormalized(d)),
    samplewise: first > 0,
  };
}

/** inputs: x, weight or null, bias or null. */
export const layerNorm: Op<LayerNormAttributes> = defineOp<LayerNormAttributes>({
  name: 'layerNorm',
  autocast: 'float32',
  forward: ([x, weight, bias], attributes, saved) => {
    const { normalizedShape, eps } = attributes;
    const { sizes, statistic, samplewise } = rowsOf(x!.shape, attributes);
    for (const [what, v] of Object.entries({ weight, bias }))
      if (v && !sameShape(v.shape, normalizedShape))
        throw new ShapeError(
          'layerNorm',
          `${what} must be ${formatShape(normalizedShape)}, as what is normalised over, got ${formatShape(v.shape)}.`,
          [x!.shape, v.shape],
        );
    const options = { ...sizes, eps, weighted: !!weight, biased: !!bias };
    const inputs = [x!, weight, bias].filter((v): v is Value => !!v);
    const outputs = [{ shape: x!.shape, dtype: floatTypeOf(x!) }, { shape: statistic }, { shape: statistic }];
    const [y, mean, rstd] = recordKernel('layerNorm', inputs, outputs, {
      key: Object.values(options).join(),
      lower: (target) => kernel(target, options),
      samplewise,
    });
    if (saved) Object.assign(saved, { mean, rstd });
    return y!;
  },
  backward: (gy, { inputs: [x, weight, bias], attributes, needs, saved }) => {
    const { mean, rstd } = saved as { mean: Value; rstd: Value };
    const { sizes, others, samplewise } = rowsOf(x!.shape, attributes);
    let gx: Value | null = null;
    if (needs[0])
      [gx] = recordKernel(
        'layerNormGrad',
        [gy, x!, mean, rstd, ...(weight ? [weight] : [])],
        [{ shape: x!.shape, dtype: floatTypeOf(x!) }],
        {
          key: Object.values({ ...sizes, weighted: !!weight }).join(),
          lower: (target) => layerNormGrad(target, { ...sizes, weighted: !!weight }),
          samplewise,
        },
      ) as [Value];
    const overRows = (terms: Value, parameter: Value) =>
      reduceAxes('sum', terms, others, false, floatTypeOf(parameter));
    const terms = () =>
      recordElementwise('layerNorm.grad1', 'a * (b - c) * d', [gy, x!, mean, rstd], x!.shape, { dtype: 'float32' });
    return [gx, needs[1] ? overRows(terms(), weight!) : null, needs[2] ? overRows(gy, bias!) : null];
  },
});
