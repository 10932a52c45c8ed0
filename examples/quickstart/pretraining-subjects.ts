/** The shapes, things, letters and patterns that the trunk was pretrained on. */
import type { Generator } from 'regraft';
import type { Subject, Subjects } from './draw.ts';
import {
  around,
  bars,
  box,
  checkers,
  disc,
  ellipse,
  intersection,
  moved,
  outline,
  path,
  polygon,
  regular,
  type Shape,
  spiral,
  star,
  stroke,
  tiled,
  turned,
  union,
  waves,
  without,
} from './shapes.ts';

const plain =
  (make: (random: Generator) => Shape): Subject =>
  (random) => [[0, make(random)]];

/** A pattern over the whole picture, or inside a window of some form. */
const pattern =
  (make: (random: Generator) => Shape): Subject =>
  (random) => {
    const inside = turned(make(random), random.uniform(0, Math.PI));
    const windows = [disc(0, 0, 0.9), box(0, 0, 1.6, 1.6), regular(3, 1.2), ellipse(0, 0, 1.1, 0.7)];
    const window = windows[random.int(2 * windows.length)];
    return window
      ? [
          [1, window],
          [0, intersection(inside, window)],
        ]
      : [[0, inside]];
  };

/** Pen strokes, each x, y, x, y, …, with a width and a slant of their own. */
const letter = (...strokes: readonly (readonly number[])[]): Subject =>
  plain((r) => {
    const width = r.uniform(0.16, 0.32);
    const slant = r.uniform(-0.2, 0.2);
    return union(
      ...strokes.map((points) =>
        path(
          points.map((v, i) => (i % 2 ? v : v - slant * points[i + 1]!)),
          width,
        ),
      ),
    );
  });

/** The classes that the trunk was pretrained on. */
export const PRETRAINING_SUBJECTS: Subjects = {
  disc: plain((r) => disc(0, 0, r.uniform(0.5, 0.8))),
  ring: plain((r) => outline(disc(0, 0, r.uniform(0.5, 0.7)), r.uniform(0.12, 0.3))),
  square: plain((r) => turned(box(0, 0, r.uniform(1, 1.4), r.uniform(1, 1.4)), r.uniform(0, 1.6))),
  frame: plain((r) =>
    turned(outline(box(0, 0, r.uniform(1, 1.3), r.uniform(1, 1.3)), r.uniform(0.12, 0.28)), r.uniform(0, 1.6)),
  ),
  triangle: plain((r) => turned(regular(3, r.uniform(0.7, 0.95)), r.uniform(0, 2.1))),
  hexagon: plain((r) => outline(regular(6, r.uniform(0.6, 0.8)), r.uniform(0.1, 0.2))),
  star: plain((r) => star(5 + r.int(2), 0.9, r.uniform(0.34, 0.45))),
  burst: plain((r) => star(9 + r.int(6), 0.9, r.uniform(0.5, 0.65))),
  plus: plain((r) => around(4, stroke(0, 0, 0, 0.7, r.uniform(0.18, 0.36)))),
  heart: plain((r) => {
    const round = r.uniform(0.36, 0.42);
    return union(
      disc(-0.34, -0.25, round),
      disc(0.34, -0.25, round),
      polygon([-0.68, -0.06, 0.68, -0.06, 0, r.uniform(0.7, 0.9)]),
    );
  }),
  crescent: plain((r) => without(disc(0, 0, 0.8), disc(r.uniform(0.3, 0.45), 0, 0.7))),
  drop: plain((r) => union(disc(0, 0.25, 0.5), polygon([-0.45, 0.05, 0, -r.uniform(0.7, 0.95), 0.45, 0.05]))),
  arrow: plain((r) => {
    const head = r.uniform(0.4, 0.6);
    return turned(
      union(polygon([0.1, -head, 0.85, 0, 0.1, head]), box(-0.35, 0, 1, r.uniform(0.2, 0.36))),
      r.uniform(0, 6.3),
    );
  }),
  chevrons: plain((r) => {
    const width = r.uniform(0.14, 0.24);
    return union(...[-0.5, 0, 0.5].map((y) => path([-0.6, y + 0.25, 0, y - 0.25, 0.6, y + 0.25], width)));
  }),
  bolt: plain((r) =>
    polygon([0.3, -0.9, -0.45, 0.12, -0.02, 0.12, -r.uniform(0.2, 0.35), 0.9, 0.5, -0.18, 0.05, -0.18]),
  ),
  eye: (r) => {
    const lens = intersection(disc(0, 0.55, 0.98), disc(0, -0.55, 0.98));
    return [
      [3, lens],
      [0, disc(0, 0, r.uniform(0.26, 0.34))],
      [2, disc(0, 0, 0.14)],
    ];
  },
  target: (r) => {
    const step = r.uniform(0.2, 0.26);
    return [
      [0, disc(0, 0, 3.6 * step)],
      [3, disc(0, 0, 2.6 * step)],
      [0, disc(0, 0, 1.6 * step)],
      [3, disc(0, 0, 0.7 * step)],
    ];
  },
  face: (r) => [
    [0, disc(0, 0, r.uniform(0.7, 0.85))],
    [2, union(disc(-0.28, -0.2, 0.11), disc(0.28, -0.2, 0.11))],
    [2, intersection(outline(disc(0, 0.05, 0.42), 0.12), box(0, 0.45, 1, 0.5))],
  ],
  clock: (r) => {
    const hand = (length: number): Shape => turned(stroke(0, 0, 0, -length, 0.1), r.uniform(0, 6.3));
    return [
      [0, disc(0, 0, 0.8)],
      [3, disc(0, 0, 0.64)],
      [2, union(hand(0.5), hand(0.32))],
    ];
  },
  wheel: (r) => [
    [0, union(outline(disc(0, 0, 0.7), r.uniform(0.12, 0.2)), around(5 + r.int(4), stroke(0, 0, 0, 0.7, 0.09)))],
    [1, disc(0, 0, 0.18)],
  ],
  gear: (r) => [
    [0, without(union(disc(0, 0, 0.6), around(8, box(0, -0.62, 0.24, 0.36))), disc(0, 0, r.uniform(0.2, 0.34)))],
  ],
  sun: (r) => [
    [0, disc(0, 0, r.uniform(0.36, 0.46))],
    [0, around(8 + r.int(5), stroke(0, 0.62, 0, r.uniform(0.8, 0.95), 0.1))],
  ],
  key: (r) => [
    [
      0,
      union(
        outline(disc(-0.5, 0, 0.28), 0.17),
        box(0.25, 0, 1, 0.15),
        box(0.65, 0.17, 0.13, r.uniform(0.24, 0.34)),
        box(0.4, 0.15, 0.13, 0.26),
      ),
    ],
  ],
  cup: (r) => [
    [0, outline(ellipse(0.5, 0, 0.3, 0.28), 0.14)],
    [0, polygon([-0.55, -0.5, 0.5, -0.5, r.uniform(0.3, 0.45), 0.65, -0.4, 0.65])],
    [1, box(-0.03, -0.15, 0.95, r.uniform(0.14, 0.25))],
  ],
  bottle: (r) => [
    [0, union(box(0, 0.35, r.uniform(0.5, 0.7), 1), disc(0, -0.12, 0.27), box(0, -0.5, 0.22, 0.6))],
    [1, box(0, r.uniform(0.25, 0.45), 0.7, 0.36)],
    [2, box(0, -0.82, 0.28, 0.16)],
  ],
  flag: (r) => [
    [2, stroke(-0.55, -0.9, -0.55, 0.9, 0.1)],
    [0, box(0.08, -0.45, 1.2, 0.8)],
    [1, r.int(2) ? box(0.08, -0.45, 1.2, 0.26) : box(0.08, -0.45, 0.4, 0.8)],
  ],
  car: (r) => [
    [1, polygon([-0.5, -0.05, -0.3, -r.uniform(0.42, 0.55), 0.3, -0.45, 0.52, -0.05])],
    [0, box(0, 0.15, 1.7, r.uniform(0.36, 0.46))],
    [2, union(disc(-0.48, 0.38, 0.21), disc(0.48, 0.38, 0.21))],
    [3, union(disc(-0.48, 0.38, 0.09), disc(0.48, 0.38, 0.09))],
  ],
  balloon: (r) => [
    [2, path([0, 0.35, 0.08, 0.6, -0.06, 0.8, 0.04, 1], 0.06)],
    [0, union(ellipse(0, -0.2, r.uniform(0.45, 0.55), 0.62), polygon([-0.1, 0.5, 0, 0.36, 0.1, 0.5]))],
    [3, turned(ellipse(-0.15, -0.5, 0.08, 0.16), 0.4)],
  ],
  butterfly: (r) => {
    const wing = (side: number): Shape =>
      union(
        turned(ellipse(0.42 * side, -0.22, 0.42, 0.28), -0.5 * side),
        turned(ellipse(0.34 * side, 0.32, 0.3, 0.22), 0.5 * side),
      );
    return [
      [0, union(wing(1), wing(-1))],
      [1, union(disc(0.45, -0.35, r.uniform(0.08, 0.14)), disc(-0.45, -0.35, 0.11))],
      [2, ellipse(0, 0, 0.09, 0.5)],
    ];
  },
  cat: (r) => {
    const ear = r.uniform(0.75, 0.92);
    return [
      [
        0,
        union(
          ellipse(0, 0.1, 0.65, 0.55),
          polygon([-0.62, 0, -0.55, -ear, -0.1, -0.35]),
          polygon([0.62, 0, 0.55, -ear, 0.1, -0.35]),
        ),
      ],
      [3, union(ellipse(-0.26, 0, 0.12, 0.14), ellipse(0.26, 0, 0.12, 0.14))],
      [
        2,
        union(ellipse(-0.26, 0, 0.05, 0.12), ellipse(0.26, 0, 0.05, 0.12), polygon([-0.09, 0.25, 0.09, 0.25, 0, 0.36])),
      ],
    ];
  },
  rocket: (r) => [
    [1, polygon([-0.55, 0.65, -0.2, 0, 0.2, 0, 0.55, 0.65, 0.2, 0.5, -0.2, 0.5])],
    [0, intersection(disc(-0.55, 0, 0.9), disc(0.55, 0, 0.9), box(0, -0.15, 2, 1.4))],
    [3, disc(0, -0.15, r.uniform(0.12, 0.17))],
    [1, polygon([-0.15, 0.58, 0.15, 0.58, 0, 0.95])],
  ],
  lamp: (r) => [
    [2, union(box(0, 0.3, 0.1, 1), box(0, 0.82, 0.7, 0.14))],
    [0, polygon([-r.uniform(0.22, 0.36), -0.75, 0.28, -0.75, 0.65, 0, -0.65, 0])],
  ],
  envelope: (r) => {
    const [w, h] = [r.uniform(1.3, 1.6), r.uniform(0.85, 1.05)];
    return [
      [0, box(0, 0, w, h)],
      [2, path([-w / 2, -h / 2, 0, 0.1, w / 2, -h / 2], 0.09)],
      [2, outline(box(0, 0, w, h), 0.07)],
    ];
  },
  ladder: (r) => {
    const width = r.uniform(0.1, 0.16);
    return [
      [
        0,
        union(
          stroke(-0.4, -0.9, -0.4, 0.9, width),
          stroke(0.4, -0.9, 0.4, 0.9, width),
          ...[-0.6, -0.2, 0.2, 0.6].map((y) => stroke(-0.4, y, 0.4, y, width)),
        ),
      ],
    ];
  },
  hourglass: (r) => [
    [0, union(polygon([-0.55, -0.75, 0.55, -0.75, 0, 0.08]), polygon([-0.55, 0.75, 0.55, 0.75, 0, -0.08]))],
    [1, union(box(0, -0.8, 1.3, r.uniform(0.13, 0.2)), box(0, 0.8, 1.3, 0.16))],
  ],
  umbrella: (r) => [
    [
      2,
      union(
        stroke(0, -0.2, 0, 0.7, 0.08),
        intersection(outline(disc(0.15, 0.68, 0.15), 0.08), box(0.15, 0.85, 0.6, 0.34)),
      ),
    ],
    [
      0,
      without(
        intersection(disc(0, 0, 0.85), box(0, -0.5, 2, 1)),
        union(...[-0.57, 0, 0.57].map((x) => ellipse(x, 0.02, 0.27, r.uniform(0.1, 0.2)))),
      ),
    ],
  ],
  glasses: (r) => [
    [
      0,
      union(
        outline(disc(-0.45, 0, 0.34), r.uniform(0.1, 0.16)),
        outline(disc(0.45, 0, 0.34), 0.13),
        stroke(-0.14, -0.06, 0.14, -0.06, 0.1),
        stroke(-0.78, -0.1, -0.95, -0.3, 0.1),
        stroke(0.78, -0.1, 0.95, -0.3, 0.1),
      ),
    ],
  ],
  snowman: (r) => [
    [3, union(disc(0, 0.45, r.uniform(0.42, 0.5)), disc(0, -0.2, 0.34), disc(0, -0.62, 0.24))],
    [
      2,
      union(
        box(0, -0.82, 0.56, 0.08),
        box(0, -0.95, 0.34, 0.26),
        disc(-0.08, -0.64, 0.05),
        disc(0.08, -0.64, 0.05),
        disc(0, -0.2, 0.05),
        disc(0, 0.05, 0.05),
        disc(0, 0.4, 0.05),
      ),
    ],
  ],
  bird: (r) => [
    [1, polygon([-0.45, 0.1, -0.95, -0.05, -0.9, 0.25])],
    [0, union(ellipse(-0.1, 0.15, 0.5, 0.34), disc(0.38, -0.25, 0.26))],
    [1, turned(ellipse(-0.15, 0.12, 0.3, r.uniform(0.12, 0.18)), -0.3)],
    [
      2,
      union(
        polygon([0.6, -0.34, 0.92, -0.22, 0.6, -0.14]),
        disc(0.44, -0.3, 0.06),
        stroke(-0.1, 0.45, -0.1, 0.8, 0.06),
        stroke(0.1, 0.45, 0.1, 0.8, 0.06),
      ),
    ],
  ],
  cherries: (r) => [
    [2, union(stroke(-0.35, 0.3, 0.15, -0.7, 0.07), stroke(0.4, 0.35, 0.15, -0.7, 0.07))],
    [0, union(disc(-0.38, 0.42, r.uniform(0.27, 0.34)), disc(0.42, 0.48, 0.3))],
    [1, turned(ellipse(0.35, -0.75, 0.28, 0.13), 0.3)],
  ],
  letterT: letter([-0.55, -0.7, 0.55, -0.7], [0, -0.7, 0, 0.75]),
  letterH: letter([-0.5, -0.75, -0.5, 0.75], [0.5, -0.75, 0.5, 0.75], [-0.5, 0, 0.5, 0]),
  letterS: letter([0.5, -0.7, -0.5, -0.7, -0.5, 0, 0.5, 0, 0.5, 0.7, -0.5, 0.7]),
  letterK: letter([-0.45, -0.75, -0.45, 0.75], [0.5, -0.7, -0.4, 0.05, 0.55, 0.75]),
  letterA: letter([-0.6, 0.75, 0, -0.75, 0.6, 0.75], [-0.35, 0.2, 0.35, 0.2]),
  stripes: pattern((r) => bars(r.uniform(0.25, 0.6), r.uniform(0.35, 0.6))),
  checkers: pattern((r) => checkers(r.uniform(0.2, 0.42))),
  dots: pattern((r) => {
    const gap = r.uniform(0.32, 0.6);
    return tiled(gap, disc(0, 0, gap * r.uniform(0.22, 0.36)));
  }),
  grid: pattern((r) => {
    const gap = r.uniform(0.3, 0.55);
    return tiled(gap, around(2, box(0, 0, 2, gap * r.uniform(0.15, 0.3))));
  }),
  waves: pattern((r) => waves(r.uniform(0.3, 0.5), r.uniform(0.35, 0.55), r.uniform(0.1, 0.2))),
  bricks: pattern((r) => {
    const gap = r.uniform(0.32, 0.5);
    const brick = (dx: number, dy: number): Shape => moved(tiled(2 * gap, box(0, 0, 1.75 * gap, 0.8 * gap)), dx, dy);
    return union(brick(0, 0), brick(gap, gap));
  }),
  spiral: plain((r) => turned(spiral(r.uniform(0.3, 0.42), r.uniform(0.12, 0.18), 0.9), r.uniform(0, 6.3))),
};
