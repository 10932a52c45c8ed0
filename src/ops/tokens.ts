/** What follows from the numbers of tokens alone: positions as RoBERTa counts them, and which token is a text's last. */
import type { DType } from '../core/dtype.ts';
import { ShapeError } from '../core/errors.ts';
import { formatShape } from '../core/shape.ts';
import { recordKernel } from '../graph/record.ts';
import type { KernelTarget, Program } from '../kernels/kernel.ts';
import { lastTokens as last } from '../kernels/rows/last-tokens.ts';
import { tokenPositions as positions } from '../kernels/rows/token-positions.ts';
import { defineOp, type Op } from './op.ts';

export interface TokensAttributes {
  /** The token that stands for nothing. */
  readonly padding: number;
}

type Kernel = (target: KernelTarget, options: { rows: number; length: number; padding: number }) => Program;

const ofTokens = (name: string, dtype: DType, kernel: Kernel): Op<TokensAttributes> =>
  defineOp<TokensAttributes>({
    name,
    forward: ([ids], { padding }) => {
      const { shape, data } = ids!;
      if (shape.length !== 2 || data.dtype !== 'int32')
        throw new ShapeError(
          name,
          `the numbers of tokens must be int32 [batch, time], got ${data.dtype} ${formatShape(shape)}.`,
          [shape],
        );
      const [rows, length] = shape as [number, number];
      const [y] = recordKernel(name, [ids!], [{ shape, dtype }], {
        key: `${padding}`,
        lower: (target) => kernel(target, { rows, length, padding }),
        samplewise: true,
      });
      return y!;
    },
    backward: null,
  });

/** inputs: numbers of tokens int32 [batch, time]; gives padding + 1, padding + 2, …, and for padding its own number. */
export const tokenPositions: Op<TokensAttributes> = ofTokens('tokenPositions', 'int32', positions);

/** inputs: numbers of tokens int32 [batch, time]; gives 1 at each text's last token that is no padding, else 0. */
export const lastTokens: Op<TokensAttributes> = ofTokens('lastTokens', 'float32', last);
