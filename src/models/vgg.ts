/** VGG 11 to 19, with and without batch norms, with torchvision's names, order and initialisation. Simonyan and Zisserman 2014, https://arxiv.org/abs/1409.1556 */
import { imagenetPreset } from '../data/transforms/compose.ts';
import {
  AdaptiveAvgPool2d,
  BatchNorm2d,
  Conv2d,
  Dropout,
  Linear,
  MaxPool2d,
  Module,
  ReLU,
  Sequential,
} from '../nn/index.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { imagenetCategories } from './categories.ts';
import { defineModel } from './define.ts';
import { initialize } from './initialize.ts';
import { torchvision } from './published.ts';
import { RECIPES } from './resnet.ts';

/** Layers with weights: the convolutions and three dense ones. */
export type VGGDepth = 11 | 13 | 16 | 19;

/** Options of {@link VGG}. */
export interface VGGOptions {
  /** Whether a batch norm follows each convolution; false by default. */
  batchNorm?: boolean;
  /** 1000 by default. */
  numClasses?: number;
  /** Behind the first two dense layers; 0.5 by default. */
  dropout?: number;
}

/** Convolutions in each of the five blocks. */
const BLOCKS: Readonly<Record<VGGDepth, readonly number[]>> = {
  11: [1, 1, 2, 2, 2],
  13: [2, 2, 2, 2, 2],
  16: [2, 2, 3, 3, 3],
  19: [2, 2, 4, 4, 4],
};

/** Channels of each block. */
const WIDTHS = [64, 128, 256, 512, 512];

function features(depth: VGGDepth, batchNorm: boolean): Sequential {
  const layers = new Sequential();
  let channels = 3;
  for (const [block, width] of WIDTHS.entries()) {
    for (let i = 0; i < BLOCKS[depth][block]!; i++, channels = width) {
      layers.append(new Conv2d(channels, width, 3, { padding: 1 }));
      if (batchNorm) layers.append(new BatchNorm2d(width));
      layers.append(new ReLU({ inplace: true }));
    }
    layers.append(new MaxPool2d(2, { stride: 2 }));
  }
  return layers;
}

/** [N, 3, H, W] to logits [N, numClasses]; H and W from 32 up, 224 in training. The first dense layer has 411 MB. */
export class VGG extends Module {
  features: Sequential;
  avgpool: AdaptiveAvgPool2d;
  classifier: Sequential;

  constructor(depth: VGGDepth, options: VGGOptions = {}) {
    super();
    const { batchNorm = false, numClasses = 1000, dropout = 0.5 } = options;
    this.features = features(depth, batchNorm);
    this.avgpool = new AdaptiveAvgPool2d([7, 7]);
    this.classifier = new Sequential(
      new Linear(512 * 7 * 7, 4096),
      new ReLU({ inplace: true }),
      new Dropout(dropout),
      new Linear(4096, 4096),
      new ReLU({ inplace: true }),
      new Dropout(dropout),
      new Linear(4096, numClasses),
    );
    initialize(this);
  }

  override forward(x: Tensor): Tensor {
    const maps = this.avgpool.forward(this.features.forward(x));
    return this.classifier.forward(maps.flatten(1));
  }
}

const RECIPE = `${RECIPES}#alexnet-and-vgg`;

const COMMON = {
  task: 'image-classification',
  input: imagenetPreset(),
  categories: imagenetCategories,
  maps: 'features',
  heads: ['classifier.6'],
  minSize: 32,
} as const;

/** Where to cut: before each block of convolutions, before the dense layers, and before the last of them. */
function stages(depth: VGGDepth, batchNorm = false): readonly string[] {
  const blocks = BLOCKS[depth].map((_, block) => {
    const before = BLOCKS[depth].slice(0, block);
    return before.reduce((place, convolutions) => place + convolutions * (batchNorm ? 3 : 2) + 1, 0);
  });
  return ['features', ...blocks.slice(1).map((i) => `features.${i}`), 'classifier', 'classifier.6'];
}

/** VGG-11. */
export const vgg11 = defineModel({
  ...COMMON,
  name: 'vgg11',
  title: 'VGG-11',
  parameters: 132_863_336,
  multiplyAdds: 7.61,
  stages: stages(11),
  weights: { IMAGENET1K_V1: torchvision('vgg11-8a719046.pth', 506.84, 69.02, 88.628, RECIPE) },
  build: (options) => new VGG(11, options),
});
/** Published weights of VGG-11. */
export const VGG11Weights = vgg11.weights;

/** VGG-11 with batch norms. */
export const vgg11_bn = defineModel({
  ...COMMON,
  name: 'vgg11_bn',
  title: 'VGG-11 with batch norms',
  parameters: 132_868_840,
  multiplyAdds: 7.61,
  stages: stages(11, true),
  weights: { IMAGENET1K_V1: torchvision('vgg11_bn-6002323d.pth', 506.881, 70.37, 89.81, RECIPE) },
  build: (options) => new VGG(11, { ...options, batchNorm: true }),
});
/** Published weights of VGG-11 with batch norms. */
export const VGG11_BNWeights = vgg11_bn.weights;

/** VGG-13. */
export const vgg13 = defineModel({
  ...COMMON,
  name: 'vgg13',
  title: 'VGG-13',
  parameters: 133_047_848,
  multiplyAdds: 11.31,
  stages: stages(13),
  weights: { IMAGENET1K_V1: torchvision('vgg13-19584684.pth', 507.545, 69.928, 89.246, RECIPE) },
  build: (options) => new VGG(13, options),
});
/** Published weights of VGG-13. */
export const VGG13Weights = vgg13.weights;

/** VGG-13 with batch norms. */
export const vgg13_bn = defineModel({
  ...COMMON,
  name: 'vgg13_bn',
  title: 'VGG-13 with batch norms',
  parameters: 133_053_736,
  multiplyAdds: 11.31,
  stages: stages(13, true),
  weights: { IMAGENET1K_V1: torchvision('vgg13_bn-abd245e5.pth', 507.59, 71.586, 90.374, RECIPE) },
  build: (options) => new VGG(13, { ...options, batchNorm: true }),
});
/** Published weights of VGG-13 with batch norms. */
export const VGG13_BNWeights = vgg13_bn.weights;

/** VGG-16. */
export const vgg16 = defineModel({
  ...COMMON,
  name: 'vgg16',
  title: 'VGG-16',
  parameters: 138_357_544,
  multiplyAdds: 15.47,
  stages: stages(16),
  weights: { IMAGENET1K_V1: torchvision('vgg16-397923af.pth', 527.796, 71.592, 90.382, RECIPE) },
  build: (options) => new VGG(16, options),
});
/** Published weights of VGG-16. */
export const VGG16Weights = vgg16.weights;

/** VGG-16 with batch norms. */
export const vgg16_bn = defineModel({
  ...COMMON,
  name: 'vgg16_bn',
  title: 'VGG-16 with batch norms',
  parameters: 138_365_992,
  multiplyAdds: 15.47,
  stages: stages(16, true),
  weights: { IMAGENET1K_V1: torchvision('vgg16_bn-6c64b313.pth', 527.866, 73.36, 91.516, RECIPE) },
  build: (options) => new VGG(16, { ...options, batchNorm: true }),
});
/** Published weights of VGG-16 with batch norms. */
export const VGG16_BNWeights = vgg16_bn.weights;

/** VGG-19. */
export const vgg19 = defineModel({
  ...COMMON,
  name: 'vgg19',
  title: 'VGG-19',
  parameters: 143_667_240,
  multiplyAdds: 19.63,
  stages: stages(19),
  weights: { IMAGENET1K_V1: torchvision('vgg19-dcbb9e9d.pth', 548.051, 72.376, 90.876, RECIPE) },
  build: (options) => new VGG(19, options),
});
/** Published weights of VGG-19. */
export const VGG19Weights = vgg19.weights;

/** VGG-19 with batch norms. */
export const vgg19_bn = defineModel({
  ...COMMON,
  name: 'vgg19_bn',
  title: 'VGG-19 with batch norms',
  parameters: 143_678_248,
  multiplyAdds: 19.63,
  stages: stages(19, true),
  weights: { IMAGENET1K_V1: torchvision('vgg19_bn-c79401a0.pth', 548.143, 74.218, 91.842, RECIPE) },
  build: (options) => new VGG(19, { ...options, batchNorm: true }),
});
/** Published weights of VGG-19 with batch norms. */
export const VGG19_BNWeights = vgg19_bn.weights;
