/** A convolution with the normalisation and the activation behind it: torchvision's `torchvision.ops.Conv2dNormActivation`. */
import { checkOptions, type OptionNames } from '../core/options.ts';
import { ReLU } from './activation.ts';
import { BatchNorm2d } from './batchnorm.ts';
import { Sequential } from './container.ts';
import { Conv2d, type Conv2dOptions } from './conv.ts';
import type { Module } from './module.ts';
import { checkSize, pair, type Size2d } from './sizes.ts';

/** Options of {@link Conv2dNormActivation}, with torchvision's defaults. */
export interface Conv2dNormActivationOptions extends Conv2dOptions {
  /** Makes the normalisation of so many channels; a {@link BatchNorm2d} by default, null for none. */
  normLayer?: ((channels: number) => Module) | null;
  /** Makes the activation; a {@link ReLU} by default, null for none. */
  activationLayer?: (() => Module) | null;
}

const OPTIONS: OptionNames<Conv2dNormActivationOptions> = {
  stride: true,
  padding: true,
  dilation: true,
  groups: true,
  bias: true,
  normLayer: true,
  activationLayer: true,
};

/**
 * Convolution, normalisation, activation: [N, inChannels, H, W] to [N, outChannels, H', W'], with H' = ceil(H / stride) for odd kernels
 * unless `padding` says otherwise. The convolution has a bias where no normalisation follows.
 * @example
 * const stem = new Conv2dNormActivation(3, 32, 3, { stride: 2, activationLayer: () => new SiLU({ inplace: true }) });
 * @see https://docs.pytorch.org/vision/stable/generated/torchvision.ops.Conv2dNormActivation.html
 */
export class Conv2dNormActivation extends Sequential {
  readonly outChannels: number;

  /** @param kernelSize 3 by default. */
  constructor(
    inChannels: number,
    outChannels: number,
    kernelSize: Size2d = 3,
    options: Conv2dNormActivationOptions = {},
  ) {
    checkOptions('Conv2dNormActivation', options, OPTIONS);
    const {
      normLayer = (channels) => new BatchNorm2d(channels),
      activationLayer = () => new ReLU({ inplace: true }),
      padding = samePadding(kernelSize, options.dilation),
      bias = normLayer === null,
      ...rest
    } = options;
    const layers: Module[] = [new Conv2d(inChannels, outChannels, kernelSize, { ...rest, padding, bias })];
    if (normLayer) layers.push(normLayer(outChannels));
    if (activationLayer) layers.push(activationLayer());
    super(...layers);
    this.outChannels = outChannels;
  }
}

/** Zeros on each side that keep the map's size, for odd kernels at stride 1. */
function samePadding(kernelSize: Size2d, dilation: Size2d = 1): [number, number] {
  const kernel = pair(checkSize('Conv2dNormActivation', 'kernelSize', kernelSize, 1));
  const [vertical, horizontal] = pair(checkSize('Conv2dNormActivation', 'dilation', dilation, 1));
  return [Math.floor((kernel[0] - 1) / 2) * vertical, Math.floor((kernel[1] - 1) / 2) * horizontal];
}
