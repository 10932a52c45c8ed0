/** Paints a scene: a subject of a few shapes, with its own colours, place, turn and light, on a background of its own. */
import type { Generator } from 'regraft';
import type { Shape } from './shapes.ts';

/** A shape and which of the picture's colours it has: 0 the subject's, 1 a second one, 2 a dark, 3 a light one. */
export type Layer = readonly [tone: 0 | 1 | 2 | 3, shape: Shape];

/** What is drawn, with its own variation: later layers lie over earlier ones. */
export type Subject = (random: Generator) => Layer[];

/** A drawing routine for each class. */
export type Subjects = Readonly<Record<string, Subject>>;

export interface Picture {
  /** RGB, 8 bits, row by row. */
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
}

type Colour = readonly [number, number, number];

/** Side of a picture, in pixels. */
export const SIDE = 64;

/** A square picture; the same subject and generator state give the same bytes. */
export function draw(subject: Subject, random: Generator): Picture {
  const layers = subject(random);
  const ground = background(random);
  const palette = coloursBeside(ground.mean, random);
  const size = random.uniform(0.6, 0.95);
  const [cx, cy] = [random.uniform(-0.22, 0.22), random.uniform(-0.22, 0.22)];
  const angle = random.uniform(-0.6, 0.6);
  const [cos, sin] = [Math.cos(angle) / size, Math.sin(angle) / size];
  const mirror = random.int(2) ? -1 : 1;
  const squeeze = random.uniform(0.85, 1.15);
  const lightFrom = random.uniform(0, 2 * Math.PI);
  const [lightX, lightY] = [0.2 * Math.cos(lightFrom), 0.2 * Math.sin(lightFrom)];
  const grain = random.uniform(0, 0.05);
  const cover = occluder(random);
  const data = new Uint8Array(SIDE * SIDE * 3);
  // Objects are drawn in units of half a picture; an edge is one pixel wide.
  const edge = (size * SIDE) / 2;

  for (let row = 0, at = 0; row < SIDE; row++) {
    for (let column = 0; column < SIDE; column++, at += 3) {
      const [u, v] = [(column + 0.5) / (SIDE / 2) - 1, (row + 0.5) / (SIDE / 2) - 1];
      const x = mirror * squeeze * (cos * (u - cx) + sin * (v - cy));
      const y = cos * (v - cy) - sin * (u - cx);
      const light = 1 + lightX * u + lightY * v;
      let [r, g, b] = ground.at(u, v);
      for (const [tone, shape] of layers) {
        const share = Math.max(0, Math.min(1, 0.5 - shape(x, y) * edge));
        const [lr, lg, lb] = palette[tone]!;
        r += share * (lr - r);
        g += share * (lg - g);
        b += share * (lb - b);
      }
      const covered = cover.share(u, v);
      const noise = grain * random.normal();
      const [kr, kg, kb] = cover.colour;
      data[at] = 255 * clamp((r + covered * (kr - r)) * light + noise) + 0.5;
      data[at + 1] = 255 * clamp((g + covered * (kg - g)) * light + noise) + 0.5;
      data[at + 2] = 255 * clamp((b + covered * (kb - b)) * light + noise) + 0.5;
    }
  }
  return { data, width: SIDE, height: SIDE };
}

/** A slope from one colour to another, with clouds or faint bars over it. */
function background(random: Generator): { mean: Colour; at: (u: number, v: number) => [number, number, number] } {
  const from = anyColour(random);
  const to = from.map((c) => clamp(c + random.uniform(-0.2, 0.2))) as unknown as Colour;
  const angle = random.uniform(0, 2 * Math.PI);
  const [ax, ay] = [Math.cos(angle) / 2, Math.sin(angle) / 2];
  const strength = random.uniform(0, 0.25);
  const texture = random.int(3) === 0 ? faintBars(random) : clouds(random);
  const at = (u: number, v: number): [number, number, number] => {
    const t = clamp(0.5 + ax * u + ay * v);
    const shade = strength * (texture(u, v) - 0.5);
    return [
      from[0] + t * (to[0] - from[0]) + shade,
      from[1] + t * (to[1] - from[1]) + shade,
      from[2] + t * (to[2] - from[2]) + shade,
    ];
  };
  return { mean: from.map((c, i) => (c + to[i]!) / 2) as unknown as Colour, at };
}

/** Smooth noise, 0 to 1: random values on a coarse grid, blended between its points. */
function clouds(random: Generator): (u: number, v: number) => number {
  const cells = 3 + random.int(7);
  const grid = Float64Array.from({ length: (cells + 1) ** 2 }, () => random.uniform());
  return (u, v) => {
    const [x, y] = [((u + 1) / 2) * (cells - 1e-6), ((v + 1) / 2) * (cells - 1e-6)];
    const [i, j] = [Math.floor(x), Math.floor(y)];
    const [s, t] = [smooth(x - i), smooth(y - j)];
    const value = (p: number, q: number) => grid[q * (cells + 1) + p]!;
    const top = value(i, j) + s * (value(i + 1, j) - value(i, j));
    const bottom = value(i, j + 1) + s * (value(i + 1, j + 1) - value(i, j + 1));
    return top + t * (bottom - top);
  };
}

function faintBars(random: Generator): (u: number, v: number) => number {
  const angle = random.uniform(0, Math.PI);
  const [ax, ay] = [Math.cos(angle), Math.sin(angle)];
  const rate = random.uniform(6, 25);
  return (u, v) => 0.5 + 0.3 * Math.sin(rate * (ax * u + ay * v));
}

/** In one picture of four, something lies over a margin of it. */
function occluder(random: Generator): { colour: Colour; share: (u: number, v: number) => number } {
  const colour = anyColour(random);
  const angle = random.uniform(0, 2 * Math.PI);
  const [ax, ay] = [Math.cos(angle), Math.sin(angle)];
  const from = random.int(4) === 0 ? random.uniform(0.55, 0.9) : 9;
  return { colour, share: (u, v) => clamp(0.5 + ((ax * u + ay * v - from) * SIDE) / 2) };
}

/** Four colours (see {@link Layer}), of which the first two stand out from the background. */
function coloursBeside(ground: Colour, random: Generator): Colour[] {
  const standOut = (other: readonly Colour[]): Colour => {
    for (let tries = 0; ; tries++) {
      const colour = anyColour(random);
      if (tries > 50 || other.every((o) => difference(colour, o) > 0.3)) return colour;
    }
  };
  const first = standOut([ground]);
  const second = standOut([ground, first]);
  const dark = random.uniform(0.05, 0.2);
  const light = random.uniform(0.8, 0.95);
  return [first, second, [dark, dark, dark * 1.2], [light, light, light * 0.95]];
}

/** As the eye weighs them: lightness counts most. */
function difference(a: Colour, b: Colour): number {
  const [r, g, l] = [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
  return Math.abs(0.3 * r + 0.59 * g + 0.11 * l) + 0.25 * Math.hypot(r, g, l);
}

/** Any hue, from pale to strong, from dark to light. */
function anyColour(random: Generator): Colour {
  const hue = random.uniform(0, 6);
  const lightness = random.uniform(0.15, 0.9);
  const strength = random.uniform(0.1, 0.9) * Math.min(lightness, 1 - lightness);
  const channel = (offset: number) => {
    const k = (hue + offset) % 6;
    return lightness - strength * Math.max(-1, Math.min(2 * k - 3, 9 - 2 * k, 1));
  };
  return [channel(0), channel(4), channel(2)];
}

const clamp = (value: number) => Math.max(0, Math.min(1, value));
const smooth = (t: number) => t * t * (3 - 2 * t);
