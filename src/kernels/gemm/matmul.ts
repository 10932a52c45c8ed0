/**
 * Batched matrix product: y[batch][m, n] = sum over k of a[batch][m, k] * b[batch][k, n].
 *
 * Operands are read through strides, so transposed and broadcast operands need no copy (where a copy is faster, see `load`). One
 * segment of length K; a slice is a batch element. Tile shapes and memory traffic: lane.ts, tile.ts.
 */
import { ShapeError } from '../../core/errors.ts';
import {
  ceilDiv,
  type Fusion,
  fullBatch,
  input,
  type KernelTarget,
  laneFits,
  type Operand,
  type Program,
  type Step,
  temp,
} from '../kernel.ts';
import { gemm } from './gemm.ts';
import { gemv } from './gemv.ts';
import { type PanelSource, packPanels, panelLayout } from './panels.ts';
import { type Gemm, type Quads, unpadded } from './problem.ts';

/** Strides are elements. The output is dense: [...batch, M, N]. */
export interface MatmulShape {
  readonly M: number;
  readonly N: number;
  readonly K: number;
  /** Axes before the last two, already broadcast; [] for a plain product. */
  readonly batch: readonly number[];
  /** Strides of a's m and k, of b's k and n: [K, 1] and [N, 1] when row-major, swapped when transposed. */
  readonly aStrides: readonly [m: number, k: number];
  readonly bStrides: readonly [k: number, n: number];
  /** Stride per batch axis, 0 where the operand is broadcast along it. */
  readonly aBatch: readonly number[];
  readonly bBatch: readonly number[];
}

const loaders = /* wgsl */ `
struct Slice {
  columns: u32,
  segments: u32,
  a: u32,
  b: u32,
  y: u32,
}

struct Column {
  n: u32,
}

${unpadded}

fn sliceAt(z: u32) -> Slice {
  let i3 = z % gemm.batch3;
  let z3 = z / gemm.batch3;
  let i2 = z3 % gemm.batch2;
  let z2 = z3 / gemm.batch2;
  let i1 = z2 % gemm.batch1;
  let i0 = z2 / gemm.batch1;
  let a = i0 * gemm.a0 + i1 * gemm.a1 + i2 * gemm.a2 + i3 * gemm.a3;
  let b = i0 * gemm.b0 + i1 * gemm.b1 + i2 * gemm.b2 + i3 * gemm.b3;
  return Slice(gemm.N, 1u, a, b, z * gemm.M * gemm.N);
}

fn columnAt(slice: Slice, n: u32) -> Column {
  return Column(n);
}

fn rowOffset(slice: Slice, m: u32, segment: u32) -> u32 {
  let panel = m / gemm.rowLanes;
  return slice.a + panel * gemm.rowPanel + m - panel * gemm.rowLanes;
}

fn tapAt(slice: Slice, column: Column, segment: u32) -> Tap {
  let panel = column.n / gemm.columnLanes;
  return Tap(slice.b + panel * gemm.columnPanel + column.n - panel * gemm.columnLanes);
}

// swapped: the rows of this problem are the columns of the output.
fn outputAt(slice: Slice, column: Column, m: u32) -> Output {
  let row = select(m, column.n, gemm.swapped == 1u);
  let col = select(column.n, m, gemm.swapped == 1u);
  return Output(slice.y + row * gemm.pitch + col, row, col);
}`;

/** One operand as the product sees it: rows of A or columns of B, apart by `stride`; successive k by `strideK`. */
interface Side {
  readonly operand: Operand;
  readonly size: number;
  readonly stride: number;
  readonly strideK: number;
  /** Per batch axis, of four. */
  readonly batch: readonly number[];
}

/** The layout that the loaders read: `lanes` rows side by side, then `panel` on to the next. */
interface Loaded {
  readonly operand: Operand;
  readonly strideK: number;
  readonly lanes: number;
  readonly panel: number;
  readonly batch: readonly number[];
}

/**
 * On software adapters an operand whose k runs along memory is first packed into panels (panels.ts), if four tiles or more
 * read it and one stride walks the batch. The panels and the steps that fill them join `before`.
 */
function load(
  target: KernelTarget,
  { operand, size, stride, strideK, batch }: Side,
  K: number,
  batchSizes: readonly number[],
  tiles: number,
  before: { readonly steps: Step[]; readonly temps: number[] },
): Loaded {
  const oneStride = batchSizes.slice(0, 3).every((n) => n === 1);
  if (!laneFits(target) || strideK !== 1 || stride === 1 || tiles < 4 || K < 32 || !oneStride)
    return { operand, strideK, ...(stride === 1 ? { lanes: size, panel: size } : { lanes: 1, panel: stride }), batch };
  const broadcast = batch[3] === 0;
  const source: PanelSource = {
    ...{ slices: broadcast ? 1 : batchSizes[3]!, sliceStride: batch[3]!, rows: size, rowStride: stride },
    ...{ depth: K, depthStride: 1, taps: 1 },
  };
  const { lanes, panels, elements } = panelLayout(source);
  const to = temp(before.temps.length);
  before.steps.push(packPanels(target, 'matmul.pack', source, operand, to));
  before.temps.push(elements * 4);
  return { operand: to, strideK: lanes, lanes, panel: K * lanes, batch: [0, 0, 0, broadcast ? 0 : panels * K * lanes] };
}

/** True if four neighbours lie side by side, from a multiple of 4 on, for every k and in every panel and batch. */
function quadsOf({ strideK, lanes, panel, batch }: Loaded): Quads {
  return lanes > 1 && [strideK, lanes, panel, ...batch].every((stride) => stride % 4 === 0) ? 'side' : undefined;
}

/** From this length of the sums on, a matrix by a vector has a kernel of its own (gemv.ts). */
const LONG = 128;

/** Reads a = input(0) and b = input(1), writes output(0). */
export function matmul(target: KernelTarget, shape: MatmulShape, epilogue: Fusion): Program {
  const { batch, aBatch, bBatch } = collapseBatch(shape);
  const [[aM, aK], [bK, bN]] = [shape.aStrides, shape.bStrides];
  const hasBatch = shape.batch.length > 0;
  const rowsInFull = hasBatch ? shape.M : fullBatch(target, shape.M);
  // Below, a workgroup's threads have little to share.
  if (aK === 1 && bK === 1 && shape.K >= LONG && batch.every((size) => size === 1)) {
    if (shape.M === 1 && rowsInFull === 1)
      return gemv(target, { N: shape.N, K: shape.K, pitch: bN, isColumn: false }, input(0), input(1), epilogue);
    if (shape.N === 1)
      return gemv(target, { N: shape.M, K: shape.K, pitch: aM, isColumn: true }, input(1), input(0), epilogue);
  }
  const sides: [Side, Side] = [
    { operand: input(0), size: shape.M, stride: aM, strideK: aK, batch: aBatch },
    { operand: input(1), size: shape.N, stride: bN, strideK: bK, batch: bBatch },
  ];
  // A tile is wider than high at its smallest, so the shorter side of a thin product becomes its rows.
  const swapped = shape.N <= 16 && rowsInFull > shape.N;
  if (swapped) sides.reverse();
  const [M, N] = [sides[0].size, sides[1].size];
  const before = { steps: [], temps: [] };
  const a = load(target, sides[0], shape.K, batch, ceilDiv(N, 32), before);
  const b = load(target, sides[1], shape.K, batch, ceilDiv(M, 32), before);
  const problem: Gemm = {
    name: 'matmul',
    before,
    reads: [
      ['a', a.operand],
      ['b', b.operand],
    ],
    a: 'a',
    b: 'b',
    quads: { a: quadsOf(a), b: N % 4 === 0 ? quadsOf(b) : undefined },
    storesFours: !swapped && N % 4 === 0,
    strideA: a.strideK,
    strideB: b.strideK,
    M,
    N,
    K: shape.K,
    segments: 1,
    swapped,
    batchAxis: hasBatch ? 'slices' : swapped ? 'N' : 'M',
    slices: batch.reduce((size, n) => size * n, 1),
    output: { size: batch.reduce((size, n) => size * n, M * N), rows: shape.M, columns: shape.N },
    fields: {
      N,
      pitch: shape.N,
      rowLanes: a.lanes,
      rowPanel: a.panel,
      columnLanes: b.lanes,
      columnPanel: b.panel,
      batch1: batch[1]!,
      batch2: batch[2]!,
      batch3: batch[3]!,
      ...Object.fromEntries(a.batch.map((stride, i) => [`a${i}`, stride])),
      ...Object.fromEntries(b.batch.map((stride, i) => [`b${i}`, stride])),
    },
    loaders,
  };
  return gemm(target, problem, epilogue);
}

/** Merges batch axes that both operands walk evenly, and pads the rest in front to four. */
function collapseBatch({ batch, aBatch, bBatch }: MatmulShape) {
  const axes: { size: number; a: number; b: number }[] = [];
  batch.forEach((size, i) => {
    if (size === 1) return;
    const axis = { size, a: aBatch[i]!, b: bBatch[i]! };
    const last = axes.at(-1);
    if (last && last.a === axis.a * size && last.b === axis.b * size) {
      axes[axes.length - 1] = { ...axis, size: last.size * size };
    } else axes.push(axis);
  });
  if (axes.length > 4) {
    throw new ShapeError(
      'matmul',
      `expected at most 4 batch axes that broadcast differently, got ${axes.length} in [${batch}]. ` +
        'Expand the operands to one batch shape first.',
      [batch],
    );
  }
  while (axes.length < 4) axes.unshift({ size: 1, a: 0, b: 0 });
  return { batch: axes.map((x) => x.size), aBatch: axes.map((x) => x.a), bBatch: axes.map((x) => x.b) };
}
