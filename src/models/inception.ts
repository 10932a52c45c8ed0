/** Inception v3, with torchvision's names, order and initialisation. Szegedy et al. 2015, https://arxiv.org/abs/1512.00567 */
import type { StateDict } from '../core/dtype.ts';
import { ShapeError } from '../core/errors.ts';
import { formatShape } from '../core/shape.ts';
import { imagenetPreset } from '../data/transforms/compose.ts';
import { IMAGENET_MEAN, IMAGENET_STD } from '../data/transforms/normalize.ts';
import {
  AdaptiveAvgPool2d,
  BatchNorm2d,
  Conv2d,
  type Conv2dOptions,
  Dropout,
  init,
  Linear,
  type LoadOptions,
  MaxPool2d,
  Module,
  type Size2d,
  type StateDictFaults,
} from '../nn/index.ts';
import { cat, type Tensor } from '../tensor/tensor.ts';
import { imagenetCategories } from './categories.ts';
import { defineModel } from './define.ts';
import { torchvision } from './published.ts';

/** A convolution, a batch norm and a ReLU. */
export class BasicConv2d extends Module {
  conv: Conv2d;
  bn: BatchNorm2d;

  constructor(channelsIn: number, channelsOut: number, kernelSize: Size2d, options: Conv2dOptions = {}) {
    super();
    this.conv = new Conv2d(channelsIn, channelsOut, kernelSize, { ...options, bias: false });
    this.bn = new BatchNorm2d(channelsOut, { eps: 0.001 });
  }

  override forward(x: Tensor): Tensor {
    return this.bn.forward(this.conv.forward(x)).relu();
  }
}

/** `x` through layers one after another. */
function through(x: Tensor, ...layers: readonly Module[]): Tensor {
  return layers.reduce((y, layer) => layer.forward(y), x);
}

/** The mean of each 3x3 neighbourhood, zeros beyond the border counted in. */
function neighbourhoods(x: Tensor): Tensor {
  return x.avgPool2d(3, { stride: 1, padding: 1 });
}

const ROW = { padding: [0, 3] } as const;
const COLUMN = { padding: [3, 0] } as const;

/** Of 35 x 35 maps: 1x1, 5x5 and twice 3x3 beside each other. */
export class InceptionA extends Module {
  branch1x1: BasicConv2d;
  branch5x5_1: BasicConv2d;
  branch5x5_2: BasicConv2d;
  branch3x3dbl_1: BasicConv2d;
  branch3x3dbl_2: BasicConv2d;
  branch3x3dbl_3: BasicConv2d;
  branch_pool: BasicConv2d;

  constructor(channels: number, pooled: number) {
    super();
    this.branch1x1 = new BasicConv2d(channels, 64, 1);
    this.branch5x5_1 = new BasicConv2d(channels, 48, 1);
    this.branch5x5_2 = new BasicConv2d(48, 64, 5, { padding: 2 });
    this.branch3x3dbl_1 = new BasicConv2d(channels, 64, 1);
    this.branch3x3dbl_2 = new BasicConv2d(64, 96, 3, { padding: 1 });
    this.branch3x3dbl_3 = new BasicConv2d(96, 96, 3, { padding: 1 });
    this.branch_pool = new BasicConv2d(channels, pooled, 1);
  }

  override forward(x: Tensor): Tensor {
    const five = through(x, this.branch5x5_1, this.branch5x5_2);
    const three = through(x, this.branch3x3dbl_1, this.branch3x3dbl_2, this.branch3x3dbl_3);
    return cat([this.branch1x1.forward(x), five, three, this.branch_pool.forward(neighbourhoods(x))], 1);
  }
}

/** From 35 x 35 maps to 17 x 17. */
export class InceptionB extends Module {
  branch3x3: BasicConv2d;
  branch3x3dbl_1: BasicConv2d;
  branch3x3dbl_2: BasicConv2d;
  branch3x3dbl_3: BasicConv2d;

  constructor(channels: number) {
    super();
    this.branch3x3 = new BasicConv2d(channels, 384, 3, { stride: 2 });
    this.branch3x3dbl_1 = new BasicConv2d(channels, 64, 1);
    this.branch3x3dbl_2 = new BasicConv2d(64, 96, 3, { padding: 1 });
    this.branch3x3dbl_3 = new BasicConv2d(96, 96, 3, { stride: 2 });
  }

  override forward(x: Tensor): Tensor {
    const double = through(x, this.branch3x3dbl_1, this.branch3x3dbl_2, this.branch3x3dbl_3);
    return cat([this.branch3x3.forward(x), double, x.maxPool2d(3, { stride: 2 })], 1);
  }
}

/** Of 17 x 17 maps: 7x7 convolutions as rows and columns. */
export class InceptionC extends Module {
  branch1x1: BasicConv2d;
  branch7x7_1: BasicConv2d;
  branch7x7_2: BasicConv2d;
  branch7x7_3: BasicConv2d;
  branch7x7dbl_1: BasicConv2d;
  branch7x7dbl_2: BasicConv2d;
  branch7x7dbl_3: BasicConv2d;
  branch7x7dbl_4: BasicConv2d;
  branch7x7dbl_5: BasicConv2d;
  branch_pool: BasicConv2d;

  /** @param width channels of the 7x7 convolutions. */
  constructor(channels: number, width: number) {
    super();
    this.branch1x1 = new BasicConv2d(channels, 192, 1);
    this.branch7x7_1 = new BasicConv2d(channels, width, 1);
    this.branch7x7_2 = new BasicConv2d(width, width, [1, 7], ROW);
    this.branch7x7_3 = new BasicConv2d(width, 192, [7, 1], COLUMN);
    this.branch7x7dbl_1 = new BasicConv2d(channels, width, 1);
    this.branch7x7dbl_2 = new BasicConv2d(width, width, [7, 1], COLUMN);
    this.branch7x7dbl_3 = new BasicConv2d(width, width, [1, 7], ROW);
    this.branch7x7dbl_4 = new BasicConv2d(width, width, [7, 1], COLUMN);
    this.branch7x7dbl_5 = new BasicConv2d(width, 192, [1, 7], ROW);
    this.branch_pool = new BasicConv2d(channels, 192, 1);
  }

  override forward(x: Tensor): Tensor {
    const seven = through(x, this.branch7x7_1, this.branch7x7_2, this.branch7x7_3);
    const double = through(
      x,
      this.branch7x7dbl_1,
      this.branch7x7dbl_2,
      this.branch7x7dbl_3,
      this.branch7x7dbl_4,
      this.branch7x7dbl_5,
    );
    return cat([this.branch1x1.forward(x), seven, double, this.branch_pool.forward(neighbourhoods(x))], 1);
  }
}

/** From 17 x 17 maps to 8 x 8. */
export class InceptionD extends Module {
  branch3x3_1: BasicConv2d;
  branch3x3_2: BasicConv2d;
  branch7x7x3_1: BasicConv2d;
  branch7x7x3_2: BasicConv2d;
  branch7x7x3_3: BasicConv2d;
  branch7x7x3_4: BasicConv2d;

  constructor(channels: number) {
    super();
    this.branch3x3_1 = new BasicConv2d(channels, 192, 1);
    this.branch3x3_2 = new BasicConv2d(192, 320, 3, { stride: 2 });
    this.branch7x7x3_1 = new BasicConv2d(channels, 192, 1);
    this.branch7x7x3_2 = new BasicConv2d(192, 192, [1, 7], ROW);
    this.branch7x7x3_3 = new BasicConv2d(192, 192, [7, 1], COLUMN);
    this.branch7x7x3_4 = new BasicConv2d(192, 192, 3, { stride: 2 });
  }

  override forward(x: Tensor): Tensor {
    const three = through(x, this.branch3x3_1, this.branch3x3_2);
    const seven = through(x, this.branch7x7x3_1, this.branch7x7x3_2, this.branch7x7x3_3, this.branch7x7x3_4);
    return cat([three, seven, x.maxPool2d(3, { stride: 2 })], 1);
  }
}

/** Of 8 x 8 maps: 3x3 convolutions as a row and a column beside each other. */
export class InceptionE extends Module {
  branch1x1: BasicConv2d;
  branch3x3_1: BasicConv2d;
  branch3x3_2a: BasicConv2d;
  branch3x3_2b: BasicConv2d;
  branch3x3dbl_1: BasicConv2d;
  branch3x3dbl_2: BasicConv2d;
  branch3x3dbl_3a: BasicConv2d;
  branch3x3dbl_3b: BasicConv2d;
  branch_pool: BasicConv2d;

  constructor(channels: number) {
    super();
    this.branch1x1 = new BasicConv2d(channels, 320, 1);
    this.branch3x3_1 = new BasicConv2d(channels, 384, 1);
    this.branch3x3_2a = new BasicConv2d(384, 384, [1, 3], { padding: [0, 1] });
    this.branch3x3_2b = new BasicConv2d(384, 384, [3, 1], { padding: [1, 0] });
    this.branch3x3dbl_1 = new BasicConv2d(channels, 448, 1);
    this.branch3x3dbl_2 = new BasicConv2d(448, 384, 3, { padding: 1 });
    this.branch3x3dbl_3a = new BasicConv2d(384, 384, [1, 3], { padding: [0, 1] });
    this.branch3x3dbl_3b = new BasicConv2d(384, 384, [3, 1], { padding: [1, 0] });
    this.branch_pool = new BasicConv2d(channels, 192, 1);
  }

  override forward(x: Tensor): Tensor {
    const three = this.branch3x3_1.forward(x);
    const double = through(x, this.branch3x3dbl_1, this.branch3x3dbl_2);
    const parts = [
      this.branch1x1.forward(x),
      this.branch3x3_2a.forward(three),
      this.branch3x3_2b.forward(three),
      this.branch3x3dbl_3a.forward(double),
      this.branch3x3dbl_3b.forward(double),
      this.branch_pool.forward(neighbourhoods(x)),
    ];
    return cat(parts, 1);
  }
}

/** The auxiliary head: logits from the 17 x 17 maps. */
export class InceptionAux extends Module {
  conv0: BasicConv2d;
  conv1: BasicConv2d;
  fc: Linear;

  constructor(channels: number, numClasses: number) {
    super();
    this.conv0 = new BasicConv2d(channels, 128, 1);
    this.conv1 = new BasicConv2d(128, 768, 5);
    this.fc = new Linear(768, numClasses);
  }

  override forward(x: Tensor): Tensor {
    const y = through(x.avgPool2d(5, { stride: 3 }), this.conv0, this.conv1);
    return this.fc.forward(y.adaptiveAvgPool2d(1).flatten(1));
  }
}

/** What an Inception v3 with an auxiliary head gives in training. */
export interface InceptionOutputs {
  /** [N, numClasses]. */
  readonly logits: Tensor;
  /** Those of the auxiliary head, [N, numClasses], whose loss counts 0.4. */
  readonly auxLogits: Tensor;
}

/** Options of Inception v3. */
export interface InceptionOptions {
  /**
   * Takes images that are normalised by ImageNet's mean and deviation, and brings them to -1 to 1, as the published weights want them; true
   * by default. False is for weights that were trained without, which is torchvision's default where it loads none.
   */
  transformInput?: boolean;
}

/** Side of the smallest images that the auxiliary head can be trained on. */
const TRAINED_SIDE = 299;

/**
 * [N, 3, H, W] to logits [N, numClasses]; H and W from 75 up, 299 in training. In training mode it gives {@link InceptionOutputs}: `fit` adds 0.4
 * times the loss of the auxiliary logits. `model.AuxLogits = null` does without.
 * @throws ShapeError from forward, in training, for smaller images.
 */
export class Inception3 extends Module<[Tensor], Tensor | InceptionOutputs> {
  readonly transformInput: boolean;
  Conv2d_1a_3x3: BasicConv2d;
  Conv2d_2a_3x3: BasicConv2d;
  Conv2d_2b_3x3: BasicConv2d;
  maxpool1: MaxPool2d;
  Conv2d_3b_1x1: BasicConv2d;
  Conv2d_4a_3x3: BasicConv2d;
  maxpool2: MaxPool2d;
  Mixed_5b: InceptionA;
  Mixed_5c: InceptionA;
  Mixed_5d: InceptionA;
  Mixed_6a: InceptionB;
  Mixed_6b: InceptionC;
  Mixed_6c: InceptionC;
  Mixed_6d: InceptionC;
  Mixed_6e: InceptionC;
  /** The auxiliary head, or null. */
  AuxLogits: InceptionAux | null;
  Mixed_7a: InceptionD;
  Mixed_7b: InceptionE;
  Mixed_7c: InceptionE;
  avgpool: AdaptiveAvgPool2d;
  dropout: Dropout;
  fc: Linear;

  constructor(options: { numClasses?: number } & InceptionOptions = {}) {
    super();
    const { numClasses = 1000, transformInput = true } = options;
    this.transformInput = transformInput;
    this.Conv2d_1a_3x3 = new BasicConv2d(3, 32, 3, { stride: 2 });
    this.Conv2d_2a_3x3 = new BasicConv2d(32, 32, 3);
    this.Conv2d_2b_3x3 = new BasicConv2d(32, 64, 3, { padding: 1 });
    this.maxpool1 = new MaxPool2d(3, { stride: 2 });
    this.Conv2d_3b_1x1 = new BasicConv2d(64, 80, 1);
    this.Conv2d_4a_3x3 = new BasicConv2d(80, 192, 3);
    this.maxpool2 = new MaxPool2d(3, { stride: 2 });
    this.Mixed_5b = new InceptionA(192, 32);
    this.Mixed_5c = new InceptionA(256, 64);
    this.Mixed_5d = new InceptionA(288, 64);
    this.Mixed_6a = new InceptionB(288);
    this.Mixed_6b = new InceptionC(768, 128);
    this.Mixed_6c = new InceptionC(768, 160);
    this.Mixed_6d = new InceptionC(768, 160);
    this.Mixed_6e = new InceptionC(768, 192);
    this.AuxLogits = new InceptionAux(768, numClasses);
    this.Mixed_7a = new InceptionD(768);
    this.Mixed_7b = new InceptionE(1280);
    this.Mixed_7c = new InceptionE(2048);
    this.avgpool = new AdaptiveAvgPool2d([1, 1]);
    this.dropout = new Dropout(0.5);
    this.fc = new Linear(2048, numClasses);
    for (const module of this.modules())
      if (module instanceof Conv2d || module instanceof Linear)
        init.truncNormal(module.weight, 0, module === this.AuxLogits.fc ? 0.001 : 0.1);
  }

  override forward(x: Tensor): Tensor | InceptionOutputs {
    const aux = this.training ? this.AuxLogits : null;
    if (aux && Math.min(...x.shape.slice(-2)) < TRAINED_SIDE)
      throw new ShapeError(
        'inception_v3',
        `its auxiliary head is trained on images from ${TRAINED_SIDE} x ${TRAINED_SIDE} up, got ${formatShape(x.shape)}. ` +
          'Take larger images (`--image-size 299` of the command), or set model.AuxLogits to null.',
        [x.shape],
      );
    const stem = [this.Conv2d_1a_3x3, this.Conv2d_2a_3x3, this.Conv2d_2b_3x3, this.maxpool1];
    const middle = [this.Conv2d_3b_1x1, this.Conv2d_4a_3x3, this.maxpool2];
    const of35 = [this.Mixed_5b, this.Mixed_5c, this.Mixed_5d];
    const of17 = [this.Mixed_6a, this.Mixed_6b, this.Mixed_6c, this.Mixed_6d, this.Mixed_6e];
    const maps = through(this.transformInput ? transformed(x) : x, ...stem, ...middle, ...of35, ...of17);
    const auxLogits = aux?.forward(maps);
    const y = through(maps, this.Mixed_7a, this.Mixed_7b, this.Mixed_7c, this.avgpool, this.dropout);
    const logits = this.fc.forward(y.flatten(1));
    return auxLogits ? { logits, auxLogits } : logits;
  }

  /** As every module's; weights without an auxiliary head make a network without one, and a network without one leaves theirs out. */
  override loadStateDict(state: StateDict, options: LoadOptions = {}): StateDictFaults {
    const others = [...state].filter(([name]) => !name.startsWith('AuxLogits.'));
    if (options.strict !== false && others.length === state.size) this.AuxLogits = null;
    return super.loadStateDict(this.AuxLogits ? state : new Map(others), options);
  }

  /** As every module's; the auxiliary head's last layer is trained wherever the other head is. */
  override freezeUntil(path: string): this {
    super.freezeUntil(path);
    this.AuxLogits?.fc.requiresGrad_();
    return this;
  }
}

/** Images that are normalised by ImageNet's mean and deviation, as -1 to 1. */
function transformed(x: Tensor): Tensor {
  const channels = IMAGENET_MEAN.map((mean, c) =>
    x
      .slice(1, c, c + 1)
      .mul(IMAGENET_STD[c]! / 0.5)
      .add((mean - 0.5) / 0.5),
  );
  return cat(channels, 1);
}

const PRESET = imagenetPreset(342, 299);
const RECIPE = 'https://github.com/pytorch/vision/tree/main/references/classification#inception-v3';

/**
 * Inception v3.
 * @param options The weights to load and the number of classes; without weights the parameters are random.
 * @example
 * const model = await inception_v3({ weights: 'inception_v3.pth' });
 * model.freeze();
 * model.fc = new Linear(model.fc.inFeatures, 3);
 * model.AuxLogits = null; // nothing that it would train is left
 */
export const inception_v3 = defineModel({
  name: 'inception_v3',
  title: 'Inception v3',
  task: 'image-classification',
  input: PRESET,
  categories: imagenetCategories,
  parameters: 27_161_264,
  multiplyAdds: 5.71,
  minSize: 75,
  stages: ['Conv2d_1a_3x3', 'Mixed_5b', 'Mixed_6a', 'Mixed_7a', 'fc'],
  maps: 'Mixed_7c',
  heads: ['fc', 'AuxLogits.fc'],
  weights: {
    IMAGENET1K_V1: torchvision('inception_v3_google-0cc3c7bd.pth', 103.903, 77.294, 93.45, RECIPE, PRESET),
  },
  options: { transformInput: true },
  build: (options: { numClasses?: number } & InceptionOptions) => new Inception3(options),
});
/** Published weights of Inception v3. */
export const Inception_V3Weights = inception_v3.weights;
