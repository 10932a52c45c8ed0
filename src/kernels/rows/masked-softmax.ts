/**
 * Softmax of attention: over the keys that a query sees. A key that it does not see has the weight 0 exactly, and a query that sees none gives
 * 0 to all. The gradient is that of any softmax, because what has the weight 0 gets none.
 */
import { input, type KernelTarget, output, type Program } from '../kernel.ts';
import { rowExp } from '../workgroup.ts';
import { maxAndSum, type RowKernel, rowKernel } from './row.ts';

/** Strides of a mask, in elements; 0 where it is broadcast. */
export interface MaskStrides {
  readonly batch: number;
  readonly head: number;
  readonly query: number;
  readonly key: number;
}

/** Scores [batch, heads, queries, keys], and what hides keys. */
export interface MaskedSoftmax {
  readonly batch: number;
  readonly heads: number;
  readonly queries: number;
  readonly keys: number;
  /** Query number n sees no keys after number n. */
  readonly causal: boolean;
  /** A mask of 0 where a key is hidden; 'lengths' for the number of keys that each of the batch has; null for neither. */
  readonly mask: MaskStrides | 'lengths' | null;
}

const fields = /* wgsl */ `
  heads: u32,
  queries: u32,
  causal: u32,
  batchStride: u32,
  headStride: u32,
  queryStride: u32,
  keyStride: u32,`;

const open = /* wgsl */ `
fn maskBase(row: u32) -> u32 {
  return 0u;
}

fn isShown(base: u32, key: u32) -> bool {
  return true;
}`;

const byMask = /* wgsl */ `
fn maskBase(row: u32) -> u32 {
  let query = row % params.queries;
  let plane = row / params.queries;
  let head = plane % params.heads;
  let batch = plane / params.heads;
  return batch * params.batchStride + head * params.headStride + query * params.queryStride;
}

fn isShown(base: u32, key: u32) -> bool {
  return mask[base + key * params.keyStride] != 0i;
}`;

const byLength = /* wgsl */ `
fn maskBase(row: u32) -> u32 {
  return row / (params.queries * params.heads);
}

fn isShown(base: u32, key: u32) -> bool {
  return i32(key) < mask[base];
}`;

const wgsl = (bindings: string, shown: string) => /* wgsl */ `
${bindings}
${rowExp}
${maxAndSum}
${shown}

// The keys from here on are hidden.
fn keysOf(row: u32) -> u32 {
  return select(params.length, min(params.length, row % params.queries + 1u), params.causal == 1u);
}

fn reduceRow(row: u32, base: u32, lane: u32) {
  let length = params.length;
  let keys = keysOf(row);
  let at = maskBase(row);
  var greatest = -3.4028234e38;
  for (var c = lane; c < keys; c += LANES) {
    if (isShown(at, c)) {
      greatest = nanMax(greatest, x[base + c]);
    }
  }
  greatest = rowMax(lane, greatest);
  var total = 0.0;
  for (var c = lane; c < keys; c += LANES) {
    if (isShown(at, c)) {
      total += expNan(x[base + c] - greatest);
    }
  }
  total = rowSum(lane, total);
  for (var c = lane; c < length; c += LANES) {
    var weight = 0.0;
    if (total != 0.0 && c < keys && isShown(at, c)) {
      weight = expNan(x[base + c] - greatest) / total;
    }
    y[base + c] = weight;
  }
}`;

const unmasked = /* wgsl */ `
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;`;

const masked = /* wgsl */ `
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> mask: array<i32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;`;

/** input(0) scores [batch, heads, queries, keys], with a mask or lengths input(1) int32 -> output(0) weights. */
export function maskedSoftmax(target: KernelTarget, options: MaskedSoftmax): Program {
  const { batch, heads, queries, keys, causal, mask } = options;
  const strides = mask === null || mask === 'lengths' ? { batch: 0, head: 0, query: 0, key: 0 } : mask;
  const kernel: RowKernel = {
    name: 'maskedSoftmax',
    reads: mask ? [input(0), input(1)] : [input(0)],
    writes: [output(0)],
    fields: {
      wgsl: fields,
      words: [heads, queries, Number(causal), strides.batch, strides.head, strides.query, strides.key],
    },
    wgsl: wgsl(mask ? masked : unmasked, mask === null ? open : mask === 'lengths' ? byLength : byMask),
  };
  return { steps: [rowKernel(target, { rows: batch * heads * queries, length: keys, inner: 1 }, kernel)] };
}
