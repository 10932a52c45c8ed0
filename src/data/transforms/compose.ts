/** Transforms one after another, the usual chains of them, and reading them back from JSON. */
import { check, type Kind, oneOf } from '../../core/check.ts';
import { ArgumentError } from '../../core/errors.ts';
import { checkList, checkOptions, type OptionNames } from '../../core/options.ts';
import { Generator } from '../../core/random.ts';
import { type FloatImage, isRgb, type RgbImage } from '../images/image.ts';
import type { Orientation } from '../images/orientation.ts';
import { type AutoAugmentOptions, RandAugment, type RandAugmentOptions, TrivialAugmentWide } from './auto-augment.ts';
import { ColorJitter, type ColorJitterOptions } from './color.ts';
import {
  CenterCrop,
  RandomCrop,
  type RandomCropOptions,
  RandomHorizontalFlip,
  RandomResizedCrop,
  type RandomResizedCropOptions,
  Resize,
  type ResizeOptions,
} from './geometry.ts';
import {
  type ChannelOrder,
  IMAGENET_MEAN,
  IMAGENET_STD,
  Normalize,
  ToTensor,
  type ToTensorOptions,
} from './normalize.ts';
import type { Interpolation } from './resample.ts';
import { type Size, Transform, type TransformJSON } from './transform.ts';

/** Options of {@link Compose}. */
export interface ComposeOptions {
  /** 'exif' (the default) has images decoded as their EXIF tag turns them, 'ignore' as they are stored. */
  readonly orientation?: Orientation;
}

/** Applies its transforms in order. Neighbours that can share a pass do; the result is the same. */
export class Compose extends Transform {
  readonly name: string = 'Compose';
  override readonly random: boolean;
  override readonly orientation: Orientation;
  readonly transforms: readonly Transform[];

  constructor(transforms: readonly Transform[], options: ComposeOptions = {}) {
    super();
    checkList('Compose', 'the transforms', transforms);
    checkOptions('Compose', options, { orientation: true });
    const { orientation = 'exif' } = options;
    if (orientation !== 'exif' && orientation !== 'ignore')
      throw new ArgumentError(`Compose: orientation must be exif or ignore, got ${JSON.stringify(orientation)}.`);
    this.transforms = transforms;
    this.random = transforms.some((t) => t.random);
    this.orientation = orientation;
  }

  /** @throws ArgumentError as its transforms do, and where they make more of one image than any network needs. */
  apply(image: RgbImage | FloatImage, random: Generator = new Generator(0)): RgbImage | FloatImage {
    return this.#apply(image, random, { pixels: MOST_PIXELS + 4 * pixelsOf(image) });
  }

  /** @param left what the whole chain may still make */
  #apply(image: RgbImage | FloatImage, random: Generator, left: { pixels: number }): RgbImage | FloatImage {
    let value = image;
    for (let i = 0; i < this.transforms.length; i++) {
      const t = this.transforms[i]!;
      const next = this.transforms[i + 1];
      if (t instanceof Resize && next instanceof CenterCrop && isRgb(value) && cropFits(t, next, value)) {
        value = t.apply(value, random, (height, width) => next.window(height, width));
        i++;
      } else if (t instanceof ToTensor && next instanceof Normalize && isRgb(value)) {
        value = next.applyToLevels(value, t);
        i++;
      } else value = t instanceof Compose ? t.#apply(value, random, left) : t.apply(value, random);
      if (!(t instanceof Compose)) left.pixels -= pixelsOf(value);
      if (left.pixels < 0)
        throw new ArgumentError(
          `Compose: its transforms make too many images of ${sidesIn(value)}. Put Resize or a crop to the network's size first.`,
        );
    }
    return value;
  }

  options(): Record<string, unknown> {
    const transforms = this.transforms.map((t) => t.toJSON());
    return this.orientation === 'exif' ? { transforms } : { transforms, orientation: this.orientation };
  }

  /** One transform a line, as torchvision prints it. */
  override toString(): string {
    return `Compose(\n${this.transforms.map((t) => `    ${t.toString().replaceAll('\n', '\n    ')}\n`).join('')})`;
  }
}

/** Pixels that a chain may make of one image beside four times its own: minutes of work would be an attack or a mistake. */
const MOST_PIXELS = 1 << 26;

const pixelsOf = (image: RgbImage | FloatImage): number => image.data.length / 3;

/** `5792 x 5792` */
function sidesIn(image: RgbImage | FloatImage): string {
  return isRgb(image) ? `${image.height} x ${image.width}` : image.shape.slice(1).join(' x ');
}

function cropFits(resize: Resize, centre: CenterCrop, image: RgbImage): boolean {
  const [height, width] = resize.outputSize(image.height, image.width);
  const w = centre.window(height, width);
  return w.x >= 0 && w.y >= 0 && w.x + w.width <= width && w.y + w.height <= height;
}

/** What an image classifier's weights say about their input: torchvision's `ImageClassification` preset. */
export interface ClassificationPreset {
  /** The side that the shorter edge is resized to. Default 256. */
  resize?: Size;
  /** The middle that is kept. Default 224. */
  crop?: Size;
  /** The order of the channels that the network takes, and that `mean` and `std` have. Default 'rgb'. */
  channels?: ChannelOrder;
  /** Default ImageNet's. */
  mean?: readonly number[];
  std?: readonly number[];
  /** Default 'bilinear'. */
  interpolation?: Interpolation;
  /** Whether images are turned as their EXIF tag says. Default 'exif'; torchvision does as 'ignore'. */
  orientation?: Orientation;
}

const PRESET: OptionNames<ClassificationPreset> = {
  crop: true,
  resize: true,
  channels: true,
  mean: true,
  std: true,
  interpolation: true,
  orientation: true,
};
/** With `resize`, which the presets of weights have: training cuts its pieces from the whole image. */
const TRAINING: OptionNames<TrainingPreset & ClassificationPreset> = {
  ...PRESET,
  scale: true,
  ratio: true,
  flip: true,
  autoAugment: true,
  jitter: true,
};

/** A {@link ClassificationPreset} in full: [3, crop, crop]. */
export interface ImagePreset extends ClassificationPreset {
  /** Length of the shorter side after resizing, in pixels. */
  readonly resize: number;
  /** Side of the square cut out of the centre, in pixels. */
  readonly crop: number;
  /** Per channel, of pixels scaled to 0..1. */
  readonly mean: readonly [number, number, number];
  /** Per channel, of pixels scaled to 0..1. */
  readonly std: readonly [number, number, number];
  readonly interpolation: Interpolation;
}

/** The usual preset of ImageNet classifiers. */
export function imagenetPreset(resize = 256, crop = 224, interpolation: Interpolation = 'bilinear'): ImagePreset {
  return { resize, crop, mean: IMAGENET_MEAN, std: IMAGENET_STD, interpolation };
}

/** The preset of the CIFAR networks: 32x32 images as they are, ImageNet's mean and deviation. */
export const CIFAR_PRESET: ImagePreset = imagenetPreset(32, 32);

/** Resize, CenterCrop, ToTensor, Normalize: for evaluation and prediction. */
export function classificationTransforms(preset: ClassificationPreset = {}): Compose {
  checkOptions('classificationTransforms', preset, PRESET);
  const { resize = 256, crop = 224, mean = IMAGENET_MEAN, std = IMAGENET_STD, interpolation = 'bilinear' } = preset;
  const steps = [
    new Resize(resize, { interpolation }),
    new CenterCrop(crop),
    toTensor(preset),
    new Normalize(mean, std),
  ];
  return new Compose(steps, orientationOf(preset));
}

/** What {@link trainingTransforms} is made by. */
export interface TrainingPreset extends Omit<ClassificationPreset, 'resize'> {
  /** Least and greatest part of the area that is cut out. Default [0.08, 1]; [0.5, 1] is gentler and suits few photos. */
  scale?: readonly [number, number];
  ratio?: readonly [number, number];
  /** Probability of mirroring. Default 0.5; 0 leaves the step out. */
  flip?: number;
  /** 'rand' for {@link RandAugment}, 'trivial' for {@link TrivialAugmentWide}. Default: none. */
  autoAugment?: AutoAugmentName;
  /** Default: none. */
  jitter?: ColorJitterOptions;
}

/** 'rand' for {@link RandAugment}, 'trivial' for {@link TrivialAugmentWide}. */
export type AutoAugmentName = 'rand' | 'trivial';

const AUTO_AUGMENT = { rand: RandAugment, trivial: TrivialAugmentWide };

/** A name of automatic augmentation. */
export const AUTO_AUGMENT_NAME: Kind<AutoAugmentName> = oneOf('rand', 'trivial');

/** RandomResizedCrop, RandomHorizontalFlip, (RandAugment or TrivialAugmentWide,) (ColorJitter,) ToTensor, Normalize: for training. */
export function trainingTransforms(preset: TrainingPreset = {}): Compose {
  checkOptions('trainingTransforms', preset, TRAINING);
  const {
    crop = 224,
    scale,
    ratio,
    flip = 0.5,
    autoAugment,
    jitter,
    mean = IMAGENET_MEAN,
    std = IMAGENET_STD,
    interpolation,
  } = preset;
  if (autoAugment !== undefined) check('trainingTransforms', 'autoAugment', autoAugment, AUTO_AUGMENT_NAME);
  const between = interpolation && { interpolation };
  const steps = [
    new RandomResizedCrop(crop, { ...(scale && { scale }), ...(ratio && { ratio }), ...between }),
    ...(flip > 0 ? [new RandomHorizontalFlip(flip)] : []),
    ...(autoAugment ? [new AUTO_AUGMENT[autoAugment](between)] : []),
    ...(jitter ? [new ColorJitter(jitter)] : []),
    toTensor(preset),
    new Normalize(mean, std),
  ];
  return new Compose(steps, orientationOf(preset));
}

const toTensor = ({ channels }: ClassificationPreset) => new ToTensor(channels && { channels });
const orientationOf = ({ orientation }: ClassificationPreset) => (orientation ? { orientation } : {});

/** Transforms that a chain may have in all, and chains within each other: a saved model is data from somewhere. */
const MOST = 100;
const DEEPEST = 8;

/** What is no argument of its own. */
const optionsIn = ({ name: _, size: __, transforms: ___, ...options }: TransformJSON): Record<string, unknown> =>
  options;

/** How each class is made again from its options; the constructors check the values. */
const FROM_JSON: Readonly<
  Record<string, (json: TransformJSON, read: (json: TransformJSON) => Transform) => Transform>
> = {
  Compose: (o, read) => {
    if (!Array.isArray(o.transforms)) throw new ArgumentError('Compose: transforms must be a list.');
    return new Compose(o.transforms.map(read), optionsIn(o) as ComposeOptions);
  },
  Resize: (o) => new Resize(o.size as Size, optionsIn(o) as ResizeOptions),
  CenterCrop: (o) => new CenterCrop(o.size as Size),
  RandomCrop: (o) => new RandomCrop(o.size as Size, optionsIn(o) as RandomCropOptions),
  RandomResizedCrop: (o) => new RandomResizedCrop(o.size as Size, optionsIn(o) as RandomResizedCropOptions),
  RandomHorizontalFlip: (o) => new RandomHorizontalFlip(o.p as number),
  RandAugment: (o) => new RandAugment(optionsIn(o) as RandAugmentOptions),
  TrivialAugmentWide: (o) => new TrivialAugmentWide(optionsIn(o) as AutoAugmentOptions),
  ColorJitter: (o) => new ColorJitter(optionsIn(o) as ColorJitterOptions),
  ToTensor: (o) => new ToTensor(optionsIn(o) as ToTensorOptions),
  Normalize: (o) => new Normalize(o.mean as number[], o.std as number[]),
};

/** Whether {@link transformFromJSON} makes this transform again, with all its parts: not so for classes of the user's own. */
export function isSaveable(transform: Transform): boolean {
  if (transform.constructor === Compose) return (transform as Compose).transforms.every(isSaveable);
  return (
    Object.hasOwn(FROM_JSON, transform.name) &&
    transformFromJSON(transform.toJSON()).constructor === transform.constructor
  );
}

/**
 * The transform that `transform.toJSON()` described.
 * @throws ArgumentError for an unknown name, a value out of range, and a chain longer or deeper than any of use.
 */
export function transformFromJSON(json: TransformJSON): Transform {
  let count = 0;
  const reader = (depth: number) => (part: TransformJSON) => {
    if (++count > MOST) throw new ArgumentError(`transform: expected at most ${MOST} transforms in a chain, got more.`);
    if (depth > DEEPEST) throw new ArgumentError(`transform: expected chains at most ${DEEPEST} deep, got more.`);
    return oneFromJSON(part, reader(depth + 1));
  };
  return reader(0)(json);
}

function oneFromJSON(json: TransformJSON, read: (json: TransformJSON) => Transform): Transform {
  const name: unknown = json?.name;
  if (typeof name !== 'string' || !Object.hasOwn(FROM_JSON, name))
    throw new ArgumentError(
      `transform: expected one of ${Object.keys(FROM_JSON).join(', ')}, got ${JSON.stringify(name) ?? name}.`,
    );
  return FROM_JSON[name]!(json, read);
}

/** A transform, its JSON, or the preset that comes with weights. */
export type TransformLike = Transform | TransformJSON | ClassificationPreset;

/** Any of the three as a transform. */
export function toTransform(like: TransformLike): Transform {
  if (like instanceof Transform) return like;
  return 'name' in like ? transformFromJSON(like) : classificationTransforms(like);
}
