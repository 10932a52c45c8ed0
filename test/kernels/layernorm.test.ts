import { describe, expect, test } from 'vitest';
import { layerNorm, layerNormGrad } from '../../src/kernels/rows/layernorm.ts';
import type { Rows } from '../../src/kernels/rows/row.ts';
import { close, int32, noise } from './numbers.ts';
import { openDevice, runProgram } from './run.ts';

const { target } = await openDevice();
const targets = [
  ['software', target],
  ['gpu', { ...target, software: false }],
] as const;
const affine = { weighted: true, biased: true };
const eps = 1e-5;

/** The elements of each row. */
function rowsOf(x: ArrayLike<number>, { rows, length, inner }: Rows): number[][] {
  return Array.from({ length: rows }, (_, row) =>
    Array.from({ length }, (_, c) => x[Math.floor(row / inner) * length * inner + c * inner + (row % inner)]!),
  );
}

/** {@link rowsOf} undone. */
function joined(values: readonly number[][], { length, inner }: Rows): number[] {
  const out: number[] = [];
  for (const [row, list] of values.entries())
    for (const [c, value] of list.entries())
      out[Math.floor(row / inner) * length * inner + c * inner + (row % inner)] = value;
  return out;
}

const mean = (v: number[]) => v.reduce((a, b) => a + b, 0) / v.length;
function deviation(v: number[]): number {
  const center = mean(v);
  return Math.sqrt(mean(v.map((a) => (a - center) ** 2)) + eps);
}
function normalized(v: number[]): number[] {
  const [center, spread] = [mean(v), deviation(v)];
  return v.map((a) => (a - center) / spread);
}

const shapes: Rows[] = [
  { rows: 1, length: 1, inner: 1 },
  { rows: 3, length: 17, inner: 1 },
  { rows: 65, length: 3, inner: 1 },
  { rows: 6, length: 65, inner: 3 },
  { rows: 700, length: 5, inner: 35 },
  { rows: 2, length: 1031, inner: 1 },
  { rows: 3, length: 5001, inner: 3 },
];

describe.each(targets)('%s', (_, target) => {
  test.each(shapes)('layerNorm: $rows rows of $length, $inner apart', async (rows) => {
    const size = rows.rows * rows.length;
    const x = noise(size);
    const [w, b] = [noise(rows.length, 1), noise(rows.length, 2)];
    const program = layerNorm(target, { ...rows, ...affine, eps });
    const [y, m, rstd] = await runProgram(program, [x, w, b], [size, rows.rows, rows.rows]);
    const values = rowsOf(x, rows);
    const expected = values.map((v) => normalized(v).map((a, c) => a * w[c]! + b[c]!));
    close(y!, joined(expected, rows), { absolute: 1e-5 });
    close(m!, values.map(mean), { absolute: 1e-6 });
    close(
      rstd!,
      values.map(deviation).map((d) => 1 / d),
      { relative: 2e-6 },
    );
  });

  test.each([
    [true, false],
    [false, true],
    [false, false],
  ])('layerNorm: weight %s, bias %s', async (weighted, biased) => {
    const rows = { rows: 3, length: 17, inner: 1 };
    const x = noise(51);
    const [w, b] = [noise(17, 1), noise(17, 2)];
    const program = layerNorm(target, { ...rows, weighted, biased, eps });
    const [y] = await runProgram(program, [x, ...(weighted ? [w] : []), ...(biased ? [b] : [])], [51, 3, 3]);
    const scaled = (v: number[]) => normalized(v).map((a, c) => a * (weighted ? w[c]! : 1) + (biased ? b[c]! : 0));
    close(y!, joined(rowsOf(x, rows).map(scaled), rows), { absolute: 1e-5 });
  });

  test.each([17, 5001])('layerNorm of %i: a mean a thousand deviations from zero costs no digits', async (length) => {
    const rows = { rows: 3, length, inner: 1 };
    const x = noise(3 * length).map((a) => 1000 + a);
    const program = layerNorm(target, { ...rows, weighted: false, biased: false, eps });
    const [y, m, rstd] = await runProgram(program, [x], [3 * length, 3, 3]);
    const values = rowsOf(x, rows);
    close(y!, joined(values.map(normalized), rows), { absolute: 3e-4 });
    close(m!, values.map(mean), { relative: 1e-7 });
    close(
      rstd!,
      values.map(deviation).map((d) => 1 / d),
      { relative: 1e-6 },
    );
  });

  test.each([true, false])('layerNorm: a constant row is its bias, weight %s', async (weighted) => {
    const x = new Float32Array(34).fill(3);
    const vector = noise(17);
    const program = layerNorm(target, { rows: 2, length: 17, inner: 1, weighted, biased: true, eps });
    const [y] = await runProgram(program, weighted ? [x, vector, vector] : [x, vector], [34, 2, 2]);
    close(y!, [...vector, ...vector], { absolute: 1e-6 });
  });

  test.each([3, 5000])('layerNorm and gradient of %i: a NaN is not lost', async (length) => {
    const x = new Float32Array(length);
    x[1] = Number.NaN;
    const rows = { rows: 1, length, inner: 1, weighted: false };
    const [y] = await runProgram(layerNorm(target, { ...rows, biased: false, eps }), [x], [length, 1, 1]);
    expect(y!.every(Number.isNaN)).toBe(true);
    const ones = x.map(() => 1);
    const one = new Float32Array(1);
    const [gx] = await runProgram(layerNormGrad(target, rows), [x, ones, one, one.map(() => 1)], [length]);
    expect(gx!.every(Number.isNaN)).toBe(true);
  });

  test.each(shapes)('layerNormGrad: $rows rows of $length, $inner apart', async (rows) => {
    const size = rows.rows * rows.length;
    const [x, gy, w] = [noise(size), noise(size, 1), noise(rows.length, 2)];
    const values = rowsOf(x, rows);
    const statistics = [values.map(mean), values.map((v) => 1 / deviation(v))].map((v) => Float32Array.from(v));
    for (const weighted of [true, false]) {
      const program = layerNormGrad(target, { ...rows, weighted });
      const [gx] = await runProgram(program, [gy, x, ...statistics, ...(weighted ? [w] : [])], [size]);
      const expected = rowsOf(gy, rows).map((list, row) => {
        const g = list.map((a, c) => a * (weighted ? w[c]! : 1));
        const xhat = normalized(values[row]!);
        const [center, along, spread] = [mean(g), mean(g.map((a, c) => a * xhat[c]!)), deviation(values[row]!)];
        return g.map((a, c) => (a - center - xhat[c]! * along) / spread);
      });
      close(gx!, joined(expected, rows), { absolute: rows.length === 1 ? 1e-3 : 2e-5 });
    }
  });

  test('layerNorm: the same bits each run', async () => {
    const x = noise(2 * 5000);
    const program = layerNorm(target, { rows: 2, length: 5000, inner: 1, weighted: false, biased: false, eps });
    const [a, b] = [await runProgram(program, [x], [10000, 2, 2]), await runProgram(program, [x], [10000, 2, 2])];
    expect(a.map(int32)).toEqual(b.map(int32));
  });
});
