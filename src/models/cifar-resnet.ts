/**
 * The small residual networks for 32x32 images of He et al. 2015, section 4.2 (https://arxiv.org/abs/1512.03385):
 * 6n + 2 layers, three stages of 16, 32 and 64 channels, shortcuts without weights ("option A").
 * Names and printed text are those of the checkpoints at github.com/akamaster/pytorch_resnet_cifar10.
 */
import { CIFAR_PRESET } from '../data/transforms/compose.ts';
import { BatchNorm2d, Conv2d, init, Linear, Module, Sequential } from '../nn/index.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { cifar10Categories } from './categories.ts';
import { defineModel } from './define.ts';

/** Option A: every second row and column, and channels of zeros on both sides. */
class PaddedShortcut extends Module {
  readonly extraChannels: number;

  constructor(extraChannels: number) {
    super();
    this.extraChannels = extraChannels;
  }

  override get typeName(): string {
    return 'LambdaLayer';
  }

  override forward(x: Tensor): Tensor {
    // A mean over single elements: the plain way to take every second one, with its gradient.
    const { extraChannels } = this;
    return x.avgPool2d(1, { stride: 2 }).pad([0, 0, 0, 0, extraChannels, extraChannels]);
  }
}

class CifarBlock extends Module {
  conv1: Conv2d;
  bn1: BatchNorm2d;
  conv2: Conv2d;
  bn2: BatchNorm2d;
  shortcut: Module;

  constructor(channels: number, planes: number, stride: number) {
    super();
    this.conv1 = new Conv2d(channels, planes, 3, { stride, padding: 1, bias: false });
    this.bn1 = new BatchNorm2d(planes);
    this.conv2 = new Conv2d(planes, planes, 3, { padding: 1, bias: false });
    this.bn2 = new BatchNorm2d(planes);
    this.shortcut = stride === 1 ? new Sequential() : new PaddedShortcut((planes - channels) / 2);
  }

  override get typeName(): string {
    return 'BasicBlock';
  }

  override forward(x: Tensor): Tensor {
    const y = this.bn1.forward(this.conv1.forward(x)).relu();
    return this.bn2.forward(this.conv2.forward(y)).add(this.shortcut.forward(x)).relu();
  }
}

function stage(channels: number, planes: number, blocks: number, stride: number): Sequential {
  const sequence = new Sequential(new CifarBlock(channels, planes, stride));
  for (let i = 1; i < blocks; i++) sequence.append(new CifarBlock(planes, planes, 1));
  return sequence;
}

/** [N, 3, 32, 32] to logits [N, numClasses]. */
export class CifarResNet extends Module {
  conv1: Conv2d;
  bn1: BatchNorm2d;
  layer1: Sequential;
  layer2: Sequential;
  layer3: Sequential;
  linear: Linear;

  /** @param blocks residual blocks per stage: (depth - 2) / 6. */
  constructor(blocks: number, options: { numClasses?: number } = {}) {
    super();
    this.conv1 = new Conv2d(3, 16, 3, { padding: 1, bias: false });
    this.bn1 = new BatchNorm2d(16);
    this.layer1 = stage(16, 16, blocks, 1);
    this.layer2 = stage(16, 32, blocks, 2);
    this.layer3 = stage(32, 64, blocks, 2);
    this.linear = new Linear(64, options.numClasses ?? 10);
    for (const module of this.modules())
      if (module instanceof Conv2d || module instanceof Linear) init.kaimingNormal(module.weight);
  }

  override get typeName(): string {
    return 'ResNet';
  }

  override forward(x: Tensor): Tensor {
    let y = this.bn1.forward(this.conv1.forward(x)).relu();
    y = this.layer1.forward(y);
    y = this.layer2.forward(y);
    y = this.layer3.forward(y);
    return this.linear.forward(y.adaptiveAvgPool2d(1).flatten(1));
  }
}

function network(depth: number, parameters: number, multiplyAdds: number) {
  return defineModel({
    name: `cifarResnet${depth}`,
    title: `CIFAR ResNet-${depth}`,
    task: 'image-classification',
    input: CIFAR_PRESET,
    categories: cifar10Categories,
    parameters,
    multiplyAdds,
    stages: ['conv1', 'layer1', 'layer2', 'layer3', 'linear'],
    maps: 'layer3',
    heads: ['linear'],
    build: (options) => new CifarResNet((depth - 2) / 6, options),
  });
}

/** ResNet-20 for images of 32x32. */
export const cifarResnet20 = network(20, 269_722, 0.041);
/** ResNet-32 for images of 32x32. */
export const cifarResnet32 = network(32, 464_154, 0.069);
/** ResNet-44 for images of 32x32. */
export const cifarResnet44 = network(44, 658_586, 0.098);
/** ResNet-56 for images of 32x32. */
export const cifarResnet56 = network(56, 853_018, 0.126);
/** ResNet-110 for images of 32x32. */
export const cifarResnet110 = network(110, 1_727_962, 0.254);
