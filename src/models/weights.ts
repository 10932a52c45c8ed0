/**
 * Published weights, as data: where they are, how to check them, how they want their images, what they score.
 * Figures, addresses and sizes are those that torchvision documents.
 */
import { ArgumentError } from '../core/errors.ts';
import { type Categories, imagenetCategories } from './categories.ts';
import { type ImagePreset, imagenetPreset } from './preset.ts';

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
  /** Accuracy in per cent, one centre crop, on ImageNet's validation set. */
  readonly metrics: { readonly top1: number; readonly top5: number };
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

const RECIPES = 'https://github.com/pytorch/vision/tree/main/references/classification';
const NEW_RECIPE = 'https://github.com/pytorch/vision/issues/3995#new-recipe';

type Entry = [file: string, sizeMiB: number, top1: number, top5: number, recipe: string, resize: number];

function record(
  model: string,
  numParams: number,
  minSize: number,
  name: string,
  [file, sizeMiB, top1, top5, recipe, resize]: Entry,
): PretrainedWeights {
  return {
    model,
    name,
    url: `https://download.pytorch.org/models/${file}`,
    sha256: file.slice(file.lastIndexOf('-') + 1, file.lastIndexOf('.')),
    sizeMiB,
    numParams,
    numClasses: 1000,
    categories: imagenetCategories,
    minSize: [minSize, minSize],
    metrics: { top1, top5 },
    recipe,
    transforms: () => imagenetPreset(resize),
  };
}

interface OneVersion extends WeightsTable {
  readonly IMAGENET1K_V1: PretrainedWeights;
}

interface TwoVersions extends OneVersion {
  readonly IMAGENET1K_V2: PretrainedWeights;
}

function oneVersion(model: string, numParams: number, minSize: number, v1: Entry): OneVersion {
  const first = record(model, numParams, minSize, 'IMAGENET1K_V1', v1);
  return { IMAGENET1K_V1: first, DEFAULT: first };
}

function twoVersions(model: string, numParams: number, v1: Entry, v2: Entry): TwoVersions {
  const second = record(model, numParams, 1, 'IMAGENET1K_V2', v2);
  return { IMAGENET1K_V1: record(model, numParams, 1, 'IMAGENET1K_V1', v1), IMAGENET1K_V2: second, DEFAULT: second };
}

/** Published weights of ResNet-18. */
export const ResNet18Weights: OneVersion = oneVersion('resnet18', 11_689_512, 1, [
  'resnet18-f37072fd.pth',
  44.661,
  69.758,
  89.078,
  `${RECIPES}#resnet`,
  256,
]);

/** Published weights of ResNet-34. */
export const ResNet34Weights: OneVersion = oneVersion('resnet34', 21_797_672, 1, [
  'resnet34-b627a593.pth',
  83.275,
  73.314,
  91.42,
  `${RECIPES}#resnet`,
  256,
]);

/** Published weights of ResNet-50. */
export const ResNet50Weights: TwoVersions = twoVersions(
  'resnet50',
  25_557_032,
  ['resnet50-0676ba61.pth', 97.781, 76.13, 92.862, `${RECIPES}#resnet`, 256],
  [
    'resnet50-11ad3fa6.pth',
    97.79,
    80.858,
    95.434,
    'https://github.com/pytorch/vision/issues/3995#issuecomment-1013906621',
    232,
  ],
);

/** Published weights of ResNet-101. */
export const ResNet101Weights: TwoVersions = twoVersions(
  'resnet101',
  44_549_160,
  ['resnet101-63fe2227.pth', 170.511, 77.374, 93.546, `${RECIPES}#resnet`, 256],
  ['resnet101-cd907fc2.pth', 170.53, 81.886, 95.78, NEW_RECIPE, 232],
);

/** Published weights of ResNet-152. */
export const ResNet152Weights: TwoVersions = twoVersions(
  'resnet152',
  60_192_808,
  ['resnet152-394f9c45.pth', 230.434, 78.312, 94.046, `${RECIPES}#resnet`, 256],
  ['resnet152-f82ba261.pth', 230.474, 82.284, 96.002, NEW_RECIPE, 232],
);

/** Published weights of ResNeXt-50 32x4d. */
export const ResNeXt50_32X4DWeights: TwoVersions = twoVersions(
  'resnext50_32x4d',
  25_028_904,
  ['resnext50_32x4d-7cdf4587.pth', 95.789, 77.618, 93.698, `${RECIPES}#resnext`, 256],
  ['resnext50_32x4d-1a0047aa.pth', 95.833, 81.198, 95.34, NEW_RECIPE, 232],
);

/** Published weights of ResNeXt-101 32x8d. */
export const ResNeXt101_32X8DWeights: TwoVersions = twoVersions(
  'resnext101_32x8d',
  88_791_336,
  ['resnext101_32x8d-8ba56ff5.pth', 339.586, 79.312, 94.526, `${RECIPES}#resnext`, 256],
  ['resnext101_32x8d-110c445d.pth', 339.673, 82.834, 96.228, `${NEW_RECIPE}-with-fixres`, 232],
);

/** Published weights of ResNeXt-101 64x4d. */
export const ResNeXt101_64X4DWeights: OneVersion = oneVersion('resnext101_64x4d', 83_455_272, 1, [
  'resnext101_64x4d-173b62eb.pth',
  319.318,
  83.246,
  96.454,
  'https://github.com/pytorch/vision/pull/5935',
  232,
]);

/** Published weights of Wide ResNet-50-2. */
export const Wide_ResNet50_2Weights: TwoVersions = twoVersions(
  'wide_resnet50_2',
  68_883_240,
  [
    'wide_resnet50_2-95faca4d.pth',
    131.82,
    78.468,
    94.086,
    'https://github.com/pytorch/vision/pull/912#issue-445437439',
    256,
  ],
  ['wide_resnet50_2-9ba9bcbe.pth', 263.124, 81.602, 95.758, `${NEW_RECIPE}-with-fixres`, 232],
);

/** Published weights of Wide ResNet-101-2. */
export const Wide_ResNet101_2Weights: TwoVersions = twoVersions(
  'wide_resnet101_2',
  126_886_696,
  [
    'wide_resnet101_2-32ee1156.pth',
    242.896,
    78.848,
    94.284,
    'https://github.com/pytorch/vision/pull/912#issue-445437439',
    256,
  ],
  ['wide_resnet101_2-d733dc28.pth', 484.747, 82.51, 96.02, NEW_RECIPE, 232],
);

const SQUEEZENET_RECIPE = 'https://github.com/pytorch/vision/pull/49#issuecomment-277560717';

/** Published weights of SqueezeNet 1.0. */
export const SqueezeNet1_0Weights: OneVersion = oneVersion('squeezenet1_0', 1_248_424, 21, [
  'squeezenet1_0-b66bff10.pth',
  4.778,
  58.092,
  80.42,
  SQUEEZENET_RECIPE,
  256,
]);

/** Published weights of SqueezeNet 1.1. */
export const SqueezeNet1_1Weights: OneVersion = oneVersion('squeezenet1_1', 1_235_496, 17, [
  'squeezenet1_1-b8a52dc0.pth',
  4.729,
  58.178,
  80.624,
  SQUEEZENET_RECIPE,
  256,
]);

/** Whether `value` is a record of this file (or shaped like one). */
export function isPretrained(value: unknown): value is PretrainedWeights {
  return typeof value === 'object' && value !== null && 'sha256' in value && 'transforms' in value;
}

/**
 * The record that a name means, or undefined where `name` reads as a path or URL.
 * @throws ArgumentError for a name in the style of weights that this model does not have.
 */
export function weightsByName(
  model: string,
  table: WeightsTable | undefined,
  name: string,
): PretrainedWeights | undefined {
  const found = table && Object.hasOwn(table, name) ? table[name] : undefined;
  if (found || !/^[A-Z][A-Z0-9_]*$/.test(name)) return found;
  const known = table ? Object.keys(table).join(', ') : 'none';
  throw new ArgumentError(
    `${model}: expected weights by name (${known}) or a path, got '${name}'. Write './${name}' for a file.`,
  );
}
