/**
 * Reductions over any axes: sum, mean, max, min, sum of squares.
 *
 * No atomics: every sum is a fixed tree, so the same input gives the same bits each time. A long reduction with few outputs
 * is split, and the partial results are reduced in a second step.
 */
import { ShapeError } from '../core/errors.ts';
import { formatShape, type Shape, sizeOf } from '../core/shape.ts';
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
  type Step,
  temp,
} from './kernel.ts';
import { coordinates, coordinatesOf, type Dim, sizeWords, strideWords, walk } from './strided.ts';
import { combineLanes, isNan, nanMax, type Schedule, scheduleOf, workgroupThreads } from './workgroup.ts';

export type ReduceOp = 'sum' | 'mean' | 'max' | 'min' | 'sumOfSquares';

/** The element function of a plain tensor: loads {@link input}(0). */
export function elementOf(): Fusion {
  return {
    wgsl: /* wgsl */ `
@group(1) @binding(0) var<storage, read> elements: array<f32>;

fn element(i: u32) -> f32 {
  return elements[i];
}`,
    reads: [input(0)],
    writes: [],
    params: [],
  };
}

const combineSum = /* wgsl */ `
fn combine(a: f32, b: f32) -> f32 {
  return a + b;
}`;

const combineMax = /* wgsl */ `
${nanMax}

fn combine(a: f32, b: f32) -> f32 {
  return nanMax(a, b);
}`;

const combineMin = /* wgsl */ `
${isNan}

fn combine(a: f32, b: f32) -> f32 {
  return select(b, a, a < b || isNan(a));
}`;

const plainTerm = /* wgsl */ `
fn term(i: u32) -> f32 {
  return element(i);
}`;

const squareTerm = /* wgsl */ `
fn term(i: u32) -> f32 {
  let value = element(i);
  return value * value;
}`;

const OPS = {
  sum: { combine: combineSum, term: plainTerm, identity: 0 },
  mean: { combine: combineSum, term: plainTerm, identity: 0 },
  sumOfSquares: { combine: combineSum, term: squareTerm, identity: 0 },
  max: { combine: combineMax, term: plainTerm, identity: Number.NEGATIVE_INFINITY },
  min: { combine: combineMin, term: plainTerm, identity: Number.POSITIVE_INFINITY },
} as const;

const reduceParams = /* wgsl */ `
struct Params {
  keptSizes: vec4u,
  keptStrides: vec4u,
  reducedSizes: vec4u,
  reducedStrides: vec4u,
  // Steps of the reduced index, as coordinates.
  step: vec4u,
  outputs: u32,
  length: u32,
  // Each output is reduced in this many parts of \`chunk\` elements; part s of output o is written to y[o * splits + s].
  splits: u32,
  chunk: u32,
  divisor: f32,
  identity: f32,
}`;

const elementBindings = /* wgsl */ `
@group(0) @binding(0) var<storage, read_write> y: array<f32>;
@group(0) @binding(1) var<uniform> params: Params;`;

const bufferBindings = /* wgsl */ `
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

fn element(i: u32) -> f32 {
  return x[i];
}`;

/** One workgroup a part: its lanes stride through the part side by side, then combine. */
const workgroupReduce = (threads: number, bindings: string, fused: string, rank: number, op: ReduceOp) => /* wgsl */ `
const THREADS = ${threads}u;
alias Lane = f32;
${reduceParams}
${bindings}
${fused}
${OPS[op].term}
${OPS[op].combine}
${combineLanes}
${coordinates}
${walk(rank)}
${flatWorkgroup}

@compute @workgroup_size(THREADS)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let part = flatWorkgroup(workgroup, workgroups);
  if (part >= params.outputs * params.splits) {
    return;
  }
  let sizes = params.reducedSizes;
  let strides = params.reducedStrides;
  let step = params.step;
  let base = dot(coordinates(part / params.splits, params.keptSizes), params.keptStrides);
  let start = (part % params.splits) * params.chunk;
  let end = min(start + params.chunk, params.length);

  var at = coordinates(start + lane, sizes);
  var accumulated = params.identity;
  for (var r = start + lane; r < end; r += THREADS) {
    accumulated = combine(accumulated, term(base + offsetOf(at, strides)));
    at = advance(at, step, sizes);
  }
  let result = combineLanes(lane, accumulated);
  if (lane == 0u) {
    y[part] = result / params.divisor;
  }
}`;

/** One invocation a part; neighbours take neighbouring outputs. */
const threadReduce = (threads: number, bindings: string, fused: string, rank: number, op: ReduceOp) => /* wgsl */ `
const THREADS = ${threads}u;
${reduceParams}
${bindings}
${fused}
${OPS[op].term}
${OPS[op].combine}
${coordinates}
${walk(rank)}
${flatWorkgroup}

@compute @workgroup_size(THREADS)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = flatWorkgroup(workgroup, workgroups) * THREADS + lane;
  if (i >= params.outputs * params.splits) {
    return;
  }
  let sizes = params.reducedSizes;
  let strides = params.reducedStrides;
  let step = params.step;
  let split = i / params.outputs;
  let o = i - split * params.outputs;
  let base = dot(coordinates(o, params.keptSizes), params.keptStrides);
  let start = split * params.chunk;
  let end = min(start + params.chunk, params.length);

  var at = coordinates(start, sizes);
  var accumulated = params.identity;
  for (var r = start; r < end; r++) {
    accumulated = combine(accumulated, term(base + offsetOf(at, strides)));
    at = advance(at, step, sizes);
  }
  y[o * params.splits + split] = accumulated / params.divisor;
}`;

/** Dims of size 1 dropped and neighbours of one kind merged: the dims then alternate between kept and reduced. */
function coalesce(shape: Shape, axes: readonly number[]): { kept: Dim[]; reduced: Dim[]; innermostReduced: boolean } {
  const kept: Dim[] = [];
  const reduced: Dim[] = [];
  let stride = 1;
  let last: Dim[] | undefined;
  let innermost: Dim[] | undefined;
  for (let d = shape.length - 1; d >= 0; d--) {
    const size = shape[d]!;
    if (size === 1) continue;
    const list = axes.includes(d) ? reduced : kept;
    innermost ??= list;
    if (list === last) list[0] = { size: list[0]!.size * size, stride: list[0]!.stride };
    else list.unshift({ size, stride });
    last = list;
    stride *= size;
  }
  if (kept.length > 4 || reduced.length > 4)
    throw new ShapeError(
      'reduce',
      `axes [${axes.join(', ')}] of ${formatShape(shape)} alternate between kept and reduced more than 4 times. Permute first.`,
      [shape],
    );
  return { kept, reduced, innermostReduced: innermost === reduced };
}

interface Pass extends Schedule {
  readonly op: ReduceOp;
  readonly kept: readonly Dim[];
  readonly reduced: readonly Dim[];
  readonly source: Fusion | Operand;
  readonly destination: Operand;
  readonly divisor: number;
}

const product = (dims: readonly Dim[]): number => sizeOf(dims.map((d) => d.size));

function passStep(target: KernelTarget, pass: Pass): Step {
  const threads = workgroupThreads(target);
  const outputs = product(pass.kept);
  const length = product(pass.reduced);
  const fusion = 'kind' in pass.source ? undefined : pass.source;
  const module = pass.byThread ? threadReduce : workgroupReduce;
  return {
    name: `reduce.${pass.byThread ? 'thread' : 'workgroup'}.${pass.op}`,
    wgsl: module(threads, fusion ? elementBindings : bufferBindings, fusion?.wgsl ?? '', pass.reduced.length, pass.op),
    reads: 'kind' in pass.source ? [pass.source] : [],
    writes: [pass.destination],
    params: [
      ...sizeWords(pass.kept),
      ...strideWords(pass.kept.map((d) => d.stride)),
      ...sizeWords(pass.reduced),
      ...strideWords(pass.reduced.map((d) => d.stride)),
      ...coordinatesOf(pass.byThread ? 1 : threads, sizeWords(pass.reduced)),
      outputs,
      length,
      pass.splits,
      ceilDiv(length, pass.splits),
      float(pass.divisor),
      float(OPS[pass.op].identity),
    ],
    workgroups: flatGrid(
      pass.byThread ? ceilDiv(outputs * pass.splits, threads) : outputs * pass.splits,
      target.maxWorkgroupsPerDimension,
    ),
    ...(fusion && { fusion }),
  };
}

/**
 * Reduces the virtual tensor `element` of `shape` over `axes` (distinct, not negative) into output(0), float32 [kept axes].
 * A NaN makes its max or min NaN, as in PyTorch.
 * @throws ShapeError where kept and reduced axes alternate more than four times.
 */
export function reduce(
  target: KernelTarget,
  { op, shape, axes }: { op: ReduceOp; shape: Shape; axes: readonly number[] },
  element: Fusion,
): Program {
  const { kept, reduced, innermostReduced } = coalesce(shape, axes);
  const outputs = product(kept);
  const length = product(reduced);
  const divisor = op === 'mean' ? length : 1;
  const schedule = scheduleOf(target, outputs, length, innermostReduced);
  const whole = { op, kept, reduced, source: element } as const;
  if (schedule.splits === 1)
    return { steps: [passStep(target, { ...whole, ...schedule, destination: output(0), divisor })] };

  const { splits } = schedule;
  return {
    steps: [
      passStep(target, { ...whole, ...schedule, destination: temp(0), divisor: 1 }),
      passStep(target, {
        op: op === 'sumOfSquares' ? 'sum' : op,
        kept: [{ size: outputs, stride: splits }],
        reduced: [{ size: splits, stride: 1 }],
        source: temp(0),
        destination: output(0),
        divisor,
        byThread: splits <= (target.software ? 512 : 64),
        splits: 1,
      }),
    ],
    temps: [4 * outputs * splits],
  };
}
