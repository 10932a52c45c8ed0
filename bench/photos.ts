/** Pictures to load: as large as a small photo and as costly to decode, made here so that the bench needs no files. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Generator } from '../src/core/random.ts';
import { concurrently } from '../src/data/concurrently.ts';
import { type RgbImage, writeImage } from '../src/data/index.ts';

const WIDTH = 500;
const HEIGHT = 375;
const CLASSES = ['ants', 'bees'];

/** Side of the texture that all pictures are cut from; a power of two. */
const SIDE = 1024;

/** Smooth noise of several scales, as light falls on leaves and gravel: SIDE x SIDE values around 0. */
function texture(random: Generator): Float32Array {
  const values = new Float32Array(SIDE * SIDE);
  for (let cell = 256, height = 64; cell >= 1; cell /= 2, height *= 0.8) {
    const cells = SIDE / cell;
    const knots = Float32Array.from({ length: cells * cells }, () => random.uniform(-height, height));
    for (let y = 0, i = 0; y < SIDE; y++) {
      const row = Math.floor(y / cell);
      const below = (row + 1) % cells;
      const v = (y % cell) / cell;
      for (let x = 0; x < SIDE; x++, i++) {
        const column = Math.floor(x / cell);
        const right = (column + 1) % cells;
        const u = (x % cell) / cell;
        const top = knots[row * cells + column]! * (1 - u) + knots[row * cells + right]! * u;
        const bottom = knots[below * cells + column]! * (1 - u) + knots[below * cells + right]! * u;
        values[i]! += top * (1 - v) + bottom * v;
      }
    }
  }
  return values;
}

/** A piece of the texture under a light and in a colour of its own. */
function picture(light: Float32Array, random: Generator): RgbImage {
  const [left, top] = [random.int(SIDE), random.int(SIDE)];
  const tint = [0, 1, 2].map(() => random.uniform(0.5, 1));
  const data = new Uint8ClampedArray(WIDTH * HEIGHT * 3);
  for (let y = 0, to = 0; y < HEIGHT; y++) {
    const sky = 170 - (80 * y) / HEIGHT;
    const row = ((top + y) % SIDE) * SIDE;
    for (let x = 0; x < WIDTH; x++) {
      const level = sky + light[row + ((left + x) % SIDE)]!;
      for (let c = 0; c < 3; c++) data[to++] = level * tint[c]!;
    }
  }
  return { data: new Uint8Array(data.buffer), width: WIDTH, height: HEIGHT };
}

/** Writes `count` JPEGs of 500 x 375, the same each time, into two classes' folders below `folder`. */
export async function writePhotos(folder: string, count: number): Promise<void> {
  const random = new Generator(1);
  const light = texture(random);
  for (const name of CLASSES) await mkdir(join(folder, name), { recursive: true });
  const names = Array.from({ length: count }, (_, k) => join(folder, CLASSES[k % CLASSES.length]!, `${k}.jpg`));
  await concurrently(4, names, (path) => writeImage(path, picture(light, random)));
}
