/**
 * U-Net on a trunk that was trained on photos, with the decoder and the names of segmentation-models-pytorch: any classification network that is
 * a sequence of modules is an encoder, whose last maps before each halving go to the decoder.
 */
import { ArgumentError } from '../core/errors.ts';
import { checkOptions } from '../core/options.ts';
import { trial } from '../graph/scope.ts';
import {
  type AnyModule,
  BatchNorm2d,
  Conv2d,
  Identity,
  init,
  interpolate,
  Module,
  ModuleList,
  ReLU,
  Sequential,
} from '../nn/index.ts';
import { noGrad } from '../tensor/autograd.ts';
import { zeros } from '../tensor/factory.ts';
import { cat, type Tensor } from '../tensor/tensor.ts';
import { asEntry, create, MODEL_OPTIONS, type ModelEntry, type ModelOptions, type WeightsSource } from './define.ts';

/** Channels of the decoder's blocks, from the smallest maps to the largest. */
const WIDTHS = [256, 128, 64, 32, 16];

/** A 3x3 convolution with batch norm and ReLU. */
const convRelu = (channels: number, outChannels: number): Sequential =>
  new Sequential(
    new Conv2d(channels, outChannels, 3, { padding: 1, bias: false }),
    new BatchNorm2d(outChannels),
    new ReLU({ inplace: true }),
  );

/** Brings maps to the size of those before the halving, joins both, and convolves them twice. */
export class UnetDecoderBlock extends Module {
  conv1: Sequential;
  attention1: Identity;
  conv2: Sequential;
  attention2: Identity;
  readonly #joins: boolean;

  /** @param skipChannels of the maps before the halving; 0 where they are not joined. */
  constructor(channels: number, skipChannels: number, outChannels: number) {
    super();
    this.#joins = skipChannels > 0;
    this.conv1 = convRelu(channels + skipChannels, outChannels);
    this.attention1 = new Identity();
    this.conv2 = convRelu(outChannels, outChannels);
    this.attention2 = new Identity();
  }

  /**
   * Maps of the size before the halving.
   * @param before the maps before the halving; the image gives its size alone
   */
  override forward(x: Tensor, before: Tensor): Tensor {
    const y = interpolate(x, { size: before.shape.slice(2) as [number, number] });
    return this.conv2.forward(this.conv1.forward(this.#joins ? cat([y, before], 1) : y));
  }
}

/** From the trunk's last maps up to the image's size. */
export class UnetDecoder extends Module {
  center: Identity;
  blocks: ModuleList;

  /** @param channels of the maps before each halving, then of the last ones; the image's left out. */
  constructor(channels: readonly number[]) {
    super();
    this.center = new Identity();
    const widths = WIDTHS.slice(-channels.length);
    const skips = channels.slice(0, -1).reverse();
    this.blocks = new ModuleList(
      widths.map((width, k) => new UnetDecoderBlock(k ? widths[k - 1]! : channels.at(-1)!, skips[k] ?? 0, width)),
    );
    for (const module of this.modules())
      if (module instanceof Conv2d) init.kaimingUniform(module.weight, { nonlinearity: 'relu' });
  }

  /**
   * Maps of the image's size.
   * @param maps the image, the maps before each halving but the first, and the last ones
   */
  override forward(...maps: Tensor[]): Tensor {
    const before = maps.slice(0, -1).reverse();
    return [...this.blocks].reduce((x, block, k) => block.forward(x, before[k]!), maps.at(-1)!);
  }
}

/** The modules that a trunk runs one after another, from the images to its last maps, by their paths in it. */
function sequenceOf(name: string, trunk: AnyModule): [path: string, module: Module][] {
  const children = trunk.namedChildren() as [string, Module][];
  const features = children.find(([path]) => path === 'features')?.[1];
  if (features instanceof Sequential)
    return (features.namedChildren() as [string, Module][]).map(([path, module]) => [`features.${path}`, module]);
  const last = children.findIndex(([path]) => path === 'layer4');
  if (last > 0) return children.slice(0, last + 1);
  throw new ArgumentError(
    `unet: ${name} is no sequence of modules, and so no encoder. Choose another, as resnet18, squeezenet1_1 or mobilenet_v3_large.`,
  );
}

/** Places in a trunk's sequence that halve the maps, or take them down further, and the channels of what goes into them and of what comes out at last. */
interface Halvings {
  readonly at: ReadonlySet<Module>;
  readonly channels: readonly number[];
}

/** Finds them by a recording of one image, which is never run. */
function halvingsOf(modules: readonly Module[]): Halvings {
  const look = () => {
    const at = new Set<Module>();
    const channels: number[] = [];
    let x = zeros([1, 3, 64, 64]);
    for (const module of modules) {
      const y = module.forward(x);
      if (y.shape[2]! < 0.75 * x.shape[2]!) {
        // Into the first of them goes the image.
        if (at.size > 0) channels.push(x.shape[1]!);
        at.add(module);
      }
      x = y;
    }
    return { at, channels: [...channels, x.shape[1]!] };
  };
  const before = modules.map((module) => module.training);
  for (const module of modules) module.eval();
  try {
    return trial(
      () => noGrad(look),
      (found) => found,
    );
  } finally {
    modules.forEach((module, k) => {
      module.train(before[k]!);
    });
  }
}

/** Where the maps come from that a decoder takes. */
export interface MapSource {
  /** Of the maps, the image's left out. */
  readonly channels: readonly number[];
  /** The image, maps of halved sizes one after another, the last ones. */
  maps(x: Tensor): readonly Tensor[];
}

/**
 * A classification network's maps before each halving, and its last. What is behind those is taken out of it.
 * @throws ArgumentError for a network that is no sequence of modules.
 */
function trunkMaps(trunk: Module): MapSource {
  const sequence = sequenceOf(trunk.typeName, trunk);
  const used = new Set(sequence.map(([path]) => path.split('.')[0]));
  for (const [name] of trunk.namedChildren())
    if (!used.has(name)) (trunk as unknown as Record<string, null>)[name] = null;
  const modules = sequence.map(([, module]) => module);
  const { at, channels } = halvingsOf(modules);
  return {
    channels,
    maps(x) {
      const maps: Tensor[] = [];
      let y = x;
      for (const module of modules) {
        if (at.has(module)) maps.push(y);
        y = module.forward(y);
      }
      // A DenseNet's last maps come out of a batch norm.
      return [...maps, modules.at(-1) instanceof BatchNorm2d ? y.relu() : y];
    },
  };
}

/**
 * A trunk and a decoder: [N, 3, H, W] to logits [N, numClasses, H, W], any H and W that the trunk takes. Its names are those of
 * segmentation-models-pytorch's `Unet`: `encoder`, the trunk without its head, `decoder.blocks`, `segmentation_head.0`.
 */
export class EncoderUnet extends Module {
  encoder: Module;
  decoder: UnetDecoder;
  segmentation_head: Sequential;
  readonly #source: MapSource;

  /**
   * @param encoder A classification network, whose head is taken out, or a module that is a source of maps itself.
   * @throws ArgumentError for a network that is no sequence of modules.
   */
  constructor(encoder: Module & Partial<MapSource>, options: { numClasses?: number } = {}) {
    super();
    this.#source = encoder.maps ? (encoder as Module & MapSource) : trunkMaps(encoder);
    this.encoder = encoder;
    this.decoder = new UnetDecoder(this.#source.channels);
    const head = new Conv2d(WIDTHS.at(-1)!, options.numClasses ?? 2, 3, { padding: 1 });
    init.xavierUniform(head.weight);
    init.constant(head.bias!, 0);
    this.segmentation_head = new Sequential(head, new Identity(), new Identity());
  }

  override get typeName(): string {
    return 'Unet';
  }

  override forward(x: Tensor): Tensor {
    return this.segmentation_head.forward(this.decoder.forward(...this.#source.maps(x)));
  }
}

/** Options of {@link encoderUnet}. */
export interface EncoderUnetOptions extends ModelOptions {
  /** Weights of the encoder's own network, by name or as a file: classes and heads of any kind. Without them it starts random. */
  encoderWeights?: WeightsSource | null;
}

/** What U-Nets on encoders are called: `unet-resnet18`. */
export const ENCODER_PREFIX = 'unet-';

/** The entry of a U-Net on a classification network. @throws ArgumentError for one that is no sequence of modules. */
export async function encoderUnetEntry(trunk: ModelEntry): Promise<ModelEntry> {
  const name = `${ENCODER_PREFIX}${trunk.name}`;
  const heads = ['segmentation_head.0'];
  const make = async (options: EncoderUnetOptions = {}): Promise<EncoderUnet> => {
    checkOptions(name, options, { ...MODEL_OPTIONS, encoderWeights: true });
    const { encoderWeights, onNote, ...rest } = options;
    const { seed, download } = options;
    const common = { ...(seed !== undefined && { seed }), ...(download && { download }), ...(onNote && { onNote }) };
    const built = await trunk.create({ ...common, ...(encoderWeights != null && { weights: encoderWeights }) });
    return create({ name, heads, own: {} }, { ...rest, ...(onNote && { onNote }) }, (o) => new EncoderUnet(built, o));
  };
  const sample = await make();
  const paths = new Set(sample.namedModules().map(([path]) => path));
  const stages = trunk.stages.map((stage) => `encoder.${stage}`).filter((stage) => paths.has(stage));
  return asEntry(make as (options?: ModelOptions) => Promise<EncoderUnet>, {
    name,
    title: `U-Net on ${trunk.title}`,
    task: 'segmentation',
    input: trunk.input,
    inputSize: trunk.inputSize,
    parameters: sample.parameters().reduce((sum, { size }) => sum + size, 0),
    multiplyAdds: Number.NaN,
    stages: [...stages, 'decoder', 'segmentation_head'],
    maps: 'decoder',
    heads,
    head: heads[0]!,
    create: make,
  });
}

/**
 * U-Net on a classification network, whose last maps before each halving go to a decoder: [N, 3, H, W] to logits [N, numClasses, H, W].
 * @param encoder A network of `MODELS` that is a sequence of modules: `resnet18`, `squeezenet1_1`, `mobilenet_v3_large` …
 * @param options The number of classes, 2 by default; the encoder's own weights (`encoderWeights`), or those of the whole network (`weights`).
 * @throws ArgumentError for another.
 * @example
 * const model = await encoderUnet(squeezenet1_1, { numClasses: 11, encoderWeights: 'squeezenet1_1.pth' });
 * model.encoder.freeze();
 */
export async function encoderUnet(encoder: ModelEntry, options: EncoderUnetOptions = {}): Promise<EncoderUnet> {
  return (await encoderUnetEntry(encoder)).create(options) as Promise<EncoderUnet>;
}
