/** From 8-bit pixels to what a network reads: float planes, then zero mean and unit variance a channel. */
import { ArgumentError } from '../../core/errors.ts';
import { checkOneOf, checkOptions } from '../../core/options.ts';
import { expectRgb, type FloatImage, isRgb, type RgbImage } from '../images/image.ts';
import { Transform } from './transform.ts';

/** Mean and standard deviation of ImageNet's channels (red, green, blue; 0 to 1): torchvision's weights expect them. */
export const IMAGENET_MEAN: readonly [number, number, number] = [0.485, 0.456, 0.406];
/** See {@link IMAGENET_MEAN}. */
export const IMAGENET_STD: readonly [number, number, number] = [0.229, 0.224, 0.225];

/** The order of an image's channels: blue first in networks that were trained with Caffe, and in Keras's VGG and ResNets. */
export type ChannelOrder = 'rgb' | 'bgr';

/** Options of {@link ToTensor}. */
export interface ToTensorOptions {
  /** The order of the planes. Default 'rgb'. */
  readonly channels?: ChannelOrder;
}

/** Splits channels into planes in the order `channels`, passing each level through the table of its plane. */
function planes(
  { data, width, height }: RgbImage,
  tables: readonly Float32Array[],
  channels: ChannelOrder,
): FloatImage {
  const n = width * height;
  const out = new Float32Array(3 * n);
  const [first, middle, last] = tables as [Float32Array, Float32Array, Float32Array];
  const [from, to] = channels === 'rgb' ? [0, 2] : [2, 0];
  for (let i = 0, pixel = 0; i < n; i++, pixel += 3) {
    out[i] = first[data[pixel + from]!]!;
    out[n + i] = middle[data[pixel + 1]!]!;
    out[2 * n + i] = last[data[pixel + to]!]!;
  }
  return { data: out, shape: [3, height, width] };
}

const UNIT = Float32Array.from({ length: 256 }, (_, v) => v / 255);

/** [height, width, 3] of 0..255 to [3, height, width] of 0..1, red first unless `channels` says 'bgr'. */
export class ToTensor extends Transform {
  readonly name: string = 'ToTensor';
  readonly channels: ChannelOrder;

  constructor(options: ToTensorOptions = {}) {
    super();
    checkOptions('ToTensor', options, { channels: true });
    const { channels = 'rgb' } = options;
    checkOneOf('ToTensor', 'channels', channels, ['rgb', 'bgr']);
    this.channels = channels;
  }

  apply(image: RgbImage | FloatImage): FloatImage {
    return planes(expectRgb(this.name, image), [UNIT, UNIT, UNIT], this.channels);
  }

  options(): Record<string, unknown> {
    return this.channels === 'rgb' ? {} : { channels: this.channels };
  }
}

/** (x - mean) / std a channel, in float32. Comes after ToTensor, whose order of channels `mean` and `std` have. */
export class Normalize extends Transform {
  readonly name: string = 'Normalize';
  readonly mean: readonly number[];
  readonly std: readonly number[];
  #tables: Float32Array[];

  constructor(mean: readonly number[], std: readonly number[]) {
    super();
    const three = (v: readonly number[]) => Array.isArray(v) && v.length === 3 && v.every(Number.isFinite);
    if (!three(mean) || !three(std) || std.some((s) => s <= 0))
      throw new ArgumentError(
        `Normalize: expected three means and three deviations above 0, got ${JSON.stringify(mean)} and ${JSON.stringify(std)}.`,
      );
    this.mean = mean;
    this.std = std;
    this.#tables = mean.map((_, c) => UNIT.map((v) => this.#value(v, c)));
  }

  #value(v: number, channel: number): number {
    return Math.fround(Math.fround(v - Math.fround(this.mean[channel]!)) / Math.fround(this.std[channel]!));
  }

  apply(image: RgbImage | FloatImage): FloatImage {
    if (isRgb(image))
      throw new ArgumentError('Normalize: expected floats, got an 8-bit image. Put ToTensor before it.');
    const n = image.data.length / 3;
    return { data: image.data.map((v, i) => this.#value(v, Math.floor(i / n))), shape: image.shape };
  }

  /** ToTensor and this in one pass over the 256 levels; the same floats. */
  applyToLevels(image: RgbImage, { channels }: ToTensor): FloatImage {
    return planes(image, this.#tables, channels);
  }

  options(): Record<string, unknown> {
    return { mean: this.mean, std: this.std };
  }
}
