/** Keras's layers with kernels: dense, convolution, depthwise and separable convolution. Weights are kept as PyTorch keeps them. */
import { checkOptions } from '../../core/options.ts';
import { Conv2d, type Conv2dOptions, init, Linear, Module } from '../../nn/index.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { type ActivationName, activate } from './activations.ts';
import { sameMargins, toChannelsFirst, toChannelsLast } from './shape.ts';

/** Options of the layers with a kernel, as Keras has them. */
export interface KernelOptions extends Pick<Conv2dOptions, 'stride' | 'dilation' | 'groups' | 'bias'> {
  /** TensorFlow's 'same' pads as little as ceil(size / stride) outputs need, the odd one at the end; 'valid' by default. */
  padding?: 'same' | 'valid';
  /** Applied to the output; 'linear' by default. Set it to 'linear' on the last layer to train on logits. */
  activation?: ActivationName;
}

/** Fully connected, over the last axis of Keras's layout: the channels of an image. */
export class Dense extends Linear {
  activation: ActivationName;

  constructor(inFeatures: number, units: number, options: Pick<KernelOptions, 'bias' | 'activation'> = {}) {
    checkOptions('Dense', options, { bias: true, activation: true });
    super(inFeatures, units, { bias: options.bias ?? true });
    this.activation = options.activation ?? 'linear';
    init.xavierUniform(this.weight);
    if (this.bias) init.constant(this.bias, 0);
  }

  override forward(x: Tensor): Tensor {
    return activate(toChannelsFirst(toChannelsLast(x).linear(this.weight, this.bias)), this.activation);
  }

  override extraRepr(): string {
    return `${super.extraRepr()}${shownActivation(this.activation)}`;
  }
}

/** Convolution of [N, C, H, W], with the activation inside. */
export class Conv2D extends Conv2d {
  readonly same: boolean;
  activation: ActivationName;

  constructor(
    inChannels: number,
    filters: number,
    kernelSize: number | readonly [number, number],
    options: KernelOptions = {},
  ) {
    const { padding = 'valid', activation = 'linear', ...rest } = options;
    super(inChannels, filters, kernelSize, rest);
    this.same = padding === 'same';
    this.activation = activation;
    init.xavierUniform(this.weight);
    if (this.bias) init.constant(this.bias, 0);
  }

  override forward(x: Tensor): Tensor {
    const { kernelSize, stride, dilation, groups } = this;
    const padding = this.same && x.rank === 4 ? sameMargins(x, kernelSize, stride, dilation) : 0;
    return activate(x.conv2d(this.weight, this.bias, { stride, padding, dilation, groups }), this.activation);
  }

  override extraRepr(): string {
    return `${super.extraRepr()}${this.same ? ", padding='same'" : ''}${shownActivation(this.activation)}`;
  }
}

/** One convolution a channel: output channel c * depthMultiplier + m is the m-th of input channel c. */
export class DepthwiseConv2D extends Conv2D {
  readonly depthMultiplier: number;

  constructor(
    channels: number,
    depthMultiplier: number,
    kernelSize: number | readonly [number, number],
    options: Omit<KernelOptions, 'groups'> = {},
  ) {
    super(channels, channels * depthMultiplier, kernelSize, { ...options, groups: channels });
    this.depthMultiplier = depthMultiplier;
  }
}

/** A depthwise convolution and a 1x1 convolution after it, which has the bias and the activation. */
export class SeparableConv2D extends Module {
  depthwise: DepthwiseConv2D;
  pointwise: Conv2D;

  constructor(
    inChannels: number,
    filters: number,
    depthMultiplier: number,
    kernelSize: number | readonly [number, number],
    options: Omit<KernelOptions, 'groups'> = {},
  ) {
    super();
    const { bias = true, activation = 'linear', ...window } = options;
    this.depthwise = new DepthwiseConv2D(inChannels, depthMultiplier, kernelSize, { ...window, bias: false });
    this.pointwise = new Conv2D(inChannels * depthMultiplier, filters, 1, { bias, activation });
  }

  override forward(x: Tensor): Tensor {
    return this.pointwise.forward(this.depthwise.forward(x));
  }
}

function shownActivation(activation: ActivationName): string {
  return activation === 'linear' ? '' : `, activation=${activation}`;
}
