/**
 * Softmax and log-softmax over the middle axis of [outer, length, inner], and their gradients. The maximum is subtracted first, so
 * nothing overflows; a row of -Infinity alone is NaN, as in PyTorch.
 */
import type { Shape } from '../../core/shape.ts';
import { input, type KernelTarget, output, type Program } from '../kernel.ts';
import { rowExp } from '../workgroup.ts';
import { maxAndSum, rowKernel, rowsAlong } from './row.ts';

/** WGSL: a row's maximum and the sum of its exponentials, for kernels that bind the row's tensor as `x`. */
export const expSum = /* wgsl */ `
${rowExp}
${maxAndSum}

struct ExpSum {
  greatest: f32,
  // The sum of exp(x - greatest).
  total: f32,
}

fn expSum(base: u32, lane: u32) -> ExpSum {
  let length = params.length;
  let inner = params.inner;
  var greatest = x[base];
  for (var c = lane; c < length; c += LANES) {
    greatest = nanMax(greatest, x[base + c * inner]);
  }
  greatest = finiteOrNan(rowMax(lane, greatest));
  var total = 0.0;
  for (var c = lane; c < length; c += LANES) {
    total += expNan(x[base + c * inner] - greatest);
  }
  return ExpSum(greatest, rowSum(lane, total));
}`;

/** @param result WGSL: `fn resultOf(shifted: f32, total: f32) -> f32` */
const forward = (result: string) => /* wgsl */ `
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
${expSum}
${result}

fn reduceRow(row: u32, base: u32, lane: u32) {
  let length = params.length;
  let inner = params.inner;
  let sum = expSum(base, lane);
  for (var c = lane; c < length; c += LANES) {
    y[base + c * inner] = resultOf(x[base + c * inner] - sum.greatest, sum.total);
  }
}`;

const softmaxValue = /* wgsl */ `
fn resultOf(shifted: f32, total: f32) -> f32 {
  return expNan(shifted) / total;
}`;

const logSoftmaxValue = /* wgsl */ `
fn resultOf(shifted: f32, total: f32) -> f32 {
  return shifted - log(total);
}`;

/** @param result WGSL: `fn termOf(y: f32, gy: f32) -> f32`, which is summed, and `fn resultOf(y: f32, gy: f32, total: f32) -> f32` */
const gradient = (result: string) => /* wgsl */ `
@group(0) @binding(0) var<storage, read> y: array<f32>;
@group(0) @binding(1) var<storage, read> gy: array<f32>;
@group(0) @binding(2) var<storage, read_write> gx: array<f32>;
${rowExp}
alias Lane = f32;

fn combine(a: Lane, b: Lane) -> Lane {
  return a + b;
}
${result}

fn reduceRow(row: u32, base: u32, lane: u32) {
  let length = params.length;
  let inner = params.inner;
  var total = 0.0;
  for (var c = lane; c < length; c += LANES) {
    let i = base + c * inner;
    total += termOf(y[i], gy[i]);
  }
  total = combineLanes(lane, total);
  for (var c = lane; c < length; c += LANES) {
    let i = base + c * inner;
    gx[i] = resultOf(y[i], gy[i], total);
  }
}`;

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

/** The tensor and the axis that the softmax runs over (not negative). */
export interface SoftmaxShape {
  readonly shape: Shape;
  readonly axis: number;
}

const program = (
  target: KernelTarget,
  { shape, axis }: SoftmaxShape,
  kernel: { readonly name: string; readonly inputs: number; readonly wgsl: string },
): Program => {
  const reads = Array.from({ length: kernel.inputs }, (_, k) => input(k));
  return { steps: [rowKernel(target, rowsAlong(shape, axis), { ...kernel, reads, writes: [output(0)] })] };
};

/** input(0) x -> output(0) exp(x) / sum(exp(x)) over `axis`. */
export const softmax = (target: KernelTarget, shape: SoftmaxShape): Program =>
  program(target, shape, { name: 'softmax', inputs: 1, wgsl: forward(softmaxValue) });

/** input(0) x -> output(0) x - log(sum(exp(x))) over `axis`. */
export const logSoftmax = (target: KernelTarget, shape: SoftmaxShape): Program =>
  program(target, shape, { name: 'logSoftmax', inputs: 1, wgsl: forward(logSoftmaxValue) });

/** input(0) y = softmax(x), input(1) gy -> output(0) gx = y * (gy - sum(gy * y)). */
export const softmaxGrad = (target: KernelTarget, shape: SoftmaxShape): Program =>
  program(target, shape, { name: 'softmaxGrad', inputs: 2, wgsl: gradient(softmaxGradValue) });

/** input(0) y = logSoftmax(x), input(1) gy -> output(0) gx = gy - exp(y) * sum(gy). */
export const logSoftmaxGrad = (target: KernelTarget, shape: SoftmaxShape): Program =>
  program(target, shape, { name: 'logSoftmaxGrad', inputs: 2, wgsl: gradient(logSoftmaxGradValue) });
