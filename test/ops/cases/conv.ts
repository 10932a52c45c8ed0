/** Convolutions and transposed convolutions: every option, alone and together, at sizes that divide no tile. */
import type { Tensor } from '../../../src/index.ts';
import { type Row, row } from '../row.ts';

type Options = NonNullable<Parameters<Tensor['conv2d']>[2]>;
type TransposeOptions = NonNullable<Parameters<Tensor['convTranspose2d']>[2]>;

/** With a bias of one value per output channel. */
const conv = (name: string, x: number[], w: number[], options: Options, torch: string): Row =>
  row('conv2d', name, [x, w, [w[0]!]], (x, w, b) => x.conv2d(w, b, options), `lambda x, w, b: ${torch}`);

const convTranspose = (name: string, x: number[], w: number[], options: TransposeOptions, torch: string): Row =>
  row(
    'convTranspose2d',
    name,
    [x, w, [w[1]! * (options.groups ?? 1)]],
    (x, w, b) => x.convTranspose2d(w, b, options),
    `lambda x, w, b: F.conv_transpose2d(x, w, b${torch})`,
  );

export const convolution: Row[] = [
  conv('3x3, no padding', [2, 3, 9, 7], [4, 3, 3, 3], {}, 'F.conv2d(x, w, b)'),
  conv('3x3, padding 1', [2, 3, 9, 7], [5, 3, 3, 3], { padding: 1 }, 'F.conv2d(x, w, b, padding=1)'),
  conv('batch 1', [1, 3, 9, 7], [5, 3, 3, 3], { padding: 1 }, 'F.conv2d(x, w, b, padding=1)'),
  conv('batch 3', [3, 2, 5, 6], [3, 2, 3, 3], { padding: 1 }, 'F.conv2d(x, w, b, padding=1)'),
  row(
    'conv2d',
    'no bias',
    [
      [2, 3, 8, 8],
      [4, 3, 3, 3],
    ],
    (x, w) => x.conv2d(w, null, { padding: 1 }),
    'lambda x, w: F.conv2d(x, w, padding=1)',
  ),
  conv(
    'stride 2, padding 1',
    [2, 3, 9, 8],
    [4, 3, 3, 3],
    { stride: 2, padding: 1 },
    'F.conv2d(x, w, b, stride=2, padding=1)',
  ),
  conv('a stride that leaves a rest', [1, 2, 11, 12], [3, 2, 3, 3], { stride: 3 }, 'F.conv2d(x, w, b, stride=3)'),
  conv(
    'unequal strides',
    [1, 2, 9, 10],
    [3, 2, 3, 3],
    { stride: [2, 1], padding: 1 },
    'F.conv2d(x, w, b, stride=(2, 1), padding=1)',
  ),
  conv('unequal padding', [1, 2, 7, 6], [3, 2, 3, 5], { padding: [1, 2] }, 'F.conv2d(x, w, b, padding=(1, 2))'),
  conv(
    'stride 2, asymmetric padding',
    [2, 3, 9, 8],
    [4, 3, 3, 3],
    { stride: 2, padding: [1, 2, 0, 1] },
    'F.conv2d(F.pad(x, (0, 1, 1, 2)), w, b, stride=2)',
  ),
  conv(
    'TensorFlow same padding (0, 1)',
    [1, 3, 8, 8],
    [4, 3, 3, 3],
    { stride: 2, padding: [0, 1, 0, 1] },
    'F.conv2d(F.pad(x, (0, 1, 0, 1)), w, b, stride=2)',
  ),
  conv('padding wider than the kernel', [1, 2, 4, 4], [3, 2, 2, 2], { padding: 3 }, 'F.conv2d(x, w, b, padding=3)'),
  conv(
    'dilation 2',
    [1, 2, 9, 8],
    [3, 2, 3, 3],
    { padding: 2, dilation: 2 },
    'F.conv2d(x, w, b, padding=2, dilation=2)',
  ),
  conv(
    'unequal dilation with stride',
    [1, 2, 10, 9],
    [3, 2, 3, 3],
    { stride: 2, dilation: [2, 1] },
    'F.conv2d(x, w, b, stride=2, dilation=(2, 1))',
  ),
  conv('2 groups', [2, 4, 6, 5], [6, 2, 3, 3], { padding: 1, groups: 2 }, 'F.conv2d(x, w, b, padding=1, groups=2)'),
  conv(
    '3 groups, stride 2, 1 channel out each',
    [1, 6, 7, 7],
    [3, 2, 3, 3],
    { stride: 2, padding: 1, groups: 3 },
    'F.conv2d(x, w, b, stride=2, padding=1, groups=3)',
  ),
  conv('depthwise', [2, 5, 7, 6], [5, 1, 3, 3], { padding: 1, groups: 5 }, 'F.conv2d(x, w, b, padding=1, groups=5)'),
  conv(
    'depthwise, stride 2',
    [1, 5, 9, 8],
    [5, 1, 3, 3],
    { stride: 2, padding: 1, groups: 5 },
    'F.conv2d(x, w, b, stride=2, padding=1, groups=5)',
  ),
  conv(
    'depthwise with multiplier 2',
    [1, 3, 7, 6],
    [6, 1, 3, 3],
    { padding: 1, groups: 3 },
    'F.conv2d(x, w, b, padding=1, groups=3)',
  ),
  conv(
    'depthwise 5x5, dilation 2',
    [1, 3, 9, 9],
    [3, 1, 5, 5],
    { padding: 4, dilation: 2, groups: 3 },
    'F.conv2d(x, w, b, padding=4, dilation=2, groups=3)',
  ),
  conv('1x1', [2, 7, 5, 3], [9, 7, 1, 1], {}, 'F.conv2d(x, w, b)'),
  conv('1x1, stride 2', [1, 7, 5, 6], [4, 7, 1, 1], { stride: 2 }, 'F.conv2d(x, w, b, stride=2)'),
  conv('1x1 of one channel', [1, 1, 3, 3], [1, 1, 1, 1], {}, 'F.conv2d(x, w, b)'),
  conv('1x1, channels divisible by 4', [1, 16, 4, 4], [8, 16, 1, 1], {}, 'F.conv2d(x, w, b)'),
  conv('3x3, channels divisible by 4', [2, 8, 5, 5], [16, 8, 3, 3], { padding: 1 }, 'F.conv2d(x, w, b, padding=1)'),
  conv(
    '7x7, stride 2, padding 3',
    [1, 3, 19, 18],
    [5, 3, 7, 7],
    { stride: 2, padding: 3 },
    'F.conv2d(x, w, b, stride=2, padding=3)',
  ),
  conv('1x7', [1, 3, 5, 9], [4, 3, 1, 7], { padding: [0, 3] }, 'F.conv2d(x, w, b, padding=(0, 3))'),
  conv('a kernel as large as the image', [2, 3, 5, 4], [17, 3, 5, 4], {}, 'F.conv2d(x, w, b)'),
  conv('33 channels in, 65 out', [1, 33, 3, 3], [65, 33, 1, 1], {}, 'F.conv2d(x, w, b)'),
  conv('37 channels in, 3x3', [1, 37, 4, 5], [5, 37, 3, 3], { padding: 1 }, 'F.conv2d(x, w, b, padding=1)'),
  conv('32 channels in, 40 out, 3x3', [1, 32, 9, 9], [40, 32, 3, 3], { padding: 1 }, 'F.conv2d(x, w, b, padding=1)'),
  row(
    'conv2d',
    'followed by relu and a sum with the input',
    [[1, 4, 6, 5], [4, 4, 3, 3], [4]],
    (x, w, b) => x.conv2d(w, b, { padding: 1 }).relu().add(x),
    'lambda x, w, b: F.relu(F.conv2d(x, w, b, padding=1)) + x',
  ),
  row(
    'conv2d',
    'the same weight twice',
    [
      [1, 3, 6, 5],
      [3, 3, 3, 3],
    ],
    (x, w) => x.conv2d(w, null, { padding: 1 }).conv2d(w, null),
    'lambda x, w: F.conv2d(F.conv2d(x, w, padding=1), w)',
  ),

  convTranspose('3x3', [2, 3, 5, 4], [3, 4, 3, 3], {}, ''),
  convTranspose('stride 2, padding 1', [1, 3, 5, 4], [3, 2, 3, 3], { stride: 2, padding: 1 }, ', stride=2, padding=1'),
  convTranspose(
    'stride 2 with output padding',
    [1, 3, 5, 4],
    [3, 2, 3, 3],
    { stride: 2, padding: 1, outputPadding: 1 },
    ', stride=2, padding=1, output_padding=1',
  ),
  convTranspose('2x2, stride 2', [2, 3, 4, 5], [3, 5, 2, 2], { stride: 2 }, ', stride=2'),
  convTranspose('stride 3, a kernel smaller than the stride', [1, 2, 3, 4], [2, 3, 2, 2], { stride: 3 }, ', stride=3'),
  convTranspose('dilation 2', [1, 2, 5, 4], [2, 3, 3, 3], { dilation: 2, padding: 1 }, ', dilation=2, padding=1'),
  convTranspose(
    '2 groups',
    [1, 4, 5, 4],
    [4, 3, 3, 3],
    { stride: 2, padding: 1, groups: 2 },
    ', stride=2, padding=1, groups=2',
  ),
  convTranspose(
    'unequal options',
    [1, 2, 5, 4],
    [2, 3, 3, 2],
    { stride: [2, 1], padding: [1, 0], outputPadding: [1, 0] },
    ', stride=(2, 1), padding=(1, 0), output_padding=(1, 0)',
  ),
  convTranspose('1x1', [1, 5, 3, 3], [5, 4, 1, 1], {}, ''),
  row(
    'convTranspose2d',
    'no bias',
    [
      [1, 3, 5, 4],
      [3, 2, 4, 4],
    ],
    (x, w) => x.convTranspose2d(w, null, { stride: 2, padding: 1 }),
    'lambda x, w: F.conv_transpose2d(x, w, stride=2, padding=1)',
  ),
];
