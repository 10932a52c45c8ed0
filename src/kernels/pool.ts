/**
 * 2-D pooling of x [N, C, H, W] (planes = N * C) and the gradients. Gradients gather: each input element looks at the windows that
 * cover it, so no two invocations write one address and the order of additions is fixed.
 */
import { type Fusion, identityEpilogue, input, type KernelTarget, output, type Program } from './kernel.ts';
import { elementLoop, type PoolShape, poolParams, poolStep, type Threads, type Window } from './pool-plane.ts';
import { elementOf, reduce } from './reduce.ts';
import { isNan } from './workgroup.ts';

export type { PoolShape, Window } from './pool-plane.ts';

export interface MaxWindow extends Window {
  readonly dilation: readonly [number, number];
}

export interface AverageWindow extends Window {
  readonly countIncludePad: boolean;
}

// PyTorch's rule: the first maximum wins, any NaN replaces what was there. A window of -Infinity alone points at its first element.
const maximumOf = /* wgsl */ `
${isNan}

struct Maximum {
  value: f32,
  index: i32,
}

fn maximumOf(at: vec4u, p: Params) -> Maximum {
  let width = p.size.y;
  let base = (at.x * p.sizes.y + at.y) * u32(p.size.x * width);
  let origin = vec2i(at.zw) * p.stride - p.padding;
  // The first tap inside the input, and the end of the taps.
  let first = origin + max(quotient(p.dilation - 1 - origin, p.inverseDilation), vec2i(0)) * p.dilation;
  let end = min(origin + p.kernel * p.dilation, p.size);
  var best = p.lowest;
  var bestIndex = first.x * width + first.y;
  for (var h = first.x; h < end.x; h += p.dilation.x) {
    for (var w = first.y; w < end.y; w += p.dilation.y) {
      let index = h * width + w;
      let value = x[base + u32(index)];
      let better = value > best || isNan(value);
      best = select(best, value, better);
      bestIndex = select(bestIndex, index, better);
    }
  }
  return Maximum(best, bestIndex);
}`;

const maxWgsl = ([threads, perThread]: Threads, epilogue: string) => /* wgsl */ `
const THREADS = ${threads}u;
const PER_THREAD = ${perThread}u;
${poolParams}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;
${epilogue}
${maximumOf}

fn compute(i: u32, at: vec4u, p: Params) {
  y[i] = epilogue(maximumOf(at, p).value, i, at.y, at.z * p.sizes.w + at.w);
}
${elementLoop}`;

const maxIndicesWgsl = ([threads, perThread]: Threads, epilogue: string) => /* wgsl */ `
const THREADS = ${threads}u;
const PER_THREAD = ${perThread}u;
${poolParams}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<storage, read_write> indices: array<i32>;
@group(0) @binding(3) var<uniform> params: Params;
${epilogue}
${maximumOf}

fn compute(i: u32, at: vec4u, p: Params) {
  let best = maximumOf(at, p);
  y[i] = epilogue(best.value, i, at.y, at.z * p.sizes.w + at.w);
  indices[i] = best.index;
}
${elementLoop}`;

const maxGradWgsl = ([threads, perThread]: Threads) => /* wgsl */ `
const THREADS = ${threads}u;
const PER_THREAD = ${perThread}u;
${poolParams}

@group(0) @binding(0) var<storage, read> gy: array<f32>;
@group(0) @binding(1) var<storage, read> indices: array<i32>;
@group(0) @binding(2) var<storage, read_write> gx: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

fn compute(i: u32, at: vec4u, p: Params) {
  let place = vec2i(at.zw);
  let width = p.outSize.y;
  let index = place.x * p.size.y + place.y;
  let base = (at.x * p.sizes.y + at.y) * u32(p.outSize.x * width);
  // Windows whose span covers the element: first to last.
  let reach = place + p.padding;
  let first = max(quotient(reach - (p.kernel - 1) * p.dilation + p.stride - 1, p.inverseStride), vec2i(0));
  let last = min(quotient(reach, p.inverseStride), p.outSize - 1);
  var sum = 0.0;
  for (var h = first.x; h <= last.x; h++) {
    for (var w = first.y; w <= last.y; w++) {
      let o = base + u32(h * width + w);
      if (indices[o] == index) {
        sum += gy[o];
      }
    }
  }
  gx[i] = sum;
}
${elementLoop}`;

const spanStruct = /* wgsl */ `
struct Span {
  start: vec2i,
  end: vec2i,
  divisor: f32,
}`;

const averageSpan = /* wgsl */ `
${spanStruct}

// A window that hangs over (ceilMode) counts its padding, but not what lies beyond.
fn spanOf(out: vec2i, p: Params) -> Span {
  let origin = out * p.stride - p.padding;
  let limit = min(origin + p.kernel, p.size + p.padding);
  let start = max(origin, vec2i(0));
  let end = min(limit, p.size);
  let counted = select(end - start, limit - origin, p.countIncludePad == 1u);
  return Span(start, end, f32(counted.x * counted.y));
}

fn firstWindow(at: vec2i, p: Params) -> vec2i {
  return max(quotient(at + p.padding - p.kernel + p.stride, p.inverseStride), vec2i(0));
}

fn lastWindow(at: vec2i, p: Params) -> vec2i {
  return min(quotient(at + p.padding, p.inverseStride), p.outSize - 1);
}`;

const adaptiveSpan = /* wgsl */ `
${spanStruct}

// floor(out * size / outSize) to ceil((out + 1) * size / outSize).
fn spanOf(out: vec2i, p: Params) -> Span {
  let start = quotient(out * p.size, p.inverseOutSize);
  let end = quotient((out + 1) * p.size + p.outSize - 1, p.inverseOutSize);
  return Span(start, end, f32((end.x - start.x) * (end.y - start.y)));
}

fn firstWindow(at: vec2i, p: Params) -> vec2i {
  return quotient(at * p.outSize, p.inverseSize);
}

fn lastWindow(at: vec2i, p: Params) -> vec2i {
  return quotient((at + 1) * p.outSize + p.size - 1, p.inverseSize) - 1;
}`;

const averageWgsl = ([threads, perThread]: Threads, span: string, epilogue: string) => /* wgsl */ `
const THREADS = ${threads}u;
const PER_THREAD = ${perThread}u;
${poolParams}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;
${epilogue}
${span}

fn compute(i: u32, at: vec4u, p: Params) {
  let width = p.size.y;
  let base = (at.x * p.sizes.y + at.y) * u32(p.size.x * width);
  let span = spanOf(vec2i(at.zw), p);
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
  y[i] = epilogue(value, i, at.y, at.z * p.sizes.w + at.w);
}
${elementLoop}`;

const averageGradWgsl = ([threads, perThread]: Threads, span: string) => /* wgsl */ `
const THREADS = ${threads}u;
const PER_THREAD = ${perThread}u;
${poolParams}

@group(0) @binding(0) var<storage, read> gy: array<f32>;
@group(0) @binding(1) var<storage, read_write> gx: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;
${span}

fn compute(i: u32, at: vec4u, p: Params) {
  let place = vec2i(at.zw);
  let width = p.outSize.y;
  let base = (at.x * p.sizes.y + at.y) * u32(p.outSize.x * width);
  let first = firstWindow(place, p);
  let last = lastWindow(place, p);
  var sum = 0.0;
  for (var h = first.x; h <= last.x; h++) {
    for (var w = first.y; w <= last.y; w++) {
      sum += gy[base + u32(h * width + w)] / spanOf(vec2i(h, w), p).divisor;
    }
  }
  gx[i] = sum;
}
${elementLoop}`;

/**
 * input(0) x [N, C, H, W] -> output(0) y [N, C, outH, outW] and, with `indices`, output(1) int32 of the same shape: where in its plane
 * (flat, H * W) the maximum was. Padding is -Infinity. The epilogue's `row` is the channel, `column` the place in the output plane.
 */
export function maxPool2d(
  target: KernelTarget,
  { indices = true, ...window }: MaxWindow & { indices?: boolean },
  epilogue: Fusion = identityEpilogue,
): Program {
  return poolStep(target, indices ? 'maxPool2d.indices' : 'maxPool2d', 'output', window, {
    wgsl: (threads) => (indices ? maxIndicesWgsl : maxWgsl)(threads, epilogue.wgsl),
    reads: [input(0)],
    writes: indices ? [output(0), output(1)] : [output(0)],
    epilogue,
  });
}

/** input(0) gy [N, C, outH, outW], input(1) indices of {@link maxPool2d} -> output(0) gx [N, C, H, W]. */
export function maxPool2dGrad(target: KernelTarget, window: MaxWindow): Program {
  return poolStep(target, 'maxPool2dGrad', 'input', window, {
    wgsl: maxGradWgsl,
    reads: [input(0), input(1)],
    writes: [output(0)],
  });
}

/** input(0) x [N, C, H, W] -> output(0) y [N, C, outH, outW], the mean of each window; epilogue as in {@link maxPool2d}. */
export function avgPool2d(target: KernelTarget, window: AverageWindow, epilogue: Fusion = identityEpilogue): Program {
  return poolStep(target, 'avgPool2d', 'output', window, {
    wgsl: (threads) => averageWgsl(threads, averageSpan, epilogue.wgsl),
    reads: [input(0)],
    writes: [output(0)],
    epilogue,
  });
}

/** input(0) gy [N, C, outH, outW] -> output(0) gx [N, C, H, W] of {@link avgPool2d}. */
export function avgPool2dGrad(target: KernelTarget, window: AverageWindow): Program {
  return poolStep(target, 'avgPool2dGrad', 'input', window, {
    wgsl: (threads) => averageGradWgsl(threads, averageSpan),
    reads: [input(0)],
    writes: [output(0)],
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
  return poolStep(target, 'adaptiveAvgPool2d', 'output', shape, {
    wgsl: (threads) => averageWgsl(threads, adaptiveSpan, epilogue.wgsl),
    reads: [input(0)],
    writes: [output(0)],
    epilogue,
  });
}

/** input(0) gy [N, C, outH, outW] -> output(0) gx [N, C, H, W] of {@link adaptiveAvgPool2d}. */
export function adaptiveAvgPool2dGrad(target: KernelTarget, shape: PoolShape): Program {
  return poolStep(target, 'adaptiveAvgPool2dGrad', 'input', shape, {
    wgsl: (threads) => averageGradWgsl(threads, adaptiveSpan),
    reads: [input(0)],
    writes: [output(0)],
  });
}
