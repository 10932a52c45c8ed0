/**
 * EfficientNet B0 to B4 as segmentation-models-pytorch has it for an encoder, with the names of efficientnet_pytorch: TensorFlow's padding, as it is at the
 * side that each was trained at, and no classifier. Tan and Le 2019, https://arxiv.org/abs/1905.11946
 */
import { BatchNorm2d, Conv2d, type Conv2dOptions, Module, ModuleList, StochasticDepth } from '../nn/index.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { makeDivisible } from './make-divisible.ts';

/** B0's stages: expand ratio, kernel, stride, channels in and out, blocks. */
const B0 = [
  [1, 3, 1, 32, 16, 1],
  [6, 3, 2, 16, 24, 2],
  [6, 5, 2, 24, 40, 2],
  [6, 3, 2, 40, 80, 3],
  [6, 5, 1, 80, 112, 3],
  [6, 5, 2, 112, 192, 4],
  [6, 3, 1, 192, 320, 1],
] as const;

/** Of each size: factors of channels and blocks, the side it was trained at, the blocks behind which maps go to the decoder. */
const SIZES: Readonly<Record<string, readonly [width: number, depth: number, side: number, maps: readonly number[]]>> =
  {
    b0: [1, 1, 224, [2, 4, 8]],
    b1: [1, 1.1, 240, [4, 7, 15]],
    b2: [1.1, 1.2, 260, [4, 7, 15]],
    b3: [1.2, 1.4, 300, [4, 7, 17]],
    b4: [1.4, 1.8, 380, [5, 9, 21]],
  };

const norm = (channels: number) => new BatchNorm2d(channels, { eps: 1e-3, momentum: 0.01 });

/** A convolution with TensorFlow's padding for images of a side: what is odd of it goes below and right. */
function samePadded(
  channels: number,
  outChannels: number,
  kernel: number,
  side: number,
  options: Conv2dOptions & { stride?: number } = {},
): Conv2d {
  const { stride = 1 } = options;
  const all = Math.max((Math.ceil(side / stride) - 1) * stride + kernel - side, 0);
  const before = Math.floor(all / 2);
  const padding = [before, all - before, before, all - before] as const;
  return new Conv2d(channels, outChannels, kernel, { bias: false, ...options, padding });
}

/** A 1x1 convolution to more channels, a depthwise one, squeeze and excitation, and a 1x1 convolution back. */
class MBConvBlock extends Module {
  _expand_conv: Conv2d | null = null;
  _bn0: BatchNorm2d | null = null;
  _depthwise_conv: Conv2d;
  _bn1: BatchNorm2d;
  _se_reduce: Conv2d;
  _se_expand: Conv2d;
  _project_conv: Conv2d;
  _bn2: BatchNorm2d;
  readonly #residual: boolean;
  /** Leaves the branch out at times, in training. */
  drop: StochasticDepth;

  constructor(
    [expandRatio, kernel, stride, channels, outChannels]: readonly [number, number, number, number, number],
    side: number,
    dropped: number,
  ) {
    super();
    const expanded = channels * expandRatio;
    if (expandRatio !== 1) {
      this._expand_conv = samePadded(channels, expanded, 1, side);
      this._bn0 = norm(expanded);
    }
    this._depthwise_conv = samePadded(expanded, expanded, kernel, side, { stride, groups: expanded });
    this._bn1 = norm(expanded);
    const squeezed = Math.max(1, Math.floor(channels / 4));
    this._se_reduce = new Conv2d(expanded, squeezed, 1);
    this._se_expand = new Conv2d(squeezed, expanded, 1);
    this._project_conv = samePadded(expanded, outChannels, 1, Math.ceil(side / stride));
    this._bn2 = norm(outChannels);
    this.#residual = stride === 1 && channels === outChannels;
    this.drop = new StochasticDepth(dropped, 'row');
  }

  override forward(x: Tensor): Tensor {
    let y = this._expand_conv ? this._bn0!.forward(this._expand_conv.forward(x)).silu() : x;
    y = this._bn1.forward(this._depthwise_conv.forward(y)).silu();
    const weights = this._se_expand.forward(this._se_reduce.forward(y.adaptiveAvgPool2d(1)).silu()).sigmoid();
    y = this._bn2.forward(this._project_conv.forward(y.mul(weights)));
    if (!this.#residual) return y;
    return this.drop.forward(y).add(x);
  }
}

/** [N, 3, H, W] to the last maps. */
export class SmpEfficientNet extends Module {
  _conv_stem: Conv2d;
  _bn0: BatchNorm2d;
  _blocks: ModuleList;
  _conv_head: Conv2d;
  _bn1: BatchNorm2d;
  readonly #maps: readonly number[];
  readonly channels: readonly number[];

  /** @param size 'b0' to 'b4' */
  constructor(size: string) {
    super();
    const [width, depth, trained, maps] = SIZES[size]!;
    const wide = (channels: number) => makeDivisible(channels * width);
    const rows = B0.flatMap(([ratio, kernel, stride, channels, out, blocks]) =>
      Array.from(
        { length: Math.ceil(blocks * depth) },
        (_, i) => [ratio, kernel, i ? 1 : stride, wide(i ? out : channels), wide(out)] as const,
      ),
    );
    const stem = wide(32);
    this._conv_stem = samePadded(3, stem, 3, trained, { stride: 2 });
    this._bn0 = norm(stem);
    let side = Math.ceil(trained / 2);
    this._blocks = new ModuleList(
      rows.map((row, k) => {
        const block = new MBConvBlock(row, side, (0.2 * k) / rows.length);
        side = Math.ceil(side / row[2]);
        return block;
      }),
    );
    // The decoder takes what goes into the head, which files have all the same.
    this._conv_head = samePadded(wide(320), wide(1280), 1, side);
    this._bn1 = norm(wide(1280));
    this.#maps = maps;
    this.channels = [stem, ...maps.map((k) => rows[k]![4]), wide(320)];
  }

  override forward(x: Tensor): Tensor {
    return this.maps(x).at(-1)!;
  }

  /** The image, the maps that go to the decoder, and the last ones. */
  maps(x: Tensor): Tensor[] {
    let y = this._bn0.forward(this._conv_stem.forward(x)).silu();
    const maps = [x, y];
    for (const [k, block] of [...this._blocks].entries()) {
      y = block.forward(y);
      if (this.#maps.includes(k)) maps.push(y);
    }
    return [...maps, y];
  }
}
