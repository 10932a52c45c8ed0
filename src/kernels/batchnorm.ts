/**
 * The sums that batch normalisation needs, per channel of x [N, C, HW]: mean and biased variance forward, sum(gy) and
 * sum(gy * xhat) backward, xhat = (x - mean) * invstd. The normalisation itself is elementwise and lives there.
 *
 * A channel's N * HW elements are cut into `splits` parts, so that few channels with long rows still fill the device; a part is one
 * workgroup's work, on software adapters one invocation's. x is read once: every lane takes four elements at a time, computes their mean and squared deviations exactly, and merges
 * them into its own by Chan, Golub and LeVeque's update (https://doi.org/10.1080/00031305.1983.10483115); so do lanes and parts.
 * Nothing is ever subtracted that is as large as the mean squared.
 */
import {
  ceilDiv,
  flatGrid,
  flatWorkgroup,
  input,
  type KernelTarget,
  type Operand,
  output,
  type Program,
  type Step,
  temp,
} from './kernel.ts';
import { combineLanes, scheduleOf, workgroupThreads } from './workgroup.ts';

/** Sizes of x [N, C, HW]. */
export interface BatchNormShape {
  readonly N: number;
  readonly C: number;
  readonly HW: number;
}

const paramsStruct = /* wgsl */ `
struct Params {
  channels: u32,
  // Elements of a row (HW), and from one image's row of a channel to the next's (C * HW).
  row: u32,
  image: u32,
  // Elements of a channel (N * HW); part s of channel c covers [s * chunk, (s + 1) * chunk).
  length: u32,
  splits: u32,
  chunk: u32,
  // STRIDE as images and elements of a row.
  stepImages: u32,
  stepRow: u32,
}`;

// The position moves by STRIDE at a time, the lanes that share a part: no division after the first.
const walk = /* wgsl */ `
struct Position {
  address: u32,
  column: u32,
}

fn positionOf(channel: u32, element: u32) -> Position {
  let column = element % params.row;
  return Position((element / params.row) * params.image + channel * params.row + column, column);
}

fn advance(at: Position) -> Position {
  let column = at.column + params.stepRow;
  let wraps = column >= params.row;
  return Position(
    at.address + params.stepImages * params.image + params.stepRow + select(0u, params.image - params.row, wraps),
    column - select(0u, params.row, wraps),
  );
}`;

const moments = /* wgsl */ `
struct Moments {
  count: f32,
  mean: f32,
  // Sum of squared deviations from the mean.
  deviations: f32,
}

fn combine(a: Moments, b: Moments) -> Moments {
  let count = a.count + b.count;
  let share = b.count / max(count, 1.0);
  let delta = b.mean - a.mean;
  return Moments(count, a.mean + delta * share, a.deviations + b.deviations + delta * delta * a.count * share);
}`;

const momentsOf = /* wgsl */ `
fn momentsOf(part: u32, lane: u32) -> Moments {
  let start = (part % params.splits) * params.chunk;
  let end = min(start + params.chunk, params.length);
  var r = start + lane;
  var at = positionOf(part / params.splits, r);
  var all = Moments(0.0, 0.0, 0.0);
  for (; r + 3u * STRIDE < end; r += 4u * STRIDE) {
    let a = x[at.address];
    at = advance(at);
    let b = x[at.address];
    at = advance(at);
    let c = x[at.address];
    at = advance(at);
    let d = x[at.address];
    at = advance(at);
    let center = 0.25 * ((a + b) + (c + d));
    let deviation = vec4f(a, b, c, d) - center;
    all = combine(all, Moments(4.0, center, dot(deviation, deviation)));
  }
  for (; r < end; r += STRIDE) {
    all = combine(all, Moments(1.0, x[at.address], 0.0));
    at = advance(at);
  }
  return all;
}`;

const statsBindings = /* wgsl */ `
@group(0) @binding(0) var<storage, read> x: array<f32>;
// Part s of channel c at c * splits + s.
@group(0) @binding(1) var<storage, read_write> mean: array<f32>;
@group(0) @binding(2) var<storage, read_write> variance: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;`;

const workgroupStats = (threads: number) => /* wgsl */ `
const THREADS = ${threads}u;
const STRIDE = THREADS;
alias Lane = Moments;
${paramsStruct}
${statsBindings}
${moments}
${combineLanes}
${walk}
${momentsOf}
${flatWorkgroup}

@compute @workgroup_size(THREADS)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let part = flatWorkgroup(workgroup, workgroups);
  if (part >= params.channels * params.splits) {
    return;
  }
  let result = combineLanes(lane, momentsOf(part, lane));
  if (lane == 0u) {
    mean[part] = result.mean;
    variance[part] = result.deviations / result.count;
  }
}`;

const threadStats = (threads: number) => /* wgsl */ `
const THREADS = ${threads}u;
const STRIDE = 1u;
${paramsStruct}
${statsBindings}
${moments}
${walk}
${momentsOf}
${flatWorkgroup}

@compute @workgroup_size(THREADS)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let part = flatWorkgroup(workgroup, workgroups) * THREADS + lane;
  if (part >= params.channels * params.splits) {
    return;
  }
  let result = momentsOf(part, 0u);
  mean[part] = result.mean;
  variance[part] = result.deviations / result.count;
}`;

/** One invocation a channel merges its parts in order. */
const mergeStatsWgsl = (threads: number) => /* wgsl */ `
const THREADS = ${threads}u;
${paramsStruct}

@group(0) @binding(0) var<storage, read> partMean: array<f32>;
@group(0) @binding(1) var<storage, read> partVariance: array<f32>;
@group(0) @binding(2) var<storage, read_write> mean: array<f32>;
@group(0) @binding(3) var<storage, read_write> variance: array<f32>;
@group(0) @binding(4) var<uniform> params: Params;
${moments}

@compute @workgroup_size(THREADS)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let channel = id.x;
  if (channel >= params.channels) {
    return;
  }
  var all = Moments(0.0, 0.0, 0.0);
  for (var s = 0u; s < params.splits; s++) {
    let part = channel * params.splits + s;
    let count = f32(min(params.chunk, params.length - s * params.chunk));
    all = combine(all, Moments(count, partMean[part], partVariance[part] * count));
  }
  mean[channel] = all.mean;
  variance[channel] = all.deviations / all.count;
}`;

const gradBindings = /* wgsl */ `
@group(0) @binding(0) var<storage, read> gy: array<f32>;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> mean: array<f32>;
@group(0) @binding(3) var<storage, read> invstd: array<f32>;
@group(0) @binding(4) var<storage, read_write> sumGy: array<f32>;
@group(0) @binding(5) var<storage, read_write> sumGyXhat: array<f32>;
@group(0) @binding(6) var<uniform> params: Params;`;

const gradSumsOf = /* wgsl */ `
fn gradSumsOf(part: u32, lane: u32) -> vec2f {
  let channel = part / params.splits;
  let start = (part % params.splits) * params.chunk;
  let end = min(start + params.chunk, params.length);
  let center = mean[channel];
  let scale = invstd[channel];
  var at = positionOf(channel, start + lane);
  var sums = vec2f(0.0);
  for (var r = start + lane; r < end; r += STRIDE) {
    let g = gy[at.address];
    sums += vec2f(g, g * ((x[at.address] - center) * scale));
    at = advance(at);
  }
  return sums;
}`;

const workgroupGradStats = (threads: number) => /* wgsl */ `
const THREADS = ${threads}u;
const STRIDE = THREADS;
alias Lane = vec2f;
${paramsStruct}
${gradBindings}

fn combine(a: vec2f, b: vec2f) -> vec2f {
  return a + b;
}
${combineLanes}
${walk}
${gradSumsOf}
${flatWorkgroup}

@compute @workgroup_size(THREADS)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let part = flatWorkgroup(workgroup, workgroups);
  if (part >= params.channels * params.splits) {
    return;
  }
  let sums = combineLanes(lane, gradSumsOf(part, lane));
  if (lane == 0u) {
    sumGy[part] = sums.x;
    sumGyXhat[part] = sums.y;
  }
}`;

const threadGradStats = (threads: number) => /* wgsl */ `
const THREADS = ${threads}u;
const STRIDE = 1u;
${paramsStruct}
${gradBindings}
${walk}
${gradSumsOf}
${flatWorkgroup}

@compute @workgroup_size(THREADS)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let part = flatWorkgroup(workgroup, workgroups) * THREADS + lane;
  if (part >= params.channels * params.splits) {
    return;
  }
  let sums = gradSumsOf(part, 0u);
  sumGy[part] = sums.x;
  sumGyXhat[part] = sums.y;
}`;

const mergeGradStatsWgsl = (threads: number) => /* wgsl */ `
const THREADS = ${threads}u;
${paramsStruct}

@group(0) @binding(0) var<storage, read> partGy: array<f32>;
@group(0) @binding(1) var<storage, read> partGyXhat: array<f32>;
@group(0) @binding(2) var<storage, read_write> sumGy: array<f32>;
@group(0) @binding(3) var<storage, read_write> sumGyXhat: array<f32>;
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(THREADS)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let channel = id.x;
  if (channel >= params.channels) {
    return;
  }
  var sums = vec2f(0.0);
  for (var s = 0u; s < params.splits; s++) {
    let part = channel * params.splits + s;
    sums += vec2f(partGy[part], partGyXhat[part]);
  }
  sumGy[channel] = sums.x;
  sumGyXhat[channel] = sums.y;
}`;

interface Kernels {
  readonly name: string;
  readonly byWorkgroup: (threads: number) => string;
  readonly byThread: (threads: number) => string;
  readonly merge: (threads: number) => string;
}

/** A step that leaves two numbers a part, and the one that merges the parts where a channel has several. */
function perChannel(
  target: KernelTarget,
  { N, C, HW }: BatchNormShape,
  kernels: Kernels,
  reads: readonly Operand[],
): Program {
  const threads = workgroupThreads(target);
  const length = N * HW;
  const { byThread, splits } = scheduleOf(target, C, length, HW > 1);
  const stride = byThread ? 1 : threads;
  const params = [C, HW, C * HW, length, splits, ceilDiv(length, splits), Math.floor(stride / HW), stride % HW];
  const partial = (writes: readonly Operand[]): Step => ({
    name: `${kernels.name}.${byThread ? 'thread' : 'workgroup'}`,
    wgsl: (byThread ? kernels.byThread : kernels.byWorkgroup)(threads),
    reads,
    writes,
    params,
    workgroups: flatGrid(byThread ? ceilDiv(C * splits, threads) : C * splits, target.maxWorkgroupsPerDimension),
  });
  if (splits === 1) return { steps: [partial([output(0), output(1)])] };
  const merge: Step = {
    name: `${kernels.name}.merge`,
    wgsl: kernels.merge(threads),
    reads: [temp(0), temp(1)],
    writes: [output(0), output(1)],
    params,
    workgroups: [ceilDiv(C, threads), 1, 1],
  };
  const bytes = 4 * C * splits;
  return { steps: [partial([temp(0), temp(1)]), merge], temps: [bytes, bytes] };
}

const STATS: Kernels = {
  name: 'batchnorm.stats',
  byWorkgroup: workgroupStats,
  byThread: threadStats,
  merge: mergeStatsWgsl,
};

const GRAD_STATS: Kernels = {
  name: 'batchnorm.gradStats',
  byWorkgroup: workgroupGradStats,
  byThread: threadGradStats,
  merge: mergeGradStatsWgsl,
};

/** input(0) x [N, C, HW] -> output(0) mean [C], output(1) biased variance [C]. */
export function batchNormStats(target: KernelTarget, shape: BatchNormShape): Program {
  return perChannel(target, shape, STATS, [input(0)]);
}

/**
 * input(0) gy [N, C, HW], input(1) x [N, C, HW], input(2) mean [C], input(3) invstd [C]
 * -> output(0) sum(gy) [C], output(1) sum(gy * xhat) [C]: the gradients of bias and weight, which gx needs too.
 */
export function batchNormGradStats(target: KernelTarget, shape: BatchNormShape): Program {
  return perChannel(target, shape, GRAD_STATS, [input(0), input(1), input(2), input(3)]);
}
