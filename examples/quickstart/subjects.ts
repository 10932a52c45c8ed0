/** What the quickstart's pictures show: six things that its trunk has never seen. */
import type { Layer, Subjects } from './draw.ts';
import {
  around,
  bars,
  box,
  disc,
  ellipse,
  intersection,
  moved,
  polygon,
  type Shape,
  stroke,
  turned,
  union,
} from './shapes.ts';

/** The six classes, by name. */
export const SUBJECTS: Subjects = {
  fish: (r) => {
    const body = ellipse(0.1, 0, 0.65, r.uniform(0.28, 0.42));
    const tail = r.uniform(0.25, 0.42);
    return [
      [1, polygon([-0.4, 0, -0.9, -tail, -0.78, 0, -0.9, tail])],
      [1, polygon([-0.05, -0.25, 0.3, -0.3, -0.15, -r.uniform(0.5, 0.65)])],
      [0, body],
      [1, intersection(body, moved(bars(0.22, 0.35), r.uniform(0, 0.2), 0), box(-0.15, 0, 0.5, 1))],
      [3, disc(0.48, -0.08, 0.1)],
      [2, disc(0.5, -0.08, 0.055)],
    ];
  },
  flower: (r) => {
    const petals = 5 + r.int(3);
    return [
      [2, stroke(0, 0, r.uniform(-0.2, 0.2), 1, 0.1)],
      [2, turned(ellipse(0.25, 0.6, 0.25, 0.1), -0.4)],
      [0, moved(around(petals, ellipse(0, -0.34, r.uniform(0.17, 0.22), 0.27)), 0, -0.22)],
      [1, disc(0, -0.22, r.uniform(0.16, 0.24))],
    ];
  },
  house: (r) => {
    const wide = r.uniform(1, 1.3);
    const door = r.uniform(-0.25, 0.25);
    return [
      [2, box(r.int(2) ? 0.3 : -0.3, -0.55, 0.16, 0.5)],
      [0, box(0, 0.3, wide, 0.9)],
      [1, polygon([-wide / 2 - 0.15, -0.12, 0, -r.uniform(0.7, 0.9), wide / 2 + 0.15, -0.12])],
      [2, box(door, 0.5, 0.24, 0.5)],
      [3, box(door > 0 ? -0.28 : 0.28, 0.2, 0.26, 0.26)],
    ];
  },
  mushroom: (r) => {
    const cap = intersection(ellipse(0, 0, r.uniform(0.7, 0.85), r.uniform(0.65, 0.8)), box(0, -0.5, 2, 1));
    return [
      [3, union(box(0, 0.35, r.uniform(0.26, 0.42), 0.8), ellipse(0, 0.75, 0.27, 0.14))],
      [0, cap],
      [
        3,
        intersection(
          cap,
          union(disc(-0.38, -0.2, 0.12), disc(0.1, -0.42, 0.14), disc(0.42, -0.15, 0.1), disc(-0.05, -0.1, 0.08)),
        ),
      ],
    ];
  },
  sailboat: (r) => {
    const top = -r.uniform(0.75, 0.92);
    return [
      [2, stroke(0, top, 0, 0.5, 0.07)],
      [3, polygon([0.07, top + 0.05, 0.07, 0.3, r.uniform(0.5, 0.68), 0.3])],
      [1, polygon([-0.07, top + 0.2, -0.07, 0.3, -r.uniform(0.4, 0.55), 0.3])],
      [0, polygon([-0.8, 0.42, 0.8, 0.42, 0.5, r.uniform(0.72, 0.85), -0.5, 0.8])],
    ];
  },
  tree: (r) => {
    const wide = r.uniform(0.45, 0.62);
    const tier = (y: number, w: number): Shape => polygon([-w, y, 0, y - 0.62, w, y]);
    return [
      [2, box(0, 0.75, r.uniform(0.14, 0.24), 0.5)],
      [0, union(tier(-0.3, wide * 0.65), tier(0.08, wide * 0.85), tier(0.52, wide * 1.1))],
      ...(r.int(2) ? [[3, disc(0, -0.9, 0.09)] as Layer] : []),
    ];
  },
};
