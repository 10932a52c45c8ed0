/** Transforms that move pixels: resizing, cropping, mirroring. */
import { check, within } from '../../core/check.ts';
import { ArgumentError } from '../../core/errors.ts';
import { checkNumber, checkOptions, type OptionNames } from '../../core/options.ts';
import type { Generator } from '../../core/random.ts';
import { crop, expectRgb, type FloatImage, flipHorizontal, type Rectangle, type RgbImage } from '../images/image.ts';
import { checkInterpolation, type Interpolation, resample } from './resample.ts';
import {
  checkFill,
  checkOutput,
  checkRange,
  checkSize,
  roundHalfEven,
  type Size,
  sidesOf,
  Transform,
} from './transform.ts';

/** Options of {@link Resize}. */
export interface ResizeOptions {
  /** Default 'bilinear'. */
  interpolation?: Interpolation;
  /** Default true. torchvision's PIL images are always antialiased; false is its plain interpolation of tensors. */
  antialias?: boolean;
}

const RESIZE: OptionNames<ResizeOptions> = { interpolation: true, antialias: true };

/** Resizes: a number is the shorter side's new length (the ratio stays), a pair is [height, width]. */
export class Resize extends Transform {
  readonly name: string = 'Resize';
  readonly size: Size;
  readonly interpolation: Interpolation;
  readonly antialias: boolean;

  constructor(size: Size, options: ResizeOptions = {}) {
    super();
    checkOptions('Resize', options, RESIZE);
    const { interpolation = 'bilinear', antialias = true } = options;
    this.size = checkSize('Resize', size);
    this.interpolation = checkInterpolation('Resize', interpolation);
    this.antialias = antialias;
  }

  /** The new [height, width] of an image of this size. */
  outputSize(height: number, width: number): readonly [number, number] {
    if (typeof this.size !== 'number') return this.size;
    const long = Math.max(1, Math.trunc((this.size * Math.max(width, height)) / Math.min(width, height)));
    return width <= height ? [long, this.size] : [this.size, long];
  }

  /**
   * The image in its new size.
   * @param window the part of the result that is needed: the rest is not computed
   */
  apply(
    image: RgbImage | FloatImage,
    _random?: Generator,
    window?: (height: number, width: number) => Rectangle,
  ): RgbImage {
    const rgb = expectRgb(this.name, image);
    const [height, width] = this.outputSize(rgb.height, rgb.width);
    const output = window?.(height, width) ?? { x: 0, y: 0, width, height };
    // Rows are made first, as many as the image has.
    for (const rows of [output.height, rgb.height]) checkOutput(this.name, rows, output.width);
    checkOutput(this.name, 1, Math.max(height, width));
    const { interpolation, antialias } = this;
    return resample(rgb, width, height, { interpolation, antialias, output });
  }

  options(): Record<string, unknown> {
    return { size: this.size, interpolation: this.interpolation, antialias: this.antialias };
  }
}

/** Cuts out the middle; an image smaller than that is padded with black, as in torchvision. */
export class CenterCrop extends Transform {
  readonly name: string = 'CenterCrop';
  readonly size: Size;

  constructor(size: Size) {
    super();
    this.size = checkSize('CenterCrop', size);
  }

  /** Where the crop lies in an image of this size; it may reach beyond the edges. */
  window(height: number, width: number): Rectangle {
    const [h, w] = sidesOf(this.size);
    // Padding goes half before and half after, the odd pixel after; cropping rounds halves to even.
    const start = (have: number, want: number) =>
      want > have ? -Math.floor((want - have) / 2) : roundHalfEven((have - want) / 2);
    return { x: start(width, w), y: start(height, h), width: w, height: h };
  }

  apply(image: RgbImage | FloatImage): RgbImage {
    const rgb = expectRgb(this.name, image);
    return crop(rgb, this.window(rgb.height, rgb.width));
  }

  options(): Record<string, unknown> {
    return { size: this.size };
  }
}

/** Options of {@link RandomCrop}. */
export interface RandomCropOptions {
  /** Pixels added around before cropping: one number, [left and right, top and bottom], or [left, top, right, bottom]. Default 0. */
  padding?: number | readonly number[];
  /** Pad an image that is smaller than the crop, on both sides. Default false. */
  padIfNeeded?: boolean;
  /** The level of the padding, 0 to 255. Default 0. */
  fill?: number;
}

/** Cuts out a piece anywhere. @throws ArgumentError on an image smaller than the piece, unless `padIfNeeded`. */
export class RandomCrop extends Transform {
  readonly name: string = 'RandomCrop';
  override readonly random: boolean = true;
  readonly size: Size;
  readonly padding: number | readonly number[];
  readonly padIfNeeded: boolean;
  readonly fill: number;

  constructor(size: Size, options: RandomCropOptions = {}) {
    super();
    checkOptions('RandomCrop', options, { padding: true, padIfNeeded: true, fill: true });
    const { padding = 0, padIfNeeded = false, fill = 0 } = options;
    this.size = checkSize('RandomCrop', size);
    const sides = Array.isArray(padding) ? (padding as readonly number[]) : [padding as number];
    if (![1, 2, 4].includes(sides.length) || !sides.every((p) => Number.isInteger(p) && p >= 0 && p <= 65535))
      throw new ArgumentError(
        `RandomCrop: padding must be one, two or four integers, 0 or more, got ${JSON.stringify(padding)}.`,
      );
    this.padding = padding;
    this.padIfNeeded = padIfNeeded;
    this.fill = checkFill('RandomCrop', fill);
  }

  apply(image: RgbImage | FloatImage, random: Generator): RgbImage {
    const rgb = expectRgb(this.name, image);
    const [height, width] = sidesOf(this.size);
    const p = typeof this.padding === 'number' ? [this.padding] : this.padding;
    const [left, top, right, bottom] = p.length === 4 ? p : [p[0]!, p[1] ?? p[0]!, p[0]!, p[1] ?? p[0]!];
    const along = (have: number, before: number, after: number, want: number): number => {
      const lack = this.padIfNeeded ? Math.max(0, want - (have + before + after)) : 0;
      const room = have + before + after + 2 * lack - want;
      if (room < 0)
        throw new ArgumentError(
          `RandomCrop: expected an image of at least ${height} x ${width}, got ${rgb.height} x ${rgb.width}. Pass { padIfNeeded: true } or put Resize before it.`,
        );
      return random.int(room + 1) - before - lack;
    };
    const y = along(rgb.height, top!, bottom!, height);
    const x = along(rgb.width, left!, right!, width);
    return crop(rgb, { x, y, width, height }, this.fill);
  }

  options(): Record<string, unknown> {
    return { size: this.size, padding: this.padding, padIfNeeded: this.padIfNeeded, fill: this.fill };
  }
}

/** Options of {@link RandomResizedCrop}. */
export interface RandomResizedCropOptions extends ResizeOptions {
  /** Least and greatest part of the area. Default [0.08, 1]. */
  scale?: readonly [number, number];
  /** Least and greatest width / height. Default [3/4, 4/3]. */
  ratio?: readonly [number, number];
}

/** Cuts out a piece of random area and ratio and resizes it: the usual augmentation of ImageNet training. */
export class RandomResizedCrop extends Transform {
  readonly name: string = 'RandomResizedCrop';
  override readonly random: boolean = true;
  readonly size: Size;
  readonly scale: readonly [number, number];
  readonly ratio: readonly [number, number];
  readonly interpolation: Interpolation;
  readonly antialias: boolean;

  constructor(size: Size, options: RandomResizedCropOptions = {}) {
    super();
    checkOptions('RandomResizedCrop', options, { ...RESIZE, scale: true, ratio: true });
    const { scale = [0.08, 1], ratio = [3 / 4, 4 / 3], interpolation = 'bilinear', antialias = true } = options;
    this.size = checkSize('RandomResizedCrop', size);
    this.scale = checkRange('RandomResizedCrop', 'scale', scale, Number.MIN_VALUE, 1);
    this.ratio = checkRange('RandomResizedCrop', 'ratio', ratio, Number.MIN_VALUE);
    this.interpolation = checkInterpolation('RandomResizedCrop', interpolation);
    this.antialias = antialias;
  }

  /** The piece to cut from an image of this size: ten attempts, then the middle, as in torchvision. */
  window(height: number, width: number, random: Generator): Rectangle {
    const [low, high] = this.ratio;
    for (let attempt = 0; attempt < 10; attempt++) {
      const area = height * width * random.uniform(...this.scale);
      const ratio = Math.exp(random.uniform(Math.log(low), Math.log(high)));
      const w = roundHalfEven(Math.sqrt(area * ratio));
      const h = roundHalfEven(Math.sqrt(area / ratio));
      if (w > 0 && w <= width && h > 0 && h <= height)
        return { y: random.int(height - h + 1), x: random.int(width - w + 1), width: w, height: h };
    }
    const ratio = width / height;
    const w = ratio > high ? Math.max(1, roundHalfEven(height * high)) : width;
    const h = ratio < low ? Math.max(1, roundHalfEven(width / low)) : height;
    return { x: Math.floor((width - w) / 2), y: Math.floor((height - h) / 2), width: w, height: h };
  }

  apply(image: RgbImage | FloatImage, random: Generator): RgbImage {
    const rgb = expectRgb(this.name, image);
    const [height, width] = sidesOf(this.size);
    const source = this.window(rgb.height, rgb.width, random);
    checkOutput(this.name, source.height, width);
    return resample(rgb, width, height, { source, interpolation: this.interpolation, antialias: this.antialias });
  }

  options(): Record<string, unknown> {
    const { size, scale, ratio, interpolation, antialias } = this;
    return { size, scale, ratio, interpolation, antialias };
  }
}

/** Mirrors left and right with probability `p`. */
export class RandomHorizontalFlip extends Transform {
  readonly name: string = 'RandomHorizontalFlip';
  override readonly random: boolean = true;
  readonly p: number;

  constructor(p = 0.5) {
    super();
    this.p = checkNumber('RandomHorizontalFlip', 'p', p);
    check('RandomHorizontalFlip', 'p', p, within(0, 1));
  }

  apply(image: RgbImage | FloatImage, random: Generator): RgbImage {
    const rgb = expectRgb(this.name, image);
    return random.uniform() < this.p ? flipHorizontal(rgb) : rgb;
  }

  options(): Record<string, unknown> {
    return { p: this.p };
  }
}
