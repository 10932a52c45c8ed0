/** Polygons to masks, pixel for pixel as pycocotools draws them. */
import { ArgumentError } from '../../core/errors.ts';

/** Places between two pixels: boundaries are followed on a grid five times as fine. */
const SCALE = 5;
/** More points on a boundary than the outline of any image has. */
const MOST_POINTS = 50_000_000;

/**
 * The run lengths of a polygon x1 y1 x2 y2 …, in pixels.
 * @throws ArgumentError for less than three points, corners that are no numbers, or a boundary that is longer than any image's.
 * @see https://github.com/cocodataset/cocoapi/blob/master/common/maskApi.c
 */
export function runsOfPolygon(points: readonly number[], width: number, height: number): number[] {
  if (!isPolygon(points)) throw new ArgumentError(`polygon: expected three points x y or more, got ${String(points)}.`);
  const { u, v } = boundary(points);
  const crossings: number[] = [];
  for (let j = 1; j < u.length; j++) {
    if (u[j] === u[j - 1]) continue;
    const x = ((u[j]! < u[j - 1]! ? u[j]! : u[j]! - 1) + 0.5) / SCALE - 0.5;
    if (Math.floor(x) !== x || x < 0 || x > width - 1) continue;
    const y = (Math.min(v[j]!, v[j - 1]!) + 0.5) / SCALE - 0.5;
    crossings.push(x * height + Math.ceil(Math.min(Math.max(y, 0), height)));
  }
  crossings.push(height * width);
  return runsBetween(Float64Array.from(crossings).sort());
}

/** Whether something is a list of three points or more, each two numbers. */
export const isPolygon = (points: unknown): boolean =>
  Array.isArray(points) && points.length >= 6 && points.length % 2 === 0 && points.every(Number.isFinite);

/** Points of the boundary on the fine grid, one after another. */
function boundary(points: readonly number[]): { readonly u: Int32Array; readonly v: Int32Array } {
  const n = points.length / 2;
  const fine = (value: number) => Math.trunc(SCALE * value + 0.5);
  const xs = Array.from({ length: n + 1 }, (_, j) => fine(points[2 * (j % n)]!));
  const ys = Array.from({ length: n + 1 }, (_, j) => fine(points[2 * (j % n) + 1]!));
  let count = 0;
  for (let j = 0; j < n; j++) count += Math.max(Math.abs(xs[j]! - xs[j + 1]!), Math.abs(ys[j]! - ys[j + 1]!)) + 1;
  if (!(count <= MOST_POINTS))
    throw new ArgumentError('polygon: its boundary is longer than that of any image. Its corners may not be pixels.');
  const [u, v] = [new Int32Array(count), new Int32Array(count)];
  let m = 0;
  for (let j = 0; j < n; j++) {
    const [dx, dy] = [Math.abs(xs[j + 1]! - xs[j]!), Math.abs(ys[j + 1]! - ys[j]!)];
    const flat = dx >= dy;
    const flip = flat ? xs[j]! > xs[j + 1]! : ys[j]! > ys[j + 1]!;
    const [from, to] = flip ? [j + 1, j] : [j, j + 1];
    const slope = flat ? (ys[to]! - ys[from]!) / dx : (xs[to]! - xs[from]!) / dy;
    for (let d = 0; d <= Math.max(dx, dy); d++, m++) {
      const t = flip ? Math.max(dx, dy) - d : d;
      u[m] = flat ? t + xs[from]! : Math.trunc(xs[from]! + slope * t + 0.5);
      v[m] = flat ? Math.trunc(ys[from]! + slope * t + 0.5) : t + ys[from]!;
    }
  }
  return { u, v };
}

/** Run lengths between sorted places where the boundary is crossed; runs of no length melt into their neighbours. */
function runsBetween(places: Float64Array): number[] {
  const lengths = Array.from(places, (place, i) => place - (i > 0 ? places[i - 1]! : 0));
  const runs = [lengths[0]!];
  for (let j = 1; j < lengths.length; ) {
    if (lengths[j]! > 0) runs.push(lengths[j++]!);
    else {
      j++;
      if (j < lengths.length) runs[runs.length - 1]! += lengths[j++]!;
    }
  }
  return runs;
}
