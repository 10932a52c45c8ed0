/** RandAugment and TrivialAugment: operations on colours and positions, drawn anew for each image. */
import { check, whole } from '../../core/check.ts';
import { ArgumentError } from '../../core/errors.ts';
import { checkOptions, type OptionNames } from '../../core/options.ts';
import type { Generator } from '../../core/random.ts';
import { expectRgb, type FloatImage, type RgbImage } from '../images/image.ts';
import { type AffineOptions, affine, rotation, shear, translation } from './affine.ts';
import { adjustBrightness, adjustContrast, adjustSaturation, adjustSharpness } from './color.ts';
import { autocontrast, equalize, posterize, solarize } from './levels.ts';
import { checkInterpolation, type Interpolation } from './resample.ts';
import { checkFill, roundHalfEven, Transform } from './transform.ts';

type Operation = (image: RgbImage, magnitude: number, options: AffineOptions) => RgbImage;

/** torchvision's operations, by its names and in its order. */
export const OPERATIONS = {
  Identity: (image) => image,
  ShearX: (image, m, options) => affine(image, shear(m, 0), options),
  ShearY: (image, m, options) => affine(image, shear(0, m), options),
  TranslateX: (image, m, options) => affine(image, translation(Math.trunc(m), 0), options),
  TranslateY: (image, m, options) => affine(image, translation(0, Math.trunc(m)), options),
  Rotate: (image, m, options) => affine(image, rotation(m, image), options),
  Brightness: (image, m) => adjustBrightness(image, 1 + m),
  Color: (image, m) => adjustSaturation(image, 1 + m),
  Contrast: (image, m) => adjustContrast(image, 1 + m),
  Sharpness: (image, m) => adjustSharpness(image, 1 + m),
  Posterize: posterize,
  Solarize: (image, m) => solarize(image, 255 * m),
  AutoContrast: autocontrast,
  Equalize: equalize,
} as const satisfies Record<string, Operation>;

/** The name of an operation. */
export type OperationName = keyof typeof OPERATIONS;

const NAMES = Object.keys(OPERATIONS) as OperationName[];

/** Magnitudes of an operation: from the first bin's to the last's, in equal steps. */
export interface MagnitudeRange {
  readonly first: number;
  readonly last: number;
  /** Turned to its negative for every other image, at random. */
  readonly signed: boolean;
  /** Only whole ones. */
  readonly rounded?: boolean;
}

/** The magnitudes of each operation that has some, for an image of a size. */
export type MagnitudeRanges = (width: number, height: number) => Partial<Record<OperationName, MagnitudeRange>>;

const upTo = (last: number): MagnitudeRange => ({ first: 0, last, signed: true });
const bitsDownTo = (last: number): MagnitudeRange => ({ first: 8, last, signed: false, rounded: true });
const ANY_THRESHOLD: MagnitudeRange = { first: 1, last: 0, signed: false };

/** Those of {@link RandAugment}. */
export const RAND_AUGMENT: MagnitudeRanges = (width, height) => ({
  ShearX: upTo(0.3),
  ShearY: upTo(0.3),
  TranslateX: upTo((150 / 331) * width),
  TranslateY: upTo((150 / 331) * height),
  Rotate: upTo(30),
  Brightness: upTo(0.9),
  Color: upTo(0.9),
  Contrast: upTo(0.9),
  Sharpness: upTo(0.9),
  Posterize: bitsDownTo(4),
  Solarize: ANY_THRESHOLD,
});

/** Those of {@link TrivialAugmentWide}. */
export const TRIVIAL_AUGMENT_WIDE: MagnitudeRanges = () => ({
  ShearX: upTo(0.99),
  ShearY: upTo(0.99),
  TranslateX: upTo(32),
  TranslateY: upTo(32),
  Rotate: upTo(135),
  Brightness: upTo(0.99),
  Color: upTo(0.99),
  Contrast: upTo(0.99),
  Sharpness: upTo(0.99),
  Posterize: bitsDownTo(2),
  Solarize: ANY_THRESHOLD,
});

/** The magnitude of a bin, of so many. */
export function magnitudeOf({ first, last, rounded }: MagnitudeRange, bin: number, bins: number): number {
  const magnitude = first + ((last - first) * bin) / (bins - 1);
  return rounded ? roundHalfEven(magnitude) : magnitude;
}

/** What {@link RandAugment} and {@link TrivialAugmentWide} have in common. */
export interface AutoAugmentOptions {
  /** Steps from an operation's least magnitude to its greatest. Default 31. */
  numMagnitudeBins?: number;
  /** How pixels between pixels are found by what shears and turns. Default 'nearest'. */
  interpolation?: Interpolation;
  /** The level of what comes in from outside the image, 0 to 255. Default 0. */
  fill?: number;
}

const COMMON: OptionNames<AutoAugmentOptions> = { numMagnitudeBins: true, interpolation: true, fill: true };

abstract class AutoAugment extends Transform {
  override readonly random: boolean = true;
  readonly numMagnitudeBins: number;
  readonly interpolation: Interpolation;
  readonly fill: number;

  constructor(name: string, { numMagnitudeBins = 31, interpolation = 'nearest', fill = 0 }: AutoAugmentOptions) {
    super();
    this.numMagnitudeBins = check(name, 'numMagnitudeBins', numMagnitudeBins, whole(2));
    this.interpolation = checkInterpolation(name, interpolation);
    this.fill = checkFill(name, fill);
  }

  /** One operation, at the magnitude of the bin that is asked for where it has any. */
  protected augment(image: RgbImage, ranges: MagnitudeRanges, random: Generator, bin: () => number): RgbImage {
    const name = NAMES[random.int(NAMES.length)]!;
    const range = ranges(image.width, image.height)[name];
    const magnitude = range ? magnitudeOf(range, bin(), this.numMagnitudeBins) : 0;
    const isNegative = range?.signed && random.uniform() <= 0.5;
    return OPERATIONS[name](image, isNegative ? -magnitude : magnitude, this);
  }

  /** The options that make it again. */
  options(): Record<string, unknown> {
    const { numMagnitudeBins, interpolation, fill } = this;
    return { numMagnitudeBins, interpolation, fill };
  }
}

/** Options of {@link RandAugment}. */
export interface RandAugmentOptions extends AutoAugmentOptions {
  /** Operations one after another. Default 2. */
  numOps?: number;
  /** The bin of their magnitudes, from 0. Default 9. */
  magnitude?: number;
}

/**
 * Changes an image by a few operations drawn at random, all at one magnitude.
 * Cubuk et al. 2019, https://arxiv.org/abs/1909.13719.
 */
export class RandAugment extends AutoAugment {
  readonly name: string = 'RandAugment';
  readonly numOps: number;
  readonly magnitude: number;

  constructor(options: RandAugmentOptions = {}) {
    checkOptions('RandAugment', options, { ...COMMON, numOps: true, magnitude: true });
    super('RandAugment', options);
    const { numOps = 2, magnitude = 9 } = options;
    this.numOps = check('RandAugment', 'numOps', numOps, MANY);
    this.magnitude = check('RandAugment', 'magnitude', magnitude, whole(0));
    if (magnitude >= this.numMagnitudeBins)
      throw new ArgumentError(
        `RandAugment: expected magnitude below numMagnitudeBins (${this.numMagnitudeBins}), got ${magnitude}. Lower it, or raise numMagnitudeBins.`,
      );
  }

  apply(image: RgbImage | FloatImage, random: Generator): RgbImage {
    let rgb = expectRgb(this.name, image);
    for (let k = 0; k < this.numOps; k++) rgb = this.augment(rgb, RAND_AUGMENT, random, () => this.magnitude);
    return rgb;
  }

  /** The options that make it again. */
  override options(): Record<string, unknown> {
    return { numOps: this.numOps, magnitude: this.magnitude, ...super.options() };
  }
}

/** Operations in a row: a saved model is data from somewhere, and more of them leave nothing to recognise. */
const MANY = whole(0, 'a whole number from 0 to 100', 100);

/**
 * Changes an image by one operation drawn at random, at a random magnitude: nothing to tune.
 * Müller and Hutter 2021, https://arxiv.org/abs/2103.10158.
 */
export class TrivialAugmentWide extends AutoAugment {
  readonly name: string = 'TrivialAugmentWide';

  constructor(options: AutoAugmentOptions = {}) {
    checkOptions('TrivialAugmentWide', options, COMMON);
    super('TrivialAugmentWide', options);
  }

  apply(image: RgbImage | FloatImage, random: Generator): RgbImage {
    const bin = () => random.int(this.numMagnitudeBins);
    return this.augment(expectRgb(this.name, image), TRIVIAL_AUGMENT_WIDE, random, bin);
  }
}
