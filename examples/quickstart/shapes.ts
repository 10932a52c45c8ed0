/**
 * Plane shapes as signed distances: negative inside, positive outside, in units of half a picture, y downwards.
 * Formulas: https://iquilezles.org/articles/distfunctions2d/
 */

/** The distance of a point from the shape's edge. */
export type Shape = (x: number, y: number) => number;

const { abs, cos, max, min, PI, sin, sqrt } = Math;
const length = (x: number, y: number): number => sqrt(x * x + y * y);

export const disc =
  (cx: number, cy: number, radius: number): Shape =>
  (x, y) =>
    length(x - cx, y - cy) - radius;

/** Near its edge the distance is that of a true ellipse. */
export const ellipse =
  (cx: number, cy: number, rx: number, ry: number): Shape =>
  (x, y) => {
    const k = length((x - cx) / rx, (y - cy) / ry);
    const gradient = length((x - cx) / (rx * rx), (y - cy) / (ry * ry));
    return gradient === 0 ? -min(rx, ry) : (k * (k - 1)) / gradient;
  };

export const box =
  (cx: number, cy: number, width: number, height: number): Shape =>
  (x, y) => {
    const dx = abs(x - cx) - width / 2;
    const dy = abs(y - cy) - height / 2;
    return length(max(dx, 0), max(dy, 0)) + min(max(dx, dy), 0);
  };

/** A line with round ends. */
export const stroke =
  (ax: number, ay: number, bx: number, by: number, width: number): Shape =>
  (x, y) =>
    toSegment(x - ax, y - ay, bx - ax, by - ay) - width / 2;

/** Strokes from point to point: x, y, x, y, … */
export const path = (points: readonly number[], width: number): Shape =>
  union(
    ...Array.from({ length: points.length / 2 - 1 }, (_, i) => {
      const [ax, ay, bx, by] = points.slice(2 * i, 2 * i + 4) as [number, number, number, number];
      return stroke(ax, ay, bx, by, width);
    }),
  );

/** Any simple polygon, convex or not: x, y, x, y, … */
export const polygon = (points: readonly number[]): Shape => {
  const n = points.length;
  return (x, y) => {
    let distance = Number.POSITIVE_INFINITY;
    let inside = false;
    for (let i = 0; i < n; i += 2) {
      const [ax, ay, bx, by] = [points[i]!, points[i + 1]!, points[(i + 2) % n]!, points[(i + 3) % n]!];
      distance = min(distance, toSegment(x - ax, y - ay, bx - ax, by - ay));
      if (ay > y !== by > y && x < ax + ((y - ay) * (bx - ax)) / (by - ay)) inside = !inside;
    }
    return inside ? -distance : distance;
  };
};

/** From the point (x, y) to the line from the origin to (dx, dy). */
function toSegment(x: number, y: number, dx: number, dy: number): number {
  const along = max(0, min(1, (x * dx + y * dy) / (dx * dx + dy * dy)));
  return length(x - along * dx, y - along * dy);
}

/** `n` corners on a circle, the first at the top. */
export const regular = (n: number, radius: number): Shape => polygon(corners(n, radius));

/** `n` points with notches between them that reach in to `inner`. */
export const star = (n: number, radius: number, inner: number): Shape =>
  polygon(corners(2 * n, 1).map((v, i) => v * (i % 4 < 2 ? radius : inner)));

function corners(n: number, radius: number): number[] {
  return Array.from({ length: n }, (_, i) => (2 * PI * i) / n).flatMap((a) => [radius * sin(a), -radius * cos(a)]);
}

export const union =
  (...shapes: readonly Shape[]): Shape =>
  (x, y) =>
    shapes.reduce((d, shape) => min(d, shape(x, y)), Number.POSITIVE_INFINITY);

export const intersection =
  (...shapes: readonly Shape[]): Shape =>
  (x, y) =>
    shapes.reduce((d, shape) => max(d, shape(x, y)), Number.NEGATIVE_INFINITY);

/** `shape` without `hole`. */
export const without =
  (shape: Shape, hole: Shape): Shape =>
  (x, y) =>
    max(shape(x, y), -hole(x, y));

/** The edge of a shape, drawn with a pen. */
export const outline =
  (shape: Shape, width: number): Shape =>
  (x, y) =>
    abs(shape(x, y)) - width / 2;

export const moved =
  (shape: Shape, dx: number, dy: number): Shape =>
  (x, y) =>
    shape(x - dx, y - dy);

/** Clockwise, in radians. */
export const turned = (shape: Shape, angle: number): Shape => {
  const [c, s] = [cos(angle), sin(angle)];
  return (x, y) => shape(c * x + s * y, c * y - s * x);
};

/** `n` copies around the centre. */
export const around = (n: number, shape: Shape): Shape =>
  union(...Array.from({ length: n }, (_, i) => turned(shape, (2 * PI * i) / n)));

/** Bars across x: `share` of each `period` is inside. */
export const bars =
  (period: number, share: number): Shape =>
  (x) =>
    abs(((((x / period) % 1) + 1) % 1) - 0.5) * period - (share * period) / 2;

/** Squares of side `side`, every second one inside. */
export const checkers =
  (side: number): Shape =>
  (x, y) => {
    const across = bars(2 * side, 0.5);
    const [a, b] = [across(x, 0), across(y, 0)];
    return a < 0 !== b < 0 ? -min(abs(a), abs(b)) : min(abs(a), abs(b));
  };

/** A shape repeated in both directions, once in each cell of side `period`. */
export const tiled = (period: number, shape: Shape): Shape => {
  const wrap = (v: number) => ((((v / period + 0.5) % 1) + 1) % 1) * period - period / 2;
  return (x, y) => shape(wrap(x), wrap(y));
};

/** An Archimedean spiral, `gap` from turn to turn. */
export const spiral =
  (gap: number, width: number, radius: number): Shape =>
  (x, y) => {
    const r = length(x, y);
    const turn = (r / gap - Math.atan2(y, x) / (2 * PI)) % 1;
    const distance = abs(((turn + 1.5) % 1) - 0.5) * gap;
    return max(distance - width / 2, r - radius);
  };

/** Bars across y that swing with x. */
export const waves =
  (period: number, share: number, swing: number): Shape =>
  (x, y) =>
    bars(period, share)(y + swing * sin(5 * x), 0) * 0.8;
