import { describe, expect, test } from 'vitest';
import { stridesOf } from '../../src/core/shape.ts';
import { type Fusion, input } from '../../src/kernels/kernel.ts';
import { elementOf, type ReduceOp, reduce } from '../../src/kernels/reduce.ts';
import { argmax } from '../../src/kernels/rows/argmax.ts';
import { close, int32, noise } from './numbers.ts';
import { openDevice, runProgram } from './run.ts';

const { target } = await openDevice();
const targets = [
  ['software', target],
  ['gpu', { ...target, software: false }],
] as const;

/** In double precision: for each output the list of what is reduced into it. */
function groups(x: ArrayLike<number>, shape: readonly number[], axes: readonly number[]): number[][] {
  const kept = shape.map((_, d) => d).filter((d) => !axes.includes(d));
  const keptStrides = stridesOf(kept.map((d) => shape[d]!));
  const strides = stridesOf(shape);
  const out: number[][] = Array.from({ length: kept.reduce((n, d) => n * shape[d]!, 1) }, () => []);
  for (let i = 0; i < x.length; i++) {
    let o = 0;
    kept.forEach((d, k) => {
      o += (Math.floor(i / strides[d]!) % shape[d]!) * keptStrides[k]!;
    });
    out[o]!.push(x[i]!);
  }
  return out;
}

const sum = (v: number[]) => v.reduce((a, b) => a + b, 0);
const reference: Record<ReduceOp, (v: number[]) => number> = {
  sum,
  mean: (v) => sum(v) / v.length,
  sumOfSquares: (v) => sum(v.map((a) => a * a)),
  max: (v) => v.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY),
  min: (v) => v.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY),
};

const cases: [number[], number[]][] = [
  [[1], [0]],
  [[], []],
  [[17], [0]],
  [[3, 65], [1]],
  [[3, 65], [0]],
  [
    [65, 3, 17],
    [0, 2],
  ],
  [
    [2, 130, 7, 7],
    [0, 2, 3],
  ],
  [
    [5, 1, 17, 1, 3],
    [1, 2],
  ],
  [
    [2, 3, 2, 3, 2, 3, 2, 3],
    [0, 2, 4, 6],
  ],
  [
    [2, 3, 2, 3, 2, 3, 2, 3],
    [1, 3, 5, 7],
  ],
  [[3, 5000], [1]],
  [[5000, 3], [0]],
  [[1500, 600], [0]],
  [[200_001], [0]],
];

describe.each(targets)('%s', (_, target) => {
  test.each(cases)('reduce: %j over %j, every op', async (shape, axes) => {
    const x = noise(shape.reduce((a, b) => a * b, 1));
    const expected = groups(x, shape, axes);
    for (const op of Object.keys(reference) as ReduceOp[]) {
      const [y] = await runProgram(reduce(target, { op, shape, axes }, elementOf()), [x], [expected.length]);
      close(y!, expected.map(reference[op]), { absolute: op.startsWith('sum') ? 1e-6 * x.length ** 0.5 : 1e-6 });
    }
  });

  test.each([
    [[3, 700], 1],
    [[3, 40], 1],
  ] as const)('reduce: a NaN or an infinity in %j decides', async (shape, axis) => {
    const x = noise(shape[0] * shape[1]);
    x[7] = Number.NaN;
    x.fill(Number.NEGATIVE_INFINITY, shape[1], 2 * shape[1]);
    x[2 * shape[1] + 5] = Number.POSITIVE_INFINITY;
    const run = (op: ReduceOp) => runProgram(reduce(target, { op, shape, axes: [axis] }, elementOf()), [x], [3]);
    const low = x.subarray(2 * shape[1]).reduce((a, b) => Math.min(a, b));
    expect([...(await run('max'))[0]!]).toEqual([Number.NaN, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]);
    expect([...(await run('min'))[0]!]).toEqual([Number.NaN, Number.NEGATIVE_INFINITY, low]);
  });

  test('reduce: the element is an expression of several tensors', async () => {
    const difference: Fusion = {
      wgsl: `
@group(1) @binding(0) var<storage, read> a: array<f32>;
@group(1) @binding(1) var<storage, read> b: array<f32>;
struct Scale { scale: f32 }
@group(1) @binding(2) var<uniform> factor: Scale;

fn element(i: u32) -> f32 {
  return (a[i] - b[i % 5u]) * factor.scale;
}`,
      reads: [input(0), input(1)],
      writes: [],
      params: [0x40000000],
    };
    const a = noise(17 * 5);
    const b = noise(5, 1);
    const x = a.map((v, i) => (v - b[i % 5]!) * 2);
    const program = reduce(target, { op: 'sum', shape: [17, 5], axes: [0] }, difference);
    const [y] = await runProgram(program, [a, b], [5]);
    close(y!, groups(x, [17, 5], [0]).map(sum));
  });

  test('reduce: the same bits each run', async () => {
    const x = noise(100_000);
    const program = reduce(target, { op: 'sum', shape: [100_000], axes: [0] }, elementOf());
    const runs = [await runProgram(program, [x], [1]), await runProgram(program, [x], [1])];
    expect(int32(runs[0]![0]!)).toEqual(int32(runs[1]![0]!));
  });

  test.each([
    [[1], 0],
    [[17, 3], 0],
    [[3, 65], 1],
    [[2, 700, 3], 1],
    [[600, 70], 1],
    [[70, 600], 0],
    [[1001], 0],
  ] as [number[], number][])('argmax and argmin: %j over axis %i: ties and NaN', async (shape, axis) => {
    // Few distinct values, so that ties abound.
    const x = noise(shape.reduce((a, b) => a * b, 1)).map((v) => Math.round(v * 3));
    if (x.length > 100) x[50] = Number.NaN;
    if (x.length > 100) x[75] = Number.NaN;
    const rows = groups(x, shape, [axis]);
    const pick = (v: number[], of: (v: number[]) => number) => {
      const nan = v.findIndex(Number.isNaN);
      return nan >= 0 ? nan : v.indexOf(of(v));
    };
    const [max] = await runProgram(argmax(target, { shape, axis }), [x], [rows.length]);
    expect([...int32(max!)]).toEqual(rows.map((v) => pick(v, reference.max)));
    const [min] = await runProgram(argmax(target, { shape, axis, min: true }), [x], [rows.length]);
    expect([...int32(min!)]).toEqual(rows.map((v) => pick(v, reference.min)));
  });
});

test('reduce: refuses axes that alternate more than four times', () => {
  const shape = new Array<number>(10).fill(2);
  expect(() => reduce(target, { op: 'sum', shape, axes: [0, 2, 4, 6, 8] }, elementOf())).toThrow(
    'reduce: axes [0, 2, 4, 6, 8] of [2, 2, 2, 2, 2, 2, 2, 2, 2, 2] alternate between kept and reduced more than 4 times. Permute first.',
  );
});
