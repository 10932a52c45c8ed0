/** MobileNet V3, small and large, with torchvision's names, order and initialisation. Howard et al. 2019, https://arxiv.org/abs/1905.02244 */
import { imagenetPreset } from '../data/transforms/compose.ts';
import {
  AdaptiveAvgPool2d,
  BatchNorm2d,
  Conv2dNormActivation,
  Dropout,
  Hardsigmoid,
  Hardswish,
  Linear,
  Module,
  ReLU,
  Sequential,
  SqueezeExcitation,
} from '../nn/index.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { imagenetCategories } from './categories.ts';
import { defineModel } from './define.ts';
import { initialize } from './initialize.ts';
import { makeDivisible } from './make-divisible.ts';
import { torchvision } from './published.ts';
import { NEW_RECIPE, RECIPES } from './resnet.ts';

/** A block: a row of the paper's tables 1 and 2. */
type Row = readonly [
  kernel: number,
  expanded: number,
  outChannels: number,
  squeeze: 'SE' | '-',
  activation: 'RE' | 'HS',
  stride: 1 | 2,
];

const LARGE: readonly Row[] = [
  [3, 16, 16, '-', 'RE', 1],
  [3, 64, 24, '-', 'RE', 2],
  [3, 72, 24, '-', 'RE', 1],
  [5, 72, 40, 'SE', 'RE', 2],
  [5, 120, 40, 'SE', 'RE', 1],
  [5, 120, 40, 'SE', 'RE', 1],
  [3, 240, 80, '-', 'HS', 2],
  [3, 200, 80, '-', 'HS', 1],
  [3, 184, 80, '-', 'HS', 1],
  [3, 184, 80, '-', 'HS', 1],
  [3, 480, 112, 'SE', 'HS', 1],
  [3, 672, 112, 'SE', 'HS', 1],
  [5, 672, 160, 'SE', 'HS', 2],
  [5, 960, 160, 'SE', 'HS', 1],
  [5, 960, 160, 'SE', 'HS', 1],
];

const SMALL: readonly Row[] = [
  [3, 16, 16, 'SE', 'RE', 2],
  [3, 72, 24, '-', 'RE', 2],
  [3, 88, 24, '-', 'RE', 1],
  [5, 96, 40, 'SE', 'HS', 2],
  [5, 240, 40, 'SE', 'HS', 1],
  [5, 240, 40, 'SE', 'HS', 1],
  [5, 120, 48, 'SE', 'HS', 1],
  [5, 144, 48, 'SE', 'HS', 1],
  [5, 288, 96, 'SE', 'HS', 2],
  [5, 576, 96, 'SE', 'HS', 1],
  [5, 576, 96, 'SE', 'HS', 1],
];

const normLayer = (channels: number) => new BatchNorm2d(channels, { eps: 0.001, momentum: 0.01 });
const hardswish = () => new Hardswish();

/** Widens, filters each channel, weighs the channels, narrows, beside a shortcut where the shapes agree. */
class InvertedResidual extends Module {
  block: Sequential;
  readonly useResConnect: boolean;

  constructor(channels: number, [kernel, expanded, outChannels, squeeze, activation, step]: Row, dilation = 1) {
    super();
    const stride = dilation > 1 ? 1 : step;
    const activationLayer = activation === 'HS' ? hardswish : () => new ReLU({ inplace: true });
    const layer = { normLayer, activationLayer };
    this.useResConnect = step === 1 && channels === outChannels;
    this.block = new Sequential();
    if (expanded !== channels) this.block.append(new Conv2dNormActivation(channels, expanded, 1, layer));
    this.block.append(
      new Conv2dNormActivation(expanded, expanded, kernel, { ...layer, stride, dilation, groups: expanded }),
    );
    if (squeeze === 'SE') this.block.append(squeezeExcitation(expanded));
    this.block.append(new Conv2dNormActivation(expanded, outChannels, 1, { normLayer, activationLayer: null }));
  }

  override forward(x: Tensor): Tensor {
    const y = this.block.forward(x);
    return this.useResConnect ? y.add(x) : y;
  }
}

function squeezeExcitation(channels: number): SqueezeExcitation {
  const squeezed = makeDivisible(Math.floor(channels / 4));
  return new SqueezeExcitation(channels, squeezed, { scaleActivation: () => new Hardsigmoid() });
}

/** [N, 3, H, W] to logits [N, numClasses]. With `dilated` the last maps are a sixteenth of the image, not a 32nd. */
export class MobileNetV3 extends Module {
  features: Sequential;
  avgpool: AdaptiveAvgPool2d;
  classifier: Sequential;

  constructor(size: 'small' | 'large', options: { numClasses?: number; dropout?: number; dilated?: boolean } = {}) {
    super();
    const { numClasses = 1000, dropout = 0.2, dilated = false } = options;
    const [rows, hidden] = size === 'large' ? [LARGE, 1280] : [SMALL, 1024];
    const layer = { normLayer, activationLayer: hardswish };
    let channels = 16;
    this.features = new Sequential(new Conv2dNormActivation(3, channels, 3, { ...layer, stride: 2 }));
    // Dilated, the last three blocks keep the size of their maps and look further.
    for (const [k, row] of rows.entries()) {
      this.features.append(new InvertedResidual(channels, row, dilated && k >= rows.length - 3 ? 2 : 1));
      channels = row[2];
    }
    this.features.append(new Conv2dNormActivation(channels, 6 * channels, 1, layer));
    this.avgpool = new AdaptiveAvgPool2d(1);
    this.classifier = new Sequential(
      new Linear(6 * channels, hidden),
      new Hardswish(),
      new Dropout(dropout, { inplace: true }),
      new Linear(hidden, numClasses),
    );
    initialize(this);
  }

  override forward(x: Tensor): Tensor {
    const means = this.avgpool.forward(this.features.forward(x));
    return this.classifier.forward(means.flatten(1));
  }
}

const RECIPE = `${RECIPES}#mobilenetv3-large--small`;

const COMMON = {
  task: 'image-classification',
  input: imagenetPreset(),
  categories: imagenetCategories,
  maps: 'features',
  heads: ['classifier.3'],
} as const;

/** Where to cut: before each block that halves the map, before the last convolution, before the dense layers, and before the last of them. */
function stages(rows: readonly Row[]): readonly string[] {
  const cuts = rows.flatMap(([, , , , , stride], i) => (stride === 2 ? [i + 1] : []));
  return ['features', ...[...cuts, rows.length + 1].map((i) => `features.${i}`), 'classifier', 'classifier.3'];
}

/** MobileNet V3 small. */
export const mobilenet_v3_small = defineModel({
  ...COMMON,
  name: 'mobilenet_v3_small',
  title: 'MobileNet V3 small',
  parameters: 2_542_856,
  multiplyAdds: 0.06,
  stages: stages(SMALL),
  weights: { IMAGENET1K_V1: torchvision('mobilenet_v3_small-047dcff4.pth', 9.829, 67.668, 87.402, RECIPE) },
  build: (options) => new MobileNetV3('small', options),
});
/** Published weights of MobileNet V3 small. */
export const MobileNet_V3_SmallWeights = mobilenet_v3_small.weights;

/** MobileNet V3 large. */
export const mobilenet_v3_large = defineModel({
  ...COMMON,
  name: 'mobilenet_v3_large',
  title: 'MobileNet V3 large',
  parameters: 5_483_032,
  multiplyAdds: 0.22,
  stages: stages(LARGE),
  weights: {
    IMAGENET1K_V1: torchvision('mobilenet_v3_large-8738ca79.pth', 21.114, 74.042, 91.34, RECIPE),
    IMAGENET1K_V2: torchvision(
      'mobilenet_v3_large-5c1a4163.pth',
      21.107,
      75.274,
      92.566,
      `${NEW_RECIPE}-with-reg-tuning`,
      imagenetPreset(232),
    ),
  },
  build: (options) => new MobileNetV3('large', options),
});
/** Published weights of MobileNet V3 large. */
export const MobileNet_V3_LargeWeights = mobilenet_v3_large.weights;
