/** Transposition through workgroup memory, for adapters whose memory wants neighbours to read and write neighbours. */
import { ceilDiv, input, type KernelTarget, output, type Step } from './kernel.ts';
import type { Dim } from './strided.ts';

const TILE = 32;

/**
 * y[b, r, c] = x[offset + b * batchStride + r + c * columnStride]. A workgroup of 32 x 8 turns a tile of 32 x 32 in workgroup
 * memory, so that loads and stores both run along rows. The extra column keeps the turned reads off one memory bank.
 */
const transposeWgsl = (word: string) => /* wgsl */ `
const TILE = ${TILE}u;
const ROWS = 8u;

struct Params {
  rows: u32,
  columns: u32,
  offset: u32,
  batchStride: u32,
  columnStride: u32,
}

@group(0) @binding(0) var<storage, read> x: array<${word}>;
@group(0) @binding(1) var<storage, read_write> y: array<${word}>;
@group(0) @binding(2) var<uniform> params: Params;

var<workgroup> tile: array<array<${word}, TILE + 1u>, TILE>;

@compute @workgroup_size(TILE, ROWS)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_id) lane: vec3u) {
  let firstRow = workgroup.y * TILE;
  let firstColumn = workgroup.x * TILE;
  let source = params.offset + workgroup.z * params.batchStride;
  let destination = workgroup.z * params.rows * params.columns;
  for (var k = lane.y; k < TILE; k += ROWS) {
    let row = firstRow + lane.x;
    let column = firstColumn + k;
    if (row < params.rows && column < params.columns) {
      tile[k][lane.x] = x[source + row + column * params.columnStride];
    }
  }
  workgroupBarrier();
  for (var k = lane.y; k < TILE; k += ROWS) {
    let row = firstRow + k;
    let column = firstColumn + lane.x;
    if (row < params.rows && column < params.columns) {
      y[destination + row * params.columns + column] = tile[lane.x][k];
    }
  }
}`;

/**
 * input(0) -> output(0) of the sizes `dims` where their strides (and `offset`) in the source swap the innermost dimension and the next
 * one, with at most one dimension more; else undefined, and on software adapters. `word` is WGSL's type of an element's bits.
 */
export function transposeTiles(
  target: KernelTarget,
  dims: readonly Dim[],
  offset: number,
  word: string,
): Step | undefined {
  if (target.software || dims.length < 2 || dims.length > 3) return undefined;
  const [rows, columns] = dims.slice(-2) as [Dim, Dim];
  const batch = dims.length === 3 ? dims[0]! : { size: 1, stride: 0 };
  const workgroups = [ceilDiv(columns.size, TILE), ceilDiv(rows.size, TILE), batch.size] as const;
  if (rows.stride !== 1 || Math.min(rows.size, columns.size) < TILE / 4) return undefined;
  if (workgroups.some((n) => n > target.maxWorkgroupsPerDimension)) return undefined;
  return {
    name: 'copy.transpose',
    wgsl: transposeWgsl(word),
    reads: [input(0)],
    writes: [output(0)],
    params: [rows.size, columns.size, ...[offset, batch.stride, columns.stride].map((n) => n >>> 0)],
    workgroups,
  };
}
