/** A residual network small enough to train without a GPU: three of torchvision's basic blocks, for 32x32 images. */
import { CIFAR_PRESET } from '../data/transforms/compose.ts';
import { BatchNorm2d, Conv2d, init, Linear, Module, Sequential } from '../nn/index.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { defineModel } from './define.ts';
import { BasicBlock } from './resnet.ts';

/** A block that halves height and width and doubles the channels. */
function halving(channels: number): BasicBlock {
  const shortcut = new Conv2d(channels, 2 * channels, 1, { stride: 2, bias: false });
  const downsample = new Sequential(shortcut, new BatchNorm2d(2 * channels));
  return new BasicBlock(channels, 2 * channels, { stride: 2, downsample });
}

/** [N, 3, 32, 32] to logits [N, numClasses]. 307,360 parameters and 129 more for each class. */
export class SmallResNet extends Module {
  conv1: Conv2d;
  bn1: BatchNorm2d;
  layer1: BasicBlock;
  layer2: BasicBlock;
  layer3: BasicBlock;
  fc: Linear;

  constructor(options: { numClasses?: number } = {}) {
    super();
    this.conv1 = new Conv2d(3, 32, 3, { stride: 2, padding: 1, bias: false });
    this.bn1 = new BatchNorm2d(32);
    this.layer1 = new BasicBlock(32, 32);
    this.layer2 = halving(32);
    this.layer3 = halving(64);
    this.fc = new Linear(128, options.numClasses ?? 10);
    for (const module of this.modules())
      if (module instanceof Conv2d) init.kaimingNormal(module.weight, { mode: 'fanOut', nonlinearity: 'relu' });
  }

  override forward(x: Tensor): Tensor {
    let y = this.bn1.forward(this.conv1.forward(x)).relu();
    y = this.layer1.forward(y);
    y = this.layer2.forward(y);
    y = this.layer3.forward(y);
    return this.fc.forward(y.adaptiveAvgPool2d(1).flatten(1));
  }
}

/** The quickstart's network, and that of the browser page's sample. */
export const smallResnet = defineModel({
  name: 'smallResnet',
  title: 'Small ResNet',
  task: 'image-classification',
  input: CIFAR_PRESET,
  parameters: 308_650,
  multiplyAdds: 0.012,
  stages: ['conv1', 'layer1', 'layer2', 'layer3', 'fc'],
  maps: 'layer3',
  heads: ['fc'],
  build: (options) => new SmallResNet(options),
});
