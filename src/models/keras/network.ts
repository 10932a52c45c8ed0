/** What Keras's own networks have in common: their options, the input, weights out of a file. */
import type { StateDict } from '../../core/dtype.ts';
import { ArgumentError } from '../../core/errors.ts';
import { checkOptions, type OptionNames } from '../../core/options.ts';
import type { SourceLike } from '../../device/byte-source.ts';
import { imagenetCategories } from '../categories.ts';
import { asEntry, classesOf, create, MODEL_OPTIONS, type ModelEntry, type ModelOptions } from '../define.ts';
import type { ActivationName } from './activations.ts';
import { bindWeights } from './bind.ts';
import type { Json } from './config.ts';
import { LayerGraph, type Sides } from './graph.ts';
import { graftKerasHead } from './head.ts';
import { KerasModel, type KerasModelOptions } from './model.ts';
import { LEVELS, PREPROCESSING, type Preprocessing } from './preprocess.ts';

/** Options of Keras's own networks. */
export interface KerasNetworkOptions extends KerasModelOptions {
  /** A file that Keras saved (`.h5`, `.weights.h5`, `.keras`), or any with this tree's names. Without it: Glorot's random values. */
  weights?: SourceLike | null;
  /** Whether the pooling and the dense layers at the end are there; true by default. */
  includeTop?: boolean;
  /** Without the top: how the last images become vectors; null, the default, leaves them as they are. */
  pooling?: 'avg' | 'max' | null;
  /** [height, width, 3], as in Keras; the network's own size by default, open sizes without the top. */
  inputShape?: readonly [number | null, number | null, number];
  /** Outputs; as many as the weights have, else 1000. */
  classes?: number;
  /** 'softmax' by default; null gives logits. */
  classifierActivation?: ActivationName | null;
  /** Makes the random weights repeatable on their own. */
  seed?: number;
}

const OPTIONS: OptionNames<KerasNetworkOptions> = {
  weights: true,
  includeTop: true,
  pooling: true,
  inputShape: true,
  classes: true,
  classifierActivation: true,
  seed: true,
  preprocessing: true,
};

/** One of Keras's own networks. */
export interface KerasNetwork<Options extends KerasNetworkOptions> {
  /** Of the function, `VGG16`. */
  readonly name: string;
  /** Keras's name of the model. */
  readonly modelName: string | ((options: Options, side: number | null) => string);
  /** Side of its images by default. */
  readonly side: number;
  readonly minSide: number;
  /** Whether the sides are open with the top, too. */
  readonly openSides?: boolean;
  /** The layer that makes the classes. */
  readonly head?: string;
  /** What Keras calls the file of its published weights. */
  readonly published: (options: Options) => string;
  /** Options of its own. */
  readonly options?: OptionNames<Omit<Options, keyof KerasNetworkOptions>>;
  /** Adds its layers behind `input` of the given sides; gives the name of the last one before the top. */
  readonly features: (graph: LayerGraph, input: string, options: Options, sides: Sides) => string;
  /** Adds the layers of the top; a pooling and a dense layer where there is none. */
  readonly top?: (graph: LayerGraph, features: string, options: Options & TopOptions) => string;
  /** What becomes of weights under the network's own names, where published ones are not all of the function. */
  readonly adapt?: (state: StateDict, onNote?: (note: string) => void) => StateDict;
  /** Whether Keras names the pooling of a network without its top, `avg_pool` or `max_pool`. */
  readonly namedPooling: boolean;
}

/** What a top is built of. */
export interface TopOptions {
  readonly classes: number;
  readonly classifierActivation: ActivationName;
}

/** One that is fine-tuned by its name; what it is known by is of the network with its top and without options. */
export interface KerasDefinition<Options extends KerasNetworkOptions>
  extends KerasNetwork<Options>,
    Pick<ModelEntry, 'title' | 'parameters' | 'multiplyAdds' | 'stages' | 'maps' | 'fixedSize'> {
  /** What its published weights want done to images; 'levels' are 0..255, which the network scales itself. */
  readonly preprocessing: Preprocessing | 'levels';
}

/** A function of `keras`, as {@link kerasNetwork} makes it. */
export type KerasNetworkFunction<Options extends KerasNetworkOptions> = (options?: Options) => Promise<KerasModel>;

/**
 * The function that builds one of Keras's own networks. It throws an ArgumentError for options that the network does not have, sizes
 * that are too small, or 'imagenet' for weights.
 */
// @__NO_SIDE_EFFECTS__
export function kerasNetwork<Options extends KerasNetworkOptions>(
  network: KerasNetwork<Options>,
): KerasNetworkFunction<Options> {
  const name = nameOf(network);
  return (options = {} as Options) => {
    checkOptions(name, options, { ...OPTIONS, ...network.options } as OptionNames<Options>);
    const { weights, seed, classes } = options;
    if (weights === 'imagenet')
      throw new ArgumentError(
        `${name}: expected a weight file, got 'imagenet'. Download Keras's ${network.published(options)} and pass its path.`,
      );
    const own = { ...(seed !== undefined && { seed }), ...(classes && { numClasses: classes }) };
    return build(network, options, { weights: weights ?? null, ...own });
  };
}

/** {@link kerasNetwork} that is its own entry, too: the entry's models have the top, and give logits. */
// @__NO_SIDE_EFFECTS__
export function defineKerasNetwork<Options extends KerasNetworkOptions>(
  network: KerasDefinition<Options>,
): KerasNetworkFunction<Options> & ModelEntry {
  const { title, parameters, multiplyAdds, stages, maps, fixedSize = false, side, preprocessing } = network;
  const [name, head] = [nameOf(network), headOf(network)];
  const entry: ModelEntry = {
    ...{ name, title, parameters, multiplyAdds, stages, maps, fixedSize, head, heads: [head] },
    task: 'image-classification',
    input: {
      resize: side,
      crop: side,
      ...(preprocessing === 'levels' ? LEVELS : PREPROCESSING[preprocessing]),
      interpolation: 'bilinear',
    },
    inputSize: side,
    categories: imagenetCategories,
    toOwnNames: toOwnNames(network),
    graft: (model, classes) => graftKerasHead(model as KerasModel, classes),
    async create(options = {}) {
      checkOptions(name, options, MODEL_OPTIONS);
      const model = await build(network, {} as Options, options);
      model.fromLogits = true;
      return model;
    },
  };
  return asEntry(kerasNetwork(network), entry);
}

const nameOf = ({ name }: { readonly name: string }) => `keras.${name}`;
const headOf = ({ head = 'predictions' }: { readonly head?: string }) => head;

function build<Options extends KerasNetworkOptions>(
  network: KerasNetwork<Options>,
  options: Options,
  from: ModelOptions,
): Promise<KerasModel> {
  const name = nameOf(network);
  const classes = (state: StateDict) => classesIn(state, name);
  const own = { name, heads: [headOf(network)], own: {}, classesIn: classes, toOwnNames: toOwnNames(network) };
  return create(own, from, ({ numClasses = 1000 }) => {
    const config = topology(network, name, options, numClasses);
    return new KerasModel(config, { preprocessing: options.preprocessing ?? null });
  });
}

const toOwnNames =
  ({ adapt = (state) => state }: Pick<KerasNetwork<never>, 'adapt'>): NonNullable<ModelEntry['toOwnNames']> =>
  (model, state, onNote) =>
    adapt(bindWeights((model as KerasModel).layers, state, onNote), onNote);

function topology<Options extends KerasNetworkOptions>(
  network: KerasNetwork<Options>,
  name: string,
  options: Options,
  classes: number,
): unknown {
  const { side, minSide, modelName, features, top = plainTop, namedPooling, openSides } = network;
  const { includeTop = true, pooling = null, classifierActivation } = options;
  const [height, width, channels] =
    options.inputShape ?? (includeTop && !openSides ? [side, side, 3] : [null, null, 3]);
  if (channels !== 3) throw new ArgumentError(`${name}: inputShape must end in 3 channels, got ${channels}.`);
  for (const size of [height, width])
    if (size !== null && !(Number.isInteger(size) && size >= minSide))
      throw new ArgumentError(`${name}: inputShape must be ${minSide} or more on each side, got ${height} x ${width}.`);
  const graph = new LayerGraph();
  const last = features(graph, graph.input([height, width, channels]), options, [height, width]);
  const pooled = () => {
    const [kind, poolName] = pooling === 'avg' ? (['Average', 'avg_pool'] as const) : (['Max', 'max_pool'] as const);
    return pooling === null ? last : graph.globalPool(kind, last, namedPooling ? poolName : undefined);
  };
  const output = includeTop
    ? top(graph, last, {
        ...options,
        classes,
        classifierActivation: classifierActivation === undefined ? 'softmax' : (classifierActivation ?? 'linear'),
      })
    : pooled();
  return graph.topology(typeof modelName === 'string' ? modelName : modelName(options, height), output);
}

function plainTop(graph: LayerGraph, features: string, options: TopOptions): string {
  return predictions(graph, graph.globalPool('Average', features, 'avg_pool'), options);
}

/** The dense layer that makes the classes. */
export function predictions(
  graph: LayerGraph,
  from: string,
  { classes, classifierActivation, initializer }: TopOptions & { readonly initializer?: Json },
): string {
  const own = { units: classes, activation: classifierActivation };
  return graph.add('Dense', from, { ...own, ...(initializer && { kernel_initializer: initializer }) }, 'predictions');
}

/** The layers that make the classes, by Keras's names and by the numbers that Keras 3 gives them: VGG's third dense layer. */
const HEADS = ['predictions', 'conv_preds', 'logits'].map((name) => `${name}/kernel`);
const NUMBERED_HEADS = ['dense_2', 'dense'];
const ROOTS = ['layers', '_layer_checkpoint_dependencies'];

/** Networks whose classes are made by their last convolution. */
const CONVOLUTIONAL = /^keras\.MobileNet(V3\w+)?$/;

/**
 * Outputs of weights of one of Keras's own networks, under Keras's names or the model's own; undefined where there is no top.
 * @param network its name, `keras.VGG16`
 */
export function classesIn(state: StateDict, network: string): number | undefined {
  const isConvolutional = CONVOLUTIONAL.test(network);
  const numbered = ROOTS.flatMap((root) =>
    isConvolutional ? lastConvolution(state, root) : NUMBERED_HEADS.map((layer) => `${root}/${layer}/vars/0`),
  );
  const kernel = [...HEADS, ...numbered].map((name) => state.get(name)).find((found) => found !== undefined);
  return (
    classesOf(state, 'predictions') ??
    classesOf(state, 'conv_preds') ??
    classesOf(state, 'logits_') ??
    kernel?.shape.at(-1)
  );
}

/** The kernel of the last of the numbered convolutions, if it has a bias: without their top these networks end in one that has none. */
function lastConvolution(state: StateDict, root: string): string[] {
  let last = 0;
  while (state.has(`${root}/conv2d_${last + 1}/vars/0`)) last++;
  return state.has(`${root}/conv2d_${last}/vars/1`) ? [`${root}/conv2d_${last}/vars/0`] : [];
}
