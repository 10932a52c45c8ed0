/** The table: every op, one row a case. `scripts/record-op-fixtures.py` records what PyTorch gives for it. */

import { cast } from './cases/cast.ts';
import { chains } from './cases/chains.ts';
import { convolution } from './cases/conv.ts';
import { elementwise } from './cases/elementwise.ts';
import { float16 } from './cases/float16.ts';
import { interpolation } from './cases/interpolate.ts';
import { loss } from './cases/loss.ts';
import { matmul } from './cases/matmul.ts';
import { normAndPool } from './cases/norm-pool.ts';
import { reduce } from './cases/reduce.ts';
import { shape } from './cases/shape.ts';
import { text } from './cases/text.ts';
import type { Row } from './row.ts';

const single: readonly Row[] = [
  ...elementwise,
  ...reduce,
  ...matmul,
  ...convolution,
  ...normAndPool,
  ...interpolation,
  ...loss,
  ...shape,
  ...text,
  ...chains,
  ...cast,
];

export const rows: readonly Row[] = [...single, ...float16(single)];
