/**
 * Batched matrix product: y[batch][m, n] = sum over k of a[batch][m, k] * b[batch][k, n].
 *
 * Operands are read through strides, so transposed and broadcast operands need no copy. One segment of length K; a slice is
 * a batch element. Tile shapes and memory traffic: gemm-lane.ts, gemm-tile.ts.
 */
import { ShapeError } from '../core/errors.ts';
import { type Gemm, gemm } from './gemm.ts';
import { type Fusion, input, type KernelTarget, type Program } from './kernel.ts';

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

struct Tap {
  offset: u32,
}

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
  return slice.a + m * gemm.rowStride;
}

fn tapAt(slice: Slice, column: Column, segment: u32) -> Tap {
  return Tap(slice.b + column.n * gemm.columnStride);
}

fn inside(tap: Tap, k: u32) -> bool {
  return true;
}

// swapped: the rows of this problem are the columns of the output.
fn outputAt(slice: Slice, column: Column, m: u32) -> Output {
  let row = select(m, column.n, gemm.swapped == 1u);
  let col = select(column.n, m, gemm.swapped == 1u);
  return Output(slice.y + row * gemm.pitch + col, row, col);
}`;

/** Reads a = input(0) and b = input(1), writes output(0). */
export function matmul(target: KernelTarget, shape: MatmulShape, epilogue: Fusion): Program {
  const { batch, aBatch, bBatch } = collapseBatch(shape);
  // A tile is wider than high at its smallest, so the shorter side of a thin product becomes its rows.
  const swapped = shape.N <= 16 && shape.M > shape.N;
  const [M, N] = swapped ? [shape.N, shape.M] : [shape.M, shape.N];
  const [rowStride, strideA] = swapped ? [shape.bStrides[1], shape.bStrides[0]] : shape.aStrides;
  const [strideB, columnStride] = swapped ? [shape.aStrides[1], shape.aStrides[0]] : shape.bStrides;
  const [rowBatch, columnBatch] = swapped ? [bBatch, aBatch] : [aBatch, bBatch];
  const problem: Gemm = {
    name: 'matmul',
    reads: [
      ['a', input(swapped ? 1 : 0)],
      ['b', input(swapped ? 0 : 1)],
    ],
    a: 'a',
    b: 'b',
    strideA,
    strideB,
    M,
    N,
    K: shape.K,
    segments: 1,
    slices: batch.reduce((size, n) => size * n, 1),
    output: { size: batch.reduce((size, n) => size * n, M * N), rows: shape.M, columns: shape.N },
    fields: {
      N,
      pitch: shape.N,
      rowStride,
      columnStride,
      swapped: swapped ? 1 : 0,
      batch1: batch[1]!,
      batch2: batch[2]!,
      batch3: batch[3]!,
      ...Object.fromEntries(rowBatch.map((stride, i) => [`a${i}`, stride])),
      ...Object.fromEntries(columnBatch.map((stride, i) => [`b${i}`, stride])),
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
