/** Rows again with what is as large as a batch in float16: the first row of each op that computes, and each family of convolution. */
import { inHalf, type Row } from '../row.ts';

const CONVOLUTIONS = [
  'batch 1',
  'stride 2, padding 1',
  '2 groups',
  'depthwise',
  'depthwise with multiplier 2',
  '1x1',
  '37 channels in, 3x3',
  '32 channels in, 40 out, 3x3',
  'followed by relu and a sum with the input',
];
const ALSO = [
  'by running statistics, after a convolution, before a sum and relu',
  'training, followed by relu',
  'training, 1089 pixels a channel',
  'attention',
  'a chain that broadcasts midway',
  'two dense layers',
  'pool, flatten and a dense layer',
];

export function float16(rows: readonly Row[]): Row[] {
  const chosen = rows.filter(
    ({ op, name }, i) =>
      (op !== 'to' && rows.findIndex((other) => other.op === op) === i) ||
      ALSO.includes(name) ||
      (op === 'conv2d' && CONVOLUTIONS.includes(name)),
  );
  return chosen.map(inHalf);
}
