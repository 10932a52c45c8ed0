/**
 * 2-D pooling of x [N, C, H, W] (planes = N * C) and the gradients. Gradients gather: each input element looks at the windows that
 * cover it, so no two invocations write one address and the order of additions is fixed.
 */
import { type Fusion, float, identityEpilogue, input, type KernelTarget, output, type Program } from './kernel.ts';
import { elementLoop, type PoolShape, planePosition, poolStep, type Threads } from './pool-plane.ts';
import { elementOf, reduce } from './reduce.ts';
import { isNan } from './workgroup.ts';

export type { PoolShape } from './pool-plane.ts';

export interface Window extends PoolShape {
  readonly kernel: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly padding: readonly [number, number];
}

export interface MaxWindow extends Window {
  readonly dilation: readonly [number, number];
}

export interface AverageWindow extends Window {
  readonly countIncludePad: boolean;
}

const maxParams = /* wgsl */ `
struct Params {
  // (height, width) of input and output.
  size: vec2i,
  outSize: vec2i,
  kernel: vec2i,
  stride: vec2i,
  padding: vec2i,
  dilation: vec2i,
  channels: u32,
  // Elements that this kernel writes.
  count: u32,
  lowest: f32,
}`;

// PyTorch's rule: the first maximum wins, any NaN replaces what was there. A window of -Infinity alone points at its first element.
const maxOf = /* wgsl */ `
${isNan}

struct Maximum {
  value: f32,
  index: i32,
}

fn maximumOf(base: u32, out: vec2i) -> Maximum {
  let size = params.size;
  let dilation = params.dilation;
  let origin = out * params.stride - params.padding;
  // The first tap inside the input, and the end of the taps.
  let skipped = max((dilation - 1 - origin) / dilation, vec2i(0));
  let first = origin + skipped * dilation;
  let end = min(origin + params.kernel * dilation, size);
  var best = Maximum(params.lowest, first.x * size.y + first.y);
  for (var h = first.x; h < end.x; h += dilation.x) {
    for (var w = first.y; w < end.y; w += dilation.y) {
      let index = h * size.y + w;
      let value = x[base + u32(index)];
      if (value > best.value || isNan(value)) {
        best = Maximum(value, index);
      }
    }
  }
  return best;
}`;

const maxWgsl = ([threads, perThread]: Threads, epilogue: string) => /* wgsl */ `
const THREADS = ${threads}u;
const PER_THREAD = ${perThread}u;
${maxParams}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;
${epilogue}
${planePosition}
${maxOf}

fn compute(i: u32) {
  let position = planePosition(i, params.outSize);
  let best = maximumOf(position.plane * u32(params.size.x * params.size.y), position.at);
  let column = u32(position.at.x * params.outSize.y + position.at.y);
  y[i] = epilogue(best.value, i, position.plane % params.channels, column);
}
${elementLoop}`;

const maxIndicesWgsl = ([threads, perThread]: Threads, epilogue: string) => /* wgsl */ `
const THREADS = ${threads}u;
const PER_THREAD = ${perThread}u;
${maxParams}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<storage, read_write> indices: array<i32>;
@group(0) @binding(3) var<uniform> params: Params;
${epilogue}
${planePosition}
${maxOf}

fn compute(i: u32) {
  let position = planePosition(i, params.outSize);
  let best = maximumOf(position.plane * u32(params.size.x * params.size.y), position.at);
  let column = u32(position.at.x * params.outSize.y + position.at.y);
  y[i] = epilogue(best.value, i, position.plane % params.channels, column);
  indices[i] = best.index;
}
${elementLoop}`;

const maxGradWgsl = ([threads, perThread]: Threads) => /* wgsl */ `
const THREADS = ${threads}u;
const PER_THREAD = ${perThread}u;
${maxParams}

@group(0) @binding(0) var<storage, read> gy: array<f32>;
@group(0) @binding(1) var<storage, read> indices: array<i32>;
@group(0) @binding(2) var<storage, read_write> gx: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;
${planePosition}

fn compute(i: u32) {
  let position = planePosition(i, params.size);
  let stride = params.stride;
  let outSize = params.outSize;
  let index = position.at.x * params.size.y + position.at.y;
  let base = position.plane * u32(outSize.x * outSize.y);
  // Windows whose span covers the element: first to last.
  let reach = position.at + params.padding;
  let first = max((reach - (params.kernel - 1) * params.dilation + stride - 1) / stride, vec2i(0));
  let last = min(reach / stride, outSize - 1);
  var sum = 0.0;
  for (var h = first.x; h <= last.x; h++) {
    for (var w = first.y; w <= last.y; w++) {
      let o = base + u32(h * outSize.y + w);
      if (indices[o] == index) {
        sum += gy[o];
      }
    }
  }
  gx[i] = sum;
}
${elementLoop}`;

const averageParams = /* wgsl */ `
struct Params {
  // (height, width) of input and output.
  size: vec2i,
  outSize: vec2i,
  kernel: vec2i,
  stride: vec2i,
  padding: vec2i,
  channels: u32,
  // Elements that this kernel writes.
  count: u32,
  countIncludePad: u32,
}

struct Span {
  start: vec2i,
  end: vec2i,
  divisor: f32,
}

// A window that hangs over (ceilMode) counts its padding, but not what lies beyond.
fn spanOf(out: vec2i) -> Span {
  let origin = out * params.stride - params.padding;
  let limit = min(origin + params.kernel, params.size + params.padding);
  let start = max(origin, vec2i(0));
  let end = min(limit, params.size);
  let counted = select(end - start, limit - origin, params.countIncludePad == 1u);
  return Span(start, end, f32(counted.x * counted.y));
}`;

const adaptiveParams = /* wgsl */ `
struct Params {
  // (height, width) of input and output.
  size: vec2i,
  outSize: vec2i,
  channels: u32,
  // Elements that this kernel writes.
  count: u32,
}

struct Span {
  start: vec2i,
  end: vec2i,
  divisor: f32,
}

// floor(out * size / outSize) to ceil((out + 1) * size / outSize).
fn spanOf(out: vec2i) -> Span {
  let start = out * params.size / params.outSize;
  let end = ((out + 1) * params.size + params.outSize - 1) / params.outSize;
  return Span(start, end, f32((end.x - start.x) * (end.y - start.y)));
}`;

const averageWgsl = ([threads, perThread]: Threads, span: string, epilogue: string) => /* wgsl */ `
const THREADS = ${threads}u;
const PER_THREAD = ${perThread}u;
${span}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;
${epilogue}
${planePosition}

fn compute(i: u32) {
  let position = planePosition(i, params.outSize);
  let width = params.size.y;
  let base = position.plane * u32(params.size.x * width);
  let span = spanOf(position.at);
  var value = 0.0;
  if (all(span.start < span.end)) {
    var sum = 0.0;
    for (var h = span.start.x; h < span.end.x; h++) {
      for (var w = span.start.y; w < span.end.y; w++) {
        sum += x[base + u32(h * width + w)];
      }
    }
    value = sum / span.divisor;
  }
  let column = u32(position.at.x * params.outSize.y + position.at.y);
  y[i] = epilogue(value, i, position.plane % params.channels, column);
}
${elementLoop}`;

const averageCover = /* wgsl */ `
fn firstWindow(at: vec2i) -> vec2i {
  return max((at + params.padding - params.kernel + params.stride) / params.stride, vec2i(0));
}

fn lastWindow(at: vec2i) -> vec2i {
  return min((at + params.padding) / params.stride, params.outSize - 1);
}`;

const adaptiveCover = /* wgsl */ `
fn firstWindow(at: vec2i) -> vec2i {
  return at * params.outSize / params.size;
}

fn lastWindow(at: vec2i) -> vec2i {
  return ((at + 1) * params.outSize + params.size - 1) / params.size - 1;
}`;

const averageGradWgsl = ([threads, perThread]: Threads, span: string, cover: string) => /* wgsl */ `
const THREADS = ${threads}u;
const PER_THREAD = ${perThread}u;
${span}

@group(0) @binding(0) var<storage, read> gy: array<f32>;
@group(0) @binding(1) var<storage, read_write> gx: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;
${cover}
${planePosition}

fn compute(i: u32) {
  let position = planePosition(i, params.size);
  let base = position.plane * u32(params.outSize.x * params.outSize.y);
  let first = firstWindow(position.at);
  let last = lastWindow(position.at);
  var sum = 0.0;
  for (var h = first.x; h <= last.x; h++) {
    for (var w = first.y; w <= last.y; w++) {
      sum += gy[base + u32(h * params.outSize.y + w)] / spanOf(vec2i(h, w)).divisor;
    }
  }
  gx[i] = sum;
}
${elementLoop}`;

const inputCount = ({ N, C, H, W }: PoolShape): number => N * C * H * W;
const outputCount = ({ N, C, outH, outW }: PoolShape): number => N * C * outH * outW;

const maxWords = (o: MaxWindow, count: number): number[] => [
  ...[o.H, o.W, o.outH, o.outW, ...o.kernel, ...o.stride, ...o.padding, ...o.dilation],
  ...[o.C, count, float(Number.NEGATIVE_INFINITY)],
];

const averageWords = (o: AverageWindow, count: number): number[] => [
  ...[o.H, o.W, o.outH, o.outW, ...o.kernel, ...o.stride, ...o.padding],
  ...[o.C, count, o.countIncludePad ? 1 : 0],
];

const adaptiveWords = (o: PoolShape, count: number): number[] => [o.H, o.W, o.outH, o.outW, o.C, count];

/**
 * input(0) x [N, C, H, W] -> output(0) y [N, C, outH, outW] and, with `indices`, output(1) int32 of the same shape: where in its plane
 * (flat, H * W) the maximum was. Padding is -Infinity. The epilogue's `row` is the channel, `column` the place in the output plane.
 */
export function maxPool2d(
  target: KernelTarget,
  { indices = true, ...window }: MaxWindow & { indices?: boolean },
  epilogue: Fusion = identityEpilogue,
): Program {
  const count = outputCount(window);
  return poolStep(target, indices ? 'maxPool2d.indices' : 'maxPool2d', count, {
    wgsl: (threads) => (indices ? maxIndicesWgsl : maxWgsl)(threads, epilogue.wgsl),
    reads: [input(0)],
    writes: indices ? [output(0), output(1)] : [output(0)],
    params: maxWords(window, count),
    epilogue,
  });
}

/** input(0) gy [N, C, outH, outW], input(1) indices of {@link maxPool2d} -> output(0) gx [N, C, H, W]. */
export function maxPool2dGrad(target: KernelTarget, window: MaxWindow): Program {
  const count = inputCount(window);
  return poolStep(target, 'maxPool2dGrad', count, {
    wgsl: maxGradWgsl,
    reads: [input(0), input(1)],
    writes: [output(0)],
    params: maxWords(window, count),
  });
}

/** input(0) x [N, C, H, W] -> output(0) y [N, C, outH, outW], the mean of each window; epilogue as in {@link maxPool2d}. */
export function avgPool2d(target: KernelTarget, window: AverageWindow, epilogue: Fusion = identityEpilogue): Program {
  const count = outputCount(window);
  return poolStep(target, 'avgPool2d', count, {
    wgsl: (threads) => averageWgsl(threads, averageParams, epilogue.wgsl),
    reads: [input(0)],
    writes: [output(0)],
    params: averageWords(window, count),
    epilogue,
  });
}

/** input(0) gy [N, C, outH, outW] -> output(0) gx [N, C, H, W] of {@link avgPool2d}. */
export function avgPool2dGrad(target: KernelTarget, window: AverageWindow): Program {
  const count = inputCount(window);
  return poolStep(target, 'avgPool2dGrad', count, {
    wgsl: (threads) => averageGradWgsl(threads, averageParams, averageCover),
    reads: [input(0)],
    writes: [output(0)],
    params: averageWords(window, count),
  });
}

/**
 * input(0) x [N, C, H, W] -> output(0) y [N, C, outH, outW]: the mean of rows floor(o * H / outH) to ceil((o + 1) * H / outH), and of
 * columns likewise. The global mean (1 x 1) is a reduction and takes no epilogue of its own.
 */
export function adaptiveAvgPool2d(
  target: KernelTarget,
  shape: PoolShape,
  epilogue: Fusion = identityEpilogue,
): Program {
  const { N, C, H, W, outH, outW } = shape;
  if (outH === 1 && outW === 1 && epilogue === identityEpilogue)
    return reduce(target, { op: 'mean', shape: [N * C, H * W], axes: [1] }, elementOf());
  const count = outputCount(shape);
  return poolStep(target, 'adaptiveAvgPool2d', count, {
    wgsl: (threads) => averageWgsl(threads, adaptiveParams, epilogue.wgsl),
    reads: [input(0)],
    writes: [output(0)],
    params: adaptiveWords(shape, count),
    epilogue,
  });
}

/** input(0) gy [N, C, outH, outW] -> output(0) gx [N, C, H, W] of {@link adaptiveAvgPool2d}. */
export function adaptiveAvgPool2dGrad(target: KernelTarget, shape: PoolShape): Program {
  const count = inputCount(shape);
  return poolStep(target, 'adaptiveAvgPool2dGrad', count, {
    wgsl: (threads) => averageGradWgsl(threads, adaptiveParams, adaptiveCover),
    reads: [input(0)],
    writes: [output(0)],
    params: adaptiveWords(shape, count),
  });
}
