/**
 * Rows of a table by their numbers, and the table's gradient.
 *
 * The gradient adds up, for each row of the table, the gradients of the places that read it. The places of one row form a chain, from the
 * first to the last: one pass finds for each place the next of its row, and for each row its first place; another walks every row's chain. So
 * the order of each sum is that of the places, and nothing is added atomically.
 */
import {
  ceilDiv,
  type Fusion,
  flatGrid,
  flatWorkgroup,
  input,
  type KernelTarget,
  output,
  type Program,
  type Step,
  temp,
} from './kernel.ts';
import { elementsPerThread, workgroupThreads } from './workgroup.ts';

/** Sizes of {@link embedding}. */
export interface EmbeddingShape {
  /** Numbers of rows. */
  readonly places: number;
  /** Rows of the table. */
  readonly rows: number;
  /** Elements of a row. */
  readonly width: number;
}

/** WGSL: `main` gives each element (i, row, column) of [rows, width] to `element`. A workgroup's lanes stand side by side. */
const overElements = (threads: number, perThread: number) => /* wgsl */ `
const THREADS = ${threads}u;
const PER_THREAD = ${perThread}u;
${flatWorkgroup}

@compute @workgroup_size(THREADS)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let width = params.width;
  let start = flatWorkgroup(workgroup, workgroups) * THREADS * PER_THREAD;
  let end = min(start + THREADS * PER_THREAD, params.count);
  var i = start + lane;
  var row = i / width;
  var column = i % width;
  let rows = THREADS / width;
  let columns = THREADS % width;
  while (i < end) {
    element(i, row, column);
    i += THREADS;
    row += rows;
    column += columns;
    if (column >= width) {
      column -= width;
      row += 1u;
    }
  }
}`;

const gatherWgsl = (epilogue: string, main: string) => /* wgsl */ `
struct Params {
  count: u32,
  width: u32,
}

@group(0) @binding(0) var<storage, read> ids: array<i32>;
@group(0) @binding(1) var<storage, read> table: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;
${epilogue}

fn element(i: u32, row: u32, column: u32) {
  y[i] = epilogue(table[u32(ids[row]) * params.width + column], i, row, column);
}
${main}`;

/** input(0) numbers int32 [places], input(1) table [rows, width] -> output(0) [places, width]. */
export function embedding(target: KernelTarget, { places, width }: EmbeddingShape, epilogue: Fusion): Program {
  return { steps: [elementStep(target, 'embedding', gatherWgsl, places, width, epilogue, [input(0), input(1)])] };
}

function elementStep(
  target: KernelTarget,
  name: string,
  wgsl: (epilogue: string, main: string) => string,
  rows: number,
  width: number,
  epilogue: Fusion,
  reads: Step['reads'],
): Step {
  const [threads, perThread] = [workgroupThreads(target), elementsPerThread(target)];
  return {
    name,
    wgsl: wgsl(epilogue.wgsl, overElements(threads, perThread)),
    reads,
    writes: [output(0)],
    params: [rows * width, width],
    workgroups: flatGrid(ceilDiv(rows * width, threads * perThread), target.maxWorkgroupsPerDimension),
    fusion: epilogue,
  };
}

/** WGSL: what stands where a chain ends. */
const NONE = 'const NONE = 0xffffffffu;';

const clearWgsl = (threads: number) => /* wgsl */ `
const THREADS = ${threads}u;
${NONE}
struct Params {
  rows: u32,
}

@group(0) @binding(0) var<storage, read_write> heads: array<u32>;
@group(0) @binding(1) var<uniform> params: Params;
${flatWorkgroup}

@compute @workgroup_size(THREADS)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let row = flatWorkgroup(workgroup, workgroups) * THREADS + lane;
  if (row < params.rows) {
    heads[row] = NONE;
  }
}`;

const chainWgsl = (threads: number) => /* wgsl */ `
const THREADS = ${threads}u;
${NONE}
struct Params {
  places: u32,
  rows: u32,
  // The row that gets no gradient; -1 for none.
  padding: i32,
}

@group(0) @binding(0) var<storage, read> ids: array<i32>;
@group(0) @binding(1) var<storage, read_write> heads: array<u32>;
@group(0) @binding(2) var<storage, read_write> next: array<u32>;
@group(0) @binding(3) var<uniform> params: Params;
${flatWorkgroup}

@compute @workgroup_size(THREADS)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let place = flatWorkgroup(workgroup, workgroups) * THREADS + lane;
  if (place >= params.places) {
    return;
  }
  let id = ids[place];
  if (id == params.padding || id < 0 || id >= i32(params.rows)) {
    return;
  }
  var after = place + 1u;
  while (after < params.places && ids[after] != id) {
    after += 1u;
  }
  next[place] = select(NONE, after, after < params.places);
  var before = 0u;
  while (ids[before] != id) {
    before += 1u;
  }
  if (before == place) {
    heads[id] = place;
  }
}`;

const sumWgsl = (epilogue: string, main: string) => /* wgsl */ `
${NONE}
struct Params {
  count: u32,
  width: u32,
}

@group(0) @binding(0) var<storage, read> gy: array<f32>;
@group(0) @binding(1) var<storage, read> heads: array<u32>;
@group(0) @binding(2) var<storage, read> next: array<u32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(0) @binding(4) var<uniform> params: Params;
${epilogue}

fn element(i: u32, row: u32, column: u32) {
  var total = 0.0;
  var place = heads[row];
  while (place != NONE) {
    total += gy[place * params.width + column];
    place = next[place];
  }
  y[i] = epilogue(total, i, row, column);
}
${main}`;

/**
 * The table's gradient: input(0) gy [places, width], input(1) numbers int32 [places] -> output(0) [rows, width].
 * @param padding the row whose gradient is 0; -1 for none
 */
export function embeddingGrad(
  target: KernelTarget,
  { places, rows, width, padding }: EmbeddingShape & { readonly padding: number },
  epilogue: Fusion,
): Program {
  const threads = workgroupThreads(target);
  const [heads, next] = [temp(0), temp(1)];
  const grid = (count: number) => flatGrid(ceilDiv(count, threads), target.maxWorkgroupsPerDimension);
  const clear: Step = {
    name: 'embedding.clear',
    wgsl: clearWgsl(threads),
    reads: [],
    writes: [heads],
    params: [rows],
    workgroups: grid(rows),
  };
  const chain: Step = {
    name: 'embedding.chain',
    wgsl: chainWgsl(threads),
    reads: [input(1)],
    writes: [heads, next],
    params: [places, rows, padding >>> 0],
    workgroups: grid(places),
  };
  const sum = elementStep(target, 'embedding.sum', sumWgsl, rows, width, epilogue, [input(0), heads, next]);
  return { steps: [clear, chain, sum], temps: [4 * rows, 4 * Math.max(1, places)] };
}
