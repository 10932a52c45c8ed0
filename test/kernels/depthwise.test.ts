import { describe, test } from 'vitest';
import type { Conv2dShape } from '../../src/kernels/conv2d/shape.ts';
import { checkConv, convShape } from './reference.ts';

const cases: [string, Conv2dShape][] = [
  ['3x3, padding 1', convShape(2, 5, [17, 9], 5, [3, 3], { groups: 5, padding: [1, 1, 1, 1] })],
  [
    'multiplier 3, stride 2',
    convShape(2, 3, [13, 18], 9, [3, 3], { groups: 3, stride: [2, 2], padding: [1, 1, 1, 1] }),
  ],
  ['asymmetric', convShape(1, 4, [10, 15], 4, [3, 2], { groups: 4, stride: [3, 2], padding: [0, 2, 1, 0] })],
  ['dilation 2, stride 2', convShape(3, 2, [12, 11], 2, [3, 3], { groups: 2, dilation: [2, 2], stride: [2, 2] })],
  ['dilation 3, stride 2', convShape(1, 2, [19, 65], 4, [3, 3], { groups: 2, dilation: [3, 3], stride: [2, 2] })],
];

describe('depthwise convolution, its input and weight gradients', () => {
  for (const [label, shape] of cases) test(label, () => checkConv(shape));
});
