import { describe, expect, test } from 'vitest';
import { sizeOf } from '../../src/core/shape.ts';
import { logSoftmax, logSoftmaxGrad, softmax, softmaxGrad } from '../../src/kernels/rows/softmax.ts';
import { close, noise } from './numbers.ts';
import { openDevice, runProgram } from './run.ts';

const { target } = await openDevice();
const targets = [
  ['software', target],
  ['gpu', { ...target, software: false }],
] as const;

/** Applies `f` to every row along `axis` of the tensors `xs`. */
function alongAxis(
  shape: readonly number[],
  axis: number,
  xs: ArrayLike<number>[],
  f: (...rows: number[][]) => number[],
): number[] {
  const length = shape[axis]!;
  const inner = sizeOf(shape.slice(axis + 1));
  const out = new Array<number>(sizeOf(shape));
  for (let row = 0; row < out.length / length; row++) {
    const at = (c: number) => Math.floor(row / inner) * length * inner + c * inner + (row % inner);
    const y = f(...xs.map((x) => Array.from({ length }, (_, c) => x[at(c)]!)));
    y.forEach((value, c) => {
      out[at(c)] = value;
    });
  }
  return out;
}

const sum = (v: number[]) => v.reduce((a, b) => a + b, 0);
const logits = (v: number[]) => {
  const m = Math.max(...v);
  const lse = m + Math.log(sum(v.map((a) => Math.exp(a - m))));
  return v.map((a) => a - lse);
};
const probabilities = (v: number[]) => logits(v).map(Math.exp);

const cases: [number[], number][] = [
  [[1], 0],
  [[3, 17], 1],
  [[17, 3], 0],
  [[3, 65, 5], 1],
  [[2, 1000], 1],
  [[1, 5001], 1],
  [[2, 4500, 3], 1],
];

describe.each(targets)('%s', (_, target) => {
  test.each(cases)('softmax and logSoftmax: %j over axis %i', async (shape, axis) => {
    const x = noise(sizeOf(shape)).map((a) => 20 * a + 100);
    const [p] = await runProgram(softmax(target, { shape, axis }), [x], [x.length]);
    close(p!, alongAxis(shape, axis, [x], probabilities), { absolute: 1e-8, relative: 5e-5 });
    const [l] = await runProgram(logSoftmax(target, { shape, axis }), [x], [x.length]);
    close(l!, alongAxis(shape, axis, [x], logits), { absolute: 2e-5 });
  });

  test.each(cases)('softmaxGrad and logSoftmaxGrad: %j over axis %i', async (shape, axis) => {
    const x = noise(sizeOf(shape));
    const gy = noise(x.length, 1);
    const p = Float32Array.from(alongAxis(shape, axis, [x], probabilities));
    const [g] = await runProgram(softmaxGrad(target, { shape, axis }), [p, gy], [x.length]);
    const ofSoftmax = (y: number[], gy: number[]) => {
      const total = sum(y.map((v, c) => v * gy[c]!));
      return y.map((v, c) => v * (gy[c]! - total));
    };
    close(g!, alongAxis(shape, axis, [p, gy], ofSoftmax), { absolute: 2e-6 });
    const l = Float32Array.from(alongAxis(shape, axis, [x], logits));
    const [h] = await runProgram(logSoftmaxGrad(target, { shape, axis }), [l, gy], [x.length]);
    const ofLogSoftmax = (y: number[], gy: number[]) => {
      const total = sum(gy);
      return y.map((v, c) => gy[c]! - Math.exp(v) * total);
    };
    close(h!, alongAxis(shape, axis, [l, gy], ofLogSoftmax), { absolute: 1e-5 });
  });

  test.each([3, 5000])('softmax of %i: infinities as in PyTorch', async (length) => {
    const x = new Float32Array(3 * length).fill(Number.NEGATIVE_INFINITY);
    x[length - 1] = 5;
    x.fill(0, 2 * length);
    x[2 * length] = Number.POSITIVE_INFINITY;
    const [y] = await runProgram(softmax(target, { shape: [3, length], axis: 1 }), [x], [3 * length]);
    expect([...y!.subarray(0, length)]).toEqual([...x.subarray(0, length)].map((v) => (v === 5 ? 1 : 0)));
    expect(y!.subarray(length).every(Number.isNaN)).toBe(true);
  });

  test.each([3, 5000])('softmax and gradient of %i: a NaN is not lost', async (length) => {
    const x = new Float32Array(length);
    x[1] = Number.NaN;
    const shape = { shape: [length], axis: 0 };
    for (const program of [softmax(target, shape), logSoftmax(target, shape)])
      expect((await runProgram(program, [x], [length]))[0]!.every(Number.isNaN)).toBe(true);
    for (const program of [softmaxGrad(target, shape), logSoftmaxGrad(target, shape)])
      expect((await runProgram(program, [x, x.map(() => 1)], [length]))[0]![1]).toBeNaN();
  });
});
