/** The two forms of a picture on the host: 8-bit RGB as decoded, and float [C, H, W] as a network reads it. */
import { ArgumentError } from '../../core/errors.ts';

/** A decoded picture: 8-bit RGB, row by row, three bytes a pixel ([height, width, 3]). */
export interface RgbImage {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
}

/** A picture as a network reads it: float32 in planes, shape [channels, height, width]. */
export interface FloatImage {
  readonly data: Float32Array;
  readonly shape: readonly [number, number, number];
}

/** A rectangle of pixels; (x, y) is its upper left corner. */
export interface Rectangle {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export function isRgb(image: RgbImage | FloatImage): image is RgbImage {
  return image.data instanceof Uint8Array;
}

/** The 8-bit image that `transform` needs. @throws ArgumentError where it was already turned into floats. */
export function expectRgb(transform: string, image: RgbImage | FloatImage): RgbImage {
  if (isRgb(image)) return image;
  throw new ArgumentError(
    `${transform}: expected an 8-bit image, got floats [${image.shape.join(', ')}]. Put ${transform} before ToTensor.`,
  );
}

/** Cuts `window` out; parts of it outside the image are filled with `fill` (0 is black). */
export function crop(image: RgbImage, window: Rectangle, fill = 0): RgbImage {
  const { x, y, width, height } = window;
  const data = new Uint8Array(width * height * 3);
  if (fill !== 0) data.fill(fill);
  const left = Math.max(0, x);
  const right = Math.min(image.width, x + width);
  const bottom = Math.min(image.height, y + height);
  for (let row = Math.max(0, y); row < bottom && left < right; row++) {
    const from = (row * image.width + left) * 3;
    data.set(image.data.subarray(from, from + (right - left) * 3), ((row - y) * width + left - x) * 3);
  }
  return { data, width, height };
}

/** Mirrors left and right. */
export function flipHorizontal({ data, width, height }: RgbImage): RgbImage {
  const out = new Uint8Array(data.length);
  for (let y = 0; y < height; y++) {
    let from = (y * width + width - 1) * 3;
    let to = y * width * 3;
    for (let x = 0; x < width; x++, from -= 3, to += 3) {
      out[to] = data[from]!;
      out[to + 1] = data[from + 1]!;
      out[to + 2] = data[from + 2]!;
    }
  }
  return { data: out, width, height };
}
