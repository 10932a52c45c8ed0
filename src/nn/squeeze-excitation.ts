/** Channels scaled by what the whole map says: torchvision's `torchvision.ops.SqueezeExcitation`. */
import { checkOptions } from '../core/options.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { ReLU, Sigmoid } from './activation.ts';
import { Conv2d } from './conv.ts';
import { Module } from './module.ts';
import { AdaptiveAvgPool2d } from './pooling.ts';

/** Options of {@link SqueezeExcitation}, with torchvision's defaults. */
export interface SqueezeExcitationOptions {
  /** Makes the activation between the two layers; a {@link ReLU} by default. */
  activation?: () => Module;
  /** Makes the activation that gives the scales; a {@link Sigmoid} by default. */
  scaleActivation?: () => Module;
}

/**
 * [N, inputChannels, H, W], each channel times a number that two 1x1 convolutions make of the means of all channels.
 * @example
 * const block = new SqueezeExcitation(96, 24, { scaleActivation: () => new Hardsigmoid() });
 * @see https://arxiv.org/abs/1709.01507
 */
export class SqueezeExcitation extends Module {
  avgpool: AdaptiveAvgPool2d;
  fc1: Conv2d;
  fc2: Conv2d;
  activation: Module;
  scale_activation: Module;

  /** @param squeezeChannels channels between the two layers. */
  constructor(inputChannels: number, squeezeChannels: number, options: SqueezeExcitationOptions = {}) {
    super();
    checkOptions('SqueezeExcitation', options, { activation: true, scaleActivation: true });
    const { activation = () => new ReLU(), scaleActivation = () => new Sigmoid() } = options;
    this.avgpool = new AdaptiveAvgPool2d(1);
    this.fc1 = new Conv2d(inputChannels, squeezeChannels, 1);
    this.fc2 = new Conv2d(squeezeChannels, inputChannels, 1);
    this.activation = activation();
    this.scale_activation = scaleActivation();
  }

  override forward(x: Tensor): Tensor {
    const squeezed = this.activation.forward(this.fc1.forward(this.avgpool.forward(x)));
    return x.mul(this.scale_activation.forward(this.fc2.forward(squeezed)));
  }
}
