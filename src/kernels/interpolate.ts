/**
 * Resampling of images [N, C, H, W] to [N, C, outH, outW] with the weights of a few neighbours along each axis, and its gradient. The gradient
 * gathers: each input element looks at the outputs that it had a share in, so no two invocations write one address and the order of
 * additions is fixed.
 */
import {
  ceilDiv,
  type Fusion,
  flatGrid,
  float,
  identityEpilogue,
  input,
  type KernelTarget,
  output,
  type Program,
} from './kernel.ts';
import { elementLoop, type PoolShape, type Threads } from './pool-plane.ts';
import { coordinatesOf } from './strided.ts';
import { elementsPerThread, workgroupThreads } from './workgroup.ts';

/** How neighbours are weighed, by PyTorch's names. */
export type InterpolationMode = 'nearest' | 'nearest-exact' | 'bilinear' | 'bicubic';

/** A resampling. */
export interface Interpolation extends PoolShape {
  readonly mode: InterpolationMode;
  /** The corners' centres stay where they are; otherwise the corners do. */
  readonly alignCorners: boolean;
  /** Input pixels for one of the output, [vertical, horizontal]. */
  readonly scale: readonly [number, number];
}

const NEAREST = /* wgsl */ `
fn weightsOf(t: f32) -> vec4f {
  return vec4f(1.0, 0.0, 0.0, 0.0);
}`;

const LINEAR = /* wgsl */ `
fn weightsOf(t: f32) -> vec4f {
  return vec4f(1.0 - t, t, 0.0, 0.0);
}`;

// Keys's cubic convolution with a = -0.75.
const CUBIC = /* wgsl */ `
const A = -0.75;

fn near(x: f32) -> f32 {
  return ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0;
}

fn far(x: f32) -> f32 {
  return ((A * x - 5.0 * A) * x + 8.0 * A) * x - 4.0 * A;
}

fn weightsOf(t: f32) -> vec4f {
  return vec4f(far(t + 1.0), near(t), near(1.0 - t), far(2.0 - t));
}`;

/** The neighbours of each mode: how many, how far before the place they begin, their weights. */
const MODES: Readonly<Record<InterpolationMode, readonly [taps: number, before: number, wgsl: string]>> = {
  nearest: [1, 0, NEAREST],
  'nearest-exact': [1, 0, NEAREST],
  bilinear: [2, 0, LINEAR],
  bicubic: [4, 1, CUBIC],
};

/** WGSL: parameters, and the neighbours of an output along one axis. */
function neighbours({ mode, alignCorners }: Interpolation): string {
  const [taps, before, weights] = MODES[mode];
  const centred = !alignCorners && mode !== 'nearest';
  return /* wgsl */ `
const TAPS = ${taps};
const BEFORE = ${before};
// The place of output o is (o + CENTRE) scale - BACK.
const CENTRE = ${centred ? '0.5' : '0.0'};
const BACK = ${centred && taps > 1 ? '0.5' : '0.0'};

struct Params {
  // [N, C, height, width] of what the kernel writes, and what an invocation moves by, as coordinates.
  sizes: vec4u,
  step: vec4u,
  // (height, width) of input and output.
  size: vec2i,
  outSize: vec2i,
  scale: vec2f,
  inverse: vec2f,
  count: u32,
}
${weights}

struct Taps {
  first: i32,
  weights: vec4f,
}

fn tapsOf(o: i32, scale: f32) -> Taps {
  let place = (f32(o) + CENTRE) * scale - BACK;
  let below = floor(place);
  return Taps(i32(below) - BEFORE, weightsOf(place - below));
}`;
}

const forwardWgsl = ([threads, perThread]: Threads, shape: Interpolation, epilogue: string) => /* wgsl */ `
const THREADS = ${threads}u;
const PER_THREAD = ${perThread}u;
${neighbours(shape)}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;
${epilogue}

fn compute(i: u32, at: vec4u, p: Params) {
  let last = p.size - 1;
  let base = (at.x * p.sizes.y + at.y) * u32(p.size.x * p.size.y);
  let rows = tapsOf(i32(at.z), p.scale.x);
  let columns = tapsOf(i32(at.w), p.scale.y);
  var sum = 0.0;
  for (var a = 0; a < TAPS; a++) {
    let row = clamp(rows.first + a, 0, last.x) * p.size.y;
    var line = 0.0;
    for (var b = 0; b < TAPS; b++) {
      line += columns.weights[b] * x[base + u32(row + clamp(columns.first + b, 0, last.y))];
    }
    sum += rows.weights[a] * line;
  }
  y[i] = epilogue(sum, i, at.y, at.z * p.sizes.w + at.w);
}
${elementLoop}`;

const gradWgsl = ([threads, perThread]: Threads, shape: Interpolation) => /* wgsl */ `
const THREADS = ${threads}u;
const PER_THREAD = ${perThread}u;
${neighbours(shape)}

@group(0) @binding(0) var<storage, read> gy: array<f32>;
@group(0) @binding(1) var<storage, read_write> gx: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

// The weight of input i in output o; neighbours past the edge are the edge.
fn shareOf(i: i32, o: i32, size: i32, scale: f32) -> f32 {
  let taps = tapsOf(o, scale);
  var sum = 0.0;
  for (var k = 0; k < TAPS; k++) {
    sum += select(0.0, taps.weights[k], clamp(taps.first + k, 0, size - 1) == i);
  }
  return sum;
}

// First and last of the outputs that input i may have a share in, each with half a pixel to spare.
fn outputsOf(i: i32, size: i32, outSize: i32, inverse: f32) -> vec2i {
  let low = i32(floor((f32(i + BEFORE - TAPS + 1) + BACK) * inverse - CENTRE - 0.5));
  let high = i32(floor((f32(i + BEFORE + 1) + BACK) * inverse - CENTRE + 0.5));
  return vec2i(select(max(low, 0), 0, i == 0), select(min(high, outSize - 1), outSize - 1, i == size - 1));
}

fn compute(i: u32, at: vec4u, p: Params) {
  let place = vec2i(at.zw);
  let base = (at.x * p.sizes.y + at.y) * u32(p.outSize.x * p.outSize.y);
  let rows = outputsOf(place.x, p.size.x, p.outSize.x, p.inverse.x);
  let columns = outputsOf(place.y, p.size.y, p.outSize.y, p.inverse.y);
  var sum = 0.0;
  for (var h = rows.x; h <= rows.y; h++) {
    let weight = shareOf(place.x, h, p.size.x, p.scale.x);
    if (weight != 0.0) {
      var line = 0.0;
      for (var w = columns.x; w <= columns.y; w++) {
        let share = shareOf(place.y, w, p.size.y, p.scale.y);
        if (share != 0.0) {
          line += share * gy[base + u32(h * p.outSize.y + w)];
        }
      }
      sum += weight * line;
    }
  }
  gx[i] = sum;
}
${elementLoop}`;

function program(
  target: KernelTarget,
  { N, C, H, W, outH, outW, scale }: Interpolation,
  over: 'input' | 'output',
  wgsl: (threads: Threads) => string,
  epilogue: Fusion,
): Program {
  const threads = [workgroupThreads(target), elementsPerThread(target)] as const;
  const sizes = over === 'input' ? [N, C, H, W] : [N, C, outH, outW];
  const count = sizes.reduce((a, b) => a * b, 1);
  const step = {
    name: over === 'input' ? 'interpolateGrad' : 'interpolate',
    wgsl: wgsl(threads),
    reads: [input(0)],
    writes: [output(0)],
    params: [
      ...sizes,
      ...coordinatesOf(threads[0], sizes),
      ...[H, W, outH, outW],
      ...scale.map(float),
      ...scale.map((s) => float(s > 0 ? 1 / s : 0)),
      count,
    ],
    workgroups: flatGrid(ceilDiv(count, threads[0] * threads[1]), target.maxWorkgroupsPerDimension),
    ...(epilogue !== identityEpilogue && { fusion: epilogue }),
  };
  return { steps: [step] };
}

/** input(0) x [N, C, H, W] -> output(0) y [N, C, outH, outW]. The epilogue's `row` is the channel, `column` the place in the output plane. */
export const interpolate = (target: KernelTarget, shape: Interpolation, epilogue: Fusion = identityEpilogue): Program =>
  program(target, shape, 'output', (threads) => forwardWgsl(threads, shape, epilogue.wgsl), epilogue);

/** input(0) gy [N, C, outH, outW] -> output(0) gx [N, C, H, W] of {@link interpolate}. */
export const interpolateGrad = (target: KernelTarget, shape: Interpolation): Program =>
  program(target, shape, 'input', (threads) => gradWgsl(threads, shape), identityEpilogue);
