import { describe, expect, test } from 'vitest';
import { type CrossEntropy, crossEntropy, crossEntropyGrad } from '../../src/kernels/rows/loss.ts';
import { close, noise } from './numbers.ts';
import { openDevice, runProgram } from './run.ts';

const { target } = await openDevice();
const targets = [
  ['software', target],
  ['gpu', { ...target, software: false }],
] as const;

/** PyTorch's rule in double precision: per-row losses and weights, and the gradient of sum(gy * loss). */
function reference(
  x: Float32Array,
  labels: Int32Array,
  w: ArrayLike<number>,
  gy: ArrayLike<number>,
  o: Required<CrossEntropy>,
) {
  const { N, C, inner, labelSmoothing: s, ignoreIndex } = o;
  const rows = N * inner;
  const losses = new Array<number>(rows).fill(0);
  const weights = new Array<number>(rows).fill(0);
  const lse: number[] = [];
  const rowGrad: number[][] = [];
  const all = Array.from(w).reduce((a, b) => a + b, 0);
  for (let row = 0; row < rows; row++) {
    const at = (c: number) => (Math.floor(row / inner) * C + c) * inner + (row % inner);
    const v = Array.from({ length: C }, (_, c) => x[at(c)]!);
    const m = v.reduce((a, b) => Math.max(a, b));
    lse[row] = m + Math.log(v.reduce((a, b) => a + Math.exp(b - m), 0));
    const label = labels[row]!;
    if (label === ignoreIndex) rowGrad[row] = v.map(() => 0);
    else if (label < 0 || label >= C) {
      losses[row] = Number.NaN;
      rowGrad[row] = v.map(() => Number.NaN);
    } else {
      const smooth = v.reduce((a, b, c) => a + w[c]! * (lse[row]! - b), 0);
      losses[row] = (1 - s) * w[label]! * (lse[row]! - v[label]!) + (s / C) * smooth;
      weights[row] = w[label]!;
      rowGrad[row] = v.map((a, c) => {
        const p = Math.exp(a - lse[row]!);
        return (1 - s) * w[label]! * (p - (c === label ? 1 : 0)) + (s / C) * (p * all - w[c]!);
      });
    }
  }
  const total = weights.reduce((a, b) => a + b, 0);
  const sum = losses.reduce((a, b) => a + b, 0);
  const loss = { none: losses, sum: [sum], mean: [sum / total] }[o.reduction];
  const grad = new Array<number>(x.length);
  for (let row = 0; row < rows; row++)
    for (let c = 0; c < C; c++) {
      const scale = o.reduction === 'none' ? gy[row]! : gy[0]! / (o.reduction === 'mean' ? total : 1);
      grad[(Math.floor(row / inner) * C + c) * inner + (row % inner)] =
        labels[row] === ignoreIndex ? 0 : rowGrad[row]![c]! * scale;
    }
  return { loss, lse, total, grad };
}

async function check(
  target: Parameters<typeof crossEntropy>[0],
  options: CrossEntropy,
  labels: Int32Array,
  x: Float32Array,
) {
  const o = {
    inner: 1,
    weighted: false,
    labelSmoothing: 0,
    ignoreIndex: -100,
    reduction: 'mean',
    ...options,
  } as Required<CrossEntropy>;
  const rows = o.N * o.inner;
  const none = o.reduction === 'none';
  const w = o.weighted ? noise(o.C, 5).map((a) => 1.5 + a) : new Float32Array(o.C).fill(1);
  const gy = none ? noise(rows, 6) : Float32Array.of(1.5);
  const expected = reference(x, labels, w, gy, o);
  const extra = o.weighted ? [w] : [];
  const [loss, lse, total] = await runProgram(
    crossEntropy(target, options),
    [x, labels, ...extra],
    none ? [rows, rows] : [1, rows, 1],
  );
  close(loss!, expected.loss, { absolute: 2e-6, relative: 1e-5 });
  close(lse!, expected.lse);
  if (total) close(total, [expected.total]);
  const [grad] = await runProgram(
    crossEntropyGrad(target, options),
    [x, labels, lse!, gy, total ?? gy, ...extra],
    [x.length],
  );
  // A float32 logit or log-sum-exp near 60 is off by 4e-6, and so is, relatively, its probability.
  close(grad!, expected.grad, { absolute: 2e-5 });
  return { loss: loss!, grad: grad! };
}

const labelsOf = (rows: number, C: number) => Int32Array.from(noise(rows, 9), (v) => Math.floor(((v + 1) / 2) * C));

const reductions = ['mean', 'sum', 'none'] as const;
const cases: [string, CrossEntropy][] = [
  ...reductions.map((reduction): [string, CrossEntropy] => [`${reduction} of [3, 17]`, { N: 3, C: 17, reduction }]),
  ...reductions.map((reduction): [string, CrossEntropy] => [
    `${reduction} of [2, 5, 33], weighted, smoothed`,
    { N: 2, C: 5, inner: 33, weighted: true, labelSmoothing: 0.1, reduction },
  ]),
  ['one row, one class', { N: 1, C: 1 }],
  ['wide rows', { N: 3, C: 5001 }],
  ['wide rows, weighted, smoothed', { N: 3, C: 5001, weighted: true, labelSmoothing: 0.2 }],
  ['smoothed', { N: 65, C: 10, labelSmoothing: 0.3 }],
  ['weighted', { N: 65, C: 10, weighted: true }],
  ['more rows than one workgroup sums', { N: 3, C: 2, inner: 6001, weighted: true }],
];

describe.each(targets)('%s', (_, target) => {
  test.each(cases)('crossEntropy: %s', async (_name, options) => {
    const rows = options.N * (options.inner ?? 1);
    await check(
      target,
      options,
      labelsOf(rows, options.C),
      noise(rows * options.C).map((v) => 10 * v + 50),
    );
  });

  test.each(reductions)('crossEntropy: ignored rows count for nothing, %s', async (reduction) => {
    const labels = labelsOf(17, 3);
    labels[0] = labels[5] = labels[16] = 255;
    const { grad } = await check(
      target,
      { N: 17, C: 3, ignoreIndex: 255, weighted: true, reduction },
      labels,
      noise(51),
    );
    expect([...grad.subarray(0, 3)]).toEqual([0, 0, 0]);
  });

  test('crossEntropy: the mean of ignored rows alone is NaN', async () => {
    const { loss, grad } = await check(target, { N: 2, C: 3 }, Int32Array.of(-100, -100), noise(6));
    expect(loss[0]).toBeNaN();
    expect([...grad]).toEqual([0, 0, 0, 0, 0, 0]);
  });

  test.each([-1, 3, 2 ** 31 - 1, -(2 ** 31)])('crossEntropy: label %i of 3 classes gives NaN', async (label) => {
    const { loss } = await check(target, { N: 3, C: 3, reduction: 'none' }, Int32Array.of(0, label, 2), noise(9));
    expect([...loss].map(Number.isNaN)).toEqual([false, true, false]);
    const mean = await check(target, { N: 3, C: 3 }, Int32Array.of(0, label, 2), noise(9));
    expect(mean.loss[0]).toBeNaN();
  });

  test.each([3, 5001])('crossEntropy of %i classes: a NaN logit spoils its row, in loss and gradient', async (C) => {
    const x = noise(2 * C);
    x[C + 1] = Number.NaN;
    const { loss, grad } = await check(target, { N: 2, C, reduction: 'none' }, Int32Array.of(0, 0), x);
    expect([...loss].map(Number.isNaN)).toEqual([false, true]);
    expect(grad.subarray(C).every(Number.isNaN)).toBe(true);
  });
});
