/**
 * U-Net with the names of its widespread PyTorch form (`inc`, `down1`, `up1`, `outc`): batch norms, padded convolutions, upsampling by a
 * transposed convolution or bilinearly. Ronneberger et al. 2015, https://arxiv.org/abs/1505.04597
 */
import { check, whole } from '../core/check.ts';
import type { ImagePreset } from '../data/transforms/compose.ts';
import { BatchNorm2d, Conv2d, ConvTranspose2d, MaxPool2d, Module, ReLU, Sequential, Upsample } from '../nn/index.ts';
import { cat, type Tensor } from '../tensor/tensor.ts';
import { defineModel } from './define.ts';

/** Two 3x3 convolutions, each with a batch norm and ReLU: [N, channels, H, W] to [N, outChannels, H, W]. */
export class DoubleConv extends Module {
  double_conv: Sequential;

  constructor(channels: number, outChannels: number, middle = outChannels) {
    super();
    this.double_conv = new Sequential(
      new Conv2d(channels, middle, 3, { padding: 1, bias: false }),
      new BatchNorm2d(middle),
      new ReLU({ inplace: true }),
      new Conv2d(middle, outChannels, 3, { padding: 1, bias: false }),
      new BatchNorm2d(outChannels),
      new ReLU({ inplace: true }),
    );
  }

  override forward(x: Tensor): Tensor {
    return this.double_conv.forward(x);
  }
}

/** Halves the maps, then convolves them. */
export class Down extends Module {
  maxpool_conv: Sequential;

  constructor(channels: number, outChannels: number) {
    super();
    this.maxpool_conv = new Sequential(new MaxPool2d(2), new DoubleConv(channels, outChannels));
  }

  override forward(x: Tensor): Tensor {
    return this.maxpool_conv.forward(x);
  }
}

/** Doubles the maps, joins them to those of the same size from the way down, and convolves both. */
export class Up extends Module {
  up: ConvTranspose2d | Upsample;
  conv: DoubleConv;

  constructor(channels: number, outChannels: number, bilinear: boolean) {
    super();
    this.up = bilinear
      ? new Upsample({ scaleFactor: 2, mode: 'bilinear', alignCorners: true })
      : new ConvTranspose2d(channels, channels / 2, 2, { stride: 2 });
    this.conv = new DoubleConv(channels, outChannels, bilinear ? channels / 2 : outChannels);
  }

  /**
   * Maps of the size of those from the way down.
   * @param skip from the way down [N, C, H, W]; `x` has half its size, rounded down
   */
  override forward(x: Tensor, skip: Tensor): Tensor {
    const y = this.up.forward(x);
    const [tall, wide] = [2, 3].map((axis) => skip.shape[axis]! - y.shape[axis]!) as [number, number];
    const [top, left] = [tall >> 1, wide >> 1];
    const padded = tall || wide ? y.pad([left, wide - left, top, tall - top]) : y;
    return this.conv.forward(cat([skip, padded], 1));
  }
}

/** The classes, pixel by pixel. */
export class OutConv extends Module {
  conv: Conv2d;

  constructor(channels: number, numClasses: number) {
    super();
    this.conv = new Conv2d(channels, numClasses, 1);
  }

  override forward(x: Tensor): Tensor {
    return this.conv.forward(x);
  }
}

/** Options of {@link unet} beside those of all networks. */
export interface UNetOptions {
  /** Channels of the images; 3 by default. */
  channels?: number;
  /** Channels of the first maps, a multiple of 2; each of the four halvings doubles them. 64 by default. */
  width?: number;
  /** Upsampling without weights, in place of transposed convolutions; false by default. */
  bilinear?: boolean;
}

/** [N, channels, H, W] to logits [N, numClasses, H, W]; H and W from 16 up. */
export class UNet extends Module {
  inc: DoubleConv;
  down1: Down;
  down2: Down;
  down3: Down;
  down4: Down;
  up1: Up;
  up2: Up;
  up3: Up;
  up4: Up;
  outc: OutConv;

  constructor(options: { numClasses?: number } & UNetOptions = {}) {
    super();
    const { numClasses = 2, channels = 3, width = 64, bilinear = false } = options;
    check('UNet', 'channels', channels, whole(1));
    check('UNet', 'width', width, {
      words: 'a multiple of 2',
      is: (n): n is number => Number(n) > 0 && Number(n) % 2 === 0,
    });
    // Without weights of its own, upsampling leaves the channels as they are: the block before it halves them.
    const factor = bilinear ? 2 : 1;
    this.inc = new DoubleConv(channels, width);
    this.down1 = new Down(width, 2 * width);
    this.down2 = new Down(2 * width, 4 * width);
    this.down3 = new Down(4 * width, 8 * width);
    this.down4 = new Down(8 * width, (16 * width) / factor);
    this.up1 = new Up(16 * width, (8 * width) / factor, bilinear);
    this.up2 = new Up(8 * width, (4 * width) / factor, bilinear);
    this.up3 = new Up(4 * width, (2 * width) / factor, bilinear);
    this.up4 = new Up(2 * width, width, bilinear);
    this.outc = new OutConv(width, numClasses);
  }

  override forward(x: Tensor): Tensor {
    const one = this.inc.forward(x);
    const two = this.down1.forward(one);
    const three = this.down2.forward(two);
    const four = this.down3.forward(three);
    let y = this.up1.forward(this.down4.forward(four), four);
    y = this.up2.forward(y, three);
    y = this.up3.forward(y, two);
    return this.outc.forward(this.up4.forward(y, one));
  }
}

/** Pixels from 0 to 1, whole images. */
export const PLAIN_PRESET: ImagePreset = {
  resize: 256,
  crop: 256,
  mean: [0, 0, 0],
  std: [1, 1, 1],
  interpolation: 'bilinear',
};

/**
 * U-Net: classes for each pixel, [N, channels, H, W] to logits [N, numClasses, H, W].
 * @param options The weights to load and the number of classes, 2 by default; its width and its way of upsampling.
 * @example
 * const model = await unet({ numClasses: 2, width: 16 });
 */
export const unet = defineModel<UNet, never, UNetOptions>({
  name: 'unet',
  title: 'U-Net',
  task: 'segmentation',
  input: PLAIN_PRESET,
  parameters: 31_037_698,
  multiplyAdds: 48.17,
  stages: ['inc', 'down1', 'down2', 'down3', 'down4', 'up1', 'up2', 'up3', 'up4', 'outc'],
  maps: 'up4',
  heads: ['outc.conv'],
  options: { channels: true, width: true, bilinear: true },
  build: (options) => new UNet(options),
});
