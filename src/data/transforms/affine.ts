/** Affine maps of 8-bit RGB images, equal to Pillow's `Image.transform` and `Image.rotate` level for level: shear, shift, rotation. */
import type { RgbImage } from '../images/image.ts';
import type { Interpolation } from './resample.ts';

/** [a, b, c, d, e, f]: the pixel at (x, y) of the result comes from (a x + b y + c, d x + e y + f) of the source. */
export type AffineMatrix = readonly [a: number, b: number, c: number, d: number, e: number, f: number];

/** How pixels between pixels are found, and the level of those from outside the image. */
export interface AffineOptions {
  readonly interpolation: Interpolation;
  readonly fill: number;
}

/** The map that shifts an image by whole pixels, to the right and down. */
export const translation = (x: number, y: number): AffineMatrix => [1, 0, -x, 0, 1, -y];

/** The map that shears an image about its upper left corner: rows by `x`, columns by `y` pixels a pixel. */
export function shear(x: number, y: number): AffineMatrix {
  // By way of degrees, as in torchvision: the last bit decides where a position falls on an edge.
  const [across, down] = [x, y].map((slope) => Math.tan(Math.atan(slope) * (180 / Math.PI) * (Math.PI / 180)));
  return [1, across!, 0, down!, 1, 0];
}

/** The map that turns an image about its middle, counterclockwise. */
export function rotation(degrees: number, { width, height }: Pick<RgbImage, 'width' | 'height'>): AffineMatrix {
  // A full turn is taken off first and 15 digits are kept, so that a quarter is one exactly.
  const angle = -(((degrees % 360) + 360) % 360) * (Math.PI / 180);
  const digits = (value: number) => Number(value.toFixed(15));
  const [cos, sin] = [digits(Math.cos(angle)), digits(Math.sin(angle))];
  const [x, y] = [width / 2, height / 2];
  return [cos, sin, cos * -x + sin * -y + x, -sin, cos, -sin * -x + cos * -y + y];
}

/** The image under a map, in its own size. */
export function affine(image: RgbImage, matrix: AffineMatrix, { interpolation, fill }: AffineOptions): RgbImage {
  const out = { ...image, data: new Uint8Array(image.data.length).fill(fill) };
  if (interpolation === 'nearest') nearest(image, out, matrix);
  else between(image, out, matrix, interpolation === 'bilinear' ? bilinear : bicubic);
  return out;
}

/** Positions with 16 fractional bits, added up along rows and columns: where they fall on an edge, that rounding decides. */
function nearest({ data, width, height }: RgbImage, out: RgbImage, [a, b, c, d, e, f]: AffineMatrix): void {
  const fixed = (value: number) => Math.floor(value * 65536 + 0.5);
  const [right, below] = [fixed(a), fixed(d)];
  let [rowX, rowY] = [fixed(c + a * 0.5 + b * 0.5), fixed(f + d * 0.5 + e * 0.5)];
  for (let to = 0; to < data.length; rowX += fixed(b), rowY += fixed(e)) {
    for (let i = 0, x = rowX, y = rowY; i < width; i++, to += 3, x += right, y += below) {
      const [column, row] = [Math.floor(x / 65536), Math.floor(y / 65536)];
      if (column < 0 || column >= width || row < 0 || row >= height) continue;
      const from = (row * width + column) * 3;
      for (let k = 0; k < 3; k++) out.data[to + k] = data[from + k]!;
    }
  }
}

/** Weights a row of neighbours, from the one `before` the position on; `at` is how far it lies beyond the next. */
interface Filter {
  readonly before: number;
  readonly taps: number;
  value(v: Float64Array, at: number): number;
}

const bilinear: Filter = { before: 0, taps: 2, value: (v, at) => v[0]! + (v[1]! - v[0]!) * at };

/** Keys' cubic with a = -1. */
const bicubic: Filter = {
  before: 1,
  taps: 4,
  value(v, at) {
    const cube = -v[0]! + v[1]! - v[2]! + v[3]!;
    const square = 2 * (v[0]! - v[1]!) + v[2]! - v[3]!;
    return v[1]! + at * (-v[0]! + v[2]! + at * (square + at * cube));
  },
};

/** Neighbours outside the image are the nearest inside. */
function between(
  { data, width, height }: RgbImage,
  out: RgbImage,
  [a, b, c, d, e, f]: AffineMatrix,
  { before, taps, value }: Filter,
): void {
  const inside = (at: number, length: number) => (at < 0 ? 0 : at < length ? at : length - 1);
  const [rows, columns] = [new Int32Array(taps), new Int32Array(taps)];
  const [line, column] = [new Float64Array(taps), new Float64Array(taps)];
  for (let y = 0, to = 0; y < height; y++) {
    for (let x = 0; x < width; x++, to += 3) {
      const fromX = a * (x + 0.5) + b * (y + 0.5) + c;
      const fromY = d * (x + 0.5) + e * (y + 0.5) + f;
      if (fromX < 0 || fromX >= width || fromY < 0 || fromY >= height) continue;
      const left = Math.floor(fromX - 0.5);
      const top = Math.floor(fromY - 0.5);
      for (let i = 0; i < taps; i++) {
        rows[i] = inside(top - before + i, height) * width * 3;
        columns[i] = inside(left - before + i, width) * 3;
      }
      for (let k = 0; k < 3; k++) {
        for (let j = 0; j < taps; j++) {
          for (let i = 0; i < taps; i++) line[i] = data[rows[j]! + columns[i]! + k]!;
          column[j] = value(line, fromX - 0.5 - left);
        }
        out.data[to + k] = Math.max(0, Math.min(255, value(column, fromY - 0.5 - top)));
      }
    }
  }
}
