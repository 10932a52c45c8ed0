/**
 * EfficientNet B0 to B7, with torchvision's names, order and initialisation. Tan and Le 2019, https://arxiv.org/abs/1905.11946
 */
import { type ImagePreset, imagenetPreset } from '../data/transforms/compose.ts';
import {
  AdaptiveAvgPool2d,
  BatchNorm2d,
  type BatchNorm2dOptions,
  Conv2d,
  Conv2dNormActivation,
  Dropout,
  init,
  Linear,
  Module,
  Sequential,
  SiLU,
  SqueezeExcitation,
  StochasticDepth,
} from '../nn/index.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { imagenetCategories } from './categories.ts';
import { defineModel } from './define.ts';
import { makeDivisible } from './make-divisible.ts';
import { torchvision } from './published.ts';
import { NEW_RECIPE, RECIPES } from './resnet.ts';

/** A stage of an EfficientNet: a row of the papers' tables. */
export interface MBConvConfig {
  /** Makes one of its blocks: {@link MBConv} or {@link FusedMBConv}. */
  readonly block: new (
    options: MBConvOptions,
  ) => Module;
  /** Channels inside a block for each that goes in. */
  readonly expandRatio: number;
  /** Side of the convolutions that are not 1x1. */
  readonly kernel: number;
  /** Of the stage's first block: 1 or 2. */
  readonly stride: number;
  /** Channels that go into the stage. */
  readonly inputChannels: number;
  /** Channels that come out of each block. */
  readonly outChannels: number;
  /** How many blocks. */
  readonly numLayers: number;
}

/** What a block is made by: its row, and what all blocks have in common. */
export interface MBConvOptions extends Omit<MBConvConfig, 'block' | 'numLayers'> {
  /** Of leaving its branch out in training. */
  readonly stochasticDepthProb: number;
  /** Of the batch norms. */
  readonly norm: BatchNorm2dOptions;
}

/** A convolution without bias, a batch norm, and SiLU unless it is left out. */
export function convNorm(
  channels: number,
  outChannels: number,
  kernel: number,
  norm: BatchNorm2dOptions,
  options: { stride?: number; groups?: number; activationLayer?: null } = {},
): Conv2dNormActivation {
  return new Conv2dNormActivation(channels, outChannels, kernel, {
    normLayer: (features) => new BatchNorm2d(features, norm),
    activationLayer: silu,
    ...options,
  });
}

const silu = () => new SiLU({ inplace: true });

/** Layers in a row, and the shortcut beside them where input and output have one shape. */
export abstract class ResidualBlock extends Module {
  block: Sequential;
  stochastic_depth: StochasticDepth;
  readonly useResConnect: boolean;

  constructor({ stride, inputChannels, outChannels, stochasticDepthProb }: MBConvOptions, layers: readonly Module[]) {
    super();
    this.useResConnect = stride === 1 && inputChannels === outChannels;
    this.block = new Sequential(...layers);
    this.stochastic_depth = new StochasticDepth(stochasticDepthProb, 'row', { block: this });
  }

  override forward(x: Tensor): Tensor {
    const y = this.block.forward(x);
    return this.useResConnect ? this.stochastic_depth.forward(y).add(x) : y;
  }
}

/** A 1x1 convolution to more channels, a depthwise one, squeeze and excitation, and a 1x1 convolution back. */
export class MBConv extends ResidualBlock {
  constructor(options: MBConvOptions) {
    const { expandRatio, kernel, stride, inputChannels, outChannels, norm } = options;
    const expanded = makeDivisible(inputChannels * expandRatio);
    const squeezed = Math.max(1, Math.floor(inputChannels / 4));
    super(options, [
      ...(expanded === inputChannels ? [] : [convNorm(inputChannels, expanded, 1, norm)]),
      convNorm(expanded, expanded, kernel, norm, { stride, groups: expanded }),
      new SqueezeExcitation(expanded, squeezed, { activation: silu }),
      convNorm(expanded, outChannels, 1, norm, { activationLayer: null }),
    ]);
  }
}

/** Options of {@link EfficientNet}, as torchvision's. */
export interface EfficientNetOptions {
  /** 1000 by default. */
  numClasses?: number;
  /** Before the last layer; 0.2 by default. */
  dropout?: number;
  /** Of leaving a branch out, at the last block; it grows from 0 at the first. 0.2 by default. */
  stochasticDepthProb?: number;
  /** Of all batch norms. */
  norm?: BatchNorm2dOptions;
  /** Channels of the last feature maps; by default four times the last stage's. */
  lastChannel?: number;
}

/** [N, 3, H, W] to logits [N, numClasses]. */
export class EfficientNet extends Module {
  features: Sequential;
  avgpool: AdaptiveAvgPool2d;
  classifier: Sequential;

  /** @param setting the stages in order. */
  constructor(setting: readonly MBConvConfig[], options: EfficientNetOptions = {}) {
    super();
    const { numClasses = 1000, dropout = 0.2, stochasticDepthProb = 0.2, norm = {} } = options;
    const last = setting.at(-1)!.outChannels;
    const { lastChannel = 4 * last } = options;
    const blocks = setting.reduce((sum, { numLayers }) => sum + numLayers, 0);
    this.features = new Sequential(convNorm(3, setting[0]!.inputChannels, 3, norm, { stride: 2 }));
    let before = 0;
    for (const { block: Block, numLayers, ...row } of setting) {
      const stage = new Sequential();
      for (let i = 0; i < numLayers; i++, before++) {
        const place = i === 0 ? row : { ...row, stride: 1, inputChannels: row.outChannels };
        stage.append(new Block({ ...place, stochasticDepthProb: (stochasticDepthProb * before) / blocks, norm }));
      }
      this.features.append(stage);
    }
    this.features.append(convNorm(last, lastChannel, 1, norm));
    this.avgpool = new AdaptiveAvgPool2d(1);
    this.classifier = new Sequential(new Dropout(dropout, { inplace: true }), new Linear(lastChannel, numClasses));
    for (const module of this.modules()) {
      if (module instanceof Conv2d) init.kaimingNormal(module.weight, { mode: 'fanOut' });
      else if (module instanceof Linear) {
        const bound = 1 / Math.sqrt(module.outFeatures);
        init.uniform(module.weight, -bound, bound);
      } else continue;
      if (module.bias) init.constant(module.bias, 0);
    }
  }

  override forward(x: Tensor): Tensor {
    return this.classifier.forward(this.avgpool.forward(this.features.forward(x)).flatten(1));
  }
}

/** Expand ratio, kernel, stride, channels in and out, blocks. */
export type Row = readonly [number, number, number, number, number, number];

/** The stage that a row describes. */
export function stage(block: MBConvConfig['block'], row: Row): MBConvConfig {
  const [expandRatio, kernel, stride, inputChannels, outChannels, numLayers] = row;
  return { block, expandRatio, kernel, stride, inputChannels, outChannels, numLayers };
}

/** The paper's table 1: B0. */
const B0: readonly Row[] = [
  [1, 3, 1, 32, 16, 1],
  [6, 3, 2, 16, 24, 2],
  [6, 5, 2, 24, 40, 2],
  [6, 3, 2, 40, 80, 3],
  [6, 5, 1, 80, 112, 3],
  [6, 5, 2, 112, 192, 4],
  [6, 3, 1, 192, 320, 1],
];

/** B0 with `width` times the channels and `depth` times the blocks. */
function scaled(width: number, depth: number, options: EfficientNetOptions): EfficientNet {
  const setting = B0.map(([expandRatio, kernel, stride, channels, outChannels, blocks]) =>
    stage(MBConv, [
      expandRatio,
      kernel,
      stride,
      makeDivisible(channels * width),
      makeDivisible(outChannels * width),
      Math.ceil(blocks * depth),
    ]),
  );
  return new EfficientNet(setting, options);
}

/** What all EfficientNets have in common. */
export const EFFICIENTNET = {
  task: 'image-classification',
  categories: imagenetCategories,
  maps: 'features',
  heads: ['classifier.1'],
} as const;

/** Where to cut: before each stage, the last of which is `features[last]`, and before the head. */
export function stages(last: number): readonly string[] {
  return ['features', ...Array.from({ length: last }, (_, i) => `features.${i + 1}`), 'classifier'];
}

/** The only published weights of a network, which say how it wants its images. */
export function published(
  generation: 'v1' | 'v2',
  file: string,
  sizeMiB: number,
  top1: number,
  top5: number,
  input: ImagePreset,
) {
  const recipe = `${RECIPES}#efficientnet-${generation}`;
  return { input, weights: { IMAGENET1K_V1: torchvision(file, sizeMiB, top1, top5, recipe, input) } };
}

const bicubic = (resize: number, crop: number): ImagePreset => imagenetPreset(resize, crop, 'bicubic');

/** Batch norms of B5 to B7, whose weights came from TensorFlow. */
const TENSORFLOW: BatchNorm2dOptions = { eps: 1e-3, momentum: 0.01 };

/**
 * EfficientNet-B0.
 * @param options The weights to load and the number of classes; without weights the parameters are random.
 * @example
 * const model = await efficientnet_b0({ weights: 'efficientnet_b0.pth' });
 * model.freeze();
 * graftHead(model, efficientnet_b0.head, 3); // classifier.1
 */
export const efficientnet_b0 = defineModel({
  ...EFFICIENTNET,
  name: 'efficientnet_b0',
  title: 'EfficientNet-B0',
  ...published('v1', 'efficientnet_b0_rwightman-7f5810bc.pth', 20.451, 77.692, 93.532, bicubic(256, 224)),
  parameters: 5_288_548,
  multiplyAdds: 0.39,
  stages: stages(8),
  build: (options) => scaled(1, 1, { dropout: 0.2, ...options }),
});
/** Published weights of EfficientNet-B0. */
export const EfficientNet_B0Weights = efficientnet_b0.weights;

/** How the second weights of B1 want their images. */
const B1 = imagenetPreset(255, 240);

/** EfficientNet-B1. */
export const efficientnet_b1 = defineModel({
  ...EFFICIENTNET,
  name: 'efficientnet_b1',
  title: 'EfficientNet-B1',
  input: B1,
  weights: {
    IMAGENET1K_V1: torchvision(
      'efficientnet_b1_rwightman-bac287d4.pth',
      30.134,
      78.642,
      94.186,
      `${RECIPES}#efficientnet-v1`,
      bicubic(256, 240),
    ),
    IMAGENET1K_V2: torchvision(
      'efficientnet_b1-c27df63c.pth',
      30.136,
      79.838,
      94.934,
      `${NEW_RECIPE}-with-lr-wd-crop-tuning`,
      B1,
    ),
  },
  parameters: 7_794_184,
  multiplyAdds: 0.69,
  stages: stages(8),
  build: (options) => scaled(1, 1.1, { dropout: 0.2, ...options }),
});
/** Published weights of EfficientNet-B1. */
export const EfficientNet_B1Weights = efficientnet_b1.weights;

/** EfficientNet-B2. */
export const efficientnet_b2 = defineModel({
  ...EFFICIENTNET,
  name: 'efficientnet_b2',
  title: 'EfficientNet-B2',
  ...published('v1', 'efficientnet_b2_rwightman-c35c1473.pth', 35.174, 80.608, 95.31, bicubic(288, 288)),
  parameters: 9_109_994,
  multiplyAdds: 1.09,
  stages: stages(8),
  build: (options) => scaled(1.1, 1.2, { dropout: 0.3, ...options }),
});
/** Published weights of EfficientNet-B2. */
export const EfficientNet_B2Weights = efficientnet_b2.weights;

/** EfficientNet-B3. */
export const efficientnet_b3 = defineModel({
  ...EFFICIENTNET,
  name: 'efficientnet_b3',
  title: 'EfficientNet-B3',
  ...published('v1', 'efficientnet_b3_rwightman-b3899882.pth', 47.184, 82.008, 96.054, bicubic(320, 300)),
  parameters: 12_233_232,
  multiplyAdds: 1.83,
  stages: stages(8),
  build: (options) => scaled(1.2, 1.4, { dropout: 0.3, ...options }),
});
/** Published weights of EfficientNet-B3. */
export const EfficientNet_B3Weights = efficientnet_b3.weights;

/** EfficientNet-B4. */
export const efficientnet_b4 = defineModel({
  ...EFFICIENTNET,
  name: 'efficientnet_b4',
  title: 'EfficientNet-B4',
  ...published('v1', 'efficientnet_b4_rwightman-23ab8bcd.pth', 74.489, 83.384, 96.594, bicubic(384, 380)),
  parameters: 19_341_616,
  multiplyAdds: 4.39,
  stages: stages(8),
  build: (options) => scaled(1.4, 1.8, { dropout: 0.4, ...options }),
});
/** Published weights of EfficientNet-B4. */
export const EfficientNet_B4Weights = efficientnet_b4.weights;

/** EfficientNet-B5. */
export const efficientnet_b5 = defineModel({
  ...EFFICIENTNET,
  name: 'efficientnet_b5',
  title: 'EfficientNet-B5',
  ...published('v1', 'efficientnet_b5_lukemelas-1a07897c.pth', 116.864, 83.444, 96.628, bicubic(456, 456)),
  parameters: 30_389_784,
  multiplyAdds: 10.27,
  stages: stages(8),
  build: (options) => scaled(1.6, 2.2, { dropout: 0.4, norm: TENSORFLOW, ...options }),
});
/** Published weights of EfficientNet-B5. */
export const EfficientNet_B5Weights = efficientnet_b5.weights;

/** EfficientNet-B6. */
export const efficientnet_b6 = defineModel({
  ...EFFICIENTNET,
  name: 'efficientnet_b6',
  title: 'EfficientNet-B6',
  ...published('v1', 'efficientnet_b6_lukemelas-24a108a5.pth', 165.362, 84.008, 96.916, bicubic(528, 528)),
  parameters: 43_040_704,
  multiplyAdds: 19.07,
  stages: stages(8),
  build: (options) => scaled(1.8, 2.6, { dropout: 0.5, norm: TENSORFLOW, ...options }),
});
/** Published weights of EfficientNet-B6. */
export const EfficientNet_B6Weights = efficientnet_b6.weights;

/** EfficientNet-B7. */
export const efficientnet_b7 = defineModel({
  ...EFFICIENTNET,
  name: 'efficientnet_b7',
  title: 'EfficientNet-B7',
  ...published('v1', 'efficientnet_b7_lukemelas-c5b4e57e.pth', 254.675, 84.122, 96.908, bicubic(600, 600)),
  parameters: 66_347_960,
  multiplyAdds: 37.75,
  stages: stages(8),
  build: (options) => scaled(2, 3.1, { dropout: 0.5, norm: TENSORFLOW, ...options }),
});
/** Published weights of EfficientNet-B7. */
export const EfficientNet_B7Weights = efficientnet_b7.weights;
