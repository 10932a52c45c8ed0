/** Matrix products: vectors, matrices, batches that broadcast, transposed operands, sizes that divide no tile. */
import { type Row, row } from '../row.ts';

const product = (name: string, a: number[], b: number[]): Row =>
  row('matmul', name, [a, b], (x, y) => x.matmul(y), 'lambda x, y: x @ y');

export const matmul: Row[] = [
  product('vector by vector', [17], [17]),
  product('matrix by vector', [3, 17], [17]),
  product('vector by matrix', [17], [17, 3]),
  product('batch by vector', [2, 3, 17], [17]),
  product('vector by batch', [5], [2, 5, 3]),
  product('1 by 1', [1, 1], [1, 1]),
  product('an inner size of 1', [17, 1], [1, 3]),
  product('an outer size of 1', [1, 65], [65, 1]),
  product('3, 17 and 65', [3, 17], [17, 65]),
  product('17, 65 and 3', [17, 65], [65, 3]),
  product('65, 3 and 17', [65, 3], [3, 17]),
  product('129, 3 and 17', [129, 3], [3, 17]),
  product('3, 129 and 5', [3, 129], [129, 5]),
  product('3, 17 and 129', [3, 17], [17, 129]),
  product('64, 16 and 64', [64, 16], [16, 64]),
  product('129, 65 and 33', [129, 65], [65, 33]),
  product('a long inner size', [3, 1031], [1031, 2]),
  product('batches', [3, 5, 7], [3, 7, 4]),
  product('a batch by one matrix', [3, 5, 7], [7, 4]),
  product('one matrix by a batch', [5, 7], [3, 7, 4]),
  product('a batch of 1 by a batch', [1, 5, 7], [3, 7, 4]),
  product('batches that broadcast both ways', [2, 1, 3, 5], [4, 5, 2]),
  product('[2, 3] batches', [2, 3, 4, 5], [2, 3, 5, 3]),
  row(
    'matmul',
    'the left transposed',
    [
      [17, 5],
      [17, 3],
    ],
    (x, y) => x.transpose(0, 1).matmul(y),
    'lambda x, y: x.T @ y',
  ),
  row(
    'matmul',
    'the right transposed',
    [
      [5, 17],
      [3, 17],
    ],
    (x, y) => x.matmul(y.transpose(0, 1)),
    'lambda x, y: x @ y.T',
  ),
  row(
    'matmul',
    'both transposed',
    [
      [17, 5],
      [3, 17],
    ],
    (x, y) => x.transpose(0, 1).matmul(y.transpose(0, 1)),
    'lambda x, y: x.T @ y.T',
  ),
  row(
    'matmul',
    'both transposed, 65 by 33',
    [
      [17, 65],
      [33, 17],
    ],
    (x, y) => x.transpose(0, 1).matmul(y.transpose(0, 1)),
    'lambda x, y: x.T @ y.T',
  ),
  row(
    'matmul',
    'queries by keys',
    [
      [2, 3, 5, 4],
      [2, 3, 6, 4],
    ],
    (q, k) => q.matmul(k.transpose(-2, -1)),
    'lambda q, k: q @ k.transpose(-2, -1)',
  ),
  row(
    'matmul',
    'heads permuted before',
    [
      [2, 5, 3, 4],
      [2, 6, 3, 4],
    ],
    (q, k) => q.permute([0, 2, 1, 3]).matmul(k.permute([0, 2, 3, 1])),
    'lambda q, k: q.permute(0, 2, 1, 3) @ k.permute(0, 2, 3, 1)',
  ),
  row('matmul', 'a matrix by itself', [[7, 7]], (x) => x.matmul(x), 'lambda x: x @ x'),
  row('matmul', 'a matrix by its transpose', [[5, 9]], (x) => x.matmul(x.transpose(0, 1)), 'lambda x: x @ x.T'),
  row(
    'matmul',
    'with bias and relu',
    [[5, 17], [9, 17], [9]],
    (x, w, b) => x.matmul(w.transpose(0, 1)).add(b).relu(),
    'lambda x, w, b: F.relu(F.linear(x, w, b))',
  ),
  row('linear', 'with bias', [[5, 17], [9, 17], [9]], (x, w, b) => x.linear(w, b), 'lambda x, w, b: F.linear(x, w, b)'),
  row(
    'linear',
    'no bias, one row',
    [
      [1, 17],
      [9, 17],
    ],
    (x, w) => x.linear(w),
    'lambda x, w: F.linear(x, w)',
  ),
  row('linear', 'a vector', [[17], [9, 17], [9]], (x, w, b) => x.linear(w, b), 'lambda x, w, b: F.linear(x, w, b)'),
  row(
    'linear',
    'rank 3, 65 features',
    [[2, 3, 65], [33, 65], [33]],
    (x, w, b) => x.linear(w, b),
    'lambda x, w, b: F.linear(x, w, b)',
  ),
  row(
    'linear',
    'followed by relu',
    [[5, 17], [9, 17], [9]],
    (x, w, b) => x.linear(w, b).relu(),
    'lambda x, w, b: F.relu(F.linear(x, w, b))',
    { smooth: false },
  ),
];
