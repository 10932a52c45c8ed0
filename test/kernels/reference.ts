/** What the tests of the GEMM family share: targets, random inputs, a non-trivial epilogue, a tolerance. */
import { expect } from 'vitest';
import type { ConvolutionDirection } from '../../src/kernels/conv2d/algorithm.ts';
import { conv2dWeightGrad } from '../../src/kernels/conv2d/direct-grad.ts';
import { conv2dOfPatches, packedRowElements, packRows } from '../../src/kernels/conv2d/patches.ts';
import { inputGradOfPatches, weightGradOfPatches } from '../../src/kernels/conv2d/patches-grad.ts';
import { planConvolution } from '../../src/kernels/conv2d/plan.ts';
import { type Conv2dShape, isDepthwise } from '../../src/kernels/conv2d/shape.ts';
import {
  type Choice,
  type Fusion,
  float,
  identityEpilogue,
  input,
  type KernelTarget,
  output,
  type Program,
} from '../../src/kernels/kernel.ts';
import { openDevice, runProgram } from './run.ts';

/** Both families: the adapter as it is, as if it were a GPU, and without texels. */
export async function targets(): Promise<KernelTarget[]> {
  const { target } = await openDevice();
  const kinds = [target, { ...target, software: false }];
  return target.texels ? [...kinds, { ...target, texels: false }] : kinds;
}

/** Uniform in [-1, 1), the same for the same seed. */
export function random(n: number, seed: number): Float32Array {
  let state = seed * 0x9e3779b9;
  return Float32Array.from({ length: n }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 0x80000000 - 1;
  });
}

/** value * extra[i % 13] + row + 0.5 * column, where extra is input(index). */
export const scaleByInput = (index: number): Fusion => ({
  wgsl: /* wgsl */ `
@group(1) @binding(0) var<storage, read> extra: array<f32>;
@group(1) @binding(1) var<uniform> half: f32;
fn epilogue(value: f32, i: u32, row: u32, column: u32) -> f32 {
  return value * extra[i % 13u] + f32(row) + half * f32(column);
}`,
  reads: [input(index)],
  writes: [],
  params: [float(0.5)],
});

/** As an optimizer's step: y[i] -= value in place, and seen[i] counts how often element i was seen. */
const subtractOf = (type: 'f32' | 'vec4f') => /* wgsl */ `
@group(1) @binding(0) var<storage, read_write> seen: array<${type}>;
fn epilogue(value: ${type}, i: u32, row: u32, column: u32) -> ${type} {
  seen[i] = seen[i] + 1.0;
  return y[i] - value;
}`;
const subtract: Fusion = {
  wgsl: subtractOf('f32'),
  reads: [],
  writes: [output(1)],
  params: [],
};

/**
 * Runs the program of `lower` with an epilogue that updates what it writes, one element at a time and four where it can: each of the
 * `expected` elements must be updated once.
 */
export async function checkInPlace(
  lower: (epilogue: Fusion) => Program,
  inputs: readonly Float32Array[],
  expected: Float32Array,
  tolerance: number,
): Promise<void> {
  const before = random(expected.length, 5);
  const after = expected.map((value, i) => before[i]! - value);
  for (const epilogue of [subtract, { ...subtract, inFours: subtractOf('vec4f') }]) {
    const [y, seen] = await runProgram(lower(epilogue), inputs, [before, new Float32Array(expected.length)]);
    close(y!, after, tolerance);
    expect(seen!.every((times) => times === 1)).toBe(true);
  }
}

/** Every element within `tolerance` * max(1, |expected|). */
export function close(actual: Float32Array, expected: Float32Array, tolerance: number): void {
  expect(actual.length).toBe(expected.length);
  const wrong = expected.findIndex((e, i) => !(Math.abs(actual[i]! - e) <= tolerance * Math.max(1, Math.abs(e))));
  if (wrong >= 0) expect.fail(`element ${wrong}: expected ${expected[wrong]}, got ${actual[wrong]}`);
}

/** y, gx and gw of a convolution by their definition. */
export function convReference(shape: Conv2dShape, x: Float32Array, w: Float32Array, gy: Float32Array) {
  const { N, C, H, W, K, R, S, strideH, strideW, dilationH, dilationW, padding, groups, outH, outW } = shape;
  const [cGroup, kGroup] = [C / groups, K / groups];
  const [y, gx, gw] = [gy, x, w].map((like) => new Float64Array(like.length)) as [
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  for (let n = 0; n < N; n++)
    for (let k = 0; k < K; k++)
      for (let oy = 0; oy < outH; oy++)
        for (let ox = 0; ox < outW; ox++)
          for (let c = 0; c < cGroup; c++)
            for (let r = 0; r < R; r++)
              for (let s = 0; s < S; s++) {
                const iy = oy * strideH + r * dilationH - padding[0];
                const ix = ox * strideW + s * dilationW - padding[2];
                if (iy < 0 || ix < 0 || iy >= H || ix >= W) continue;
                const o = ((n * K + k) * outH + oy) * outW + ox;
                const i = ((n * C + Math.floor(k / kGroup) * cGroup + c) * H + iy) * W + ix;
                const f = ((k * cGroup + c) * R + r) * S + s;
                y[o]! += x[i]! * w[f]!;
                gx[i]! += gy[o]! * w[f]!;
                gw[f]! += gy[o]! * x[i]!;
              }
  return { y: Float32Array.from(y), gx: Float32Array.from(gx), gw: Float32Array.from(gw) };
}

/** A whole shape from its parts; square filter options apply to both axes, outH and outW follow. */
export function convShape(
  N: number,
  C: number,
  [H, W]: [number, number],
  K: number,
  [R, S]: [number, number],
  options: {
    stride?: [number, number];
    dilation?: [number, number];
    padding?: Conv2dShape['padding'];
    groups?: number;
  } = {},
): Conv2dShape {
  const { stride = [1, 1], dilation = [1, 1], padding = [0, 0, 0, 0], groups = 1 } = options;
  const out = (size: number, pad: number, filter: number, d: number, step: number) =>
    Math.floor((size + pad - d * (filter - 1) - 1) / step) + 1;
  return {
    ...{ N, C, H, W, K, R, S, padding, groups },
    ...{ strideH: stride[0], strideW: stride[1], dilationH: dilation[0], dilationW: dilation[1] },
    outH: out(H, padding[0] + padding[1], R, dilation[0], stride[0]),
    outW: out(W, padding[2] + padding[3], S, dilation[1], stride[1]),
  };
}

/** What the epilogue of {@link scaleByInput} makes of values in rows and columns, with `extra` (13 numbers) as its input. */
export function finished(values: Float32Array, extra: Float32Array, rows: number, columns: number): Float32Array {
  return values.map((v, i) => v * extra[i % 13]! + (Math.floor(i / columns) % rows) + 0.5 * (i % columns));
}

/** Runs forward, input gradient and weight gradient of `shape` on every target, or on `on`, and compares them with the definition. */
export async function checkConv(
  shape: Conv2dShape,
  on?: readonly KernelTarget[],
  values: typeof random = random,
): Promise<void> {
  const { N, C, H, W, K, R, S, groups, outH, outW } = shape;
  const x = values(N * C * H * W, 1);
  const w = values(((K * C) / groups) * R * S, 2);
  const gy = values(N * K * outH * outW, 3);
  const extra = random(13, 4);
  const expected = convReference(shape, x, w, gy);
  const ofWeight = 1e-5 * Math.sqrt(N * outH * outW);
  for (const target of on ?? (await targets())) {
    // The algorithms of every adapter: the direct one, or depthwise.
    const planned = (direction: ConvolutionDirection) =>
      planConvolution({ ...target, texels: false, winograd: false }, shape, direction);
    const packed = async ({ packing }: Choice) =>
      packing ? (await runProgram(packing.lower(target), [w], [packing.elements]))[0]! : w;
    const epilogue = scaleByInput(2);
    const [forward, inputGrad, weightGrad] = [planned('forward'), planned('inputGrad'), planned('weightGrad')];
    const [y] = await runProgram(forward.lower(target, epilogue), [x, await packed(forward), extra], [gy.length]);
    close(y!, finished(expected.y, extra, K, outH * outW), 1e-5 * Math.sqrt((C / groups) * R * S));
    if (!isDepthwise(shape)) {
      const elements = packedRowElements(shape);
      const rows = elements === null ? w : (await runProgram(packRows(target, shape), [w], [elements]))[0]!;
      const [ofPatches] = await runProgram(conv2dOfPatches(target, shape, epilogue), [x, rows, extra], [gy.length]);
      close(ofPatches!, finished(expected.y, extra, K, outH * outW), 1e-5 * Math.sqrt((C / groups) * R * S));
      if ((w.length / K) % 4 === 0) {
        const [gx] = await runProgram(inputGradOfPatches(target, shape, epilogue), [gy, w, extra], [x.length]);
        close(gx!, finished(expected.gx, extra, C, H * W), 1e-5 * Math.sqrt((K / groups) * R * S));
      }
      await checkInPlace((e) => weightGradOfPatches(target, shape, e), [gy, x], expected.gw, ofWeight);
      await checkInPlace((e) => conv2dWeightGrad(target, shape, e), [gy, x], expected.gw, ofWeight);
    }
    const [gx] = await runProgram(inputGrad.lower(target, epilogue), [gy, await packed(inputGrad), extra], [x.length]);
    close(gx!, finished(expected.gx, extra, C, H * W), 1e-5 * Math.sqrt((K / groups) * R * S));
    const [gw] = await runProgram(weightGrad.lower(target, identityEpilogue), [gy, x], [w.length]);
    close(gw!, expected.gw, ofWeight);
  }
}
