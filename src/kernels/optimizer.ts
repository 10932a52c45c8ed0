/**
 * Optimizer steps in place, by PyTorch's formulas: SGD (https://docs.pytorch.org/docs/stable/generated/torch.optim.SGD.html), Adam
 * (https://arxiv.org/abs/1412.6980) and AdamW (https://arxiv.org/abs/1711.05101).
 *
 * An optimizer is an {@link Update}: the new value of an element, given its gradient. A kernel of its own applies it to a gradient in
 * memory; or the kernel that computes the gradient does, as its epilogue, and the gradient is never stored.
 */
import {
  ceilDiv,
  type Fusion,
  flatGrid,
  flatWorkgroup,
  float,
  input,
  type KernelTarget,
  type Operand,
  output,
  type Program,
  type Scalar,
  type Shares,
  type Step,
} from './kernel.ts';
import { elementsPerThread, workgroupThreads } from './workgroup.ts';

/** An optimizer's step on a parameter `y`. */
export interface Update {
  /** Label of the kernel: `sgd.momentum`. */
  readonly name: string;
  /**
   * The update as an epilogue: the new y[i] from the gradient's element i, with the state brought up to date. It also declares its
   * parts, `fn hyperNow() -> Hyper` and `fn update(g: T, i: u32, h: Hyper) -> T`, for kernels that update many elements; T is f32, or vec4f in fours.
   */
  readonly fusion: Fusion;
  /** Runs after the last element. */
  readonly after: readonly Step[];
}

/** Hyperparameters of {@link sgd}, in the order of its struct. */
export function sgdHyper(options: {
  lr: number;
  momentum?: number;
  dampening?: number;
  weightDecay?: number;
  nesterov?: boolean;
}): number[] {
  const { lr, momentum = 0, dampening = 0, weightDecay = 0, nesterov = false } = options;
  return [lr, momentum, dampening, weightDecay, nesterov ? 1 : 0];
}

/**
 * Hyperparameters of {@link adam}, in the order of its struct; PyTorch's defaults, but weightDecay 0 for AdamW too. 1 - beta and log(beta)
 * come from double precision: in float32, 1 - 0.999 has lost four digits and beta ** step more.
 */
export function adamHyper(options: {
  lr: number;
  betas?: readonly [number, number];
  eps?: number;
  weightDecay?: number;
}): number[] {
  const { lr, betas = [0.9, 0.999], eps = 1e-8, weightDecay = 0 } = options;
  const [a, b] = betas;
  return [lr, b, eps, weightDecay, 1 - a, 1 - b, Math.log(a), Math.log(b)];
}

type Binding = readonly [name: string, operand: Operand];

/**
 * Group 1 of an update: scalars that it reads, its state, then the hyperparameters as `hyper`. `body` declares Hyper, hyperNow and update,
 * generic in `T`.
 */
function updateFusion(
  { reads = [], writes }: { readonly reads?: readonly Binding[]; readonly writes: readonly Binding[] },
  hyper: readonly Scalar[],
  body: string,
): Fusion {
  const wgslOf = (type: 'f32' | 'vec4f'): string => {
    const declared = [
      ...reads.map(([name]) => `var<storage, read> ${name}: array<f32>`),
      ...writes.map(([name]) => `var<storage, read_write> ${name}: array<${type}>`),
      'var<uniform> hyper: Hyper',
    ];
    return /* wgsl */ `
alias T = ${type};
${declared.map((text, binding) => `@group(1) @binding(${binding}) ${text};\n`).join('')}
${body}

fn epilogue(value: T, i: u32, row: u32, column: u32) -> T {
  return update(value, i, hyperNow());
}`;
  };
  return {
    wgsl: wgslOf('f32'),
    inFours: wgslOf('vec4f'),
    reads: reads.map(([, operand]) => operand),
    writes: writes.map(([, operand]) => operand),
    params: hyper.map(({ value }) => float(value)),
    scalars: hyper.map(({ id }, word) => ({ scalar: id, word })),
  };
}

const sgdStruct = /* wgsl */ `
struct Hyper {
  lr: f32,
  momentum: f32,
  // The gradient enters the velocity times 1 - dampening.
  dampening: f32,
  weightDecay: f32,
  nesterov: f32,
}`;

const plainSgd = /* wgsl */ `
${sgdStruct}

fn hyperNow() -> Hyper {
  return hyper;
}

fn update(g: T, i: u32, h: Hyper) -> T {
  let p = y[i];
  return p - h.lr * (g + h.weightDecay * p);
}`;

// Velocity starts at zero, so without dampening the first step needs no case of its own.
const momentumSgd = (dampening: string) => /* wgsl */ `
${sgdStruct}

fn hyperNow() -> Hyper {
  return Hyper(hyper.lr, hyper.momentum, ${dampening}, hyper.weightDecay, hyper.nesterov);
}

fn update(g: T, i: u32, h: Hyper) -> T {
  let p = y[i];
  let decayed = g + h.weightDecay * p;
  let v = h.momentum * velocity[i] + (1.0 - h.dampening) * decayed;
  velocity[i] = v;
  return p - h.lr * select(v, decayed + h.momentum * v, h.nesterov != 0.0);
}`;

/**
 * SGD: g += weightDecay * p; v = momentum * v + (1 - dampening) * g, the first time v = g; p -= lr * v, or with Nesterov
 * p -= lr * (g + momentum * v).
 *
 * In place output(0) parameter; with `momentum` output(1) velocity, zero at first; with `dampening` also output(2) step count [1], zero at
 * first, which the update itself increments.
 * @param hyper {@link sgdHyper}
 */
export function sgd(
  hyper: readonly Scalar[],
  { momentum = false, dampening = false, skip }: Skippable & { momentum?: boolean; dampening?: boolean },
): Update {
  if (!momentum) return { name: 'sgd', fusion: updateFusion({ writes: [] }, hyper, plainSgd), after: [] };
  const writes: Binding[] = [['velocity', output(1)]];
  if (!dampening)
    return { name: 'sgd.momentum', fusion: updateFusion({ writes }, hyper, momentumSgd('0.0')), after: [] };
  const reads: Binding[] = [['count', output(2)]];
  const spared = momentumSgd('select(hyper.dampening, 0.0, count[0] == 0.0)');
  return {
    name: 'sgd.dampened',
    fusion: updateFusion({ reads, writes }, hyper, spared),
    after: [countStep(output(2), skip)],
  };
}

const coupledDecay = /* wgsl */ `
fn decayedGradient(g: T, p: T, h: Hyper) -> T {
  return g + h.weightDecay * p;
}

fn decayedParam(p: T, h: Hyper) -> T {
  return p;
}`;

const decoupledDecay = /* wgsl */ `
fn decayedGradient(g: T, p: T, h: Hyper) -> T {
  return g;
}

fn decayedParam(p: T, h: Hyper) -> T {
  return p - h.lr * h.weightDecay * p;
}`;

const adamBody = (decay: string) => /* wgsl */ `
struct Hyper {
  lr: f32,
  beta2: f32,
  eps: f32,
  weightDecay: f32,
  oneMinusBeta1: f32,
  oneMinusBeta2: f32,
  // The logarithms of beta1 and beta2; hyperNow makes of them what corrects the moments' bias by this step: lr over the first one's correction,
  // and the root of the second one's.
  correction1: f32,
  correction2: f32,
}

// 1 - beta ** step = -expm1(step * log(beta)): a series near 0, where exp would leave no digits.
fn biasCorrection(step: f32, logBeta: f32) -> f32 {
  let z = step * logBeta;
  if (z < -0.5) {
    return 1.0 - exp(z);
  }
  let series = 1.0 + z / 2.0 * (1.0 + z / 3.0 * (1.0 + z / 4.0 * (1.0 + z / 5.0 * (1.0 + z / 6.0 * (1.0 + z / 7.0 * (1.0 + z / 8.0))))));
  return -z * series;
}

fn hyperNow() -> Hyper {
  let step = count[0] + 1.0;
  var h = hyper;
  h.correction1 = h.lr / biasCorrection(step, hyper.correction1);
  h.correction2 = sqrt(biasCorrection(step, hyper.correction2));
  return h;
}
${decay}

fn update(gradient: T, i: u32, h: Hyper) -> T {
  let p = y[i];
  let g = decayedGradient(gradient, p, h);
  let old = firstMoment[i];
  let m = old + h.oneMinusBeta1 * (g - old);
  let v = h.beta2 * secondMoment[i] + h.oneMinusBeta2 * g * g;
  firstMoment[i] = m;
  secondMoment[i] = v;
  return decayedParam(p, h) - h.correction1 * m / (sqrt(v) / h.correction2 + h.eps);
}`;

function adamUpdate(name: string, hyper: readonly Scalar[], { skip }: Skippable, decay: string): Update {
  const reads: Binding[] = [['count', output(3)]];
  const writes: Binding[] = [
    ['firstMoment', output(1)],
    ['secondMoment', output(2)],
  ];
  const fusion = updateFusion({ reads, writes }, hyper, adamBody(decay));
  return { name, fusion, after: [countStep(output(3), skip)] };
}

/**
 * Adam; weight decay is added to the gradient (L2).
 *
 * In place output(0) parameter, output(1) first moment, output(2) second moment, output(3) step count [1], which the update itself
 * increments. Moments and count are zero at first.
 * @param hyper {@link adamHyper}
 */
export const adam = (hyper: readonly Scalar[], options: Skippable): Update =>
  adamUpdate('adam', hyper, options, coupledDecay);

/** AdamW: as {@link adam}, but weight decay shrinks the parameter itself, p -= lr * weightDecay * p, first. */
export const adamw = (hyper: readonly Scalar[], options: Skippable): Update =>
  adamUpdate('adamw', hyper, options, decoupledDecay);

/** A scalar: where it is not 0, a step changes nothing. */
export interface Skippable {
  readonly skip?: Operand | undefined;
}

/** WGSL of group 0: whether the step changes nothing. */
const skipped = (binding: number | undefined): string =>
  binding === undefined
    ? ''
    : /* wgsl */ `
@group(0) @binding(${binding}) var<storage, read> skip: array<f32>;`;

const returnIfSkipped = (skip: Operand | undefined): string => (skip ? 'if (skip[0] != 0.0) {\n    return;\n  }' : '');

/** A dispatch of its own, after the update: all of the update's invocations must have read the old count. */
const countStep = (count: Operand, skip: Operand | undefined): Step => ({
  name: 'optimizer.count',
  wgsl: /* wgsl */ `${skipped(skip && 0)}
@group(0) @binding(${skip ? 1 : 0}) var<storage, read_write> count: array<f32>;

@compute @workgroup_size(1)
fn main() {
  ${returnIfSkipped(skip)}
  count[0] += 1.0;
}`,
  reads: skip ? [skip] : [],
  writes: [count],
  workgroups: [1, 1, 1],
});

/** Applies an update to the gradient in input(0), of `size` elements. Where {@link Skippable.skip} is not 0, nothing changes. */
export function applyUpdate(
  target: KernelTarget,
  size: number,
  { name, fusion, after }: Update,
  { skip }: Skippable = {},
): Program {
  const threads = workgroupThreads(target);
  const perThread = elementsPerThread(target);
  const reads = skip ? [input(0), skip] : [input(0)];
  const width = size % 4 === 0 && fusion.inFours ? 4 : 1;
  const count = size / width;
  const element = width === 4 ? 'vec4f' : 'f32';
  const shares: Shares = {
    count,
    elsewhere: fusion.reads.map((_, k) => k),
    of: (first, some) => ({
      params: [first, first + some],
      workgroups: flatGrid(ceilDiv(some, threads * perThread), target.maxWorkgroupsPerDimension),
    }),
  };
  const update: Step = {
    name,
    wgsl: /* wgsl */ `
const THREADS = ${threads}u;
const PER_THREAD = ${perThread}u;

struct Params {
  first: u32,
  end: u32,
}

@group(0) @binding(0) var<storage, read> grad: array<${element}>;${skipped(skip && 1)}
@group(0) @binding(${reads.length}) var<storage, read_write> y: array<${element}>;
@group(0) @binding(${reads.length + 1}) var<uniform> params: Params;
${width === 4 ? fusion.inFours : fusion.wgsl}
${flatWorkgroup}

@compute @workgroup_size(THREADS)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  ${returnIfSkipped(skip)}
  let h = hyperNow();
  let start = params.first + flatWorkgroup(workgroup, workgroups) * THREADS * PER_THREAD;
  let end = min(start + THREADS * PER_THREAD, params.end);
  for (var i = start + lane; i < end; i += THREADS) {
    y[i] = update(grad[i], i, h);
  }
}`,
    reads,
    writes: [output(0)],
    ...shares.of(0, count),
    fusion,
    shares,
  };
  return { steps: [update, ...after] };
}
