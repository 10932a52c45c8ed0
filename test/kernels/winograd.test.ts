/** Winograd's convolution and its input gradient against the direct sum, at sizes that divide no tile. */
import { describe, expect, test } from 'vitest';
import type { Conv2dShape } from '../../src/kernels/conv2d/shape.ts';
import {
  mirrored,
  suitsWinograd,
  winograd,
  winogradElements,
  winogradWeights,
} from '../../src/kernels/conv2d/winograd.ts';
import { close, convReference, convShape, finished, random, scaleByInput, targets } from './reference.ts';
import { runProgram } from './run.ts';

const padded = { padding: [1, 1, 1, 1] } as const;

const cases: [string, Conv2dShape][] = [
  ['one pixel', convShape(1, 1, [1, 1], 1, [3, 3], padded)],
  ['even sides', convShape(2, 5, [8, 6], 7, [3, 3], padded)],
  ['odd sides', convShape(3, 17, [7, 9], 33, [3, 3], padded)],
  ['no padding', convShape(2, 3, [5, 17], 4, [3, 3])],
  ['asymmetric padding', convShape(1, 6, [6, 5], 3, [3, 3], { padding: [2, 0, 1, 2] })],
  ['many channels', convShape(1, 130, [7, 7], 65, [3, 3], padded)],
];

describe('winograd', () => {
  for (const [label, shape] of cases)
    test(label, async () => {
      const x = random(shape.N * shape.C * shape.H * shape.W, 1);
      const w = random(shape.K * shape.C * 9, 2);
      const count = shape.N * shape.K * shape.outH * shape.outW;
      const gy = random(count, 3);
      const { y, gx } = convReference(shape, x, w, gy);
      const extra = random(13, 4);
      for (const target of await targets()) {
        const forward = winogradWeights(target, shape, 'forward');
        const [u] = await runProgram(forward, [w], [winogradElements(shape, 'forward')]);
        const [got] = await runProgram(winograd(target, shape, scaleByInput(2)), [x, u!, extra], [count]);
        close(got!, finished(y, extra, shape.K, shape.outH * shape.outW), 1e-5 * Math.sqrt(9 * shape.C));
        const backward = winogradWeights(target, shape, 'inputGrad');
        const [turned] = await runProgram(backward, [w], [winogradElements(shape, 'inputGrad')]);
        const [gradient] = await runProgram(
          winograd(target, mirrored(shape), scaleByInput(2)),
          [gy, turned!, extra],
          [x.length],
        );
        close(gradient!, finished(gx, extra, shape.C, shape.H * shape.W), 1e-5 * Math.sqrt(9 * shape.K));
      }
    });

  test('is chosen for wide 3x3 convolutions of stride 1 only, where tiles are many and mostly full', () => {
    expect(suitsWinograd(convShape(8, 512, [7, 7], 512, [3, 3], padded))).toBe(true);
    expect(suitsWinograd(convShape(1, 512, [7, 7], 512, [3, 3], padded))).toBe(false);
    expect(suitsWinograd(convShape(64, 512, [3, 3], 512, [3, 3], padded))).toBe(false);
    expect(suitsWinograd(convShape(1, 128, [14, 14], 128, [3, 3], padded))).toBe(true);
    expect(suitsWinograd(convShape(1, 64, [14, 14], 128, [3, 3], padded))).toBe(false);
    expect(suitsWinograd(convShape(1, 128, [14, 14], 128, [3, 3], { ...padded, stride: [2, 2] }))).toBe(false);
    expect(suitsWinograd(convShape(1, 128, [14, 14], 128, [1, 1]))).toBe(false);
  });
});
