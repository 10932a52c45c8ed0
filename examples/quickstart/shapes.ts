/**
 * Plane shapes as signed distances: negative inside, positive outside, in units of half a picture, y downwards.
 * Formulas: https://iquilezles.org/articles/distfunctions2d/
 */

/** The distance of a point from the shape's edge. */
export type Shape = (x: number, y: number) => number;
type Point = readonly [x: number, y: number];

const { abs, cos, hypot, max, min, PI, sin } = Math;

export const disc =
  (cx: number, cy: number, radius: number): Shape =>
  (x, y) =>
    hypot(x - cx, y - cy) - radius;

/** Near its edge the distance is that of a true ellipse. */
export const ellipse =
  (cx: number, cy: number, rx: number, ry: number): Shape =>
  (x, y) => {
    const k = hypot((x - cx) / rx, (y - cy) / ry);
    const gradient = hypot((x - cx) / (rx * rx), (y - cy) / (ry * ry));
    return gradient === 0 ? -min(rx, ry) : (k * (k - 1)) / gradient;
  };

export const box =
  (cx: number, cy: number, width: number, height: number): Shape =>
  (x, y) => {
    const dx = abs(x - cx) - width / 2;
    const dy = abs(y - cy) - height / 2;
    return hypot(max(dx, 0), max(dy, 0)) + min(max(dx, dy), 0);
  };

/** A line with round ends. */
export const stroke =
  ([ax, ay]: Point, [bx, by]: Point, width: number): Shape =>
  (x, y) => {
    const t = ((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / ((bx - ax) ** 2 + (by - ay) ** 2);
    const along = max(0, min(1, t));
    return hypot(x - ax - along * (bx - ax), y - ay - along * (by - ay)) - width / 2;
  };

/** Strokes from point to point. */
export const path = (points: readonly Point[], width: number): Shape =>
  union(...points.slice(1).map((p, i) => stroke(points[i]!, p, width)));

/** Any simple polygon, convex or not. */
export const polygon =
  (points: readonly Point[]): Shape =>
  (x, y) => {
    let distance = Number.POSITIVE_INFINITY;
    let inside = false;
    points.forEach(([ax, ay], i) => {
      const [bx, by] = points[(i + 1) % points.length]!;
      const t = max(0, min(1, ((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / ((bx - ax) ** 2 + (by - ay) ** 2)));
      distance = min(distance, hypot(x - ax - t * (bx - ax), y - ay - t * (by - ay)));
      if (ay > y !== by > y && x < ax + ((y - ay) * (bx - ax)) / (by - ay)) inside = !inside;
    });
    return inside ? -distance : distance;
  };

/** `n` corners on a circle, the first at the top. */
export const regular = (n: number, radius: number): Shape => polygon(corners(n, radius));

/** `n` points with notches between them that reach in to `inner`. */
export const star = (n: number, radius: number, inner: number): Shape =>
  polygon(corners(2 * n, 1).map(([x, y], i) => [x * (i % 2 ? inner : radius), y * (i % 2 ? inner : radius)]));

function corners(n: number, radius: number): Point[] {
  return Array.from({ length: n }, (_, i) => [radius * sin((2 * PI * i) / n), -radius * cos((2 * PI * i) / n)]);
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
    const r = hypot(x, y);
    const turn = (r / gap - Math.atan2(y, x) / (2 * PI)) % 1;
    const distance = abs(((turn + 1.5) % 1) - 0.5) * gap;
    return max(distance - width / 2, r - radius);
  };

/** Bars across y that swing with x. */
export const waves =
  (period: number, share: number, swing: number): Shape =>
  (x, y) =>
    bars(period, share)(y + swing * sin(5 * x), 0) * 0.8;
