/** Published weights, as data: where they are, how to check them, how they want their images, what they score. */
import { ArgumentError } from '../core/errors.ts';
import { type ImagePreset, imagenetPreset } from '../data/transforms/compose.ts';
import { type Categories, imagenetCategories, vocCategories } from './categories.ts';

/** One set of published weights. */
export interface PretrainedWeights {
  /** The model they fit: `resnet50`. */
  readonly model: string;
  /** `IMAGENET1K_V1`, `IMAGENET1K_V2`. */
  readonly name: string;
  readonly url: string;
  /** The first digits of the file's SHA-256, in hexadecimal. */
  readonly sha256: string;
  /** Size of the file in MiB, to three decimals. */
  readonly sizeMiB: number;
  readonly numParams: number;
  readonly numClasses: number;
  /**
   * The names of the classes in the order of the outputs; they are loaded when they are asked for.
   * @example const names = await ResNet50Weights.DEFAULT.categories(); // names[207] is 'golden retriever'
   */
  readonly categories: Categories;
  /** Smallest [height, width] that the network takes. */
  readonly minSize: readonly [number, number];
  /**
   * In per cent: of classifiers the accuracy on ImageNet's validation set, one centre crop; of networks that segment, where those are NaN, the
   * mean IoU and the share of right pixels on COCO's validation set with the classes of Pascal VOC.
   */
  readonly metrics: {
    readonly top1: number;
    readonly top5: number;
    readonly meanIoU?: number;
    readonly pixelAccuracy?: number;
  };
  /** How they were trained. */
  readonly recipe: string;
  /** How they want their images. `ImageFolder` takes this as its `transform`. */
  transforms(): ImagePreset;
}

/** The weights of one model by name. */
export interface WeightsTable {
  readonly [name: string]: PretrainedWeights;
  /** The best of them. */
  readonly DEFAULT: PretrainedWeights;
}

/** What all weights of torchvision's classifiers have in common. */
const IMAGENET = { numClasses: 1000, categories: imagenetCategories };

/**
 * Weights of one of torchvision's ImageNet classifiers, with the figures that torchvision documents.
 * @param file Its name, which ends in the first digits of its digest.
 * @param top1 Accuracy in per cent, as `top5`.
 * @param preset How they want their images.
 */
export function torchvision(
  file: string,
  sizeMiB: number,
  top1: number,
  top5: number,
  recipe: string,
  preset = imagenetPreset(),
): Omit<PretrainedWeights, 'model' | 'name' | 'numParams' | 'minSize'> {
  const url = `https://download.pytorch.org/models/${file}`;
  const sha256 = file.slice(file.lastIndexOf('-') + 1, file.lastIndexOf('.'));
  return {
    ...IMAGENET,
    url,
    sha256,
    sizeMiB,
    metrics: { top1, top5 },
    recipe,
    transforms: () => preset,
  };
}

/** Weights of one of torchvision's networks that segment, trained on COCO's images of Pascal VOC's classes; parameters as of {@link torchvision}. */
export function torchvisionVoc(
  file: string,
  sizeMiB: number,
  meanIoU: number,
  pixelAccuracy: number,
  recipe: string,
): ReturnType<typeof torchvision> {
  return {
    ...torchvision(file, sizeMiB, Number.NaN, Number.NaN, recipe, VOC_PRESET),
    numClasses: 21,
    categories: vocCategories,
    metrics: { top1: Number.NaN, top5: Number.NaN, meanIoU, pixelAccuracy },
  };
}

/** The shorter side at 520, as torchvision's networks that segment were trained and measured. */
export const VOC_PRESET: ImagePreset = imagenetPreset(520, 520);

/** Whether `value` is a record of published weights (or shaped like one). */
export function isPretrained(value: unknown): value is PretrainedWeights {
  return typeof value === 'object' && value !== null && 'sha256' in value && 'transforms' in value;
}

/**
 * The record that a name means, or undefined where `name` reads as a path or URL.
 * @throws ArgumentError for a name in the style of weights that this model does not have.
 */
export function weightsByName(
  { name: model, weights: table }: { readonly name: string; readonly weights?: WeightsTable | undefined },
  name: string,
): PretrainedWeights | undefined {
  const found = table && Object.hasOwn(table, name) ? table[name] : undefined;
  if (found || !/^[A-Z][A-Z0-9_]*$/.test(name)) return found;
  const known = table ? Object.keys(table).join(', ') : 'none';
  throw new ArgumentError(
    `${model}: expected weights by name (${known}) or a path, got '${name}'. Write './${name}' for a file.`,
  );
}
