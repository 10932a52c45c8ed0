import { describe, expect, test } from 'vitest';
import type { Fusion, KernelTarget } from '../../src/kernels/kernel.ts';
import { input } from '../../src/kernels/kernel.ts';
import {
  type AverageWindow,
  adaptiveAvgPool2d,
  adaptiveAvgPool2dGrad,
  avgPool2d,
  avgPool2dGrad,
  type MaxWindow,
  maxPool2d,
  maxPool2dGrad,
  type PoolShape,
} from '../../src/kernels/pool.ts';
import { close, int32, noise } from './numbers.ts';
import { openDevice, runProgram } from './run.ts';

const { target } = await openDevice();
const targets = [
  ['software', target],
  ['gpu', { ...target, software: false }],
] as const;

/** PyTorch's output size. */
function outSize(size: number, k: number, stride: number, padding: number, dilation: number, ceil: boolean): number {
  const span = size + 2 * padding - dilation * (k - 1) - 1;
  const out = (ceil ? Math.ceil(span / stride) : Math.floor(span / stride)) + 1;
  return ceil && (out - 1) * stride >= size + padding ? out - 1 : out;
}

interface Row {
  planes: [number, number];
  size: [number, number];
  kernel: [number, number];
  stride: [number, number];
  padding: [number, number];
  dilation?: [number, number];
  ceil?: boolean;
}

function windowOf({
  planes: [N, C],
  size: [H, W],
  kernel,
  stride,
  padding,
  dilation = [1, 1],
  ceil = false,
}: Row): MaxWindow {
  const out = [H, W].map((n, d) => outSize(n, kernel[d]!, stride[d]!, padding[d]!, dilation[d]!, ceil));
  return { N, C, H, W, outH: out[0]!, outW: out[1]!, kernel, stride, padding, dilation };
}

const rows: Row[] = [
  { planes: [1, 1], size: [1, 1], kernel: [1, 1], stride: [1, 1], padding: [0, 0] },
  { planes: [2, 3], size: [17, 17], kernel: [3, 3], stride: [2, 2], padding: [1, 1] },
  { planes: [1, 3], size: [65, 33], kernel: [2, 2], stride: [2, 2], padding: [0, 0] },
  { planes: [3, 1], size: [13, 13], kernel: [3, 3], stride: [2, 2], padding: [0, 0], ceil: true },
  { planes: [1, 2], size: [9, 14], kernel: [3, 5], stride: [1, 3], padding: [1, 2], ceil: true },
  { planes: [1, 2], size: [10, 11], kernel: [4, 4], stride: [3, 3], padding: [2, 2], ceil: true },
  { planes: [1, 2], size: [5, 5], kernel: [2, 2], stride: [3, 3], padding: [0, 0] },
];
const dilated: Row[] = [
  ...rows,
  { planes: [2, 2], size: [17, 12], kernel: [3, 2], stride: [2, 1], padding: [1, 1], dilation: [2, 3] },
  { planes: [1, 2], size: [7, 7], kernel: [3, 3], stride: [1, 1], padding: [1, 1], dilation: [3, 3], ceil: true },
];

const label = (r: Row) => JSON.stringify(r);

/** For each output the (plane-relative) taps that lie inside the input, in order. */
function taps(o: MaxWindow): number[][] {
  const list: number[][] = [];
  for (let y = 0; y < o.outH; y++)
    for (let x = 0; x < o.outW; x++) {
      const inside: number[] = [];
      for (let r = 0; r < o.kernel[0]; r++)
        for (let s = 0; s < o.kernel[1]; s++) {
          const h = y * o.stride[0] - o.padding[0] + r * o.dilation[0];
          const w = x * o.stride[1] - o.padding[1] + s * o.dilation[1];
          if (h >= 0 && h < o.H && w >= 0 && w < o.W) inside.push(h * o.W + w);
        }
      list.push(inside);
    }
  return list;
}

function maxReference(x: Float32Array, o: MaxWindow): { y: number[]; indices: number[] } {
  const windows = taps(o);
  const y: number[] = [];
  const indices: number[] = [];
  for (let plane = 0; plane < o.N * o.C; plane++)
    for (const inside of windows) {
      let best = Number.NEGATIVE_INFINITY;
      let index = inside[0]!;
      for (const t of inside) {
        const v = x[plane * o.H * o.W + t]!;
        if (v > best || Number.isNaN(v)) [best, index] = [v, t];
      }
      y.push(best);
      indices.push(index);
    }
  return { y, indices };
}

/** Averages as sparse rows: for each output of a plane, its taps and the divisor. */
function averageRows(o: AverageWindow): { inside: number[]; divisor: number }[] {
  const windows = taps({ ...o, dilation: [1, 1] });
  return windows.map((inside, i) => {
    const end = (d: 0 | 1, at: number, size: number) =>
      Math.min(at * o.stride[d] - o.padding[d] + o.kernel[d], size + o.padding[d]) - (at * o.stride[d] - o.padding[d]);
    const whole = end(0, Math.floor(i / o.outW), o.H) * end(1, i % o.outW, o.W);
    return { inside, divisor: o.countIncludePad ? whole : inside.length };
  });
}

function adaptiveRows(o: PoolShape): { inside: number[]; divisor: number }[] {
  const list: { inside: number[]; divisor: number }[] = [];
  for (let y = 0; y < o.outH; y++)
    for (let x = 0; x < o.outW; x++) {
      const inside: number[] = [];
      for (let h = Math.floor((y * o.H) / o.outH); h < Math.ceil(((y + 1) * o.H) / o.outH); h++)
        for (let w = Math.floor((x * o.W) / o.outW); w < Math.ceil(((x + 1) * o.W) / o.outW); w++)
          inside.push(h * o.W + w);
      list.push({ inside, divisor: inside.length });
    }
  return list;
}

function applyRows(
  x: Float32Array,
  windows: { inside: number[]; divisor: number }[],
  { N, C, H, W }: PoolShape,
): number[] {
  const y: number[] = [];
  for (let plane = 0; plane < N * C; plane++)
    for (const { inside, divisor } of windows)
      y.push(inside.length ? inside.reduce((a, t) => a + x[plane * H * W + t]!, 0) / divisor : 0);
  return y;
}

function applyTransposed(
  gy: Float32Array,
  windows: { inside: number[]; divisor: number }[],
  { N, C, H, W }: PoolShape,
): number[] {
  const gx = new Array<number>(N * C * H * W).fill(0);
  for (let plane = 0; plane < N * C; plane++)
    windows.forEach(({ inside, divisor }, o) => {
      for (const t of inside) gx[plane * H * W + t]! += gy[plane * windows.length + o]! / divisor;
    });
  return gx;
}

const sizes = (o: PoolShape) => [o.N * o.C * o.H * o.W, o.N * o.C * o.outH * o.outW] as const;

async function checkMax(target: KernelTarget, o: MaxWindow, x: Float32Array) {
  const [inputs, outputs] = sizes(o);
  const expected = maxReference(x, o);
  const [y, indices] = await runProgram(maxPool2d(target, o), [x], [outputs, outputs]);
  expect([...y!]).toEqual(expected.y);
  expect([...int32(indices!)]).toEqual(expected.indices);
  const gy = noise(outputs, 1);
  const gx = new Array<number>(inputs).fill(0);
  expected.indices.forEach((index, i) => {
    gx[Math.floor(i / (o.outH * o.outW)) * o.H * o.W + index]! += gy[i]!;
  });
  const [g] = await runProgram(maxPool2dGrad(target, o), [gy, int32(indices!)], [inputs]);
  close(g!, gx, { absolute: 1e-6 });
}

describe.each(targets)('%s', (_, target) => {
  test.each(dilated.map((r) => [label(r), r] as const))('maxPool2d and its gradient: %s', async (_name, row) => {
    const o = windowOf(row);
    // Few distinct values: ties.
    await checkMax(
      target,
      o,
      noise(sizes(o)[0]).map((v) => Math.round(4 * v) - 5),
    );
  });

  test('maxPool2d: NaN and -Infinity as in PyTorch', async () => {
    const o = windowOf({ planes: [1, 2], size: [9, 9], kernel: [3, 3], stride: [2, 2], padding: [1, 1] });
    const x = noise(162);
    x[20] = x[22] = x[40] = Number.NaN;
    x.fill(Number.NEGATIVE_INFINITY, 81);
    await checkMax(target, o, x);
  });

  const epilogue: Fusion = {
    wgsl: `
@group(1) @binding(0) var<storage, read> bias: array<f32>;

fn epilogue(value: f32, i: u32, row: u32, column: u32) -> f32 {
  return value + bias[row] + f32(column) + f32(i);
}`,
    reads: [input(1)],
    writes: [],
    params: [],
  };

  test('pooling evaluates its epilogue; maxPool2d without indices', async () => {
    const o = windowOf({ planes: [2, 3], size: [6, 5], kernel: [2, 2], stride: [2, 2], padding: [0, 0] });
    const [inputs, outputs] = sizes(o);
    const x = noise(inputs);
    const bias = noise(3, 1);
    const fused = (y: number[]) => y.map((v, i) => v + bias[Math.floor(i / 6) % 3]! + (i % 6) + i);
    const run = async (program: ReturnType<typeof maxPool2d>) => (await runProgram(program, [x, bias], [outputs]))[0]!;
    close(await run(maxPool2d(target, { ...o, indices: false }, epilogue)), fused(maxReference(x, o).y));
    const average = { ...o, countIncludePad: true };
    close(await run(avgPool2d(target, average, epilogue)), fused(applyRows(x, averageRows(average), o)));
    close(await run(adaptiveAvgPool2d(target, o, epilogue)), fused(applyRows(x, adaptiveRows(o), o)));
  });

  test.each(rows.flatMap((r) => [true, false].map((include) => [label(r), include, r] as const)))(
    'avgPool2d and its gradient: %s, countIncludePad %s',
    async (_name, countIncludePad, row) => {
      const o = { ...windowOf(row), countIncludePad };
      const [inputs, outputs] = sizes(o);
      const x = noise(inputs);
      const gy = noise(outputs, 1);
      const [y] = await runProgram(avgPool2d(target, o), [x], [outputs]);
      close(y!, applyRows(x, averageRows(o), o), { absolute: 1e-6 });
      const [gx] = await runProgram(avgPool2dGrad(target, o), [gy], [inputs]);
      close(gx!, applyTransposed(gy, averageRows(o), o), { absolute: 1e-6 });
    },
  );

  test.each([
    [1, 1, 1, 1, 1, 1],
    [2, 17, 7, 7, 1, 1],
    [1, 2, 65, 33, 1, 1],
    [2, 3, 13, 13, 6, 6],
    [1, 3, 7, 5, 3, 5],
    [1, 3, 3, 5, 7, 7],
  ])('adaptiveAvgPool2d and its gradient: [%i, %i, %i, %i] to %i x %i', async (N, C, H, W, outH, outW) => {
    const o = { N, C, H, W, outH, outW };
    const [inputs, outputs] = sizes(o);
    const x = noise(inputs);
    const gy = noise(outputs, 1);
    const [y] = await runProgram(adaptiveAvgPool2d(target, o), [x], [outputs]);
    close(y!, applyRows(x, adaptiveRows(o), o), { absolute: 1e-6 });
    const [gx] = await runProgram(adaptiveAvgPool2dGrad(target, o), [gy], [inputs]);
    close(gx!, applyTransposed(gy, adaptiveRows(o), o), { absolute: 1e-6 });
  });
});
