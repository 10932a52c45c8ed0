/** Positions as RoBERTa counts them: from the padding's number + 1, over the tokens that are none. */
import { ShapeError } from '../core/errors.ts';
import { formatShape } from '../core/shape.ts';
import { recordKernel } from '../graph/record.ts';
import { tokenPositions as kernel } from '../kernels/rows/token-positions.ts';
import { defineOp, type Op } from './op.ts';

export interface TokenPositionsAttributes {
  /** The token that stands for nothing; its own position is its number. */
  readonly padding: number;
}

/** inputs: numbers of tokens int32 [batch, time]; gives int32 of the same shape. */
export const tokenPositions: Op<TokenPositionsAttributes> = defineOp<TokenPositionsAttributes>({
  name: 'tokenPositions',
  forward: ([ids], { padding }) => {
    const { shape, data } = ids!;
    if (shape.length !== 2 || data.dtype !== 'int32')
      throw new ShapeError(
        'tokenPositions',
        `the numbers of tokens must be int32 [batch, time], got ${data.dtype} ${formatShape(shape)}.`,
        [shape],
      );
    const [rows, length] = shape as [number, number];
    const [y] = recordKernel('tokenPositions', [ids!], [{ shape, dtype: 'int32' }], {
      key: `${padding}`,
      lower: (target) => kernel(target, { rows, length, padding }),
      samplewise: true,
    });
    return y!;
  },
  backward: null,
});
