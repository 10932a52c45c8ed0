/** Transforms of a photo together with its mask: one draw for both, pixels of masks chosen and never mixed. */
import { above, check, PROBABILITY, whole } from '../../core/check.ts';
import { ArgumentError } from '../../core/errors.ts';
import { checkOptions, type OptionNames } from '../../core/options.ts';
import type { Generator } from '../../core/random.ts';
import { crop as cut, type FloatImage, flipHorizontal, isRgb, type RgbImage } from '../images/image.ts';
import { IMAGENET_MEAN, IMAGENET_STD, Normalize, ToTensor } from '../transforms/normalize.ts';
import { resample } from '../transforms/resample.ts';
import { type Size, sidesOf, type Transform } from '../transforms/transform.ts';
import { type ClassMask, IGNORED } from './coding.ts';

/** Options of {@link PairedTransform}. */
export interface PairedOptions {
  /** The shorter side, or [height, width], in pixels, before all else. By default photos keep their size. */
  readonly resize?: Size | null;
  /** A random factor of the size, drawn evenly between two numbers; none by default. */
  readonly scale?: readonly [least: number, most: number] | null;
  /** Height and width that are cut out, at random where `random` is; smaller photos are filled up with the mean, their masks with what is ignored. None by default. */
  readonly crop?: Size | null;
  /** The probability of mirroring left and right; 0 by default. */
  readonly flip?: number;
  /** The probability of mirroring top and bottom; 0 by default. */
  readonly flipVertical?: number;
  /** Turns by a random number of quarters; the result must be square. False by default. */
  readonly quarterTurns?: boolean;
  /** What is done to the photo alone: ColorJitter, say. */
  readonly colour?: Transform | null;
  /** Whether what is cut out is drawn at random, and not the middle; true by default. */
  readonly random?: boolean;
  /** Of each channel, from 0 to 1; ImageNet's by default. */
  readonly mean?: readonly [number, number, number];
  /** The deviation of each channel; ImageNet's by default. */
  readonly std?: readonly [number, number, number];
}

const OPTIONS: OptionNames<PairedOptions> = {
  resize: true,
  scale: true,
  crop: true,
  flip: true,
  flipVertical: true,
  quarterTurns: true,
  colour: true,
  random: true,
  mean: true,
  std: true,
};

/** A photo as a network reads it, and the labels of its pixels. */
export interface PairedImage {
  readonly image: FloatImage;
  readonly mask: ClassMask;
}

/**
 * What is done to photos and their masks before a network sees them. Everything that moves pixels is drawn once for both.
 * @example
 * new PairedTransform({ crop: 128, flip: 0.5, flipVertical: 0.5, quarterTurns: true });
 */
export class PairedTransform {
  readonly settings: Required<PairedOptions>;

  constructor(options: PairedOptions = {}) {
    const op = 'PairedTransform';
    checkOptions(op, options, OPTIONS);
    const { resize = null, scale = null, crop = null, colour = null, random = true } = options;
    const { flip = 0, flipVertical = 0, quarterTurns = false, mean = IMAGENET_MEAN, std = IMAGENET_STD } = options;
    for (const [name, size] of Object.entries({ resize, crop }))
      for (const side of size === null ? [] : [size].flat()) check(op, name, side, whole(1));
    for (const factor of scale ?? []) check(op, 'scale', factor, above(0));
    if (scale && scale[0] > scale[1])
      throw new ArgumentError(`${op}: expected scale as the least and the most factor, got ${scale.join(' and ')}.`);
    check(op, 'flip', flip, PROBABILITY);
    check(op, 'flipVertical', flipVertical, PROBABILITY);
    const sides = crop === null ? null : sidesOf(crop);
    if (quarterTurns && (!sides || sides[0] !== sides[1]))
      throw new ArgumentError(
        `${op}: quarterTurns needs square pieces, got ${sides ? `a crop of ${sides.join('x')}` : 'no crop'}. Give one: { crop: 128 }.`,
      );
    this.settings = { resize, scale, crop, flip, flipVertical, quarterTurns, colour, random, mean, std };
  }

  /**
   * The photo and its mask, transformed; both are left as they are.
   * @throws ArgumentError where their sizes differ.
   */
  apply(image: RgbImage, mask: ClassMask, random: Generator): PairedImage {
    if (image.width !== mask.width || image.height !== mask.height)
      throw new ArgumentError(
        `PairedTransform: expected a mask of ${image.width}x${image.height}, its photo's size, got ${mask.width}x${mask.height}.`,
      );
    const { settings } = this;
    let pair: Pair = { image, mask };
    const [height, width] = sizeFor(image, settings, random);
    if (height !== image.height || width !== image.width)
      pair = { image: resample(image, width, height), mask: nearest(mask, width, height) };
    if (settings.crop !== null) pair = cropped(pair, sidesOf(settings.crop), settings, random);
    if (settings.flip > 0 && random.uniform() < settings.flip)
      pair = { image: flipHorizontal(pair.image), mask: moved(pair.mask, (x, y, w) => y * w + w - 1 - x) };
    if (settings.flipVertical > 0 && random.uniform() < settings.flipVertical) pair = upsideDown(pair);
    if (settings.quarterTurns)
      for (let turns = Math.floor(4 * random.uniform()); turns > 0; turns--) pair = quarterTurned(pair);
    const coloured = settings.colour ? settings.colour.apply(pair.image, random) : pair.image;
    if (!isRgb(coloured))
      throw new ArgumentError('PairedTransform: expected colour to give 8-bit images, got floats. Leave out ToTensor.');
    const normalize = new Normalize(settings.mean, settings.std);
    return { image: normalize.applyToLevels(coloured, new ToTensor()), mask: pair.mask };
  }
}

interface Pair {
  readonly image: RgbImage;
  readonly mask: ClassMask;
}

/** [height, width] after resizing and a random factor. */
function sizeFor(
  { width, height }: RgbImage,
  { resize, scale }: Required<PairedOptions>,
  random: Generator,
): [number, number] {
  const factor = scale ? random.uniform(scale[0], scale[1]) : 1;
  const short = Math.min(width, height);
  const [tall, wide] =
    typeof resize === 'number' ? [(height * resize) / short, (width * resize) / short] : (resize ?? [height, width]);
  return [Math.max(1, Math.round(tall * factor)), Math.max(1, Math.round(wide * factor))];
}

/** A mask at another size, each pixel one of the old. */
function nearest({ data, width, height }: ClassMask, toWidth: number, toHeight: number): ClassMask {
  const out = new Uint8Array(toWidth * toHeight);
  const columns = Uint32Array.from({ length: toWidth }, (_, x) => Math.floor(((x + 0.5) * width) / toWidth));
  for (let y = 0; y < toHeight; y++) {
    const row = Math.floor(((y + 0.5) * height) / toHeight) * width;
    for (let x = 0; x < toWidth; x++) out[y * toWidth + x] = data[row + columns[x]!]!;
  }
  return { width: toWidth, height: toHeight, data: out };
}

/** A piece of both; where it reaches past the edge, it is filled up. */
function cropped(
  { image, mask }: Pair,
  [height, width]: readonly [number, number],
  { random: isRandom, mean }: Required<PairedOptions>,
  random: Generator,
): Pair {
  const place = (room: number) => {
    if (room <= 0) return Math.floor(room / 2);
    return isRandom ? Math.floor(random.uniform() * (room + 1)) : Math.floor(room / 2);
  };
  const [x, y] = [place(image.width - width), place(image.height - height)];
  const piece = cut(image, { x, y, width, height });
  const labels = new Uint8Array(width * height).fill(IGNORED);
  for (let row = 0; row < height; row++)
    for (let column = 0; column < width; column++) {
      const [from, to] = [(y + row) * mask.width + x + column, row * width + column];
      const isInside = y + row >= 0 && y + row < mask.height && x + column >= 0 && x + column < mask.width;
      if (isInside) labels[to] = mask.data[from]!;
      else for (let c = 0; c < 3; c++) piece.data[3 * to + c] = Math.round(255 * mean[c]!);
    }
  return { image: piece, mask: { width, height, data: labels } };
}

/** A mask of the same size whose pixels come from other places. */
function moved({ data, width, height }: ClassMask, from: (x: number, y: number, width: number) => number): ClassMask {
  const out = new Uint8Array(data.length);
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) out[y * width + x] = data[from(x, y, width)]!;
  return { width, height, data: out };
}

/** Both with their pixels from other places; `width` and `height` are equal, or stay. */
function rearranged({ image, mask }: Pair, from: (x: number, y: number) => number): Pair {
  const { width, height } = image;
  const data = new Uint8Array(image.data.length);
  for (let y = 0, to = 0; y < height; y++)
    for (let x = 0; x < width; x++, to += 3) {
      const at = 3 * from(x, y);
      data[to] = image.data[at]!;
      data[to + 1] = image.data[at + 1]!;
      data[to + 2] = image.data[at + 2]!;
    }
  return { image: { data, width, height }, mask: moved(mask, from) };
}

const upsideDown = (pair: Pair): Pair => rearranged(pair, (x, y) => (pair.image.height - 1 - y) * pair.image.width + x);

/** By a quarter, against the clock. */
const quarterTurned = (pair: Pair): Pair => rearranged(pair, (x, y) => x * pair.image.width + pair.image.width - 1 - y);
