import { describe, expect, test } from 'vitest';
import { batchNormGradStats, batchNormStats } from '../../src/kernels/batchnorm.ts';
import { batchNormFold } from '../../src/kernels/batchnorm-fold.ts';
import { close, int32, noise } from './numbers.ts';
import { openDevice, runProgram } from './run.ts';

const { target } = await openDevice();
const targets = [
  ['software', target],
  ['gpu', { ...target, software: false }],
] as const;

function channels(x: Float32Array, N: number, C: number, HW: number): number[][] {
  return Array.from({ length: C }, (_, c) =>
    Array.from({ length: N * HW }, (_, r) => x[(Math.floor(r / HW) * C + c) * HW + (r % HW)]!),
  );
}

const mean = (v: number[]) => v.reduce((a, b) => a + b, 0) / v.length;
const variance = (v: number[]) => {
  const center = mean(v);
  return mean(v.map((a) => (a - center) ** 2));
};

const shapes = [
  [1, 1, 1],
  [3, 17, 1],
  [65, 3, 1],
  [2, 5, 49],
  [3, 65, 17],
  [32, 7, 49],
  [2, 3, 5000],
  [700, 2, 30],
] as const;

describe.each(targets)('%s', (_, target) => {
  test.each(shapes)('batchNormStats: [%i, %i, %i]', async (N, C, HW) => {
    const x = noise(N * C * HW);
    const [m, v] = await runProgram(batchNormStats(target, { N, C, HW }), [x], [C, C]);
    const rows = channels(x, N, C, HW);
    close(m!, rows.map(mean), { absolute: 1e-6 });
    close(v!, rows.map(variance), { absolute: 1e-7 });
  });

  test.each([
    [4, 2, 3000],
    [4, 40, 30],
  ])('batchNormStats: a mean a thousand deviations from zero costs no digits, [%i, %i, %i]', async (N, C, HW) => {
    const x = noise(N * C * HW).map((a) => 1000 + a);
    const [m, v] = await runProgram(batchNormStats(target, { N, C, HW }), [x], [C, C]);
    const rows = channels(x, N, C, HW);
    close(m!, rows.map(mean), { relative: 1e-6 });
    close(v!, rows.map(variance), { absolute: 0, relative: 1e-4 });
  });

  test.each([
    [1, true, true],
    [17, true, false],
    [65, false, true],
    [130, false, false],
  ])('batchNormFold: [%i], weight %s, bias %s', async (C, weight, bias) => {
    const eps = 1e-5;
    const m = noise(C, 1);
    const v = noise(C, 2).map((a) => 2 + a);
    const [w, b] = [noise(C, 3), noise(C, 4)];
    const program = batchNormFold(target, { C, eps, weight, bias });
    const [scale, shift] = await runProgram(program, [m, v, ...(weight ? [w] : []), ...(bias ? [b] : [])], [C, C]);
    const expected = [...v].map((a, c) => (weight ? w[c]! : 1) / Math.sqrt(a + eps));
    close(scale!, expected, { absolute: 1e-6 });
    close(
      shift!,
      expected.map((a, c) => (bias ? b[c]! : 0) - m[c]! * a),
      { absolute: 1e-6 },
    );
  });

  test.each(shapes)('batchNormGradStats: [%i, %i, %i]', async (N, C, HW) => {
    const x = noise(N * C * HW);
    const gy = noise(N * C * HW, 1);
    const m = noise(C, 2);
    const invstd = noise(C, 3).map((a) => 2 + a);
    const program = batchNormGradStats(target, { N, C, HW });
    const [sumGy, sumGyXhat] = await runProgram(program, [gy, x, m, invstd], [C, C]);
    const [g, v] = [channels(gy, N, C, HW), channels(x, N, C, HW)];
    const tolerance = { absolute: 2e-6 * (N * HW) ** 0.5 };
    close(
      sumGy!,
      g.map((row) => mean(row) * N * HW),
      tolerance,
    );
    close(
      sumGyXhat!,
      g.map((row, c) => mean(row.map((a, r) => a * (v[c]![r]! - m[c]!) * invstd[c]!)) * N * HW),
      tolerance,
    );
  });

  test('batchNormStats: the same bits each run', async () => {
    const x = noise(2 * 3 * 5000);
    const program = batchNormStats(target, { N: 2, C: 3, HW: 5000 });
    const [a, b] = [await runProgram(program, [x], [3, 3]), await runProgram(program, [x], [3, 3])];
    expect(a.map(int32)).toEqual(b.map(int32));
  });
});
