/**
 * Optimizer steps in place, by PyTorch's formulas: SGD (https://docs.pytorch.org/docs/stable/generated/torch.optim.SGD.html), Adam
 * (https://arxiv.org/abs/1412.6980) and AdamW (https://arxiv.org/abs/1711.05101).
 *
 * Hyperparameters come from a small float32 buffer (`sgdHyper`, `adamHyper` fill it; the SLOT tables say where each lies), so a
 * schedule writes a few bytes and changes no plan.
 */
import {
  ceilDiv,
  type Fusion,
  flatGrid,
  flatWorkgroup,
  input,
  type KernelTarget,
  type Operand,
  output,
  type Program,
  type Step,
} from './kernel.ts';
import { elementsPerThread, workgroupThreads } from './workgroup.ts';

/** WGSL: whether this step changes nothing. Group 1 holds the flag, where there is one. */
const never: Fusion = {
  wgsl: /* wgsl */ `
fn skipped() -> bool {
  return false;
}`,
  reads: [],
  params: [],
};

const skipWhere = (flag: Operand): Fusion => ({
  wgsl: /* wgsl */ `
@group(1) @binding(0) var<storage, read> skip: array<f32>;

fn skipped() -> bool {
  return skip[0] != 0.0;
}`,
  reads: [flag],
  params: [],
});

/** Where SGD's hyperparameters lie in its buffer. `nesterov` is 0 or 1. */
export const SGD_SLOT = { lr: 0, momentum: 1, dampening: 2, weightDecay: 3, nesterov: 4 } as const;

/**
 * Where Adam's hyperparameters lie in its buffer. 1 - beta and log(beta) come from double precision: in float32, 1 - 0.999 has
 * lost four digits and beta ** step more.
 */
export const ADAM_SLOT = {
  lr: 0,
  beta1: 1,
  beta2: 2,
  eps: 3,
  weightDecay: 4,
  oneMinusBeta1: 5,
  oneMinusBeta2: 6,
  logBeta1: 7,
  logBeta2: 8,
} as const;

/** Hyperparameters of {@link sgd}, laid out by {@link SGD_SLOT}. */
export function sgdHyper(options: {
  lr: number;
  momentum?: number;
  dampening?: number;
  weightDecay?: number;
  nesterov?: boolean;
}): Float32Array<ArrayBuffer> {
  const { lr, momentum = 0, dampening = 0, weightDecay = 0, nesterov = false } = options;
  return Float32Array.of(lr, momentum, dampening, weightDecay, nesterov ? 1 : 0);
}

/** Hyperparameters of {@link adam} and {@link adamw}, laid out by {@link ADAM_SLOT}; PyTorch's defaults, but weightDecay 0 for both. */
export function adamHyper(options: {
  lr: number;
  betas?: readonly [number, number];
  eps?: number;
  weightDecay?: number;
}): Float32Array<ArrayBuffer> {
  const { lr, betas = [0.9, 0.999], eps = 1e-8, weightDecay = 0 } = options;
  const [a, b] = betas;
  return Float32Array.of(lr, a, b, eps, weightDecay, 1 - a, 1 - b, Math.log(a), Math.log(b));
}

const sizeParams = /* wgsl */ `
struct Params {
  size: u32,
}`;

const plainSgdWgsl = (threads: number, perThread: number, skipped: string) => /* wgsl */ `
const THREADS = ${threads}u;
const PER_THREAD = ${perThread}u;
${sizeParams}

struct Hyper {
  lr: f32,
  momentum: f32,
  dampening: f32,
  weightDecay: f32,
  nesterov: f32,
}

@group(0) @binding(0) var<storage, read> grad: array<f32>;
@group(0) @binding(1) var<storage, read> hyper: Hyper;
@group(0) @binding(2) var<storage, read_write> param: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;
${skipped}
${flatWorkgroup}

@compute @workgroup_size(THREADS)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  if (skipped()) {
    return;
  }
  let lr = hyper.lr;
  let weightDecay = hyper.weightDecay;
  let start = flatWorkgroup(workgroup, workgroups) * THREADS * PER_THREAD;
  let end = min(start + THREADS * PER_THREAD, params.size);
  for (var i = start + lane; i < end; i += THREADS) {
    let p = param[i];
    param[i] = p - lr * (grad[i] + weightDecay * p);
  }
}`;

const momentumSgd = /* wgsl */ `
struct Hyper {
  lr: f32,
  momentum: f32,
  dampening: f32,
  weightDecay: f32,
  nesterov: f32,
}

fn update(i: u32, fresh: f32, h: Hyper) {
  let p = param[i];
  let g = grad[i] + h.weightDecay * p;
  let v = h.momentum * velocity[i] + fresh * g;
  velocity[i] = v;
  param[i] = p - h.lr * select(v, g + h.momentum * v, h.nesterov != 0.0);
}`;

// Velocity starts at zero, so without dampening the first step needs no case of its own.
const momentumSgdWgsl = (threads: number, perThread: number, skipped: string) => /* wgsl */ `
const THREADS = ${threads}u;
const PER_THREAD = ${perThread}u;
${sizeParams}
${momentumSgd}

@group(0) @binding(0) var<storage, read> grad: array<f32>;
@group(0) @binding(1) var<storage, read> hyper: Hyper;
@group(0) @binding(2) var<storage, read_write> param: array<f32>;
@group(0) @binding(3) var<storage, read_write> velocity: array<f32>;
@group(0) @binding(4) var<uniform> params: Params;
${skipped}
${flatWorkgroup}

@compute @workgroup_size(THREADS)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  if (skipped()) {
    return;
  }
  let h = hyper;
  let start = flatWorkgroup(workgroup, workgroups) * THREADS * PER_THREAD;
  let end = min(start + THREADS * PER_THREAD, params.size);
  for (var i = start + lane; i < end; i += THREADS) {
    update(i, 1.0, h);
  }
}`;

const dampenedSgdWgsl = (threads: number, perThread: number, skipped: string) => /* wgsl */ `
const THREADS = ${threads}u;
const PER_THREAD = ${perThread}u;
${sizeParams}
${momentumSgd}

@group(0) @binding(0) var<storage, read> grad: array<f32>;
@group(0) @binding(1) var<storage, read> hyper: Hyper;
// Steps taken before this one.
@group(0) @binding(2) var<storage, read> count: array<f32>;
@group(0) @binding(3) var<storage, read_write> param: array<f32>;
@group(0) @binding(4) var<storage, read_write> velocity: array<f32>;
@group(0) @binding(5) var<uniform> params: Params;
${skipped}
${flatWorkgroup}

@compute @workgroup_size(THREADS)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  if (skipped()) {
    return;
  }
  let h = hyper;
  let fresh = select(1.0 - h.dampening, 1.0, count[0] == 0.0);
  let start = flatWorkgroup(workgroup, workgroups) * THREADS * PER_THREAD;
  let end = min(start + THREADS * PER_THREAD, params.size);
  for (var i = start + lane; i < end; i += THREADS) {
    update(i, fresh, h);
  }
}`;

// 1 - beta ** step = -expm1(step * log(beta)): a series near 0, where exp would leave no digits.
const biasCorrection = /* wgsl */ `
fn biasCorrection(step: f32, logBeta: f32) -> f32 {
  let z = step * logBeta;
  if (z < -0.5) {
    return 1.0 - exp(z);
  }
  let series = 1.0 + z / 2.0 * (1.0 + z / 3.0 * (1.0 + z / 4.0 * (1.0 + z / 5.0 * (1.0 + z / 6.0 * (1.0 + z / 7.0 * (1.0 + z / 8.0))))));
  return -z * series;
}`;

const coupledDecay = /* wgsl */ `
fn decayedGradient(g: f32, p: f32, h: Hyper) -> f32 {
  return g + h.weightDecay * p;
}

fn decayedParam(p: f32, h: Hyper) -> f32 {
  return p;
}`;

const decoupledDecay = /* wgsl */ `
fn decayedGradient(g: f32, p: f32, h: Hyper) -> f32 {
  return g;
}

fn decayedParam(p: f32, h: Hyper) -> f32 {
  return p - h.lr * h.weightDecay * p;
}`;

const adamWgsl = (threads: number, perThread: number, skipped: string, decay: string) => /* wgsl */ `
const THREADS = ${threads}u;
const PER_THREAD = ${perThread}u;
${sizeParams}

struct Hyper {
  lr: f32,
  beta1: f32,
  beta2: f32,
  eps: f32,
  weightDecay: f32,
  oneMinusBeta1: f32,
  oneMinusBeta2: f32,
  logBeta1: f32,
  logBeta2: f32,
}

@group(0) @binding(0) var<storage, read> grad: array<f32>;
@group(0) @binding(1) var<storage, read> hyper: Hyper;
// Steps taken before this one.
@group(0) @binding(2) var<storage, read> count: array<f32>;
@group(0) @binding(3) var<storage, read_write> param: array<f32>;
@group(0) @binding(4) var<storage, read_write> firstMoment: array<f32>;
@group(0) @binding(5) var<storage, read_write> secondMoment: array<f32>;
@group(0) @binding(6) var<uniform> params: Params;
${biasCorrection}
${decay}
${skipped}
${flatWorkgroup}

@compute @workgroup_size(THREADS)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  if (skipped()) {
    return;
  }
  let h = hyper;
  let step = count[0] + 1.0;
  let stepSize = h.lr / biasCorrection(step, h.logBeta1);
  let scale = sqrt(biasCorrection(step, h.logBeta2));
  let start = flatWorkgroup(workgroup, workgroups) * THREADS * PER_THREAD;
  let end = min(start + THREADS * PER_THREAD, params.size);
  for (var i = start + lane; i < end; i += THREADS) {
    let p = param[i];
    let g = decayedGradient(grad[i], p, h);
    let old = firstMoment[i];
    let m = old + h.oneMinusBeta1 * (g - old);
    let v = h.beta2 * secondMoment[i] + h.oneMinusBeta2 * g * g;
    firstMoment[i] = m;
    secondMoment[i] = v;
    param[i] = decayedParam(p, h) - stepSize * m / (sqrt(v) / scale + h.eps);
  }
}`;

const countWgsl = (skipped: string) => /* wgsl */ `
@group(0) @binding(0) var<storage, read_write> count: array<f32>;
${skipped}

@compute @workgroup_size(1)
fn main() {
  if (!skipped()) {
    count[0] += 1.0;
  }
}`;

/** A dispatch of its own, after the update: all of the update's invocations must have read the old count. */
const countStep = (count: Operand, skip: Fusion): Step => ({
  name: 'optimizer.count',
  wgsl: countWgsl(skip.wgsl),
  reads: [],
  writes: [count],
  workgroups: [1, 1, 1],
  fusion: skip,
});

/** What all optimizer steps take. */
export interface Skippable {
  /** Elements of the parameter. */
  readonly size: number;
  /** A scalar: where it is not 0, the step changes nothing. */
  readonly skip?: Operand | undefined;
}

function updateStep(
  target: KernelTarget,
  name: string,
  size: number,
  wgsl: (threads: number, perThread: number, skipped: string) => string,
  reads: readonly Operand[],
  writes: readonly Operand[],
  skip: Fusion,
): Step {
  const threads = workgroupThreads(target);
  const perThread = elementsPerThread(target);
  return {
    name,
    wgsl: wgsl(threads, perThread, skip.wgsl),
    reads,
    writes,
    params: [size],
    fusion: skip,
    workgroups: flatGrid(ceilDiv(size, threads * perThread), target.maxWorkgroupsPerDimension),
  };
}

/**
 * One step of SGD: g += weightDecay * p; v = momentum * v + (1 - dampening) * g, the first time v = g; p -= lr * v, or with Nesterov
 * p -= lr * (g + momentum * v).
 *
 * input(0) gradient [size], input(1) {@link sgdHyper}; in place output(0) parameter [size]; with `momentum` output(1) velocity [size],
 * zero at first; with `dampening` also output(2) step count [1], zero at first. Where {@link Skippable.skip} is not 0, nothing changes.
 */
export function sgd(
  target: KernelTarget,
  { size, momentum = false, dampening = false, skip: flag }: Skippable & { momentum?: boolean; dampening?: boolean },
): Program {
  const inputs = [input(0), input(1)];
  const skip = flag ? skipWhere(flag) : never;
  if (!momentum) return { steps: [updateStep(target, 'sgd', size, plainSgdWgsl, inputs, [output(0)], skip)] };
  const writes = [output(0), output(1)];
  if (!dampening) return { steps: [updateStep(target, 'sgd.momentum', size, momentumSgdWgsl, inputs, writes, skip)] };
  const count = output(2);
  const update = updateStep(target, 'sgd.dampened', size, dampenedSgdWgsl, [...inputs, count], writes, skip);
  return { steps: [update, countStep(count, skip)] };
}

function adamProgram(target: KernelTarget, name: string, { size, skip: flag }: Skippable, decay: string): Program {
  const count = output(3);
  const skip = flag ? skipWhere(flag) : never;
  const wgsl = (threads: number, perThread: number, skipped: string) => adamWgsl(threads, perThread, skipped, decay);
  const writes = [output(0), output(1), output(2)];
  const update = updateStep(target, name, size, wgsl, [input(0), input(1), count], writes, skip);
  return { steps: [update, countStep(count, skip)] };
}

/**
 * One step of Adam; weight decay is added to the gradient (L2).
 *
 * input(0) gradient [size], input(1) {@link adamHyper}; in place output(0) parameter, output(1) first moment, output(2) second moment
 * [size], output(3) step count [1], which the program itself increments. Moments and count are zero at first.
 */
export function adam(target: KernelTarget, options: Skippable): Program {
  return adamProgram(target, 'adam', options, coupledDecay);
}

/** One step of AdamW: as {@link adam}, but weight decay shrinks the parameter itself, p -= lr * weightDecay * p, first. */
export function adamw(target: KernelTarget, options: Skippable): Program {
  return adamProgram(target, 'adamw', options, decoupledDecay);
}
