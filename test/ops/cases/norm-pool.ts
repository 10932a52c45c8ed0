/** Batch normalisation in each of its modes, layer normalisation over each kind of axes, and pooling with each of its options. */
import type { Tensor } from '../../../src/index.ts';
import { constant, distinct, positive, statistic, ties } from '../inputs.ts';
import { type Row, row } from '../row.ts';

type MaxOptions = NonNullable<Parameters<Tensor['maxPool2d']>[1]>;
type AvgOptions = NonNullable<Parameters<Tensor['avgPool2d']>[1]>;
type Kernel = number | [number, number];

const vector = (channels: number) => ({ shape: [channels], kind: 'uniform' }) as const;
const text = (kernel: Kernel) => (typeof kernel === 'number' ? `${kernel}` : `(${kernel.join(', ')})`);

const batchNorm = (name: string, x: number[], momentum: number, eps: number): Row =>
  row(
    'batchNorm2d',
    name,
    [x, [x[1]!], [x[1]!], statistic(vector(x[1]!)), statistic(positive([x[1]!]))],
    (x, w, b, m, v) => x.batchNorm2d(w, b, m, v, { training: true, momentum, eps }),
    `lambda x, w, b, m, v: F.batch_norm(x, m, v, w, b, True, ${momentum}, ${eps})`,
  );

const layerNorm = (name: string, x: number[], normalized: number[]): Row =>
  row(
    'layerNorm',
    name,
    [x, normalized, normalized],
    (x, w, b) => x.layerNorm(normalized, w, b),
    `lambda x, w, b: F.layer_norm(x, (${normalized.map((size) => `${size},`).join('')}), w, b)`,
  );

const maxPool = (name: string, x: number[], kernel: Kernel, options: MaxOptions, torch: string): Row =>
  row(
    'maxPool2d',
    name,
    [distinct(x)],
    (x) => x.maxPool2d(kernel, options),
    `lambda x: F.max_pool2d(x, ${text(kernel)}${torch})`,
  );

const avgPool = (name: string, x: number[], kernel: Kernel, options: AvgOptions, torch: string): Row =>
  row(
    'avgPool2d',
    name,
    [x],
    (x) => x.avgPool2d(kernel, options),
    `lambda x: F.avg_pool2d(x, ${text(kernel)}${torch})`,
  );

export const normAndPool: Row[] = [
  batchNorm('training', [3, 5, 4, 3], 0.1, 1e-5),
  batchNorm('training, one pixel a channel', [5, 3, 1, 1], 0.1, 1e-5),
  batchNorm('training, one channel, momentum 0.5, eps 0.01', [2, 1, 5, 5], 0.5, 0.01),
  batchNorm('training, 1089 pixels a channel', [1, 2, 33, 33], 0.1, 1e-5),
  row(
    'batchNorm2d',
    'training without running statistics',
    [[2, 3, 4, 5], [3], [3]],
    (x, w, b) => x.batchNorm2d(w, b, null, null, { training: true }),
    'lambda x, w, b: F.batch_norm(x, None, None, w, b, True)',
  ),
  row(
    'batchNorm2d',
    'training without weight and bias',
    [[2, 3, 4, 5]],
    (x) => x.batchNorm2d(null, null, null, null, { training: true }),
    'lambda x: F.batch_norm(x, None, None, None, None, True)',
  ),
  row(
    'batchNorm2d',
    'training, a mean far from 0',
    [[2, 3, 4, 5], [3], [3]],
    (x, w, b) => x.add(64).batchNorm2d(w, b, null, null, { training: true }),
    'lambda x, w, b: F.batch_norm((x + 64).float().double(), None, None, w, b, True)',
  ),
  row(
    'batchNorm2d',
    'training, followed by relu',
    [[2, 3, 4, 5], [3], [3], statistic(vector(3)), statistic(positive([3]))],
    (x, w, b, m, v) => x.batchNorm2d(w, b, m, v, { training: true }).relu(),
    'lambda x, w, b, m, v: F.relu(F.batch_norm(x, m, v, w, b, True))',
    { smooth: false },
  ),
  row(
    'batchNorm2d',
    'training, frozen weight and bias',
    [[2, 3, 4, 5], constant(vector(3)), constant(vector(3))],
    (x, w, b) => x.batchNorm2d(w, b, null, null, { training: true }),
    'lambda x, w, b: F.batch_norm(x, None, None, w, b, True)',
  ),
  row(
    'batchNorm2d',
    'by running statistics',
    [[3, 5, 4, 3], [5], [5], statistic(vector(5)), statistic(positive([5]))],
    (x, w, b, m, v) => x.batchNorm2d(w, b, m, v, { training: false }),
    'lambda x, w, b, m, v: F.batch_norm(x, m, v, w, b, False)',
  ),
  row(
    'batchNorm2d',
    'by running statistics, without weight and bias',
    [[3, 5, 4, 3], statistic(vector(5)), statistic(positive([5]))],
    (x, m, v) => x.batchNorm2d(null, null, m, v, { training: false }),
    'lambda x, m, v: F.batch_norm(x, m, v, None, None, False)',
  ),
  row(
    'batchNorm2d',
    'by running statistics, frozen, followed by relu',
    [[2, 3, 4, 5], constant(vector(3)), constant(vector(3)), constant(vector(3)), constant(positive([3]))],
    (x, w, b, m, v) => x.batchNorm2d(w, b, m, v, { training: false }).relu(),
    'lambda x, w, b, m, v: F.relu(F.batch_norm(x, m, v, w, b, False))',
  ),
  row(
    'batchNorm2d',
    'by running statistics, after a convolution, before a sum and relu',
    [[1, 3, 5, 4], [3, 3, 3, 3], [3], [3], constant(vector(3)), constant(positive([3]))],
    (x, k, w, b, m, v) => x.conv2d(k, null, { padding: 1 }).batchNorm2d(w, b, m, v, { training: false }).add(x).relu(),
    'lambda x, k, w, b, m, v: F.relu(F.batch_norm(F.conv2d(x, k, padding=1), m, v, w, b, False) + x)',
    { smooth: false },
  ),

  layerNorm('the last axis', [3, 5, 17], [17]),
  layerNorm('the last two axes', [3, 5, 7], [5, 7]),
  layerNorm('the whole', [5, 7], [5, 7]),
  layerNorm('rows of 1031', [2, 1031], [1031]),
  layerNorm('1031 rows', [1031, 2], [2]),
  row(
    'layerNorm',
    'without weight and bias, eps 0.5',
    [[3, 17]],
    (x) => x.layerNorm([17], null, null, { eps: 0.5 }),
    'lambda x: F.layer_norm(x, (17,), eps=0.5)',
  ),
  row(
    'layerNorm',
    'without bias, frozen weight',
    [[3, 17], constant(vector(17))],
    (x, w) => x.layerNorm([17], w),
    'lambda x, w: F.layer_norm(x, (17,), w)',
  ),
  row(
    'layerNorm',
    'without weight',
    [[3, 17], [17]],
    (x, b) => x.layerNorm([17], null, b),
    'lambda x, b: F.layer_norm(x, (17,), None, b)',
  ),
  row(
    'layerNorm',
    'the channels of [N, C, H, W]',
    [[2, 5, 3, 7], [5], [5]],
    (x, w, b) => x.layerNorm([5], w, b, { axis: 1, eps: 1e-6 }),
    'lambda x, w, b: F.layer_norm(x.permute(0, 2, 3, 1), (5,), w, b, 1e-6).permute(0, 3, 1, 2)',
  ),
  row(
    'layerNorm',
    'a middle axis counted from the end, 1089 pixels',
    [[1, 2, 33, 33], [2], [2]],
    (x, w, b) => x.layerNorm([2], w, b, { axis: -3 }),
    'lambda x, w, b: F.layer_norm(x.permute(0, 2, 3, 1), (2,), w, b).permute(0, 3, 1, 2)',
  ),
  row(
    'layerNorm',
    'a mean far from 0',
    [[4, 65], [65], [65]],
    (x, w, b) => x.add(64).layerNorm([65], w, b),
    'lambda x, w, b: F.layer_norm((x + 64).float().double(), (65,), w, b)',
  ),
  row(
    'layerNorm',
    'between a dense layer and gelu',
    [[5, 7], [9, 7], [9], [9]],
    (x, a, w, b) => x.linear(a).layerNorm([9], w, b).gelu(),
    'lambda x, a, w, b: F.gelu(F.layer_norm(F.linear(x, a), (9,), w, b))',
    { tolerance: 'composed' },
  ),

  maxPool('2x2', [2, 3, 6, 8], 2, {}, ''),
  maxPool('a rest that is dropped', [1, 3, 7, 5], 2, {}, ''),
  maxPool('3x3, stride 2, padding 1, overlapping', [2, 3, 9, 8], 3, { stride: 2, padding: 1 }, ', 2, 1'),
  maxPool('3x3, stride 2, ceil mode', [2, 3, 8, 7], 3, { stride: 2, ceilMode: true }, ', 2, ceil_mode=True'),
  maxPool(
    'ceil mode whose last window would start in the padding',
    [1, 2, 5, 5],
    2,
    { stride: 2, padding: 1, ceilMode: true },
    ', 2, 1, ceil_mode=True',
  ),
  maxPool('stride 1', [1, 2, 5, 6], 3, { stride: 1, padding: 1 }, ', 1, 1'),
  maxPool('dilation 2', [1, 2, 9, 8], 3, { stride: 1, dilation: 2 }, ', 1, 0, 2'),
  maxPool(
    'dilation, padding and stride together',
    [1, 2, 9, 8],
    2,
    { stride: 2, padding: 1, dilation: 3 },
    ', 2, 1, 3',
  ),
  maxPool('unequal kernel and stride', [1, 2, 7, 9], [2, 3], { stride: [1, 2], padding: [0, 1] }, ', (1, 2), (0, 1)'),
  maxPool('a stride larger than the kernel', [1, 2, 8, 8], 2, { stride: 3 }, ', 3'),
  maxPool('the whole image', [2, 3, 3, 5], [3, 5], {}, ''),
  row(
    'maxPool2d',
    'the first of several maxima',
    [ties([2, 3, 8, 8])],
    (x) => x.maxPool2d(3, { stride: 2, padding: 1 }),
    'lambda x: F.max_pool2d(x, 3, 2, 1)',
  ),
  row(
    'maxPool2d',
    'negative values beside the padding',
    [positive([1, 2, 5, 5])],
    (x) => x.neg().maxPool2d(3, { stride: 2, padding: 1 }),
    'lambda x: F.max_pool2d(-x, 3, 2, 1)',
  ),

  avgPool('2x2', [2, 3, 6, 8], 2, {}, ''),
  avgPool('3x3, stride 2, padding counted', [2, 3, 9, 8], 3, { stride: 2, padding: 1 }, ', 2, 1'),
  avgPool(
    '3x3, stride 2, padding not counted',
    [2, 3, 9, 8],
    3,
    { stride: 2, padding: 1, countIncludePad: false },
    ', 2, 1, count_include_pad=False',
  ),
  avgPool('ceil mode', [1, 3, 8, 7], 3, { stride: 2, ceilMode: true }, ', 2, ceil_mode=True'),
  avgPool(
    'ceil mode, padding counted',
    [1, 2, 6, 7],
    3,
    { stride: 2, padding: 1, ceilMode: true },
    ', 2, 1, ceil_mode=True',
  ),
  avgPool(
    'ceil mode, padding not counted',
    [1, 2, 6, 7],
    3,
    { stride: 2, padding: 1, ceilMode: true, countIncludePad: false },
    ', 2, 1, ceil_mode=True, count_include_pad=False',
  ),
  avgPool('unequal kernel, stride 1', [1, 2, 5, 7], [2, 3], { stride: 1 }, ', 1'),
  avgPool('the whole image', [2, 17, 7, 7], 7, {}, ''),

  row(
    'adaptiveAvgPool2d',
    'to 1x1',
    [[2, 5, 7, 6]],
    (x) => x.adaptiveAvgPool2d(1),
    'lambda x: F.adaptive_avg_pool2d(x, 1)',
  ),
  row(
    'adaptiveAvgPool2d',
    'to 7x7 from 14x14',
    [[1, 2, 14, 14]],
    (x) => x.adaptiveAvgPool2d(7),
    'lambda x: F.adaptive_avg_pool2d(x, 7)',
  ),
  row(
    'adaptiveAvgPool2d',
    'to a size that does not divide, so windows overlap',
    [[2, 3, 8, 10]],
    (x) => x.adaptiveAvgPool2d([3, 4]),
    'lambda x: F.adaptive_avg_pool2d(x, (3, 4))',
  ),
  row(
    'adaptiveAvgPool2d',
    'to more than there is',
    [[1, 2, 3, 2]],
    (x) => x.adaptiveAvgPool2d([7, 5]),
    'lambda x: F.adaptive_avg_pool2d(x, (7, 5))',
  ),
  row(
    'adaptiveAvgPool2d',
    'to the same size',
    [[1, 2, 3, 4]],
    (x) => x.adaptiveAvgPool2d([3, 4]),
    'lambda x: F.adaptive_avg_pool2d(x, (3, 4))',
  ),
];
