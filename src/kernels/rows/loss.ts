/**
 * Cross entropy from logits [N, C, inner] and int32 labels [N, inner], as PyTorch's `cross_entropy` with class indices
 * (https://docs.pytorch.org/docs/stable/generated/torch.nn.CrossEntropyLoss.html):
 *
 *   row loss = (1 - s) * w[label] * (lse - x[label]) + s / C * sum over c of w[c] * (lse - x[c]),  lse = log(sum(exp(x)))
 *
 * with label smoothing s and class weights w. The mean divides by the sum of w[label]; a row with the label `ignoreIndex` counts
 * for nothing. Any other label outside [0, C) makes the loss NaN.
 */
import {
  ceilDiv,
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
} from '../kernel.ts';
import { combineLanes, elementsPerThread, rowExp, workgroupThreads } from '../workgroup.ts';
import { rowKernel } from './row.ts';
import { expSum } from './softmax.ts';

/** Sizes and options of {@link crossEntropy} and {@link crossEntropyGrad}. */
export interface CrossEntropy {
  readonly N: number;
  readonly C: number;
  /** Product of the dimensions after C; 1 for [N, C]. */
  readonly inner?: number;
  /** True if class weights are bound. */
  readonly weighted?: boolean;
  readonly labelSmoothing?: number;
  readonly ignoreIndex?: number;
  readonly reduction?: 'mean' | 'sum' | 'none';
}

// Without weights another buffer is bound in their place and not read.
const weightOf = /* wgsl */ `
fn weightOf(c: u32) -> f32 {
  if (params.weighted == 1u) {
    return weight[c];
  }
  return 1.0;
}`;

const rowFields = /* wgsl */ `
  ignoreIndex: i32,
  smoothing: f32,
  nan: f32,
  // 1 with class weights.
  weighted: u32,`;

const rowsWgsl = /* wgsl */ `
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> labels: array<i32>;
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read_write> loss: array<f32>;
@group(0) @binding(4) var<storage, read_write> logSumExp: array<f32>;
@group(0) @binding(5) var<storage, read_write> rowWeight: array<f32>;
${weightOf}
${expSum}

// \`smoothTerm\` is the sum over c of w[c] * (lse - x[c]), where there is smoothing.
fn writeRow(row: u32, base: u32, lse: f32, smoothTerm: f32) {
  let label = labels[row];
  var value = 0.0;
  var share = 0.0;
  if (label != params.ignoreIndex) {
    value = params.nan;
    if (label >= 0 && u32(label) < params.length) {
      share = weightOf(u32(label));
      value = share * (lse - x[base + u32(label) * params.inner]);
      if (params.smoothing > 0.0) {
        value = (1.0 - params.smoothing) * value + params.smoothing / f32(params.length) * smoothTerm;
      }
    }
  }
  loss[row] = value;
  logSumExp[row] = lse;
  rowWeight[row] = share;
}

fn reduceRow(row: u32, base: u32, lane: u32) {
  let classes = params.length;
  let inner = params.inner;
  let sum = expSum(base, lane);
  let lse = sum.greatest + log(sum.total);
  var smoothTerm = 0.0;
  if (params.smoothing > 0.0) {
    for (var c = lane; c < classes; c += LANES) {
      smoothTerm += weightOf(c) * (lse - x[base + c * inner]);
    }
    smoothTerm = rowSum(lane, smoothTerm);
  }
  if (lane == 0u) {
    writeRow(row, base, lse, smoothTerm);
  }
}`;

/** A workgroup sums a chunk of rows; the last pass, with one workgroup, also divides. */
const totalWgsl = (threads: number) => /* wgsl */ `
const THREADS = ${threads}u;
alias Lane = vec2f;

struct Params {
  rows: u32,
  chunk: u32,
  // 1 for the mean.
  divide: u32,
  nan: f32,
}

@group(0) @binding(0) var<storage, read> rowLoss: array<f32>;
@group(0) @binding(1) var<storage, read> rowWeight: array<f32>;
@group(0) @binding(2) var<storage, read_write> loss: array<f32>;
@group(0) @binding(3) var<storage, read_write> totalWeight: array<f32>;
@group(0) @binding(4) var<uniform> params: Params;

fn combine(a: vec2f, b: vec2f) -> vec2f {
  return a + b;
}
${combineLanes}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) lane: u32) {
  let start = workgroup.x * params.chunk;
  let end = min(start + params.chunk, params.rows);
  var sums = vec2f(0.0);
  for (var r = start + lane; r < end; r += THREADS) {
    sums += vec2f(rowLoss[r], rowWeight[r]);
  }
  let total = combineLanes(lane, sums);
  if (lane == 0u) {
    var value = total.x;
    if (params.divide == 1u) {
      value = select(total.x / total.y, params.nan, total.y == 0.0);
    }
    loss[workgroup.x] = value;
    totalWeight[workgroup.x] = total.y;
  }
}`;

const ROWS_PER_CHUNK = 8192;

function totalSteps(target: KernelTarget, rows: number, mean: boolean, chunkTemps: readonly Operand[]): Step[] {
  const threads = workgroupThreads(target);
  const step = (
    from: readonly Operand[],
    to: readonly Operand[],
    count: number,
    chunk: number,
    divide: boolean,
  ): Step => ({
    name: 'crossEntropy.total',
    wgsl: totalWgsl(threads),
    reads: from,
    writes: to,
    params: [count, chunk, divide ? 1 : 0, float(Number.NaN)],
    workgroups: [ceilDiv(count, chunk), 1, 1],
  });
  const perRow = [temp(0), temp(1)];
  const results = [output(0), output(2)];
  if (rows <= ROWS_PER_CHUNK) return [step(perRow, results, rows, ROWS_PER_CHUNK, mean)];
  const chunks = ceilDiv(rows, ROWS_PER_CHUNK);
  return [step(perRow, chunkTemps, rows, ROWS_PER_CHUNK, false), step(chunkTemps, results, chunks, chunks, mean)];
}

/**
 * input(0) logits [N, C, inner], input(1) labels int32 [N, inner], with `weighted` input(2) class weights [C]
 * -> output(0) loss (a scalar, or [N, inner] for 'none'), output(1) log-sum-exp [N, inner],
 * and, unless the reduction is 'none', output(2) the sum of the rows' weights [1].
 */
export function crossEntropy(
  target: KernelTarget,
  { N, C, inner = 1, weighted = false, labelSmoothing = 0, ignoreIndex = -100, reduction = 'mean' }: CrossEntropy,
): Program {
  const rows = N * inner;
  const none = reduction === 'none';
  const perRow = rowKernel(
    target,
    { rows, length: C, inner },
    {
      name: 'crossEntropy',
      reads: [input(0), input(1), input(weighted ? 2 : 0)],
      writes: none ? [output(0), output(1), temp(0)] : [temp(0), output(1), temp(1)],
      fields: {
        wgsl: rowFields,
        words: [ignoreIndex >>> 0, float(labelSmoothing), float(Number.NaN), weighted ? 1 : 0],
      },
      wgsl: rowsWgsl,
    },
  );
  if (none) return { steps: [perRow], temps: [4 * rows] };
  const chunkBytes = rows > ROWS_PER_CHUNK ? 4 * ceilDiv(rows, ROWS_PER_CHUNK) : 0;
  return {
    steps: [perRow, ...totalSteps(target, rows, reduction === 'mean', [temp(2), temp(3)])],
    temps: [4 * rows, 4 * rows, ...(chunkBytes ? [chunkBytes, chunkBytes] : [])],
  };
}

/** Each invocation does PER_THREAD logits. */
const gradWgsl = (threads: number, perThread: number) => /* wgsl */ `
const THREADS = ${threads}u;
const PER_THREAD = ${perThread}u;

struct Params {
  rows: u32,
  classes: u32,
  inner: u32,
  ignoreIndex: i32,
  smoothing: f32,
  nan: f32,
  // 1 with class weights.
  weighted: u32,
  // 1 where gy has one element a row.
  perRow: u32,
  // 1 for the mean.
  divide: u32,
}

@group(0) @binding(0) var<storage, read> logits: array<f32>;
@group(0) @binding(1) var<storage, read> labels: array<i32>;
@group(0) @binding(2) var<storage, read> logSumExp: array<f32>;
@group(0) @binding(3) var<storage, read> gy: array<f32>;
@group(0) @binding(4) var<storage, read> totalWeight: array<f32>;
@group(0) @binding(5) var<storage, read> weight: array<f32>;
@group(0) @binding(6) var<storage, read_write> glogits: array<f32>;
@group(0) @binding(7) var<uniform> params: Params;
${weightOf}
${rowExp}

// Only label smoothing looks at every class's weight.
fn weightSum() -> f32 {
  if (params.weighted == 0u || params.smoothing == 0.0) {
    return f32(params.classes);
  }
  var sum = 0.0;
  for (var c = 0u; c < params.classes; c++) {
    sum += weight[c];
  }
  return sum;
}
${flatWorkgroup}

@compute @workgroup_size(THREADS)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let p = params;
  let size = p.rows * p.classes;
  let divisor = select(1.0, totalWeight[0], p.divide == 1u);
  let allWeights = weightSum();
  let start = flatWorkgroup(workgroup, workgroups) * THREADS * PER_THREAD;
  let end = min(start + THREADS * PER_THREAD, size);
  for (var i = start + lane; i < end; i += THREADS) {
    let image = i / p.inner;
    let n = image / p.classes;
    let c = image - n * p.classes;
    let row = n * p.inner + (i - image * p.inner);
    let label = labels[row];
    var value = 0.0;
    if (label != p.ignoreIndex) {
      value = p.nan;
      if (label >= 0 && u32(label) < p.classes) {
        let probability = expNan(logits[i] - logSumExp[row]);
        value = weightOf(u32(label)) * (probability - select(0.0, 1.0, c == u32(label)));
        if (p.smoothing > 0.0) {
          let smoothTerm = probability * allWeights - weightOf(c);
          value = (1.0 - p.smoothing) * value + p.smoothing / f32(p.classes) * smoothTerm;
        }
        value *= gy[select(0u, row, p.perRow == 1u)] / divisor;
      }
    }
    glogits[i] = value;
  }
}`;

/**
 * Gradient of {@link crossEntropy}, called with the same options.
 *
 * input(0) logits, input(1) labels, input(2) log-sum-exp, input(3) gy (a scalar, or [N, inner] for 'none'), input(4) the sum of the rows'
 * weights [1] (read for 'mean' only; otherwise bind any float32 buffer, such as gy), with `weighted` input(5) class weights [C]
 * -> output(0) gradient of the logits [N, C, inner].
 */
export function crossEntropyGrad(
  target: KernelTarget,
  { N, C, inner = 1, weighted = false, labelSmoothing = 0, ignoreIndex = -100, reduction = 'mean' }: CrossEntropy,
): Program {
  const threads = workgroupThreads(target);
  const perThread = elementsPerThread(target);
  const rows = N * inner;
  return {
    steps: [
      {
        name: 'crossEntropyGrad',
        wgsl: gradWgsl(threads, perThread),
        reads: [input(0), input(1), input(2), input(3), input(4), input(weighted ? 5 : 0)],
        writes: [output(0)],
        params: [
          ...[rows, C, inner, ignoreIndex >>> 0, float(labelSmoothing), float(Number.NaN)],
          ...[weighted, reduction === 'none', reduction === 'mean'].map(Number),
        ],
        workgroups: flatGrid(ceilDiv(rows * C, threads * perThread), target.maxWorkgroupsPerDimension),
      },
    ],
  };
}
