/**
 * Depthwise convolution (one input channel a group, `multiplier` output channels each) and its two gradients.
 *
 * There is nothing to share between channels, so these are not matrix products: every invocation walks the taps for a column
 * of four pixels (one stride apart, so that they meet the same taps), which share each weight; neighbouring invocations take
 * neighbouring pixels of a row, so reads and writes coalesce. Traffic: R * S * 5/4 loads a pixel, most of them from cache.
 * The weight gradient is a long reduction to few values: a workgroup of 64 sums one of them over all images, then adds up in
 * workgroup memory (256 bytes) in a fixed order.
 */

import {
  ceilDiv,
  type Fusion,
  flatGrid,
  flatWorkgroup,
  input,
  type KernelTarget,
  output,
  type Program,
} from '../kernel.ts';
import { type Conv2dShape, firstTap, phaseTaps } from './shape.ts';

const fields = [
  'N',
  'C',
  'H',
  'W',
  'K',
  'R',
  'S',
  'strideH',
  'strideW',
  'dilationH',
  'dilationW',
  'padTop',
  'padLeft',
  'outH',
  'outW',
  'multiplier',
  'strips',
  'stepR',
  'stepS',
  'backY',
  'backX',
  'lanes',
] as const;

const shapeWgsl = /* wgsl */ `
struct Depthwise {
${fields.map((name) => `  ${name}: u32,\n`).join('')}}
`;

function words(shape: Conv2dShape, strips: number, lanes: number): number[] {
  const { padding, K, C } = shape;
  const rows = phaseTaps(shape.strideH, shape.dilationH);
  const columns = phaseTaps(shape.strideW, shape.dilationW);
  const values: Record<(typeof fields)[number], number> = {
    ...shape,
    padTop: padding[0],
    padLeft: padding[2],
    multiplier: K / C,
    strips,
    stepR: rows.step,
    stepS: columns.step,
    backY: rows.back,
    backX: columns.back,
    lanes,
  };
  return fields.map((name) => values[name]);
}

const mainArguments = /* wgsl */ `
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) thread: u32,
`;

const forwardWgsl = /* wgsl */ `${shapeWgsl}
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> weight: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> conv: Depthwise;
${flatWorkgroup}

fn load(plane: u32, iy: u32, ix: u32) -> f32 {
  let inside = iy < conv.H && ix < conv.W;
  return select(0.0, x[select(0u, (plane * conv.H + iy) * conv.W + ix, inside)], inside);
}

@compute @workgroup_size(64)
fn main(${mainArguments}) {
  let index = flatWorkgroup(workgroup, workgroups) * 64u + thread;
  let ox = index % conv.outW;
  let oy = (index / conv.outW) % conv.strips * 4u;
  let plane = index / conv.outW / conv.strips;
  if (plane >= conv.N * conv.K) {
    return;
  }
  let channel = plane % conv.K;
  let source = plane / conv.K * conv.C + channel / conv.multiplier;
  var sum = vec4f();
  for (var r = 0u; r < conv.R; r++) {
    // Unsigned, coordinates left of or above the image are past its end.
    let iy = oy * conv.strideH + r * conv.dilationH - conv.padTop;
    for (var s = 0u; s < conv.S; s++) {
      let ix = ox * conv.strideW + s * conv.dilationW - conv.padLeft;
      let w = weight[(channel * conv.R + r) * conv.S + s];
      let pixels = vec4f(
        load(source, iy, ix),
        load(source, iy + conv.strideH, ix),
        load(source, iy + 2u * conv.strideH, ix),
        load(source, iy + 3u * conv.strideH, ix),
      );
      sum = fma(vec4f(w), pixels, sum);
    }
  }
  for (var q = 0u; q < 4u; q++) {
    if (oy + q < conv.outH) {
      let pixel = (oy + q) * conv.outW + ox;
      let i = plane * conv.outH * conv.outW + pixel;
      let value = select(select(sum.x, sum.y, q == 1u), select(sum.z, sum.w, q == 3u), q >= 2u);
      y[i] = epilogue(value, i, channel, pixel);
    }
  }
}`;

/** Reads x = input(0) and w [K, 1, R, S] = input(1), writes y = output(0). Epilogue: row is the channel, column the pixel. */
export function depthwise(target: KernelTarget, shape: Conv2dShape, epilogue: Fusion): Program {
  const strips = ceilDiv(shape.outH, 4);
  return single(target, 'depthwise', forwardWgsl, shape, strips, shape.N * shape.K * strips * shape.outW, epilogue);
}

const inputGradWgsl = /* wgsl */ `${shapeWgsl}
@group(0) @binding(0) var<storage, read> gy: array<f32>;
@group(0) @binding(1) var<storage, read> weight: array<f32>;
@group(0) @binding(2) var<storage, read_write> gx: array<f32>;
@group(0) @binding(3) var<uniform> conv: Depthwise;
${flatWorkgroup}
${firstTap}

fn load(plane: u32, oy: u32, ox: u32) -> f32 {
  let inside = oy < conv.outH && ox < conv.outW;
  return select(0.0, gy[select(0u, (plane * conv.outH + oy) * conv.outW + ox, inside)], inside);
}

@compute @workgroup_size(64)
fn main(${mainArguments}) {
  let index = flatWorkgroup(workgroup, workgroups) * 64u + thread;
  let ix = index % conv.W;
  let strip = (index / conv.W) % conv.strips;
  let plane = index / conv.W / conv.strips;
  if (plane >= conv.N * conv.C) {
    return;
  }
  let channel = plane % conv.C;
  // Strips of a phase lie one after the other; four rows of a strip are a stride apart.
  let iy = strip % conv.strideH + strip / conv.strideH * 4u * conv.strideH;
  let firstR = firstTap((iy + conv.padTop) % conv.strideH, conv.dilationH, conv.strideH, conv.stepR);
  let firstS = firstTap((ix + conv.padLeft) % conv.strideW, conv.dilationW, conv.strideW, conv.stepS);
  var sum = vec4f();
  if (firstR < conv.stepR && firstS < conv.stepS) {
    // Exact divisions: the taps belong to the phase. Negative coordinates wrap and are past the end.
    let firstY = u32((i32(iy + conv.padTop) - i32(firstR * conv.dilationH)) / i32(conv.strideH));
    let firstX = u32((i32(ix + conv.padLeft) - i32(firstS * conv.dilationW)) / i32(conv.strideW));
    for (var j = 0u; j < conv.multiplier; j++) {
      let out = channel * conv.multiplier + j;
      let source = plane / conv.C * conv.K + out;
      var oy = firstY;
      for (var r = firstR; r < conv.R; r += conv.stepR) {
        var ox = firstX;
        for (var s = firstS; s < conv.S; s += conv.stepS) {
          let w = weight[(out * conv.R + r) * conv.S + s];
          let pixels = vec4f(load(source, oy, ox), load(source, oy + 1u, ox), load(source, oy + 2u, ox), load(source, oy + 3u, ox));
          sum = fma(vec4f(w), pixels, sum);
          ox -= conv.backX;
        }
        oy -= conv.backY;
      }
    }
  }
  for (var q = 0u; q < 4u; q++) {
    let row = iy + q * conv.strideH;
    if (row < conv.H) {
      let pixel = row * conv.W + ix;
      let i = plane * conv.H * conv.W + pixel;
      let value = select(select(sum.x, sum.y, q == 1u), select(sum.z, sum.w, q == 3u), q >= 2u);
      gx[i] = epilogue(value, i, channel, pixel);
    }
  }
}`;

/** Reads gy = input(0) and w [K, 1, R, S] = input(1), writes gx = output(0). Epilogue: row is the channel, column the pixel. */
export function depthwiseInputGrad(target: KernelTarget, shape: Conv2dShape, epilogue: Fusion): Program {
  const strips = shape.strideH * ceilDiv(ceilDiv(shape.H, shape.strideH), 4);
  const invocations = shape.N * shape.C * strips * shape.W;
  return single(target, 'depthwiseInputGrad', inputGradWgsl, shape, strips, invocations, epilogue);
}

function single(
  target: KernelTarget,
  name: string,
  wgsl: string,
  shape: Conv2dShape,
  strips: number,
  invocations: number,
  epilogue: Fusion,
): Program {
  const step = {
    name,
    wgsl: wgsl + epilogue.wgsl,
    reads: [input(0), input(1)],
    writes: [output(0)],
    params: words(shape, strips, 0),
    workgroups: flatGrid(ceilDiv(invocations, 64), target.maxWorkgroupsPerDimension),
    fusion: epilogue,
  };
  return { steps: [step] };
}

const weightGradWgsl = /* wgsl */ `${shapeWgsl}
@group(0) @binding(0) var<storage, read> gy: array<f32>;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> gw: array<f32>;
@group(0) @binding(3) var<uniform> conv: Depthwise;
var<workgroup> sums: array<f32, 64>;
${flatWorkgroup}

@compute @workgroup_size(64)
fn main(${mainArguments}) {
  let index = flatWorkgroup(workgroup, workgroups);
  if (index >= conv.K * conv.R * conv.S) {
    return;
  }
  let s = index % conv.S;
  let r = (index / conv.S) % conv.R;
  let channel = index / conv.S / conv.R;
  var sum = 0.0;
  // "lanes" neighbours take neighbouring pixels of a row, the others the next rows.
  for (var row = thread / conv.lanes; row < conv.N * conv.outH; row += 64u / conv.lanes) {
    let image = row / conv.outH;
    let oy = row % conv.outH;
    let iy = oy * conv.strideH + r * conv.dilationH - conv.padTop;
    if (iy < conv.H) {
      let gyRow = ((image * conv.K + channel) * conv.outH + oy) * conv.outW;
      let xRow = ((image * conv.C + channel / conv.multiplier) * conv.H + iy) * conv.W;
      for (var ox = thread % conv.lanes; ox < conv.outW; ox += conv.lanes) {
        let ix = ox * conv.strideW + s * conv.dilationW - conv.padLeft;
        let inside = ix < conv.W;
        sum = fma(gy[gyRow + ox], select(0.0, x[xRow + select(0u, ix, inside)], inside), sum);
      }
    }
  }
  sums[thread] = sum;
  for (var half = 32u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (thread < half) {
      sums[thread] += sums[thread + half];
    }
  }
  if (thread == 0u) {
    gw[index] = sums[0];
  }
}`;

/** Reads gy = input(0) and x = input(1), writes gw [K, 1, R, S] = output(0). */
export function depthwiseWeightGrad(target: KernelTarget, shape: Conv2dShape): Program {
  const lanes = [8, 16, 32].find((n) => n >= shape.outW) ?? 64;
  const step = {
    name: 'depthwiseWeightGrad',
    wgsl: weightGradWgsl,
    reads: [input(0), input(1)],
    writes: [output(0)],
    params: words(shape, 0, lanes),
    workgroups: flatGrid(shape.K * shape.R * shape.S, target.maxWorkgroupsPerDimension),
  };
  return { steps: [step] };
}
