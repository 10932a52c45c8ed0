/** SqueezeNet 1.0 and 1.1, with torchvision's names, order and initialisation. Iandola et al. 2016, https://arxiv.org/abs/1602.07360 */
import { imagenetPreset } from '../data/transforms/compose.ts';
import {
  AdaptiveAvgPool2d,
  Conv2d,
  Dropout,
  Identity,
  init,
  MaxPool2d,
  Module,
  ReLU,
  Sequential,
} from '../nn/index.ts';
import { cat, type Tensor } from '../tensor/tensor.ts';
import { imagenetCategories } from './categories.ts';
import { defineModel } from './define.ts';
import { torchvision } from './published.ts';

/** A 1x1 "squeeze" convolution, then 1x1 and 3x3 ones beside each other, joined along the channels. */
export class Fire extends Module {
  squeeze: Conv2d;
  squeeze_activation: ReLU;
  expand1x1: Conv2d;
  expand1x1_activation: ReLU;
  expand3x3: Conv2d;
  expand3x3_activation: ReLU;

  constructor(channels: number, squeeze: number, expand1x1: number, expand3x3: number) {
    super();
    this.squeeze = new Conv2d(channels, squeeze, 1);
    this.squeeze_activation = new ReLU({ inplace: true });
    this.expand1x1 = new Conv2d(squeeze, expand1x1, 1);
    this.expand1x1_activation = new ReLU({ inplace: true });
    this.expand3x3 = new Conv2d(squeeze, expand3x3, 3, { padding: 1 });
    this.expand3x3_activation = new ReLU({ inplace: true });
  }

  override forward(x: Tensor): Tensor {
    const y = this.squeeze_activation.forward(this.squeeze.forward(x));
    const ones = this.expand1x1_activation.forward(this.expand1x1.forward(y));
    const threes = this.expand3x3_activation.forward(this.expand3x3.forward(y));
    return cat([ones, threes], 1);
  }
}

function pool(): MaxPool2d {
  return new MaxPool2d(3, { stride: 2, ceilMode: true });
}

function features(version: '1_0' | '1_1'): Sequential {
  if (version === '1_0')
    return new Sequential(
      new Conv2d(3, 96, 7, { stride: 2 }),
      new ReLU({ inplace: true }),
      pool(),
      new Fire(96, 16, 64, 64),
      new Fire(128, 16, 64, 64),
      new Fire(128, 32, 128, 128),
      pool(),
      new Fire(256, 32, 128, 128),
      new Fire(256, 48, 192, 192),
      new Fire(384, 48, 192, 192),
      new Fire(384, 64, 256, 256),
      pool(),
      new Fire(512, 64, 256, 256),
    );
  return new Sequential(
    new Conv2d(3, 64, 3, { stride: 2 }),
    new ReLU({ inplace: true }),
    pool(),
    new Fire(64, 16, 64, 64),
    new Fire(128, 16, 64, 64),
    pool(),
    new Fire(128, 32, 128, 128),
    new Fire(256, 32, 128, 128),
    pool(),
    new Fire(256, 48, 192, 192),
    new Fire(384, 48, 192, 192),
    new Fire(384, 64, 256, 256),
    new Fire(512, 64, 256, 256),
  );
}

/** [N, 3, H, W] to logits [N, numClasses]; the classes come from a 1x1 convolution, `classifier[1]`. */
export class SqueezeNet extends Module {
  features: Sequential;
  classifier: Sequential;

  constructor(version: '1_0' | '1_1', options: { numClasses?: number; dropout?: number } = {}) {
    super();
    const { numClasses = 1000, dropout = 0.5 } = options;
    const last = new Conv2d(512, numClasses, 1);
    this.features = features(version);
    this.classifier = new Sequential(
      new Dropout(dropout),
      last,
      new ReLU({ inplace: true }),
      new AdaptiveAvgPool2d([1, 1]),
    );
    for (const module of this.modules()) {
      if (!(module instanceof Conv2d)) continue;
      if (module === last) init.normal(module.weight, 0, 0.01);
      else init.kaimingUniform(module.weight);
      init.constant(module.bias!, 0);
    }
  }

  override forward(x: Tensor): Tensor {
    return this.classifier.forward(this.features.forward(x)).flatten(1);
  }
}

const RECIPE = 'https://github.com/pytorch/vision/pull/49#issuecomment-277560717';

const COMMON = {
  task: 'image-classification',
  input: imagenetPreset(),
  categories: imagenetCategories,
  maps: 'features',
  heads: ['classifier.1'],
  // Its classes come out of a ReLU.
  signed: (model: Module) => {
    (model.getSubmodule('classifier') as unknown as Record<string, Module>)['2'] = new Identity();
  },
} as const;

/** Where to cut: before each of some Fire modules, by their places in `features`. */
function stages(...fires: readonly number[]): readonly string[] {
  return ['features', ...fires.map((i) => `features.${i}`), 'classifier'];
}

/** SqueezeNet 1.0. */
export const squeezenet1_0 = defineModel({
  ...COMMON,
  name: 'squeezenet1_0',
  title: 'SqueezeNet 1.0',
  parameters: 1_248_424,
  multiplyAdds: 0.82,
  minSize: 21,
  stages: stages(3, 7, 12),
  weights: { IMAGENET1K_V1: torchvision('squeezenet1_0-b66bff10.pth', 4.778, 58.092, 80.42, RECIPE) },
  build: (options) => new SqueezeNet('1_0', options),
});

/** SqueezeNet 1.1: as accurate as 1.0 with 2.4 times less arithmetic. */
export const squeezenet1_1 = defineModel({
  ...COMMON,
  name: 'squeezenet1_1',
  title: 'SqueezeNet 1.1',
  parameters: 1_235_496,
  multiplyAdds: 0.35,
  minSize: 17,
  stages: stages(3, 6, 9),
  weights: { IMAGENET1K_V1: torchvision('squeezenet1_1-b8a52dc0.pth', 4.729, 58.178, 80.624, RECIPE) },
  build: (options) => new SqueezeNet('1_1', options),
});

/** Published weights of SqueezeNet 1.0. */
export const SqueezeNet1_0Weights = squeezenet1_0.weights;
/** Published weights of SqueezeNet 1.1. */
export const SqueezeNet1_1Weights = squeezenet1_1.weights;
