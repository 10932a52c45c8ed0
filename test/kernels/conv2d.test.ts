import { describe, expect, test } from 'vitest';
import { packedLayout, packWeights } from '../../src/kernels/conv2d/direct.ts';
import type { Conv2dShape } from '../../src/kernels/conv2d/shape.ts';
import { checkConv, convShape, targets } from './reference.ts';
import { runProgram } from './run.ts';

const cases: [string, Conv2dShape][] = [
  ['1x1 of one pixel', convShape(1, 1, [1, 1], 1, [1, 1])],
  ['pointwise 17 to 65', convShape(2, 17, [5, 7], 65, [1, 1])],
  ['pointwise 64 to 33, even depth', convShape(3, 64, [9, 3], 33, [1, 1])],
  ['pointwise, stride 2', convShape(2, 6, [9, 8], 17, [1, 1], { stride: [2, 2] })],
  ['3x3, padding 1', convShape(2, 3, [17, 17], 20, [3, 3], { padding: [1, 1, 1, 1] })],
  ['3x3, stride 2, odd size', convShape(2, 10, [17, 13], 34, [3, 3], { stride: [2, 2], padding: [1, 1, 1, 1] })],
  ['7x7, stride 2, three channels', convShape(1, 3, [31, 33], 16, [7, 7], { stride: [2, 2], padding: [3, 3, 3, 3] })],
  ['asymmetric padding and stride', convShape(1, 4, [10, 15], 9, [3, 2], { stride: [3, 2], padding: [0, 2, 1, 0] })],
  ['dilation 2', convShape(1, 5, [12, 11], 6, [3, 3], { dilation: [2, 2], padding: [2, 2, 2, 2] })],
  ['dilation 2 and stride 2', convShape(1, 5, [12, 11], 6, [3, 3], { dilation: [2, 2], stride: [2, 2] })],
  [
    'dilation 3, stride 2',
    convShape(2, 3, [17, 16], 4, [3, 2], { dilation: [3, 3], stride: [2, 2], padding: [1, 4, 0, 1] }),
  ],
  ['stride larger than filter', convShape(1, 4, [11, 9], 5, [2, 1], { stride: [4, 3] })],
  ['filter as large as the image', convShape(2, 7, [5, 4], 40, [5, 4])],
  ['padding wider than the image', convShape(1, 2, [1, 2], 3, [3, 3], { padding: [2, 2, 3, 3] })],
  ['three groups', convShape(2, 9, [8, 7], 15, [3, 3], { groups: 3, padding: [1, 1, 1, 1] })],
  ['groups of 34, stride 2', convShape(1, 8, [9, 9], 68, [3, 3], { groups: 2, stride: [2, 2], padding: [0, 1, 0, 1] })],
  ['more than 64 large tiles', convShape(2, 3, [46, 46], 65, [3, 3], { padding: [1, 1, 1, 1] })],
  ['long reduction of the weight gradient', convShape(4, 3, [40, 37], 5, [3, 3], { padding: [1, 1, 1, 1] })],
  ['small images, both sides in panels', convShape(3, 37, [5, 4], 66, [3, 3], { padding: [1, 1, 1, 1] })],
  ['small images, many channels', convShape(15, 40, [2, 2], 264, [3, 3], { padding: [1, 1, 1, 1] })],
  ['small images, pointwise', convShape(9, 40, [2, 2], 33, [1, 1])],
  ['small images, pointwise, columns not in fours', convShape(6, 42, [2, 2], 34, [1, 1])],
  ['small images, pointwise, groups', convShape(5, 24, [1, 4], 40, [1, 1], { groups: 2 })],
  ['small images, stride 2', convShape(3, 34, [7, 5], 35, [3, 3], { stride: [2, 2], padding: [0, 1, 1, 0] })],
  [
    'small images, groups and dilation',
    convShape(2, 66, [6, 6], 70, [3, 2], { groups: 2, dilation: [2, 1], padding: [2, 1, 0, 1], stride: [1, 2] }),
  ],
  [
    'groups, strides that do and do not divide the dilations',
    convShape(2, 8, [12, 11], 6, [3, 3], { groups: 2, dilation: [2, 3], stride: [2, 2], padding: [2, 3, 1, 4] }),
  ],
  ['long reduction over channels', convShape(1, 600, [3, 3], 10, [3, 3], { padding: [1, 1, 1, 1] })],
];

describe('conv2d, its input and weight gradients', () => {
  for (const [label, shape] of cases) test(label, () => checkConv(shape));
});

describe('packWeights', () => {
  test('pads the last panel with zeros', async () => {
    const [target] = await targets();
    const shape = convShape(1, 2, [1, 1], 3, [1, 1]);
    const program = packWeights(target!, shape, 'forward');
    const { elements } = packedLayout(shape, 'forward');
    const [packed] = await runProgram(program, [new Float32Array([1, 2, 3, 4, 5, 6])], [elements]);
    expect([...packed!]).toEqual([1, 3, 5, 0, 2, 4, 6, 0]);
  });
});
