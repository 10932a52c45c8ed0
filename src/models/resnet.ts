/**
 * Residual networks for ImageNet, with torchvision's names, order and initialisation (v1.5: the stride is on the 3x3).
 * He et al. 2015, https://arxiv.org/abs/1512.03385.
 */

import type { StateDict } from '../core/dtype.ts';
import { imagenetPreset } from '../data/transforms/compose.ts';
import {
  AdaptiveAvgPool2d,
  BatchNorm2d,
  Conv2d,
  init,
  Linear,
  type LoadOptions,
  MaxPool2d,
  Module,
  ReLU,
  Sequential,
  type StateDictFaults,
} from '../nn/index.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { imagenetCategories } from './categories.ts';
import { defineModel, type ModelOptions, type WeightNames } from './define.ts';
import { foldKerasResNet, isKerasResNet, kerasResNetOf, notV15, RESNET_V1 } from './keras/torchvision.ts';
import { torchvision } from './published.ts';

/** What a stage is built from. */
export interface BlockOptions {
  /** Of the block's first 3x3 convolution. */
  stride?: number;
  /** Brings the input to the output's shape, where they differ. */
  downsample?: Sequential | null;
  /** Groups of the 3x3 convolution: above 1 in a ResNeXt. */
  groups?: number;
  /** Distance between the pixels of a bottleneck's 3x3 convolution; 1 by default. */
  dilation?: number;
  /** Channels per group at 64 planes; 64 by default. */
  baseWidth?: number;
  /** Puts a bottleneck's stride on its first 1x1 convolution (v1) instead of the 3x3 (v1.5); false by default. */
  strideIn1x1?: boolean;
}

/** A residual block's constructor; its output has `planes * expansion` channels. */
export interface BlockType {
  readonly expansion: number;
  new (channels: number, planes: number, options?: BlockOptions): Module;
}

function conv3x3(channelsIn: number, channelsOut: number, stride = 1, groups = 1, dilation = 1): Conv2d {
  return new Conv2d(channelsIn, channelsOut, 3, { stride, padding: dilation, dilation, groups, bias: false });
}

function conv1x1(channelsIn: number, channelsOut: number, stride = 1): Conv2d {
  return new Conv2d(channelsIn, channelsOut, 1, { stride, bias: false });
}

/** Two 3x3 convolutions beside a shortcut: ResNet-18 and 34. */
export class BasicBlock extends Module {
  static readonly expansion = 1;
  conv1: Conv2d;
  bn1: BatchNorm2d;
  relu: ReLU;
  conv2: Conv2d;
  bn2: BatchNorm2d;
  downsample: Sequential | null;

  constructor(channels: number, planes: number, options: BlockOptions = {}) {
    super();
    this.conv1 = conv3x3(channels, planes, options.stride);
    this.bn1 = new BatchNorm2d(planes);
    this.relu = new ReLU({ inplace: true });
    this.conv2 = conv3x3(planes, planes);
    this.bn2 = new BatchNorm2d(planes);
    this.downsample = options.downsample ?? null;
  }

  override forward(x: Tensor): Tensor {
    const identity = this.downsample ? this.downsample.forward(x) : x;
    let y = this.relu.forward(this.bn1.forward(this.conv1.forward(x)));
    y = this.bn2.forward(this.conv2.forward(y));
    return this.relu.forward(y.add(identity));
  }
}

/** 1x1, 3x3 and 1x1 convolutions beside a shortcut: ResNet-50 and deeper. */
export class Bottleneck extends Module {
  static readonly expansion = 4;
  conv1: Conv2d;
  bn1: BatchNorm2d;
  conv2: Conv2d;
  bn2: BatchNorm2d;
  conv3: Conv2d;
  bn3: BatchNorm2d;
  relu: ReLU;
  downsample: Sequential | null;

  constructor(channels: number, planes: number, options: BlockOptions = {}) {
    super();
    const { stride = 1, groups = 1, dilation = 1, baseWidth = 64, strideIn1x1 = false } = options;
    const width = Math.floor(planes * (baseWidth / 64)) * groups;
    this.conv1 = conv1x1(channels, width, strideIn1x1 ? stride : 1);
    this.bn1 = new BatchNorm2d(width);
    this.conv2 = conv3x3(width, width, strideIn1x1 ? 1 : stride, groups, dilation);
    this.bn2 = new BatchNorm2d(width);
    this.conv3 = conv1x1(width, planes * Bottleneck.expansion);
    this.bn3 = new BatchNorm2d(planes * Bottleneck.expansion);
    this.relu = new ReLU({ inplace: true });
    this.downsample = options.downsample ?? null;
  }

  override forward(x: Tensor): Tensor {
    const identity = this.downsample ? this.downsample.forward(x) : x;
    let y = this.relu.forward(this.bn1.forward(this.conv1.forward(x)));
    y = this.relu.forward(this.bn2.forward(this.conv2.forward(y)));
    y = this.bn3.forward(this.conv3.forward(y));
    return this.relu.forward(y.add(identity));
  }
}

/** Options of {@link ResNet}, as torchvision’s. */
export interface ResNetOptions {
  /** 1000 by default. */
  numClasses?: number;
  /** Groups of the 3x3 convolutions (ResNeXt); 1 by default. */
  groups?: number;
  /** Channels per group at 64 planes; 64 by default, 128 in the wide nets. */
  widthPerGroup?: number;
  /**
   * Puts each stage's stride on the first 1x1 convolution of its bottlenecks, as in the original paper and in Keras (v1);
   * false by default, as in torchvision (v1.5). Shapes are equal either way, results are not.
   */
  strideIn1x1?: boolean;
  /** Has the last two stages keep the size of their maps, of bottlenecks, and look further in place of it: for classes of pixels. False by default. */
  dilated?: boolean;
}

/** Options of the networks that Keras has too. */
export interface KerasCompatibleOptions extends ModelOptions {
  /** Builds the v1 network, which weights that Keras saved need; see {@link ResNetOptions.strideIn1x1}. */
  strideIn1x1?: boolean;
}

/** [N, 3, H, W] to logits [N, numClasses]; H and W from 33 up, 224 in training. */
export class ResNet extends Module {
  conv1: Conv2d;
  bn1: BatchNorm2d;
  relu: ReLU;
  maxpool: MaxPool2d;
  layer1: Sequential;
  layer2: Sequential;
  layer3: Sequential;
  layer4: Sequential;
  avgpool: AdaptiveAvgPool2d;
  fc: Linear;
  readonly strideIn1x1: boolean;

  /** @param layers blocks in each of the four stages. */
  constructor(block: BlockType, layers: readonly [number, number, number, number], options: ResNetOptions = {}) {
    super();
    const {
      numClasses = 1000,
      groups = 1,
      widthPerGroup: baseWidth = 64,
      strideIn1x1 = false,
      dilated = false,
    } = options;
    this.strideIn1x1 = strideIn1x1;
    let channels = 64;
    // In a stage that keeps the size, the first block still looks as far as the stage before.
    const stage = (planes: number, blocks: number, stride: number, before = 1, dilation = before): Sequential => {
      const out = planes * block.expansion;
      const downsample =
        stride !== 1 || channels !== out ? new Sequential(conv1x1(channels, out, stride), new BatchNorm2d(out)) : null;
      const sequence = new Sequential(
        new block(channels, planes, { stride, downsample, groups, dilation: before, baseWidth, strideIn1x1 }),
      );
      for (let i = 1; i < blocks; i++) sequence.append(new block(out, planes, { groups, dilation, baseWidth }));
      channels = out;
      return sequence;
    };
    this.conv1 = new Conv2d(3, 64, 7, { stride: 2, padding: 3, bias: false });
    this.bn1 = new BatchNorm2d(64);
    this.relu = new ReLU({ inplace: true });
    this.maxpool = new MaxPool2d(3, { stride: 2, padding: 1 });
    this.layer1 = stage(64, layers[0], 1);
    this.layer2 = stage(128, layers[1], 2);
    this.layer3 = dilated ? stage(256, layers[2], 1, 1, 2) : stage(256, layers[2], 2);
    this.layer4 = dilated ? stage(512, layers[3], 1, 2, 4) : stage(512, layers[3], 2);
    this.avgpool = new AdaptiveAvgPool2d([1, 1]);
    this.fc = new Linear(512 * block.expansion, numClasses);
    for (const module of this.modules())
      if (module instanceof Conv2d) init.kaimingNormal(module.weight, { mode: 'fanOut', nonlinearity: 'relu' });
  }

  override forward(x: Tensor): Tensor {
    let y = this.conv1.forward(x);
    y = this.bn1.forward(y);
    y = this.relu.forward(y);
    y = this.maxpool.forward(y);
    y = this.layer1.forward(y);
    y = this.layer2.forward(y);
    y = this.layer3.forward(y);
    y = this.layer4.forward(y);
    y = this.avgpool.forward(y);
    return this.fc.forward(y.flatten(1));
  }

  /**
   * Takes weights that Keras saved too, where the network is Keras's (`strideIn1x1`): layouts are changed, and what Keras
   * has on top (convolution biases, another epsilon) is folded into the running statistics, which is exact in evaluation.
   */
  override loadStateDict(state: StateDict, options: LoadOptions = {}): StateDictFaults {
    if (state.architecture === RESNET_V1 && !this.strideIn1x1) throw notV15();
    return super.loadStateDict(isKerasResNet(state) ? foldKerasResNet(state, this.strideIn1x1).state : state, options);
  }

  /** As every module's; of a v1 network it says so, to loadStateDict and in the metadata of files. */
  override async stateDict(): Promise<StateDict> {
    const state = await super.stateDict();
    if (this.strideIn1x1) state.architecture = RESNET_V1;
    return state;
  }
}

/** Where torchvision tells how its weights were trained. */
export const RECIPES = 'https://github.com/pytorch/vision/tree/main/references/classification';
export const NEW_RECIPE = 'https://github.com/pytorch/vision/issues/3995#new-recipe';

/** What all ResNets for ImageNet have in common. */
export const RESNET = {
  task: 'image-classification',
  input: imagenetPreset(),
  categories: imagenetCategories,
  stages: ['conv1', 'layer1', 'layer2', 'layer3', 'layer4', 'fc'],
  maps: 'layer4',
  heads: ['fc'],
} as const;

/** What those have in common that Keras has too, as v1. */
const KERAS_TOO: {
  readonly options: { readonly strideIn1x1: true };
  readonly weightNames: WeightNames<Pick<KerasCompatibleOptions, 'strideIn1x1'>>;
} = {
  options: { strideIn1x1: true },
  weightNames: {
    networkOf: kerasResNetOf,
    adapt: (state, { strideIn1x1 = false }) => foldKerasResNet(state, strideIn1x1),
  },
};

/**
 * ResNet-18.
 * @param options The weights to load and the number of classes; without weights the parameters are random.
 * @example
 * const model = await resnet18({ weights: 'resnet18.pth' });
 * model.freeze();
 * model.fc = new Linear(model.fc.inFeatures, 3);
 */
export const resnet18 = defineModel({
  ...RESNET,
  name: 'resnet18',
  title: 'ResNet-18',
  parameters: 11_689_512,
  multiplyAdds: 1.81,
  weights: {
    IMAGENET1K_V1: torchvision('resnet18-f37072fd.pth', 44.661, 69.758, 89.078, `${RECIPES}#resnet`),
  },
  build: (options) => new ResNet(BasicBlock, [2, 2, 2, 2], options),
});
/** Published weights of ResNet-18. */
export const ResNet18Weights = resnet18.weights;

/** ResNet-34. */
export const resnet34 = defineModel({
  ...RESNET,
  name: 'resnet34',
  title: 'ResNet-34',
  parameters: 21_797_672,
  multiplyAdds: 3.66,
  weights: {
    IMAGENET1K_V1: torchvision('resnet34-b627a593.pth', 83.275, 73.314, 91.42, `${RECIPES}#resnet`),
  },
  build: (options) => new ResNet(BasicBlock, [3, 4, 6, 3], options),
});
/** Published weights of ResNet-34. */
export const ResNet34Weights = resnet34.weights;

/** ResNet-50. */
export const resnet50 = defineModel({
  ...RESNET,
  ...KERAS_TOO,
  name: 'resnet50',
  title: 'ResNet-50',
  parameters: 25_557_032,
  multiplyAdds: 4.09,
  weights: {
    IMAGENET1K_V1: torchvision('resnet50-0676ba61.pth', 97.781, 76.13, 92.862, `${RECIPES}#resnet`),
    IMAGENET1K_V2: torchvision(
      'resnet50-11ad3fa6.pth',
      97.79,
      80.858,
      95.434,
      'https://github.com/pytorch/vision/issues/3995#issuecomment-1013906621',
      imagenetPreset(232),
    ),
  },
  build: (options) => new ResNet(Bottleneck, [3, 4, 6, 3], options),
});
/** Published weights of ResNet-50. */
export const ResNet50Weights = resnet50.weights;

/** ResNet-101. */
export const resnet101 = defineModel({
  ...RESNET,
  ...KERAS_TOO,
  name: 'resnet101',
  title: 'ResNet-101',
  parameters: 44_549_160,
  multiplyAdds: 7.8,
  weights: {
    IMAGENET1K_V1: torchvision('resnet101-63fe2227.pth', 170.511, 77.374, 93.546, `${RECIPES}#resnet`),
    IMAGENET1K_V2: torchvision('resnet101-cd907fc2.pth', 170.53, 81.886, 95.78, NEW_RECIPE, imagenetPreset(232)),
  },
  build: (options) => new ResNet(Bottleneck, [3, 4, 23, 3], options),
});
/** Published weights of ResNet-101. */
export const ResNet101Weights = resnet101.weights;

/** ResNet-152. */
export const resnet152 = defineModel({
  ...RESNET,
  ...KERAS_TOO,
  name: 'resnet152',
  title: 'ResNet-152',
  parameters: 60_192_808,
  multiplyAdds: 11.51,
  weights: {
    IMAGENET1K_V1: torchvision('resnet152-394f9c45.pth', 230.434, 78.312, 94.046, `${RECIPES}#resnet`),
    IMAGENET1K_V2: torchvision('resnet152-f82ba261.pth', 230.474, 82.284, 96.002, NEW_RECIPE, imagenetPreset(232)),
  },
  build: (options) => new ResNet(Bottleneck, [3, 8, 36, 3], options),
});
/** Published weights of ResNet-152. */
export const ResNet152Weights = resnet152.weights;
