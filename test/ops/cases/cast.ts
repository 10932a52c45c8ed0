/** Conversions between element types; those to float16 are in test/tensor/float16.test.ts and in the rows that end with it. */
import { type Row, row } from '../row.ts';

export const cast: Row[] = [
  row('to', 'float32, which it is', [[3, 5]], (x) => x.float().mul(2), 'lambda x: x * 2'),
  row(
    'to',
    'int32 drops the fraction',
    [{ shape: [3, 5], kind: 'uniform', scale: 4, grad: false }],
    (x) => x.to('int32'),
    'lambda x: x.int()',
  ),
  row(
    'to',
    'int32 and back, fused with a sum',
    [{ shape: [3, 5], kind: 'uniform', scale: 4, grad: false }],
    (x) => x.to('int32').float().add(x),
    'lambda x: x.trunc() + x',
  ),
  row(
    'to',
    'float32 from int32',
    [{ shape: [3, 5], kind: 'labels', classes: 9, grad: false }, [3, 5]],
    (labels, x) => labels.float().mul(x),
    'lambda labels, x: labels.double() * x',
  ),
];
