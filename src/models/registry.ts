/** All models by name: what a program needs to know to build, cut and fine-tune one that it was only told the name of. */
import { ArgumentError } from '../core/errors.ts';
import { editDistance } from '../core/options.ts';
import { Conv2d, Linear, type Module } from '../nn/index.ts';
import { type Categories, cifar10Categories, imagenetCategories } from './categories.ts';
import { cifarResnet20, cifarResnet32, cifarResnet44, cifarResnet56, cifarResnet110 } from './cifar-resnet.ts';
import type { ModelOptions } from './create.ts';
import { KERAS_RGB_PRESET, kerasResnet50, kerasResnet101, kerasResnet152 } from './keras/rgb.ts';
import { CIFAR_PRESET, type ImagePreset, imagenetPreset } from './preset.ts';
import {
  resnet18,
  resnet34,
  resnet50,
  resnet101,
  resnet152,
  resnext50_32x4d,
  resnext101_32x8d,
  resnext101_64x4d,
  wide_resnet50_2,
  wide_resnet101_2,
} from './resnet.ts';
import { smallResnet } from './small-resnet.ts';
import { squeezenet1_0, squeezenet1_1 } from './squeezenet.ts';
import * as published from './weights.ts';

/** What is known of a network under its name. */
export interface ModelEntry {
  /** Builds the model. */
  readonly create: (options?: ModelOptions) => Promise<Module>;
  /** Published weights by name, if there are any. */
  readonly weights?: published.WeightsTable;
  /** Side of the square images it was trained on, in pixels. */
  readonly inputSize: number;
  /** The names of the classes that published weights of it have. */
  readonly categories?: Categories;
  /** Multiplications with an addition of one forward pass over one image of that size, in billions; NaN where that is not known. */
  readonly multiplyAdds: number;
  /** How it wants its images when its weights do not say otherwise. */
  readonly transforms: ImagePreset;
  /** Where to cut, for `freezeUntil`, from the first to the last; the last is the head alone. */
  readonly stages: readonly string[];
  /** Path of the module that makes the last feature maps: where Grad-CAM looks. */
  readonly maps: string;
  /** Path of the layer that makes the classes. */
  readonly head: string;
  /** Gives a model a new head, where that is more than {@link graftHead}. */
  readonly graft?: (model: Module, numClasses: number) => Linear | Conv2d;
}

const RESNET = {
  inputSize: 224,
  categories: imagenetCategories,
  transforms: imagenetPreset(),
  stages: ['conv1', 'layer1', 'layer2', 'layer3', 'layer4', 'fc'],
  maps: 'layer4',
  head: 'fc',
} as const;

function resnet(create: ModelEntry['create'], weights: published.WeightsTable, multiplyAdds: number): ModelEntry {
  return { ...RESNET, create, weights, multiplyAdds };
}

function kerasResnet(create: ModelEntry['create'], multiplyAdds: number): ModelEntry {
  return { ...RESNET, create, multiplyAdds, transforms: KERAS_RGB_PRESET };
}

function squeezenet(
  create: ModelEntry['create'],
  weights: published.WeightsTable,
  fires: readonly number[],
  multiplyAdds: number,
): ModelEntry {
  const stages = ['features', ...fires.map((i) => `features.${i}`), 'classifier'];
  return {
    create,
    weights,
    multiplyAdds,
    inputSize: 224,
    categories: imagenetCategories,
    transforms: imagenetPreset(),
    stages,
    maps: 'features',
    head: 'classifier.1',
  };
}

function cifar(create: ModelEntry['create'], multiplyAdds: number): ModelEntry {
  const stages = ['conv1', 'layer1', 'layer2', 'layer3', 'linear'];
  return {
    create,
    multiplyAdds,
    inputSize: 32,
    categories: cifar10Categories,
    transforms: CIFAR_PRESET,
    stages,
    maps: 'layer3',
    head: 'linear',
  };
}

/** Every model with a published counterpart, by the name of its function. */
export const MODELS: Readonly<Record<string, ModelEntry>> = {
  resnet18: resnet(resnet18, published.ResNet18Weights, 1.81),
  resnet34: resnet(resnet34, published.ResNet34Weights, 3.66),
  resnet50: resnet(resnet50, published.ResNet50Weights, 4.09),
  resnet101: resnet(resnet101, published.ResNet101Weights, 7.8),
  resnet152: resnet(resnet152, published.ResNet152Weights, 11.51),
  resnext50_32x4d: resnet(resnext50_32x4d, published.ResNeXt50_32X4DWeights, 4.23),
  resnext101_32x8d: resnet(resnext101_32x8d, published.ResNeXt101_32X8DWeights, 16.41),
  resnext101_64x4d: resnet(resnext101_64x4d, published.ResNeXt101_64X4DWeights, 15.46),
  wide_resnet50_2: resnet(wide_resnet50_2, published.Wide_ResNet50_2Weights, 11.4),
  wide_resnet101_2: resnet(wide_resnet101_2, published.Wide_ResNet101_2Weights, 22.75),
  squeezenet1_0: squeezenet(squeezenet1_0, published.SqueezeNet1_0Weights, [3, 7, 12], 0.82),
  squeezenet1_1: squeezenet(squeezenet1_1, published.SqueezeNet1_1Weights, [3, 6, 9], 0.35),
  cifarResnet20: cifar(cifarResnet20, 0.041),
  cifarResnet32: cifar(cifarResnet32, 0.069),
  cifarResnet44: cifar(cifarResnet44, 0.098),
  cifarResnet56: cifar(cifarResnet56, 0.126),
  cifarResnet110: cifar(cifarResnet110, 0.254),
};

/** Networks that the browser page offers beside those. */
const FURTHER: Readonly<Record<string, ModelEntry>> = {
  smallResnet: {
    create: smallResnet,
    multiplyAdds: 0.012,
    inputSize: 32,
    transforms: CIFAR_PRESET,
    stages: ['conv1', 'layer1', 'layer2', 'layer3', 'fc'],
    maps: 'layer3',
    head: 'fc',
  },
  kerasResnet50: kerasResnet(kerasResnet50, 3.86),
  kerasResnet101: kerasResnet(kerasResnet101, 7.58),
  kerasResnet152: kerasResnet(kerasResnet152, 11.29),
};

/** Whether {@link modelEntry} knows a name. */
export function isNetwork(name: string): boolean {
  return [MODELS, FURTHER].some((table) => Object.hasOwn(table, name));
}

/**
 * The entry of a model by name: one of {@link MODELS}, or a network of the browser page (`smallResnet`; `kerasResnet50`, `101`
 * and `152`, which take a file that Keras saved).
 * @param kind what the message says there is none of
 * @throws ArgumentError for an unknown one, with the names that come close.
 */
export function modelEntry(name: string, kind = 'network'): ModelEntry {
  for (const table of [MODELS, FURTHER]) if (Object.hasOwn(table, name)) return table[name]!;
  const key = (text: string) => text.toLowerCase().replace(/[^a-z0-9]/g, '');
  const ranked = Object.keys(MODELS)
    .map((known) => ({ known, distance: distanceOf(key(name), key(known)) }))
    .sort((a, b) => a.distance - b.distance);
  const close = ranked.filter(({ distance }) => distance <= Math.max(2, ranked[0]!.distance)).slice(0, 3);
  const hint =
    ranked[0]!.distance <= 4
      ? `Close names: ${close.map(({ known }) => known).join(', ')}.`
      : `There are ${Object.keys(MODELS).join(', ')}.`;
  throw new ArgumentError(`model: there is no ${kind} '${name}'. ${hint}`);
}

/** How far a name is from a known one; not at all where it is a part of it, as resnet20 of cifarResnet20. */
function distanceOf(name: string, known: string): number {
  return name !== '' && known.includes(name) ? 0 : editDistance(name, known);
}

/**
 * Replaces the layer at `head` (an entry's `head`) by a new, trainable one of the same kind with `numClasses` outputs.
 * @returns the new layer.
 */
export function graftHead(model: Module, head: string, numClasses: number): Linear | Conv2d {
  const old = model.getSubmodule(head);
  const cut = head.lastIndexOf('.');
  const parent = model.getSubmodule(cut < 0 ? '' : head.slice(0, cut)) as unknown as Record<string, Module>;
  const grafted = sameKind(old, numClasses);
  if (!grafted)
    throw new ArgumentError(
      `graftHead: '${head}' must be a Linear or a Conv2d, got ${old.typeName}. Replace it by hand.`,
    );
  parent[head.slice(cut + 1)] = grafted;
  return grafted;
}

function sameKind(old: Module, numClasses: number): Linear | Conv2d | undefined {
  if (old instanceof Linear) return new Linear(old.inFeatures, numClasses, { bias: old.bias !== null });
  if (!(old instanceof Conv2d)) return undefined;
  const { stride, padding, dilation } = old;
  return new Conv2d(old.inChannels, numClasses, old.kernelSize, { stride, padding, dilation, bias: old.bias !== null });
}
