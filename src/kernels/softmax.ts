/**
 * Softmax and log-softmax over the middle axis of [outer, length, inner], and their gradients. The maximum is subtracted first, so
 * nothing overflows; a row of -Infinity alone is NaN, as in PyTorch.
 */
import { type Shape, sizeOf } from '../core/shape.ts';
import {
  ceilDiv,
  flatGrid,
  flatWorkgroup,
  fullBatch,
  input,
  type KernelTarget,
  output,
  type Program,
} from './kernel.ts';
import { combineLanes, rowExp, workgroupThreads } from './workgroup.ts';

const paramsStruct = /* wgsl */ `
struct Params {
  rows: u32,
  length: u32,
  inner: u32,
}`;

const rowBase = /* wgsl */ `
fn rowBase(row: u32) -> u32 {
  return (row / params.inner) * params.length * params.inner + row % params.inner;
}`;

const forwardBindings = /* wgsl */ `
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;`;

const softmaxValue = /* wgsl */ `
fn resultOf(shifted: f32, total: f32) -> f32 {
  return expNan(shifted) / total;
}`;

const logSoftmaxValue = /* wgsl */ `
fn resultOf(shifted: f32, total: f32) -> f32 {
  return shifted - log(total);
}`;

/** One workgroup a row: its lanes stride through the row for the maximum, for the sum, and for the result. */
const workgroupForward = (threads: number, value: string) => /* wgsl */ `
const THREADS = ${threads}u;
alias Lane = vec2f;
${paramsStruct}
${forwardBindings}
${rowExp}
${rowBase}
${value}

// Maximum in x, sum in y; each tree uses one of them.
fn combine(a: vec2f, b: vec2f) -> vec2f {
  return vec2f(nanMax(a.x, b.x), a.y + b.y);
}
${combineLanes}
${flatWorkgroup}

@compute @workgroup_size(THREADS)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let row = flatWorkgroup(workgroup, workgroups);
  if (row >= params.rows) {
    return;
  }
  let length = params.length;
  let inner = params.inner;
  let base = rowBase(row);
  var greatest = x[base];
  for (var c = lane; c < length; c += THREADS) {
    greatest = nanMax(greatest, x[base + c * inner]);
  }
  greatest = finiteOrNan(combineLanes(lane, vec2f(greatest, 0.0)).x);
  var total = 0.0;
  for (var c = lane; c < length; c += THREADS) {
    total += expNan(x[base + c * inner] - greatest);
  }
  total = combineLanes(lane, vec2f(0.0, total)).y;
  for (var c = lane; c < length; c += THREADS) {
    y[base + c * inner] = resultOf(x[base + c * inner] - greatest, total);
  }
}`;

/** One invocation a row. */
const threadForward = (threads: number, value: string) => /* wgsl */ `
const THREADS = ${threads}u;
${paramsStruct}
${forwardBindings}
${rowExp}
${rowBase}
${value}
${flatWorkgroup}

@compute @workgroup_size(THREADS)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let row = flatWorkgroup(workgroup, workgroups) * THREADS + lane;
  if (row >= params.rows) {
    return;
  }
  let length = params.length;
  let inner = params.inner;
  let base = rowBase(row);
  var greatest = x[base];
  for (var c = 1u; c < length; c++) {
    greatest = nanMax(greatest, x[base + c * inner]);
  }
  greatest = finiteOrNan(greatest);
  var total = 0.0;
  for (var c = 0u; c < length; c++) {
    total += expNan(x[base + c * inner] - greatest);
  }
  for (var c = 0u; c < length; c++) {
    y[base + c * inner] = resultOf(x[base + c * inner] - greatest, total);
  }
}`;

const gradBindings = /* wgsl */ `
@group(0) @binding(0) var<storage, read> y: array<f32>;
@group(0) @binding(1) var<storage, read> gy: array<f32>;
@group(0) @binding(2) var<storage, read_write> gx: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;`;

const softmaxGradValue = /* wgsl */ `
fn termOf(y: f32, gy: f32) -> f32 {
  return gy * y;
}

fn resultOf(y: f32, gy: f32, total: f32) -> f32 {
  return y * (gy - total);
}`;

const logSoftmaxGradValue = /* wgsl */ `
fn termOf(y: f32, gy: f32) -> f32 {
  return gy;
}

fn resultOf(y: f32, gy: f32, total: f32) -> f32 {
  return gy - expNan(y) * total;
}`;

const workgroupGrad = (threads: number, value: string) => /* wgsl */ `
const THREADS = ${threads}u;
alias Lane = f32;
${paramsStruct}
${gradBindings}
${rowExp}
${rowBase}
${value}

fn combine(a: f32, b: f32) -> f32 {
  return a + b;
}
${combineLanes}
${flatWorkgroup}

@compute @workgroup_size(THREADS)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let row = flatWorkgroup(workgroup, workgroups);
  if (row >= params.rows) {
    return;
  }
  let length = params.length;
  let inner = params.inner;
  let base = rowBase(row);
  var total = 0.0;
  for (var c = lane; c < length; c += THREADS) {
    let i = base + c * inner;
    total += termOf(y[i], gy[i]);
  }
  total = combineLanes(lane, total);
  for (var c = lane; c < length; c += THREADS) {
    let i = base + c * inner;
    gx[i] = resultOf(y[i], gy[i], total);
  }
}`;

const threadGrad = (threads: number, value: string) => /* wgsl */ `
const THREADS = ${threads}u;
${paramsStruct}
${gradBindings}
${rowExp}
${rowBase}
${value}
${flatWorkgroup}

@compute @workgroup_size(THREADS)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let row = flatWorkgroup(workgroup, workgroups) * THREADS + lane;
  if (row >= params.rows) {
    return;
  }
  let length = params.length;
  let inner = params.inner;
  let base = rowBase(row);
  var total = 0.0;
  for (var c = 0u; c < length; c++) {
    let i = base + c * inner;
    total += termOf(y[i], gy[i]);
  }
  for (var c = 0u; c < length; c++) {
    let i = base + c * inner;
    gx[i] = resultOf(y[i], gy[i], total);
  }
}`;

/** Whether a row of [outer, length, inner] is one invocation's work, rather than a workgroup's. */
export function rowByThread(target: KernelTarget, rows: number, length: number, inner: number): boolean {
  const threads = workgroupThreads(target);
  const inFull = fullBatch(target, rows);
  // On software adapters a tree's barriers cost as much as thousands of loads.
  if (target.software) return length <= 4096 || inFull >= 16 * threads;
  return length <= 32 || (inner > 1 && inFull >= threads);
}

/** The tensor and the axis that the softmax runs over (not negative). */
export interface SoftmaxShape {
  readonly shape: Shape;
  readonly axis: number;
}

function rowProgram(
  target: KernelTarget,
  { shape, axis }: SoftmaxShape,
  kernels: {
    name: string;
    byThread: (threads: number) => string;
    byWorkgroup: (threads: number) => string;
    inputs: number;
  },
): Program {
  const threads = workgroupThreads(target);
  const length = shape[axis]!;
  const inner = sizeOf(shape.slice(axis + 1));
  const rows = sizeOf(shape.slice(0, axis)) * inner;
  const byThread = rowByThread(target, rows, length, inner);
  return {
    steps: [
      {
        name: `${kernels.name}.${byThread ? 'thread' : 'workgroup'}`,
        wgsl: (byThread ? kernels.byThread : kernels.byWorkgroup)(threads),
        reads: Array.from({ length: kernels.inputs }, (_, k) => input(k)),
        writes: [output(0)],
        params: [rows, length, inner],
        workgroups: flatGrid(byThread ? ceilDiv(rows, threads) : rows, target.maxWorkgroupsPerDimension),
      },
    ],
  };
}

const forward = (target: KernelTarget, shape: SoftmaxShape, name: string, value: string): Program =>
  rowProgram(target, shape, {
    name,
    byThread: (threads) => threadForward(threads, value),
    byWorkgroup: (threads) => workgroupForward(threads, value),
    inputs: 1,
  });

const gradient = (target: KernelTarget, shape: SoftmaxShape, name: string, value: string): Program =>
  rowProgram(target, shape, {
    name,
    byThread: (threads) => threadGrad(threads, value),
    byWorkgroup: (threads) => workgroupGrad(threads, value),
    inputs: 2,
  });

/** input(0) x -> output(0) exp(x) / sum(exp(x)) over `axis`. */
export const softmax = (target: KernelTarget, shape: SoftmaxShape): Program =>
  forward(target, shape, 'softmax', softmaxValue);

/** input(0) x -> output(0) x - log(sum(exp(x))) over `axis`. */
export const logSoftmax = (target: KernelTarget, shape: SoftmaxShape): Program =>
  forward(target, shape, 'logSoftmax', logSoftmaxValue);

/** input(0) y = softmax(x), input(1) gy -> output(0) gx = y * (gy - sum(gy * y)). */
export const softmaxGrad = (target: KernelTarget, shape: SoftmaxShape): Program =>
  gradient(target, shape, 'softmaxGrad', softmaxGradValue);

/** input(0) y = logSoftmax(x), input(1) gy -> output(0) gx = gy - exp(y) * sum(gy). */
export const logSoftmaxGrad = (target: KernelTarget, shape: SoftmaxShape): Program =>
  gradient(target, shape, 'logSoftmaxGrad', logSoftmaxGradValue);
