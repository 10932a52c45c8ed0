/** MobileNet V2, with torchvision's names, order and initialisation. Sandler et al. 2018, https://arxiv.org/abs/1801.04381 */
import { imagenetPreset } from '../data/transforms/compose.ts';
import { BatchNorm2d, Conv2d, Conv2dNormActivation, Dropout, Linear, Module, ReLU6, Sequential } from '../nn/index.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { imagenetCategories } from './categories.ts';
import { defineModel } from './define.ts';
import { initialize } from './initialize.ts';
import { torchvision } from './published.ts';
import { NEW_RECIPE, RECIPES } from './resnet.ts';

const activationLayer = () => new ReLU6({ inplace: true });

/** Widens by a 1x1 convolution, filters each channel, narrows by another 1x1 convolution, beside a shortcut where the shapes agree. */
class InvertedResidual extends Module {
  conv: Sequential;
  readonly useResConnect: boolean;

  constructor(channels: number, outChannels: number, stride: number, expandRatio: number) {
    super();
    const hidden = channels * expandRatio;
    this.useResConnect = stride === 1 && channels === outChannels;
    this.conv = new Sequential();
    if (expandRatio !== 1) this.conv.append(new Conv2dNormActivation(channels, hidden, 1, { activationLayer }));
    this.conv.append(new Conv2dNormActivation(hidden, hidden, 3, { stride, groups: hidden, activationLayer }));
    this.conv.append(new Conv2d(hidden, outChannels, 1, { bias: false })).append(new BatchNorm2d(outChannels));
  }

  override forward(x: Tensor): Tensor {
    const y = this.conv.forward(x);
    return this.useResConnect ? x.add(y) : y;
  }
}

/** Expansion, channels, blocks and first stride of each stage. */
const STAGES = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
] as const;

/** [N, 3, H, W] to logits [N, numClasses]. */
export class MobileNetV2 extends Module {
  features: Sequential;
  classifier: Sequential;

  constructor(options: { numClasses?: number; dropout?: number } = {}) {
    super();
    const { numClasses = 1000, dropout = 0.2 } = options;
    let channels = 32;
    this.features = new Sequential(new Conv2dNormActivation(3, channels, 3, { stride: 2, activationLayer }));
    for (const [expandRatio, outChannels, blocks, stride] of STAGES)
      for (let i = 0; i < blocks; i++, channels = outChannels)
        this.features.append(new InvertedResidual(channels, outChannels, i === 0 ? stride : 1, expandRatio));
    this.features.append(new Conv2dNormActivation(channels, 1280, 1, { activationLayer }));
    this.classifier = new Sequential(new Dropout(dropout), new Linear(1280, numClasses));
    initialize(this);
  }

  override forward(x: Tensor): Tensor {
    const means = this.features.forward(x).adaptiveAvgPool2d([1, 1]);
    return this.classifier.forward(means.flatten(1));
  }
}

/** MobileNet V2. */
export const mobilenet_v2 = defineModel({
  name: 'mobilenet_v2',
  title: 'MobileNet V2',
  task: 'image-classification',
  input: imagenetPreset(),
  categories: imagenetCategories,
  parameters: 3_504_872,
  multiplyAdds: 0.3,
  stages: ['features', 'features.2', 'features.4', 'features.7', 'features.14', 'features.18', 'classifier'],
  maps: 'features',
  heads: ['classifier.1'],
  weights: {
    IMAGENET1K_V1: torchvision('mobilenet_v2-b0353104.pth', 13.555, 71.878, 90.286, `${RECIPES}#mobilenetv2`),
    IMAGENET1K_V2: torchvision(
      'mobilenet_v2-7ebf99e0.pth',
      13.598,
      72.154,
      90.822,
      `${NEW_RECIPE}-with-reg-tuning`,
      imagenetPreset(232),
    ),
  },
  build: (options) => new MobileNetV2(options),
});
/** Published weights of MobileNet V2. */
export const MobileNet_V2Weights = mobilenet_v2.weights;
