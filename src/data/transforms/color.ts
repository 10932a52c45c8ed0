/** Colour: brightness, contrast, saturation and hue of 8-bit RGB, with Pillow's rounding, and the random jitter of all four. */
import { atLeast, check } from '../../core/check.ts';
import { checkOptions } from '../../core/options.ts';
import type { Generator } from '../../core/random.ts';
import { expectRgb, type FloatImage, type RgbImage } from '../images/image.ts';
import { checkRange, Transform } from './transform.ts';

/** ITU-R 601 luma in 16 fractional bits. */
const luma = (r: number, g: number, b: number) => (r * 19595 + g * 38470 + b * 7471 + 0x8000) >> 16;

/** from + factor * (to - from) in float32, cut towards zero, kept within 0..255. */
function blend(from: number, to: number, factor: number): number {
  const value = Math.fround(from + Math.fround(factor * (to - from)));
  return value <= 0 ? 0 : value >= 255 ? 255 : Math.trunc(value);
}

function map(image: RgbImage, pixel: (r: number, g: number, b: number, out: Uint8Array, at: number) => void): RgbImage {
  const { data, width, height } = image;
  const out = new Uint8Array(data.length);
  for (let i = 0; i < data.length; i += 3) pixel(data[i]!, data[i + 1]!, data[i + 2]!, out, i);
  return { data: out, width, height };
}

function blendLevel(image: RgbImage, level: number, factor: number): RgbImage {
  const table = Uint8Array.from({ length: 256 }, (_, v) => blend(level, v, Math.fround(factor)));
  return { ...image, data: image.data.map((v) => table[v]!) };
}

/** 0 is black, 1 the image itself, 2 twice as bright. */
export function adjustBrightness(image: RgbImage, factor: number): RgbImage {
  return blendLevel(image, 0, factor);
}

/** 0 is the mean grey, 1 the image itself. */
export function adjustContrast(image: RgbImage, factor: number): RgbImage {
  const { data } = image;
  let sum = 0;
  for (let i = 0; i < data.length; i += 3) sum += luma(data[i]!, data[i + 1]!, data[i + 2]!);
  return blendLevel(image, Math.trunc(sum / (data.length / 3) + 0.5), factor);
}

/** 0 is grey, 1 the image itself. */
export function adjustSaturation(image: RgbImage, factor: number): RgbImage {
  const f = Math.fround(factor);
  return map(image, (r, g, b, out, i) => {
    const grey = luma(r, g, b);
    out[i] = blend(grey, r, f);
    out[i + 1] = blend(grey, g, f);
    out[i + 2] = blend(grey, b, f);
  });
}

/** 0 is the image smoothed, each pixel by its eight neighbours, 1 the image itself; the pixels of the border stay. */
export function adjustSharpness(image: RgbImage, factor: number): RgbImage {
  const { data, width, height } = image;
  const out = new Uint8Array(data);
  const f = Math.fround(factor);
  const row = width * 3;
  for (let y = 1; y < height - 1; y++)
    for (let i = y * row + 3; i < (y + 1) * row - 3; i++) {
      let sum = 4 * data[i]!;
      for (const above of [i - row, i, i + row]) sum += data[above - 3]! + data[above]! + data[above + 3]!;
      // A thirteenth of the sum, rounded.
      out[i] = blend(Math.floor((2 * sum + 13) / 26), data[i]!, f);
    }
  return { data: out, width, height };
}

const clamp = (v: number) => Math.max(0, Math.min(255, v));

/** Turns the hue by `factor` of the full circle, -0.5 to 0.5; hue and saturation pass through 8 bits, as in Pillow. */
export function adjustHue(image: RgbImage, factor: number): RgbImage {
  const turn = Math.trunc(factor * 255);
  return map(image, (r, g, b, out, i) => {
    const max = Math.max(r, g, b);
    const range = max - Math.min(r, g, b);
    let hue = 0;
    let saturation = 0;
    if (range > 0) {
      const rc = Math.fround((max - r) / range);
      const gc = Math.fround((max - g) / range);
      const bc = Math.fround((max - b) / range);
      const sector = Math.fround(r === max ? bc - gc : g === max ? 2 + rc - bc : 4 + gc - rc);
      hue = Math.trunc(Math.fround((sector / 6 + 1) % 1) * 255);
      saturation = Math.trunc(Math.fround(range / max) * 255);
    }
    if (saturation === 0) {
      out[i] = out[i + 1] = out[i + 2] = max;
      return;
    }
    const angle = (((hue + turn) & 255) * 6) / 255;
    const s = saturation / 255;
    const sector = Math.floor(angle);
    const f = angle - sector;
    const p = clamp(Math.round(max * (1 - s)));
    const q = clamp(Math.round(max * (1 - s * f)));
    const t = clamp(Math.round(max * (1 - s * (1 - f))));
    const k = sector % 6;
    out[i] = k === 0 || k === 5 ? max : k === 1 ? q : k === 4 ? t : p;
    out[i + 1] = k === 1 || k === 2 ? max : k === 0 ? t : k === 3 ? q : p;
    out[i + 2] = k === 3 || k === 4 ? max : k === 2 ? t : k === 5 ? q : p;
  });
}

/** A number x stands for [1 - x, 1 + x] (not below 0), for hue [-x, x]; or the range itself. */
export type Amount = number | readonly [number, number];

/**
 * How far {@link ColorJitter} may go: a number x draws a factor from 1 - x to 1 + x (hue: a turn from -x to x), a pair is the
 * range itself.
 */
export interface ColorJitterOptions {
  /** Default 0: left alone. */
  brightness?: Amount;
  /** As `brightness`. */
  contrast?: Amount;
  /** As `brightness`. */
  saturation?: Amount;
  /** At most 0.5. */
  hue?: Amount;
}

function rangeOf(option: string, amount: Amount, centre: number): readonly [number, number] {
  const [low, high] = centre === 0 ? [-0.5, 0.5] : [0, Number.POSITIVE_INFINITY];
  if (typeof amount !== 'number') return checkRange('ColorJitter', option, amount, low, high);
  check('ColorJitter', option, amount, atLeast(0));
  return checkRange(
    'ColorJitter',
    option,
    [centre === 0 ? -amount : Math.max(0, 1 - amount), centre + amount],
    low,
    high,
  );
}

const ADJUST = [adjustBrightness, adjustContrast, adjustSaturation, adjustHue] as const;

/** Changes brightness, contrast, saturation and hue by random factors, in random order. */
export class ColorJitter extends Transform {
  readonly name: string = 'ColorJitter';
  override readonly random: boolean = true;
  readonly brightness: readonly [number, number];
  readonly contrast: readonly [number, number];
  readonly saturation: readonly [number, number];
  readonly hue: readonly [number, number];

  constructor(options: ColorJitterOptions = {}) {
    super();
    checkOptions('ColorJitter', options, { brightness: true, contrast: true, saturation: true, hue: true });
    const { brightness = 0, contrast = 0, saturation = 0, hue = 0 } = options;
    this.brightness = rangeOf('brightness', brightness, 1);
    this.contrast = rangeOf('contrast', contrast, 1);
    this.saturation = rangeOf('saturation', saturation, 1);
    this.hue = rangeOf('hue', hue, 0);
  }

  apply(image: RgbImage | FloatImage, random: Generator): RgbImage {
    let rgb = expectRgb(this.name, image);
    const ranges = [this.brightness, this.contrast, this.saturation, this.hue];
    const order = random.shuffle([0, 1, 2, 3]);
    const factors = ranges.map((range) => random.uniform(...range));
    for (const k of order) {
      const [low, high] = ranges[k]!;
      if (low !== high || low !== (k === 3 ? 0 : 1)) rgb = ADJUST[k]!(rgb, factors[k]!);
    }
    return rgb;
  }

  options(): Record<string, unknown> {
    const { brightness, contrast, saturation, hue } = this;
    return { brightness, contrast, saturation, hue };
  }
}
