/**
 * Copies from a strided region (`copyFrom`: permute, slice, constant padding, expand) and into one (`copyInto`, `cat`).
 * Elements are words of their size: one kernel serves float32 and int32.
 */
import type { DType } from '../core/dtype.ts';
import { ArgumentError, ShapeError } from '../core/errors.ts';
import { formatShape, type Shape, sizeOf, stridesOf } from '../core/shape.ts';
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
} from './kernel.ts';
import { coordinates, coordinatesOf, type Dim, sizeWords, strideWords, walk } from './strided.ts';
import { transposeTiles } from './transpose.ts';
import { elementsPerThread, workgroupThreads } from './workgroup.ts';

/** A strided region to copy from: the source of an output element is `x[offset + sum(coordinate * stride)]`, in elements. */
export interface CopyFrom {
  readonly outShape: Shape;
  /** One a dimension of the output; 0 repeats (expand), negative walks backwards. */
  readonly strides: readonly number[];
  /** May be negative, where `valid` keeps such addresses from being read. */
  readonly offset?: number;
  /** Per dimension the coordinates [start, end) that have a source; elsewhere is `fill`. Absent: all of them. */
  readonly valid?: readonly (readonly [start: number, end: number] | undefined)[];
  readonly fill?: number;
  readonly dtype?: DType;
}

/** WGSL: the word that the parameter `fill` stands for. A half travels as an f32. */
const fill = (word: string): string =>
  word === 'f16' || word === 'vec4h' ? 'Word(f16(bitcast<f32>(params.fill)))' : 'Word(params.fill)';

/** WGSL: one element, or four, as the words that a copy moves. */
const wordOf = (dtype: DType, wide: boolean): string =>
  dtype === 'float16' ? (wide ? 'vec4h' : 'f16') : wide ? 'vec4u' : 'u32';

const commonParams = /* wgsl */ `
  // Steps of an invocation, as coordinates.
  step: vec4u,
  // The two outermost dimensions, which the grid's third axis counts: size and source distance of the inner one, source distance of
  // the outer one.
  batch: vec4u,
  // Elements of the other dimensions.
  size: u32,
  offset: u32,`;

const copyFromWgsl = (threads: number, perThread: number, word: string, rank: number) => /* wgsl */ `
const THREADS = ${threads}u;
const PER_THREAD = ${perThread}u;
alias Word = ${word};

struct Params {
  sizes: vec4u,
  strides: vec4u,
${commonParams}
}

@group(0) @binding(0) var<storage, read> x: array<Word>;
@group(0) @binding(1) var<storage, read_write> y: array<Word>;
@group(0) @binding(2) var<uniform> params: Params;
${coordinates}
${walk(rank)}
${flatWorkgroup}

@compute @workgroup_size(THREADS)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let sizes = params.sizes;
  let strides = params.strides;
  let step = params.step;
  let batch = params.batch;
  let source = params.offset + (workgroup.z % batch.x) * batch.y + (workgroup.z / batch.x) * batch.z;
  let destination = workgroup.z * params.size;
  let start = flatWorkgroup(workgroup, workgroups) * THREADS * PER_THREAD;
  let end = min(start + THREADS * PER_THREAD, params.size);
  var at = coordinates(start + lane, sizes);
  for (var i = start + lane; i < end; i += THREADS) {
    y[destination + i] = x[source + offsetOf(at, strides)];
    at = advance(at, step, sizes);
  }
}`;

/** The same, where an element has a source only if its coordinates are in [start, start + count); the rest gets `fill`. */
const paddedCopyFromWgsl = (threads: number, perThread: number, word: string, rank: number) => /* wgsl */ `
const THREADS = ${threads}u;
const PER_THREAD = ${perThread}u;
alias Word = ${word};

struct Params {
  sizes: vec4u,
  strides: vec4u,
${commonParams}
  fill: u32,
  starts: vec4u,
  counts: vec4u,
  // Start and count of the two outermost dimensions: inner (x, y), outer (z, w).
  batchLimits: vec4u,
}

@group(0) @binding(0) var<storage, read> x: array<Word>;
@group(0) @binding(1) var<storage, read_write> y: array<Word>;
@group(0) @binding(2) var<uniform> params: Params;
${coordinates}
${walk(rank)}
${flatWorkgroup}

@compute @workgroup_size(THREADS)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let sizes = params.sizes;
  let strides = params.strides;
  let step = params.step;
  let starts = params.starts;
  let counts = params.counts;
  let fill = ${fill(word)};
  let batch = params.batch;
  let limits = params.batchLimits;
  let inner = workgroup.z % batch.x;
  let outer = workgroup.z / batch.x;
  let batchValid = inner - limits.x < limits.y && outer - limits.z < limits.w;
  let source = params.offset + inner * batch.y + outer * batch.z;
  let destination = workgroup.z * params.size;
  let start = flatWorkgroup(workgroup, workgroups) * THREADS * PER_THREAD;
  let end = min(start + THREADS * PER_THREAD, params.size);
  var at = coordinates(start + lane, sizes);
  for (var i = start + lane; i < end; i += THREADS) {
    var value = fill;
    if (batchValid && all(at - starts < counts)) {
      value = x[source + offsetOf(at, strides)];
    }
    y[destination + i] = value;
    at = advance(at, step, sizes);
  }
}`;

const copyIntoWgsl = (threads: number, perThread: number, word: string, rank: number) => /* wgsl */ `
const THREADS = ${threads}u;
const PER_THREAD = ${perThread}u;
alias Word = ${word};

struct Params {
  sizes: vec4u,
  strides: vec4u,
${commonParams}
  destination: u32,
  // Distances in the destination, of the four inner and of the two outermost dimensions (inner, outer).
  destinationStrides: vec4u,
  destinationBatch: vec4u,
}

@group(0) @binding(0) var<storage, read> x: array<Word>;
@group(0) @binding(1) var<storage, read_write> y: array<Word>;
@group(0) @binding(2) var<uniform> params: Params;
${coordinates}
${walk(rank)}
${flatWorkgroup}

@compute @workgroup_size(THREADS)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let sizes = params.sizes;
  let strides = params.strides;
  let destinationStrides = params.destinationStrides;
  let step = params.step;
  let batch = params.batch;
  let inner = workgroup.z % batch.x;
  let outer = workgroup.z / batch.x;
  let source = params.offset + inner * batch.y + outer * batch.z;
  let destination = params.destination + inner * params.destinationBatch.x + outer * params.destinationBatch.y;
  let start = flatWorkgroup(workgroup, workgroups) * THREADS * PER_THREAD;
  let end = min(start + THREADS * PER_THREAD, params.size);
  var at = coordinates(start + lane, sizes);
  for (var i = start + lane; i < end; i += THREADS) {
    y[destination + offsetOf(at, destinationStrides)] = x[source + offsetOf(at, strides)];
    at = advance(at, step, sizes);
  }
}`;

/** A dimension of a copy. `second` is the stride in the destination, 0 where that is row-major anyway. */
interface CopyDim extends Dim {
  readonly second: number;
  readonly valid: readonly [number, number] | undefined;
}

const MAX_RANK = 6;

/** Drops dims of size 1 and merges neighbours that are one run in source and destination alike. */
function coalesce(op: string, shape: Shape, dims: readonly CopyDim[]): CopyDim[] {
  const merged: CopyDim[] = [];
  for (const dim of dims) {
    if (dim.size === 1 && !dim.valid) continue;
    const outer = merged.at(-1);
    const oneRun = outer?.stride === dim.stride * dim.size && outer.second === dim.second * dim.size;
    if (outer && oneRun && !outer.valid && !dim.valid)
      merged[merged.length - 1] = { ...dim, size: outer.size * dim.size };
    else merged.push(dim);
  }
  if (merged.length > MAX_RANK)
    throw new ShapeError(
      op,
      `needs ${merged.length} separate dimensions for ${formatShape(shape)}, at most ${MAX_RANK} are possible. Copy in two steps.`,
      [shape],
    );
  return merged;
}

/** The dims in units of four words, where every run is made of whole, aligned quadruples. */
function quadruples(dims: readonly CopyDim[], offsets: readonly number[], strided: boolean): CopyDim[] | undefined {
  const whole = (n: number) => n % 4 === 0;
  const last = dims.at(-1);
  if (last?.stride !== 1 || last.valid || !whole(last.size) || !offsets.every(whole)) return undefined;
  const outer = dims.slice(0, -1);
  if (!outer.every((d) => whole(d.stride) && whole(d.second)) || (strided && last.second !== 1)) return undefined;
  return [
    ...outer.map((d) => ({ ...d, stride: d.stride / 4, second: d.second / 4 })),
    { ...last, size: last.size / 4 },
  ];
}

/** The step that all copies have in common; `more` are the words after the common ones. */
function copyStep(
  target: KernelTarget,
  name: string,
  module: (threads: number, perThread: number, word: string, rank: number) => string,
  copy: { dims: readonly CopyDim[]; wide: boolean; dtype: DType; offset: number; reads: Operand; writes: Operand },
  more: (inner: readonly CopyDim[], batch: readonly [CopyDim, CopyDim]) => number[],
): Step {
  const one: CopyDim = { size: 1, stride: 0, second: 0, valid: undefined };
  const inner = copy.dims.slice(-4);
  const batch = [one, one, ...copy.dims.slice(0, -4)].slice(-2) as [CopyDim, CopyDim];
  const size = sizeOf(inner.map((d) => d.size));
  const batches = batch[0].size * batch[1].size;
  if (batches > target.maxWorkgroupsPerDimension)
    throw new ShapeError(
      name,
      `${batches} blocks of four dimensions, at most ${target.maxWorkgroupsPerDimension} are possible.`,
    );
  const threads = workgroupThreads(target);
  const perThread = elementsPerThread(target);
  const [x, y] = flatGrid(ceilDiv(size, threads * perThread), target.maxWorkgroupsPerDimension);
  const sizes = sizeWords(inner);
  return {
    name: copy.wide ? `${name}.vec4` : name,
    wgsl: module(threads, perThread, wordOf(copy.dtype, copy.wide), inner.length),
    reads: [copy.reads],
    writes: [copy.writes],
    params: [
      ...sizes,
      ...strideWords(inner.map((d) => d.stride)),
      ...coordinatesOf(threads, sizes),
      ...[batch[1].size, batch[1].stride >>> 0, batch[0].stride >>> 0, 0],
      size,
      copy.offset >>> 0,
      ...more(inner, batch),
    ],
    workgroups: [x, y, batches],
  };
}

/**
 * input(0) -> output(0) of `outShape`: permute, slice, pad, expand in one copy.
 * @throws ShapeError where more than six dimensions are left after merging; ArgumentError if a list has another length than outShape.
 */
export function copyFrom(
  target: KernelTarget,
  { outShape, strides, offset = 0, valid, fill = 0, dtype = 'float32' }: CopyFrom,
): Program {
  if (strides.length !== outShape.length || (valid && valid.length !== outShape.length))
    throw new ArgumentError(
      `copyFrom: strides and valid: expected ${outShape.length} entries, one a dimension of outShape.`,
    );
  const limits = (d: number) => {
    const range = valid?.[d];
    return range && (range[0] > 0 || range[1] < outShape[d]!) ? range : undefined;
  };
  const all = outShape.map((size, d) => ({ size, stride: strides[d]!, second: 0, valid: limits(d) }));
  const merged = coalesce('copyFrom', outShape, all);
  const padded = merged.some((d) => d.valid);
  const transpose = padded ? undefined : transposeTiles(target, merged, offset, wordOf(dtype, false));
  if (transpose) return { steps: [transpose] };

  const quads = quadruples(merged, [offset], false);
  const copy = {
    dims: quads ?? merged,
    wide: quads !== undefined,
    dtype,
    offset: quads ? offset / 4 : offset,
    reads: input(0),
    writes: output(0),
  };
  if (!padded) return { steps: [copyStep(target, 'copy.from', copyFromWgsl, copy, () => [])] };
  const start = (d: CopyDim) => d.valid?.[0] ?? 0;
  const count = (d: CopyDim) => (d.valid ? Math.max(0, d.valid[1] - d.valid[0]) : d.size);
  const step = copyStep(target, 'copy.pad', paddedCopyFromWgsl, copy, (inner, [outer0, outer1]) => [
    dtype === 'int32' ? fill >>> 0 : float(fill),
    0,
    ...strideWords(inner.map(start)),
    ...sizeWords(inner.map((d) => ({ size: count(d) }))),
    ...[start(outer1), count(outer1), start(outer0), count(outer0)],
  ]);
  return { steps: [step] };
}

/** A strided region of one buffer copied into a strided region of another; strides and offsets in elements. */
export interface CopyInto {
  readonly shape: Shape;
  readonly sourceStrides?: readonly number[];
  readonly sourceOffset?: number;
  readonly strides: readonly number[];
  readonly offset?: number;
  readonly dtype?: DType;
  readonly source?: Operand;
  readonly destination?: Operand;
}

/**
 * Writes `source` (default input(0), row-major) into the region of `destination` (default output(0)) that `offset` and `strides` name;
 * the rest of the destination stays as it is.
 */
export function copyInto(
  target: KernelTarget,
  {
    shape,
    sourceStrides = stridesOf(shape),
    sourceOffset = 0,
    strides,
    offset = 0,
    dtype = 'float32',
    source = input(0),
    destination = output(0),
  }: CopyInto,
): Step {
  const all = shape.map((size, d) => ({ size, stride: sourceStrides[d]!, second: strides[d]!, valid: undefined }));
  const merged = coalesce('copyInto', shape, all);
  const quads = quadruples(merged, [sourceOffset, offset], true);
  const copy = {
    dims: quads ?? merged,
    wide: quads !== undefined,
    dtype,
    offset: quads ? sourceOffset / 4 : sourceOffset,
    reads: source,
    writes: destination,
  };
  return copyStep(target, 'copy.into', copyIntoWgsl, copy, (inner, [outer0, outer1]) => [
    (quads ? offset / 4 : offset) >>> 0,
    0,
    ...strideWords(inner.map((d) => d.second)),
    ...[outer1.second >>> 0, outer0.second >>> 0, 0, 0],
  ]);
}

/** Concatenation along `axis`: input(k) of `shapes[k]` -> its region of output(0), one step an input. Empty inputs take no step. */
export function cat(
  target: KernelTarget,
  { shapes, axis, dtype }: { shapes: readonly Shape[]; axis: number; dtype?: DType },
): Program {
  const total = shapes.reduce((n, shape) => n + shape[axis]!, 0);
  const strides = stridesOf(shapes[0]!.map((size, d) => (d === axis ? total : size)));
  const steps: Step[] = [];
  let start = 0;
  shapes.forEach((shape, k) => {
    const offset = start * strides[axis]!;
    if (sizeOf(shape) > 0)
      steps.push(copyInto(target, { shape, strides, offset, source: input(k), ...(dtype && { dtype }) }));
    start += shape[axis]!;
  });
  return { steps };
}
