/** DenseNet 121 to 201, with torchvision's names, order and initialisation. Huang et al. 2017, https://arxiv.org/abs/1608.06993 */
import { imagenetPreset } from '../data/transforms/compose.ts';
import { AvgPool2d, BatchNorm2d, Conv2d, init, Linear, MaxPool2d, Module, ReLU, Sequential } from '../nn/index.ts';
import { checkpoint } from '../tensor/checkpoint.ts';
import { cat, type Tensor } from '../tensor/tensor.ts';
import { imagenetCategories } from './categories.ts';
import { defineModel } from './define.ts';
import { torchvision } from './published.ts';

/** Channels between a layer's two convolutions, for each that it adds. */
const BOTTLENECK = 4;

/** A 1x1 and a 3x3 convolution, each after a batch norm; it gives the channels that the layer adds. */
export class DenseLayer extends Module {
  norm1: BatchNorm2d;
  relu1: ReLU;
  conv1: Conv2d;
  norm2: BatchNorm2d;
  relu2: ReLU;
  conv2: Conv2d;

  constructor(channels: number, growthRate: number) {
    super();
    this.norm1 = new BatchNorm2d(channels);
    this.relu1 = new ReLU({ inplace: true });
    this.conv1 = new Conv2d(channels, BOTTLENECK * growthRate, 1, { bias: false });
    this.norm2 = new BatchNorm2d(BOTTLENECK * growthRate);
    this.relu2 = new ReLU({ inplace: true });
    this.conv2 = new Conv2d(BOTTLENECK * growthRate, growthRate, 3, { padding: 1, bias: false });
  }

  override get typeName(): string {
    return '_DenseLayer';
  }

  override forward(x: Tensor): Tensor {
    const y = this.conv1.forward(this.relu1.forward(this.norm1.forward(x)));
    return this.conv2.forward(this.relu2.forward(this.norm2.forward(y)));
  }
}

/** Layers of which each gets the block's input and all that the layers before it have added. */
export class DenseBlock extends Sequential {
  constructor(layers: number, channels: number, growthRate: number) {
    const layer = (i: number) => new DenseLayer(channels + i * growthRate, growthRate);
    super(Object.fromEntries(Array.from({ length: layers }, (_, i) => [`denselayer${i + 1}`, layer(i)])));
  }

  override get typeName(): string {
    return '_DenseBlock';
  }

  override forward(x: Tensor): Tensor {
    let y = x;
    for (const layer of this) {
      const added = this.checkpointing ? checkpoint((x) => layer.forward(x), y) : layer.forward(y);
      y = cat([y, added], 1);
    }
    return y;
  }
}

/** Halves the channels and the sides between two blocks. */
class Transition extends Sequential {
  constructor(channels: number) {
    super({
      norm: new BatchNorm2d(channels),
      relu: new ReLU({ inplace: true }),
      conv: new Conv2d(channels, channels / 2, 1, { bias: false }),
      pool: new AvgPool2d(2, { stride: 2 }),
    });
  }

  override get typeName(): string {
    return '_Transition';
  }
}

/** The stem, the blocks with transitions between them, and the last batch norm. */
function features(growthRate: number, blocks: readonly number[], stem: number): Sequential {
  const parts: Record<string, Module> = {
    conv0: new Conv2d(3, stem, 7, { stride: 2, padding: 3, bias: false }),
    norm0: new BatchNorm2d(stem),
    relu0: new ReLU({ inplace: true }),
    pool0: new MaxPool2d(3, { stride: 2, padding: 1 }),
  };
  let channels = stem;
  for (const [i, layers] of blocks.entries()) {
    parts[`denseblock${i + 1}`] = new DenseBlock(layers, channels, growthRate);
    channels += layers * growthRate;
    if (i === blocks.length - 1) break;
    parts[`transition${i + 1}`] = new Transition(channels);
    channels /= 2;
  }
  parts.norm5 = new BatchNorm2d(channels);
  return new Sequential(parts);
}

/**
 * [N, 3, H, W] to logits [N, numClasses]; H and W from 29 up, 224 in training. Backward needs every layer's input, which grows from layer to
 * layer: `checkpointing` of the blocks keeps the inputs alone.
 * @example
 * for (const part of model.features) if (part instanceof DenseBlock) part.checkpointing = true;
 */
export class DenseNet extends Module {
  features: Sequential;
  classifier: Linear;

  /**
   * @param growthRate Channels that each layer adds.
   * @param blocks Layers in each of the four blocks.
   * @param stem Channels of the first convolution.
   * @param options The number of classes.
   */
  constructor(
    growthRate: number,
    blocks: readonly [number, number, number, number],
    stem: number,
    options: { numClasses?: number } = {},
  ) {
    super();
    this.features = features(growthRate, blocks, stem);
    const { numFeatures } = this.features.at(-1) as BatchNorm2d;
    this.classifier = new Linear(numFeatures, options.numClasses ?? 1000);
    for (const module of this.modules()) if (module instanceof Conv2d) init.kaimingNormal(module.weight);
    init.constant(this.classifier.bias!, 0);
  }

  override forward(x: Tensor): Tensor {
    const maps = this.features.forward(x).relu();
    return this.classifier.forward(maps.adaptiveAvgPool2d(1).flatten(1));
  }
}

const RECIPE = 'https://github.com/pytorch/vision/pull/116';

const COMMON = {
  task: 'image-classification',
  input: imagenetPreset(),
  categories: imagenetCategories,
  minSize: 29,
  stages: ['features', 'features.denseblock2', 'features.denseblock3', 'features.denseblock4', 'classifier'],
  maps: 'features',
  heads: ['classifier'],
} as const;

/**
 * DenseNet-121.
 * @param options The weights to load and the number of classes; without weights the parameters are random.
 * @example
 * const model = await densenet121({ weights: 'densenet121.pth' });
 * model.freezeUntil('features.denseblock4');
 * model.classifier = new Linear(model.classifier.inFeatures, 3);
 */
export const densenet121 = defineModel({
  ...COMMON,
  name: 'densenet121',
  title: 'DenseNet-121',
  parameters: 7_978_856,
  multiplyAdds: 2.83,
  weights: { IMAGENET1K_V1: torchvision('densenet121-a639ec97.pth', 30.845, 74.434, 91.972, RECIPE) },
  build: (options) => new DenseNet(32, [6, 12, 24, 16], 64, options),
});
/** Published weights of DenseNet-121. */
export const DenseNet121Weights = densenet121.weights;

/** DenseNet-161: 48 channels more with each layer, the others have 32. */
export const densenet161 = defineModel({
  ...COMMON,
  name: 'densenet161',
  title: 'DenseNet-161',
  parameters: 28_681_000,
  multiplyAdds: 7.73,
  weights: { IMAGENET1K_V1: torchvision('densenet161-8d451a50.pth', 110.369, 77.138, 93.56, RECIPE) },
  build: (options) => new DenseNet(48, [6, 12, 36, 24], 96, options),
});
/** Published weights of DenseNet-161. */
export const DenseNet161Weights = densenet161.weights;

/** DenseNet-169. */
export const densenet169 = defineModel({
  ...COMMON,
  name: 'densenet169',
  title: 'DenseNet-169',
  parameters: 14_149_480,
  multiplyAdds: 3.36,
  weights: { IMAGENET1K_V1: torchvision('densenet169-b2777c0a.pth', 54.708, 75.6, 92.806, RECIPE) },
  build: (options) => new DenseNet(32, [6, 12, 32, 32], 64, options),
});
/** Published weights of DenseNet-169. */
export const DenseNet169Weights = densenet169.weights;

/** DenseNet-201. */
export const densenet201 = defineModel({
  ...COMMON,
  name: 'densenet201',
  title: 'DenseNet-201',
  parameters: 20_013_928,
  multiplyAdds: 4.29,
  weights: { IMAGENET1K_V1: torchvision('densenet201-c1103571.pth', 77.373, 76.896, 93.37, RECIPE) },
  build: (options) => new DenseNet(32, [6, 12, 48, 32], 64, options),
});
/** Published weights of DenseNet-201. */
export const DenseNet201Weights = densenet201.weights;
