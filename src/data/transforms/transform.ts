/** What a transform is: a pure function of an image and a random stream, that can be printed, saved and read back. */
import { ArgumentError } from '../../core/errors.ts';
import type { Generator } from '../../core/random.ts';
import type { FloatImage, RgbImage } from '../images/image.ts';
import type { Orientation } from '../images/orientation.ts';

/** A transform as data: its class name and its options. */
export interface TransformJSON {
  readonly name: string;
  readonly [option: string]: unknown;
}

/**
 * The base of every transform. Names, defaults and results are torchvision's (on PIL images, so resizing is antialiased);
 * random ones draw from the stream they are given, so that a sample depends on its seed alone and not on the order of loading.
 * A class of your own extends this; without an entry in {@link transformFromJSON} it can be used but not saved with a model.
 */
export abstract class Transform {
  /** The class name, as saved. */
  abstract readonly name: string;
  /** Whether it draws from the random stream: if not, an image has one view only. */
  readonly random: boolean = false;
  /** How images are to be decoded for it. */
  readonly orientation: Orientation = 'exif';

  /** The transformed image; the given one is left as it is. */
  abstract apply(image: RgbImage | FloatImage, random: Generator): RgbImage | FloatImage;

  /** The options that make it again. */
  abstract options(): Record<string, unknown>;

  /** Name and options, for {@link transformFromJSON}. */
  toJSON(): TransformJSON {
    return { name: this.name, ...this.options() };
  }

  /** `Resize(size=256, interpolation=bilinear, antialias=true)` */
  toString(): string {
    const text = (v: unknown): string => (Array.isArray(v) ? `[${v.map(text).join(', ')}]` : String(v));
    return `${this.name}(${Object.entries(this.options())
      .map(([k, v]) => `${k}=${text(v)}`)
      .join(', ')})`;
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString();
  }
}

/** One number for both sides, or [height, width]. */
export type Size = number | readonly [number, number];

/** @throws ArgumentError unless `size` is an integer from 1 to 65535 or a pair of them, and the image not too large. */
export function checkSize(transform: string, size: Size): Size {
  const ok = (n: unknown) => Number.isInteger(n) && (n as number) > 0 && (n as number) <= 65535;
  if (ok(size) || (Array.isArray(size) && size.length === 2 && size.every(ok))) {
    checkOutput(transform, ...sidesOf(size));
    return size;
  }
  throw new ArgumentError(
    `${transform}: size must be an integer from 1 to 65535 or [height, width] of them, got ${JSON.stringify(size) ?? size}.`,
  );
}

/** Pixels that a transform may make: a saved model is data from somewhere, and a network's input is smaller. */
const MAX_OUTPUT = 1 << 25;

/** @throws ArgumentError for a result of too many pixels. */
export function checkOutput(transform: string, height: number, width: number): void {
  if (height * width <= MAX_OUTPUT) return;
  throw new ArgumentError(
    `${transform}: makes an image of ${height} x ${width}; expected at most ${MAX_OUTPUT.toLocaleString('en')} pixels. Choose a smaller size.`,
  );
}

export function sidesOf(size: Size): readonly [height: number, width: number] {
  return typeof size === 'number' ? [size, size] : size;
}

/** @throws ArgumentError unless `fill` is a level. */
export function checkFill(transform: string, fill: number): number {
  if (Number.isInteger(fill) && fill >= 0 && fill <= 255) return fill;
  throw new ArgumentError(`${transform}: fill must be an integer, 0 to 255, got ${JSON.stringify(fill) ?? fill}.`);
}

/** Python's `round`: halves go to the even neighbour. */
export function roundHalfEven(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 !== 0) ? floor + 1 : floor;
}

/** @throws ArgumentError unless `range` is two numbers in order, within the bounds. */
export function checkRange(
  transform: string,
  option: string,
  range: readonly number[],
  low: number,
  high: number = Number.POSITIVE_INFINITY,
): readonly [number, number] {
  const [a, b] = Array.isArray(range) && range.every((n) => typeof n === 'number') ? (range as number[]) : [];
  if (range?.length === 2 && a! >= low && a! <= b! && b! <= high) return [a!, b!];
  const bounds = high === Number.POSITIVE_INFINITY ? `${low} or more` : `between ${low} and ${high}`;
  throw new ArgumentError(
    `${transform}: ${option} must be [from, to], ${bounds}, got ${JSON.stringify(range) ?? range}.`,
  );
}
