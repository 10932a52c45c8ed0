/** Scenes of disks, squares and triangles on a speckled ground, and the class of each pixel. */
import type { Generator } from 'regraft';

/** The classes in the order of their labels. */
export const CLASSES = ['ground', 'disk', 'square', 'triangle'] as const;
/** The colour of each in masks. */
export const COLOURS = [
  [0, 0, 0],
  [220, 60, 60],
  [60, 180, 75],
  [60, 90, 220],
] as const;

/** Side of a picture, in pixels. */
export const SIDE = 48;

/** A picture, RGB row by row. */
export interface Picture {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
}

/** Whether a place, from the shape's middle and in its radii, is inside of it. */
const INSIDE: readonly ((x: number, y: number) => boolean)[] = [
  () => false,
  (x, y) => x * x + y * y < 1,
  (x, y) => Math.max(Math.abs(x), Math.abs(y)) < 0.85,
  (x, y) => y < 0.8 && y > 1.9 * Math.abs(x) - 0.95,
];

/** The colours that shapes of a class are painted in, each a little different. */
const PAINT = [
  [0, 0, 0],
  [190, 120, 80],
  [110, 170, 90],
  [100, 110, 180],
] as const;

/** Two to four shapes, in any place, one over the other. */
export function drawScene(random: Generator): { readonly picture: Picture; readonly labels: Uint8Array } {
  const labels = new Uint8Array(SIDE * SIDE);
  const data = new Uint8Array(3 * labels.length);
  const dark = random.uniform(20, 90);
  const ground = [dark, dark + random.uniform(-15, 15), dark + random.uniform(-15, 15)];
  for (let i = 0; i < data.length; i++) data[i] = ground[i % 3]! + random.uniform(-18, 18);
  for (let shapes = 2 + random.int(3); shapes > 0; shapes--) {
    const label = 1 + random.int(3);
    const radius = random.uniform(6, 11);
    const [cx, cy] = [random.uniform(8, SIDE - 8), random.uniform(8, SIDE - 8)];
    const light = random.uniform(-25, 40);
    const colour = PAINT[label]!.map((value) => value + light + random.uniform(-20, 20));
    for (let at = 0; at < labels.length; at++) {
      const [x, y] = [((at % SIDE) - cx) / radius, (Math.floor(at / SIDE) - cy) / radius];
      if (!INSIDE[label]!(x, y)) continue;
      labels[at] = label;
      for (let c = 0; c < 3; c++) data[3 * at + c] = Math.min(255, colour[c]! + random.uniform(0, 12));
    }
  }
  return { picture: { data, width: SIDE, height: SIDE }, labels };
}

/** Labels as a picture in the colours of their classes. */
export function maskPicture(labels: Uint8Array): Picture {
  const data = new Uint8Array(3 * labels.length);
  labels.forEach((label, at) => {
    data.set(COLOURS[label]!, 3 * at);
  });
  return { data, width: SIDE, height: SIDE };
}
