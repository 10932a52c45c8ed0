/**
 * The small residual networks for 32x32 images of He et al. 2015, section 4.2 (https://arxiv.org/abs/1512.03385):
 * 6n + 2 layers, three stages of 16, 32 and 64 channels, shortcuts without weights ("option A").
 * Names and printed text are those of the checkpoints at github.com/akamaster/pytorch_resnet_cifar10.
 */
import { BatchNorm2d, Conv2d, init, Linear, Module, Sequential } from '../nn/index.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { create, type ModelOptions } from './create.ts';

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

function cifarResnet(depth: number, options: ModelOptions): Promise<CifarResNet> {
  return create(`cifarResnet${depth}`, undefined, 'linear', options, (c) => new CifarResNet((depth - 2) / 6, c));
}

/** 269,722 parameters. */
export function cifarResnet20(options: ModelOptions = {}): Promise<CifarResNet> {
  return cifarResnet(20, options);
}

/** 464,154 parameters. */
export function cifarResnet32(options: ModelOptions = {}): Promise<CifarResNet> {
  return cifarResnet(32, options);
}

/** 658,586 parameters. */
export function cifarResnet44(options: ModelOptions = {}): Promise<CifarResNet> {
  return cifarResnet(44, options);
}

/** 853,018 parameters. */
export function cifarResnet56(options: ModelOptions = {}): Promise<CifarResNet> {
  return cifarResnet(56, options);
}

/** 1,727,962 parameters. */
export function cifarResnet110(options: ModelOptions = {}): Promise<CifarResNet> {
  return cifarResnet(110, options);
}
