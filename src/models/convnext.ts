/** ConvNeXt, tiny to large, with torchvision's names, order and initialisation. Liu et al. 2022, https://arxiv.org/abs/2201.03545 */
import { imagenetPreset } from '../data/transforms/compose.ts';
import {
  AdaptiveAvgPool2d,
  Conv2d,
  Conv2dNormActivation,
  Flatten,
  GELU,
  init,
  LayerNorm,
  LayerNorm2d,
  Linear,
  Module,
  Parameter,
  Permute,
  Sequential,
  StochasticDepth,
} from '../nn/index.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { imagenetCategories } from './categories.ts';
import { defineModel } from './define.ts';
import { torchvision } from './published.ts';
import { RECIPES } from './resnet.ts';

const EPS = 1e-6;

/** A depthwise 7x7 convolution, then two dense layers over each pixel's channels, scaled by channel, beside a shortcut. */
export class CNBlock extends Module {
  block: Sequential;
  /** [channels, 1, 1]. */
  layer_scale: Parameter;
  stochastic_depth: StochasticDepth;

  /**
   * @param layerScale the first value of `layer_scale`
   * @param dropProbability of the branch beside the shortcut, in training
   */
  constructor(channels: number, layerScale: number, dropProbability: number) {
    super();
    this.block = new Sequential(
      new Conv2d(channels, channels, 7, { padding: 3, groups: channels }),
      new Permute([0, 2, 3, 1]),
      new LayerNorm(channels, { eps: EPS }),
      new Linear(channels, 4 * channels),
      new GELU(),
      new Linear(4 * channels, channels),
      new Permute([0, 3, 1, 2]),
    );
    this.layer_scale = new Parameter([channels, 1, 1], () => new Float32Array(channels).fill(layerScale));
    this.stochastic_depth = new StochasticDepth(dropProbability, 'row', { block: this });
  }

  override forward(x: Tensor): Tensor {
    return this.stochastic_depth.forward(this.block.forward(x).mul(this.layer_scale)).add(x);
  }
}

/** Options of {@link ConvNeXt}, as torchvision’s. */
export interface ConvNeXtOptions {
  /** 1000 by default. */
  numClasses?: number;
  /** Probability of leaving out the last block's branch in training, which the blocks before approach from 0; 0 by default. */
  stochasticDepth?: number;
  /** The first value of the blocks' `layer_scale`; 1e-6 by default. */
  layerScale?: number;
}

/** [N, 3, H, W] to logits [N, numClasses]; H and W from 32 up, 224 in training. */
export class ConvNeXt extends Module {
  features: Sequential;
  avgpool: AdaptiveAvgPool2d;
  classifier: Sequential;

  /**
   * @param channels of each stage
   * @param layers blocks in each stage
   */
  constructor(
    channels: readonly [number, number, number, number],
    layers: readonly [number, number, number, number],
    options: ConvNeXtOptions = {},
  ) {
    super();
    const { numClasses = 1000, stochasticDepth = 0, layerScale = 1e-6 } = options;
    const normLayer = (count: number) => new LayerNorm2d(count, { eps: EPS });
    const stem = { stride: 4, padding: 0, bias: true, normLayer, activationLayer: null };
    this.features = new Sequential(new Conv2dNormActivation(3, channels[0], 4, stem));
    const last = layers.reduce((sum, count) => sum + count) - 1;
    let index = 0;
    for (const [stage, count] of channels.entries()) {
      const blocks = Array.from({ length: layers[stage]! }, () => {
        return new CNBlock(count, layerScale, (stochasticDepth * index++) / last);
      });
      this.features.append(new Sequential(...blocks));
      const next = channels[stage + 1];
      if (next) this.features.append(new Sequential(normLayer(count), new Conv2d(count, next, 2, { stride: 2 })));
    }
    this.avgpool = new AdaptiveAvgPool2d(1);
    this.classifier = new Sequential(normLayer(channels[3]), new Flatten(1), new Linear(channels[3], numClasses));
    for (const module of this.modules()) {
      if (!(module instanceof Conv2d || module instanceof Linear)) continue;
      init.truncNormal(module.weight, 0, 0.02);
      init.constant(module.bias!, 0);
    }
  }

  override forward(x: Tensor): Tensor {
    return this.classifier.forward(this.avgpool.forward(this.features.forward(x)));
  }
}

/** What all of them have in common. Before each stage but the first lies the layer that halves the maps. */
const CONVNEXT = {
  task: 'image-classification',
  categories: imagenetCategories,
  minSize: 32,
  stages: ['features', 'features.2', 'features.4', 'features.6', 'classifier.2'],
  maps: 'features',
  heads: ['classifier.2'],
} as const;

/** A file of torchvision's with the shorter side that its images are resized to. */
function weights(file: string, sizeMiB: number, top1: number, top5: number, resize: number) {
  const preset = imagenetPreset(resize);
  return {
    input: preset,
    weights: { IMAGENET1K_V1: torchvision(file, sizeMiB, top1, top5, `${RECIPES}#convnext`, preset) },
  };
}

/** ConvNeXt tiny: about as large as a ResNet-50. */
export const convnext_tiny = defineModel({
  ...CONVNEXT,
  ...weights('convnext_tiny-983f1562.pth', 109.119, 82.52, 96.146, 236),
  name: 'convnext_tiny',
  title: 'ConvNeXt tiny',
  parameters: 28_589_128,
  multiplyAdds: 4.456,
  build: (options) => new ConvNeXt([96, 192, 384, 768], [3, 3, 9, 3], { stochasticDepth: 0.1, ...options }),
});

/** ConvNeXt small. */
export const convnext_small = defineModel({
  ...CONVNEXT,
  ...weights('convnext_small-0c510722.pth', 191.703, 83.616, 96.65, 230),
  name: 'convnext_small',
  title: 'ConvNeXt small',
  parameters: 50_223_688,
  multiplyAdds: 8.684,
  build: (options) => new ConvNeXt([96, 192, 384, 768], [3, 3, 27, 3], { stochasticDepth: 0.4, ...options }),
});

/** ConvNeXt base. */
export const convnext_base = defineModel({
  ...CONVNEXT,
  ...weights('convnext_base-6075fbad.pth', 338.064, 84.062, 96.87, 232),
  name: 'convnext_base',
  title: 'ConvNeXt base',
  parameters: 88_591_464,
  multiplyAdds: 15.355,
  build: (options) => new ConvNeXt([128, 256, 512, 1024], [3, 3, 27, 3], { stochasticDepth: 0.5, ...options }),
});

/** ConvNeXt large. */
export const convnext_large = defineModel({
  ...CONVNEXT,
  ...weights('convnext_large-ea097f82.pth', 754.537, 84.414, 96.976, 232),
  name: 'convnext_large',
  title: 'ConvNeXt large',
  parameters: 197_767_336,
  multiplyAdds: 34.361,
  build: (options) => new ConvNeXt([192, 384, 768, 1536], [3, 3, 27, 3], { stochasticDepth: 0.5, ...options }),
});

/** Published weights of ConvNeXt tiny. */
export const ConvNeXt_TinyWeights = convnext_tiny.weights;
/** Published weights of ConvNeXt small. */
export const ConvNeXt_SmallWeights = convnext_small.weights;
/** Published weights of ConvNeXt base. */
export const ConvNeXt_BaseWeights = convnext_base.weights;
/** Published weights of ConvNeXt large. */
export const ConvNeXt_LargeWeights = convnext_large.weights;
