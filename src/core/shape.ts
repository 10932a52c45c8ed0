/** Shapes: sizes, strides, broadcasting, axes. Row-major throughout. */
import { ShapeError } from './errors.ts';
import { shown } from './options.ts';

/** Sizes of the axes, the slowest first; [] for a scalar. */
export type Shape = readonly number[];

/** Number of elements; 1 for a scalar shape `[]`. */
export function sizeOf(shape: Shape): number {
  let n = 1;
  for (const d of shape) n *= d;
  return n;
}

/** Elements that a tensor may have: 8 GiB of float32. */
const MOST_ELEMENTS = 2 ** 31;

/** @throws ShapeError for what is no list of sizes, or of a tensor that no memory holds. */
export function checkShape(op: string, shape: Shape): void {
  if (!Array.isArray(shape))
    throw new ShapeError(op, `expected a shape, an array of sizes as in [2, 3], got ${shown(shape)}.`);
  if (!shape.every((d) => Number.isInteger(d) && d >= 0))
    throw new ShapeError(op, `sizes must be whole numbers of 0 or more, got ${formatShape(shape)}.`, [shape]);
  if (sizeOf(shape) > MOST_ELEMENTS)
    throw new ShapeError(
      op,
      `expected at most ${MOST_ELEMENTS.toLocaleString('en-US')} elements, got ${sizeOf(shape).toLocaleString('en-US')} for ${formatShape(shape)}. Make it smaller.`,
      [shape],
    );
}

/** `[2, 3, 4]` as text. */
export function formatShape(shape: Shape): string {
  return `[${shape.join(', ')}]`;
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((d, i) => d === b[i]);
}

/** Row-major strides, in elements. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let step = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = step;
    step *= shape[i]!;
  }
  return strides;
}

/**
 * The shape that two operands broadcast to, by NumPy's rule.
 * @throws ShapeError where a pair of dimensions is neither equal nor 1.
 */
export function broadcastShapes(op: string, a: Shape, b: Shape): Shape {
  const rank = Math.max(a.length, b.length);
  const out = new Array<number>(rank);
  for (let i = 0; i < rank; i++) {
    const x = a[a.length - rank + i] ?? 1;
    const y = b[b.length - rank + i] ?? 1;
    if (x !== y && x !== 1 && y !== 1)
      throw new ShapeError(op, `cannot broadcast ${formatShape(a)} with ${formatShape(b)} (${x} vs ${y}).`, [a, b]);
    out[i] = x === 1 ? y : x;
  }
  return out;
}

/** A possibly negative axis as an index. */
export function normalizeAxis(op: string, axis: number, rank: number): number {
  const a = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(axis) || a < 0 || a >= rank)
    throw new ShapeError(op, `axis ${shown(axis)} is out of range for a tensor of rank ${rank}.`);
  return a;
}

/** Axes to reduce, sorted and without repeats; all of them when none is named. */
export function normalizeAxes(op: string, axes: number | readonly number[] | undefined, rank: number): number[] {
  if (axes === undefined) return Array.from({ length: rank }, (_, i) => i);
  const list = Array.isArray(axes) ? (axes as readonly number[]) : [axes as number];
  return [...new Set(list.map((a) => normalizeAxis(op, a, rank)))].sort((a, b) => a - b);
}

/** The shape left after reducing `axes`. */
export function reducedShape(shape: Shape, axes: readonly number[], keepdim: boolean): Shape {
  return keepdim ? shape.map((d, i) => (axes.includes(i) ? 1 : d)) : shape.filter((_, i) => !axes.includes(i));
}

/**
 * A rank-4 shape as four numbers: the check every image op starts with.
 * @throws ShapeError for another rank.
 */
export function dims4(op: string, what: string, shape: Shape, axes = '[N, C, H, W]'): [number, number, number, number] {
  if (shape.length !== 4)
    throw new ShapeError(op, `${what} must have 4 dimensions ${axes}, got ${formatShape(shape)}.`, [shape]);
  return shape as unknown as [number, number, number, number];
}
