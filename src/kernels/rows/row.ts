/**
 * The form of kernels that reduce rows of [outer, length, inner] along the middle axis: softmax, cross-entropy, arg max. A kernel is
 * written once; one invocation or one workgroup computes a row.
 */
import { type Shape, sizeOf } from '../../core/shape.ts';
import { ceilDiv, flatGrid, flatWorkgroup, fullBatch, type KernelTarget, type Operand, type Step } from '../kernel.ts';
import { combineLanes, workgroupThreads } from '../workgroup.ts';

/** The rows of a tensor. Their elements are `inner` apart. */
export interface Rows {
  readonly rows: number;
  readonly length: number;
  readonly inner: number;
}

/** The rows of `shape` along `axis` (not negative). */
export function rowsAlong(shape: Shape, axis: number): Rows {
  const inner = sizeOf(shape.slice(axis + 1));
  return { rows: sizeOf(shape.slice(0, axis)) * inner, length: shape[axis]!, inner };
}

export interface RowKernel {
  /** Label without the variant: `softmax` of `softmax.thread`. */
  readonly name: string;
  readonly reads: readonly Operand[];
  readonly writes: readonly Operand[];
  /** Fields of the uniform after rows, length and inner, and their words. */
  readonly fields?: { readonly wgsl: string; readonly words: readonly number[] };
  /**
   * Bindings of group 0 but for the uniform, and
   *
   *   alias Lane = …                                         what a lane contributes to a row
   *   fn combine(a: Lane, b: Lane) -> Lane
   *   fn reduceRow(row: u32, base: u32, lane: u32)           elements `lane`, `lane + LANES`, … of the row that begins at `base`
   *
   * `combineLanes(lane, value)` gives every lane the combination of all lanes' values; it is called in uniform control flow.
   */
  readonly wgsl: string;
}

/** True if one invocation computes a row, rather than a workgroup. */
export function rowByThread(target: KernelTarget, { rows, length, inner }: Rows): boolean {
  const threads = workgroupThreads(target);
  const inFull = fullBatch(target, rows);
  // On software adapters a tree's barriers cost as much as thousands of loads.
  if (target.software) return length <= 4096 || inFull >= 16 * threads;
  return length <= 32 || (inner > 1 && inFull >= threads);
}

/** The step that runs `kernel` on `rows`. */
export function rowKernel(
  target: KernelTarget,
  rows: Rows,
  { name, reads, writes, fields = { wgsl: '', words: [] }, wgsl }: RowKernel,
  byThread: boolean = rowByThread(target, rows),
): Step {
  const threads = workgroupThreads(target);
  const struct = paramsStruct(fields.wgsl, reads.length + writes.length);
  return {
    name: `${name}.${byThread ? 'thread' : 'workgroup'}`,
    wgsl: `${struct}\n${wgsl}\n${byThread ? threadMain(threads) : workgroupMain(threads)}`,
    reads,
    writes,
    params: [rows.rows, rows.length, rows.inner, ...fields.words],
    workgroups: flatGrid(byThread ? ceilDiv(rows.rows, threads) : rows.rows, target.maxWorkgroupsPerDimension),
  };
}

const paramsStruct = (fields: string, binding: number) => /* wgsl */ `
struct Params {
  rows: u32,
  length: u32,
  inner: u32,
${fields}
}

@group(0) @binding(${binding}) var<uniform> params: Params;

fn rowBase(row: u32) -> u32 {
  return (row / params.inner) * params.length * params.inner + row % params.inner;
}`;

const threadMain = (threads: number) => /* wgsl */ `
const THREADS = ${threads}u;
const LANES = 1u;

fn combineLanes(lane: u32, value: Lane) -> Lane {
  return value;
}
${flatWorkgroup}

@compute @workgroup_size(THREADS)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let row = flatWorkgroup(workgroup, workgroups) * THREADS + thread;
  if (row < params.rows) {
    reduceRow(row, rowBase(row), 0u);
  }
}`;

const workgroupMain = (threads: number) => /* wgsl */ `
const THREADS = ${threads}u;
const LANES = THREADS;
${combineLanes}
${flatWorkgroup}

@compute @workgroup_size(THREADS)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let row = flatWorkgroup(workgroup, workgroups);
  if (row < params.rows) {
    reduceRow(row, rowBase(row), thread);
  }
}`;

/** WGSL: `combineLanes` for a maximum, where a NaN wins, and for a sum. */
export const maxAndSum = /* wgsl */ `
// The maximum in x, the sum in y; a reduction uses one of them.
alias Lane = vec2f;

fn combine(a: Lane, b: Lane) -> Lane {
  return vec2f(nanMax(a.x, b.x), a.y + b.y);
}

fn rowMax(lane: u32, value: f32) -> f32 {
  return combineLanes(lane, vec2f(value, 0.0)).x;
}

fn rowSum(lane: u32, value: f32) -> f32 {
  return combineLanes(lane, vec2f(0.0, value)).y;
}`;
