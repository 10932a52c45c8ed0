/** SqueezeNet 1.0 and 1.1, with torchvision's names, order and initialisation. Iandola et al. 2016, https://arxiv.org/abs/1602.07360 */
import { AdaptiveAvgPool2d, Conv2d, Dropout, init, MaxPool2d, Module, ReLU, Sequential } from '../nn/index.ts';
import { cat, type Tensor } from '../tensor/tensor.ts';
import { create, type ModelOptions } from './create.ts';
import { SqueezeNet1_0Weights, SqueezeNet1_1Weights } from './weights.ts';

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

/** 1,248,424 parameters. */
export function squeezenet1_0(options: ModelOptions = {}): Promise<SqueezeNet> {
  return create('squeezenet1_0', SqueezeNet1_0Weights, 'classifier.1', options, (c) => new SqueezeNet('1_0', c));
}

/** 1,235,496 parameters; as accurate as 1.0 with 2.4 times less arithmetic. */
export function squeezenet1_1(options: ModelOptions = {}): Promise<SqueezeNet> {
  return create('squeezenet1_1', SqueezeNet1_1Weights, 'classifier.1', options, (c) => new SqueezeNet('1_1', c));
}
