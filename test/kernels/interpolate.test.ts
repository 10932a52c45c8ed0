/** The resampling kernels against a plain loop over dense weights, and the gradient against the transpose of those. */
import { describe, expect, test } from 'vitest';
import {
  type Interpolation,
  type InterpolationMode,
  interpolate,
  interpolateGrad,
} from '../../src/kernels/interpolate.ts';
import { type Fusion, input } from '../../src/kernels/kernel.ts';
import { close, noise } from './numbers.ts';
import { openDevice, runProgram } from './run.ts';

const { target } = await openDevice();
const targets = [
  ['software', target],
  ['gpu', { ...target, software: false }],
] as const;

const cubic = (x: number): number => {
  const [a, d] = [-0.75, Math.abs(x)];
  if (d <= 1) return (a + 2) * d ** 3 - (a + 3) * d ** 2 + 1;
  return d < 2 ? a * d ** 3 - 5 * a * d ** 2 + 8 * a * d - 4 * a : 0;
};

/** [to][from]: the weights along one axis. */
function weightsOf(
  mode: InterpolationMode,
  alignCorners: boolean,
  from: number,
  to: number,
  scale: number,
): number[][] {
  return Array.from({ length: to }, (_, o) => {
    const row = Array.from({ length: from }, () => 0);
    const add = (at: number, weight: number) => {
      row[Math.min(Math.max(at, 0), from - 1)]! += weight;
    };
    if (mode === 'nearest') add(Math.floor(o * scale), 1);
    else if (mode === 'nearest-exact') add(Math.floor((o + 0.5) * scale), 1);
    else {
      const place = alignCorners ? o * scale : (o + 0.5) * scale - 0.5;
      const kernel = mode === 'bilinear' ? (x: number) => Math.max(0, 1 - Math.abs(x)) : cubic;
      for (let k = Math.floor(place) - 2; k <= Math.floor(place) + 3; k++) add(k, kernel(place - k));
    }
    return row;
  });
}

type Size = readonly [number, number];
const sizes: readonly (readonly [from: Size, to: Size])[] = [
  [
    [1, 1],
    [1, 1],
  ],
  [
    [1, 1],
    [3, 5],
  ],
  [
    [5, 7],
    [10, 14],
  ],
  [
    [17, 13],
    [9, 31],
  ],
  [
    [33, 6],
    [4, 65],
  ],
  [
    [3, 4],
    [24, 1],
  ],
];
const modes: readonly (readonly [InterpolationMode, boolean])[] = [
  ['nearest', false],
  ['nearest-exact', false],
  ['bilinear', false],
  ['bilinear', true],
  ['bicubic', false],
  ['bicubic', true],
];
const [N, C] = [2, 3];

describe.each(targets)('on %s', (_, target) => {
  describe.each(modes)('%s, corners aligned: %s', (mode, alignCorners) => {
    test.each(sizes)('%j to %j and its gradient', async ([H, W], [outH, outW]) => {
      const scaleOf = (from: number, to: number) => {
        if (!alignCorners) return from / to;
        return to > 1 ? (from - 1) / (to - 1) : 0;
      };
      const scale = [scaleOf(H, outH), scaleOf(W, outW)] as const;
      const shape: Interpolation = { N, C, H, W, outH, outW, mode, alignCorners, scale };
      const rows = weightsOf(mode, alignCorners, H, outH, scale[0]);
      const columns = weightsOf(mode, alignCorners, W, outW, scale[1]);
      const x = noise(N * C * H * W);
      const gy = noise(N * C * outH * outW, 1);
      const y = new Float64Array(gy.length);
      const gx = new Float64Array(x.length);
      for (let plane = 0; plane < N * C; plane++)
        for (let o = 0; o < outH * outW; o++)
          for (let i = 0; i < H * W; i++) {
            const weight = rows[Math.floor(o / outW)]![Math.floor(i / W)]! * columns[o % outW]![i % W]!;
            y[plane * outH * outW + o]! += weight * x[plane * H * W + i]!;
            gx[plane * H * W + i]! += weight * gy[plane * outH * outW + o]!;
          }
      const [got] = await runProgram(interpolate(target, shape), [x], [gy.length]);
      close(got!, y);
      const [first] = await runProgram(interpolateGrad(target, shape), [gy], [x.length]);
      close(first!, gx, { absolute: 1e-4, relative: 1e-5 });
      const [second] = await runProgram(interpolateGrad(target, shape), [gy], [x.length]);
      expect(second).toEqual(first);
    });
  });

  test('evaluates its epilogue', async () => {
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
    const shape = {
      N,
      C,
      H: 2,
      W: 2,
      outH: 4,
      outW: 4,
      mode: 'nearest',
      alignCorners: false,
      scale: [0.5, 0.5],
    } as const;
    const x = noise(N * C * 4);
    const bias = noise(C, 1);
    const [y] = await runProgram(interpolate(target, shape, epilogue), [x, bias], [N * C * 16]);
    const expected = Array.from({ length: N * C * 16 }, (_, i) => {
      const [plane, h, w] = [Math.floor(i / 16), Math.floor((i % 16) / 4), i % 4];
      return x[plane * 4 + (h >> 1) * 2 + (w >> 1)]! + bias[plane % C]! + (i % 16) + i;
    });
    close(y!, expected);
  });
});
