/**
 * Matrix product with pluggable addressing: matmul, convolution and both its gradients are one abstract problem,
 *
 *   Y[slice][m, n] = sum over segment, k of A[slice][m, segment, k] * B[slice][segment, k, n].
 *
 * A slice is a batch element, a group or an output phase. A segment is a part of the reduction inside which both operands
 * advance by a constant stride: a filter tap, or a row of an image. How (m, segment) and (segment, n) turn into offsets is
 * WGSL of the problem (`Gemm.loaders`); how a workgroup walks its tile is one of three families:
 *
 * - lane (lane.ts): one subgroup per tile, reuse through subgroup broadcasts. For software adapters.
 * - tile (tile.ts): workgroup memory and register tiles. For GPUs, and where subgroups are missing.
 * - matrix (matrix.ts): workgroup memory and the matrices of subgroups (tensor cores). Only where the tuner found it faster.
 *
 * Shapes live in the uniform, so a family needs few pipelines. When tiles are few and the reduction is long, it is split:
 * partial sums go to a temporary, and a second step adds them in a fixed order (no atomics, so results repeat bit by bit).
 */
import type { TexelFormat } from '../../device/texture-pool.ts';
import { sharedEpilogue } from '../epilogue.ts';
import { family } from '../families.ts';
import {
  ceilDiv,
  type Fusion,
  flatGrid,
  flatWorkgroup,
  fullBatch,
  type KernelTarget,
  laneFits,
  type Operand,
  output,
  type Program,
  type Step,
  temp,
} from '../kernel.ts';
import type { Gemm, GemmMain, Quads } from './problem.ts';
import type { ProductShape, Tile } from './shape.ts';
import { tileMain } from './tile.ts';
import { defaultTile, suits, tileSize } from './tiles.ts';

/** A cut of the reduction: `segmentSplits * depthSplits` parts of `segmentChunk` segments by `depthChunk` steps of k. */
export interface Split {
  readonly segmentChunk: number;
  readonly segmentSplits: number;
  readonly depthChunk: number;
  readonly depthSplits: number;
}

/** Bytes of A that one band of tiles reads again and again; sized to stay in the cache of a core. */
const BAND_BYTES = 256 * 1024;

const headFields = [
  'workgroups',
  'rowTiles',
  'columnTiles',
  'band',
  'tileM',
  'tileN',
  'block',
  'M',
  'K',
  'strideA',
  'strideB',
  'segmentChunk',
  'depthChunk',
  'depthSplits',
  'splits',
  'outputSize',
  'swapped',
] as const;

const prelude = /* wgsl */ `
struct Output {
  i: u32,
  row: u32,
  column: u32,
}

// Where this workgroup works: its tile, its slice and its part of the reduction.
struct Place {
  row: u32,
  column: u32,
  z: u32,
  split: u32,
}

// Column by column within a band of rows, so that neighbours in time read the same columns of B and few rows of A.
fn placeAt(index: u32) -> Place {
  let tiles = gemm.rowTiles * gemm.columnTiles;
  let part = index / tiles;
  let z = part / gemm.splits;
  let tile = index - part * tiles;
  let first = tile / (gemm.band * gemm.columnTiles) * gemm.band;
  let rows = min(gemm.band, gemm.rowTiles - first);
  let inBand = tile - first * gemm.columnTiles;
  let column = inBand / rows;
  return Place(first + inBand - column * rows, column, z, part - z * gemm.splits);
}`;

const finish = /* wgsl */ `
fn finish(value: f32, at: Output, split: u32) {
  y[at.i] = epilogue(value, at.i, at.row, at.column);
}`;

const finishFour = /* wgsl */ `
fn finish(value: vec4f, at: Output, split: u32) {
  y[at.i / 4u] = epilogue(value, at.i / 4u, at.row, at.column);
}`;

/** The same for the shared epilogue, whose scale and shift a family may load for many elements at once. */
const finishWith = /* wgsl */ `${finish}

fn finishWith(value: f32, found: vec2f, at: Output) {
  y[at.i] = withTerms(value, found, at.i);
}`;

const finishPartial = /* wgsl */ `
fn finish(value: f32, at: Output, split: u32) {
  y[split * gemm.outputSize + at.i] = value;
}`;

/** The program of `problem`: one step, or two where the reduction is split. Writes output(0). */
export function gemm(target: KernelTarget, problem: Gemm, fusion: Fusion): Program {
  const epilogue = fusion.terms ? sharedEpilogue(fusion.terms, problem.reads[0]![1]) : fusion;
  const lanes = laneFits(target);
  // Both decide the order of sums.
  const inFull = atFullBatch(target, problem);
  const tile = tileOf(target, inFull);
  const split = splitReduction(inFull, countTiles(target, inFull, tile), lanes ? 16 : 256);
  const [tileM, tileN] = tileSize(target, tile);
  const rowTiles = ceilDiv(problem.M, tileM);
  const columnTiles = ceilDiv(problem.N, tileN);
  const tiles = rowTiles * columnTiles * problem.slices;
  const splits = split.segmentSplits * split.depthSplits;
  const whole = splits === 1;
  const texels = lanes && target.texels ? problem.quads : undefined;
  const sharesTerms = whole && fusion.terms !== undefined;
  const inFours = whole && !sharesTerms && texels && problem.storesFours ? fusion.inFours : undefined;
  const mainOf = (): GemmMain => {
    if (tile.family === 'matrix') return family('matrix').matrixMain(target.maxSubgroupSize!, tile, problem);
    if (tile.family === 'tile') return tileMain(tile, problem);
    const { a, b } = problem;
    return family('software').laneMain(target.subgroupSize, tile, {
      a,
      b,
      texels,
      sharesTerms,
      storesFours: inFours !== undefined,
    });
  };
  const main = mainOf();
  const head: Record<(typeof headFields)[number], number> = {
    workgroups: tiles * splits,
    rowTiles,
    columnTiles,
    band: Math.max(1, Math.min(rowTiles, Math.floor(BAND_BYTES / (4 * tileM * problem.K * problem.segments)))),
    tileM,
    tileN,
    block: main.block ?? 0,
    M: problem.M,
    K: problem.K,
    strideA: problem.strideA,
    strideB: problem.strideB,
    segmentChunk: split.segmentChunk,
    depthChunk: split.depthChunk,
    depthSplits: split.depthSplits,
    splits,
    outputSize: problem.output.size,
    swapped: problem.swapped ? 1 : 0,
  };
  const { steps, temps } = problem.before ?? { steps: [], temps: [] };
  const partials = temp(temps.length);
  const formats = texels && problem.reads.map(([name]) => formatOf(texels[name === problem.a ? 'a' : 'b']));
  const store: Store = inFours
    ? { type: 'vec4f', wgsl: inFours + finishFour }
    : { type: 'f32', wgsl: whole ? epilogue.wgsl + (sharesTerms ? finishWith : finish) : finishPartial };
  const product: Step = {
    name: `${problem.name}.${main.variant}${whole ? '' : '.split'}`,
    wgsl: assemble(problem, main, store, formats),
    reads: problem.reads.map(([, operand]) => operand),
    ...(formats && { texels: formats }),
    writes: [whole ? output(0) : partials],
    params: [...headFields.map((name) => head[name]), ...Object.values(problem.fields)],
    workgroups: flatGrid(tiles * splits, target.maxWorkgroupsPerDimension),
    ...(whole ? { fusion: epilogue } : {}),
  };
  if (whole) return { steps: [...steps, product], temps };
  return {
    steps: [...steps, product, sumPartials(target, problem, partials, splits, epilogue)],
    temps: [...temps, splits * problem.output.size * 4],
  };
}

/** The problem as it is in a full batch. */
function atFullBatch(target: KernelTarget, problem: Gemm): Gemm {
  const { batchAxis = 'N' } = problem;
  return { ...problem, [batchAxis]: fullBatch(target, problem[batchAxis]) };
}

function countTiles(target: KernelTarget, { M, N, slices }: ProductShape, tile: Tile): number {
  const [rows, columns] = tileSize(target, tile);
  return ceilDiv(M, rows) * ceilDiv(N, columns) * slices;
}

/** The tile that the product was tuned to, if it suits its operands; else the default. */
function tileOf(target: KernelTarget, problem: Gemm): Tile {
  const float16 =
    target.matrices?.some(({ component }) => component === 'f16') &&
    problem.reads.every(([, operand]) => target.isFloat16?.(operand));
  const product: ProductShape = float16 ? { ...problem, float16 } : problem;
  const tuned = target.tileFor?.(product);
  return tuned && suits(tuned, product) ? tuned : defaultTile(target, product);
}

const formatOf = (quads: Quads): TexelFormat => (quads ? 'rgba32float' : 'r32float');

/** The code that stores a result, and the type that the output is bound with. */
interface Store {
  readonly type: 'f32' | 'vec4f';
  readonly wgsl: string;
}

/** A module: parameters, bindings, loaders, the store, then the family's main. */
function assemble(problem: Gemm, main: GemmMain, store: Store, formats: readonly TexelFormat[] | undefined): string {
  const fields = [...headFields, ...Object.keys(problem.fields)];
  const reads = problem.reads.map(([name], i) => {
    const bound = formats
      ? `var ${name}: texture_storage_2d<${formats[i]}, read>`
      : `var<storage, read> ${name}: array<f32>`;
    return `@group(0) @binding(${i}) ${bound};\n`;
  });
  return /* wgsl */ `${main.enables}
struct Gemm {
${fields.map((name) => `  ${name}: u32,\n`).join('')}}

${reads.join('')}@group(0) @binding(${reads.length}) var<storage, read_write> y: array<${store.type}>;
@group(0) @binding(${reads.length + 1}) var<uniform> gemm: Gemm;
${flatWorkgroup}
${prelude}
${problem.loaders}
${store.wgsl}
${main.wgsl}`;
}

/** Cuts the reduction when fewer than `wanted` workgroups would run, into parts of at least 256 products. */
function splitReduction(problem: Gemm, tiles: number, wanted: number): Split {
  const { segments, K } = problem;
  const whole = { segmentChunk: segments, segmentSplits: 1, depthChunk: K, depthSplits: 1 };
  const parts = Math.min(Math.floor(wanted / tiles), Math.floor((segments * K) / 256));
  if (parts < 2) return whole;
  if (segments >= parts) {
    const segmentChunk = ceilDiv(segments, parts);
    return { ...whole, segmentChunk, segmentSplits: ceilDiv(segments, segmentChunk) };
  }
  // Multiples of 16 keep chunks whole for every unroll and every tile depth.
  const depthChunk = ceilDiv(ceilDiv(K, parts), 16) * 16;
  return { ...whole, depthChunk, depthSplits: ceilDiv(K, depthChunk) };
}

/** y[i] = epilogue(sum over splits of partial[split][i]); one invocation an element, coalesced. Few splits, so no tree. */
function sumPartials(target: KernelTarget, problem: Gemm, partials: Operand, splits: number, epilogue: Fusion): Step {
  const { size, rows, columns } = problem.output;
  return {
    name: `${problem.name}.sum`,
    wgsl: /* wgsl */ `
struct Sum {
  size: u32,
  splits: u32,
  rows: u32,
  columns: u32,
}

@group(0) @binding(0) var<storage, read> partial: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> sum: Sum;
${flatWorkgroup}
${epilogue.wgsl}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let i = flatWorkgroup(workgroup, workgroups) * 64u + thread;
  if (i >= sum.size) {
    return;
  }
  var value = 0.0;
  for (var split = 0u; split < sum.splits; split++) {
    value += partial[split * sum.size + i];
  }
  y[i] = epilogue(value, i, (i / sum.columns) % sum.rows, i % sum.columns);
}`,
    reads: [partials],
    writes: [output(0)],
    params: [size, splits, rows, columns],
    workgroups: flatGrid(ceilDiv(size, 64), target.maxWorkgroupsPerDimension),
    fusion: epilogue,
  };
}
