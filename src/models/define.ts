/**
 * A network as its family's file defines it: a model function that is its own entry. Everything that a program needs to know to build,
 * cut and fine-tune it stands there, and its published weights as data.
 */
import type { SourceLike } from '#files';
import type { StateDict } from '../core/dtype.ts';
import { ArgumentError } from '../core/errors.ts';
import { checkOptions, type OptionNames, shown } from '../core/options.ts';
import { defaultGenerator } from '../core/random.ts';
import type { ImagePreset } from '../data/transforms/compose.ts';
import { targetOf } from '../io/base/target.ts';
import type { FetchOptions } from '../io/index.ts';
import { type AnyModule, BatchNorm2d, type Conv2d, type FrozenStats, type Linear, type Module } from '../nn/index.ts';
import type { Categories } from './categories.ts';
import { loadWeights, openedAt } from './load.ts';
import { isPretrained, type PretrainedWeights, type WeightsTable, weightsByName } from './published.ts';

/** Where weights come from: a record, its name, or a file in any format that `readWeights` knows. */
export type WeightsSource = PretrainedWeights | SourceLike;

/** Options of all model functions. */
export interface ModelOptions {
  /** Without it the model starts from torchvision's initialisation. */
  weights?: WeightsSource | null;
  /** Outputs. By default as many as the weights have; without weights 1000 (10 for the CIFAR models). */
  numClasses?: number;
  /** Makes the initial weights repeatable on their own; without it they follow from `manualSeed`. */
  seed?: number;
  /** 'update' lets frozen batch norms update their statistics in training, as PyTorch does; 'keep' by default. */
  frozenStats?: FrozenStats;
  /** Leaves the last layer as it is initialised: a weight file may lack it, or have another in its place; false by default. */
  newHead?: boolean;
  /** Which dictionary of a checkpoint holds the weights; the one that fits by default. */
  key?: string;
  /** Is taken off the names in the file that begin with it, `'backbone.'`; by default what lets the most of them fit. */
  stripPrefix?: string;
  /** Is told how the weights were read, a sentence each: what was picked, renamed, left out. */
  onNote?: (note: string) => void;
  /** How published weights are downloaded: progress, cache folder (browsers: `{ cache: false }`). */
  download?: FetchOptions;
}

/** The names of {@link ModelOptions}. */
export const MODEL_OPTIONS: OptionNames<ModelOptions> = {
  weights: true,
  numClasses: true,
  seed: true,
  frozenStats: true,
  newHead: true,
  key: true,
  stripPrefix: true,
  onNote: true,
  download: true,
};

/** Another library's weights under a network's names and in its layouts. */
export interface Adapted {
  readonly state: StateDict;
  /** Its names to those of the weights that they come from. */
  readonly origins: ReadonlyMap<string, string>;
  /** Names of weights that became part of others. */
  readonly folded: ReadonlySet<string>;
  /** A sentence on what was changed besides names and layouts. */
  readonly note: string;
}

/** How a network takes weights that another library saved. */
export interface WeightNames<Own extends object> {
  /** The name of the network that weights with that library's names are of; undefined for other names. */
  networkOf(state: StateDict): string | undefined;
  /** @throws ArgumentError or StateDictError for weights that the network cannot take. */
  adapt(state: StateDict, options: Own): Adapted;
  /** Why a file with the network's own names is refused, where it is. */
  readonly refusal?: string;
}

/** What is known of a network under its name. */
export interface ModelEntry {
  /** As programs, the command line, the page and reports name it: `resnet50`. */
  readonly name: string;
  /** As people call it: `ResNet-50`. */
  readonly title: string;
  /** What it was made for. */
  readonly task: string;
  /** Builds the model. */
  create(options?: ModelOptions): Promise<Module>;
  /** Published weights by name, if there are any. */
  readonly weights?: WeightsTable | undefined;
  /** How it wants its images when its weights do not say otherwise. */
  readonly input: ImagePreset;
  /** Side of the square images it was trained on, in pixels. */
  readonly inputSize: number;
  /** Whether it takes images of that size alone; false where nothing is said. */
  readonly fixedSize?: boolean;
  /** The names of the classes that published weights of it have. */
  readonly categories?: Categories;
  /** Trainable numbers, with the outputs that published weights of it have. */
  readonly parameters: number;
  /** Multiplications with an addition of one forward pass over one image of that size, in billions; NaN where that is not known. */
  readonly multiplyAdds: number;
  /** Where to cut, for `freezeUntil`, from the first to the last; the last is the head alone. */
  readonly stages: readonly string[];
  /** Path of the module that makes the last feature maps: where Grad-CAM looks. */
  readonly maps: string;
  /** Paths of the layers that a new task replaces: first the one that makes the classes, then those of auxiliary heads. */
  readonly heads: readonly string[];
  /** Path of the layer that makes the classes: the first of `heads`. */
  readonly head: string;
  /** Gives a model a new head, where that is more than {@link graftHead} of each. */
  readonly graft?: (model: AnyModule, numClasses: number) => Linear | Conv2d;
  /** Lets outputs be negative, where the network cuts them off at 0: scores of classes may be, other outputs may not. */
  readonly signed?: (model: Module) => void;
  /** How it takes weights of another library. */
  readonly weightNames?: WeightNames<object>;
  /** Weights under the names of a model of it, where its own library's files have others. */
  readonly toOwnNames?:
    | ((model: AnyModule, state: StateDict, onNote?: (note: string) => void) => StateDict)
    | undefined;
}

/** What {@link defineModel} makes a network of. */
export interface ModelDefinition<M extends AnyModule, Version extends string, Own extends object>
  extends Omit<ModelEntry, 'create' | 'weights' | 'inputSize' | 'head' | 'weightNames'> {
  /** Published weights by name, the best of them last. */
  readonly weights?: Readonly<Record<Version, PublishedFile>>;
  /** Smallest height and width that it takes; 1 by default. */
  readonly minSize?: number;
  /** Options of its own, beside {@link ModelOptions}. */
  readonly options?: OptionNames<Own>;
  readonly weightNames?: WeightNames<Own>;
  /** A new model with random weights; without `numClasses` as many outputs as published weights have. */
  build(options: { numClasses?: number } & Own): M;
}

/** A published file, in a definition: what its record has beside what the network says. */
export type PublishedFile = Omit<PretrainedWeights, 'model' | 'name' | 'numParams' | 'minSize'>;

/** A model function that is its own entry: `resnet50({ weights })`, `resnet50.weights`, `resnet50.stages`. */
export interface Network<M extends AnyModule, Version extends string, Own extends object> extends ModelEntry {
  (options?: ModelOptions & Own): Promise<M>;
  create(options?: ModelOptions & Own): Promise<M>;
  readonly weights: [Version] extends [never] ? undefined : PublishedWeights<Version>;
}

/** Published weights of a network by name, and the best of them. */
export type PublishedWeights<Version extends string> = { readonly [V in Version | 'DEFAULT']: PretrainedWeights };

const NETWORKS = new WeakSet<object>();

/** Whether a value is a network that was defined, by {@link defineModel} or another of these functions. */
export function isDefined(value: unknown): value is ModelEntry {
  return typeof value === 'function' && NETWORKS.has(value);
}

/** Makes a model function its own entry. */
export function asEntry<F extends (options: never) => unknown, Entry extends ModelEntry>(
  network: F,
  entry: Entry,
): F & Entry {
  for (const [key, value] of Object.entries(entry)) Object.defineProperty(network, key, { value, enumerable: true });
  NETWORKS.add(network);
  return network as F & Entry;
}

/**
 * Makes a network of its definition.
 * @param definition What it is known by, and how it is built.
 * @example
 * export const net = defineModel({ name: 'net', title: 'Net', …, build: ({ numClasses = 10 }) => new Net(numClasses) });
 * const model = await net({ weights: 'net.safetensors' }); // net.stages, net.head, net.input …
 */
// @__NO_SIDE_EFFECTS__
export function defineModel<M extends AnyModule, Version extends string = never, Own extends object = object>(
  definition: ModelDefinition<M, Version, Own>,
): Network<M, Version, Own> {
  const { weights: files, minSize = 1, options: own, build, ...known } = definition;
  const { name, parameters, heads, input } = known;
  const records = Object.entries<PublishedFile>(files ?? {}).map(([version, file]) => {
    const record = { ...file, model: name, name: version, numParams: parameters, minSize: [minSize, minSize] as const };
    return [version, record] as const;
  });
  const best = records.at(-1);
  const weights = best && { ...Object.fromEntries(records), DEFAULT: best[1] };
  const network = (options: ModelOptions = {}): Promise<M> => {
    checkOptions(name, options, { ...MODEL_OPTIONS, ...own } as OptionNames<ModelOptions>);
    const chosen = Object.fromEntries(Object.entries(options).filter(([key]) => own && Object.hasOwn(own, key))) as Own;
    return create({ ...entry, own: chosen }, options, (built) => build({ ...built, ...chosen }));
  };
  const entry = { ...known, weights, head: heads[0]!, inputSize: input.crop, create: network };
  return asEntry(network, entry) as unknown as Network<M, Version, Own>;
}

/** What {@link create} needs to know of a network. */
export interface Creatable<Own extends object> {
  readonly name: string;
  readonly heads: readonly string[];
  readonly weights?: WeightsTable | undefined;
  readonly weightNames?: WeightNames<Own> | undefined;
  /** The network's own options, as they were given. */
  readonly own: Own;
  /** How many classes weights have that are not under the head's name. */
  readonly classesIn?: (state: StateDict) => number | undefined;
  readonly toOwnNames?: ModelEntry['toOwnNames'];
}

/**
 * Builds a model and loads its weights: what all model functions have in common.
 * @throws StateDictError if the weights do not fit; ArgumentError for an unknown name or another number of classes.
 */
export async function create<M extends AnyModule, Own extends object>(
  network: Creatable<Own>,
  options: ModelOptions,
  build: (options: { numClasses?: number }) => M,
): Promise<M> {
  const { name, heads, weights: table } = network;
  const head = heads[0]!;
  const { classesIn = (state) => classesOf(state, head) } = network;
  const { weights, seed, frozenStats, newHead = false } = options;
  const source = typeof weights === 'string' ? (weightsByName(network, weights) ?? weights) : weights;
  if (typeof source === 'boolean' || typeof source === 'number')
    throw new ArgumentError(
      `${name}: expected weights by name (${table ? Object.keys(table).join(', ') : 'none'}) or a path, got ${shown(source)}. Write { weights: '${table ? Object.keys(table)[0] : 'file.safetensors'}' }.`,
    );
  if (isPretrained(source)) checkRecord(name, source, options.numClasses);
  const start = defaultGenerator.state;
  const built = (numClasses: number | undefined) =>
    seeded(seed, () => build(numClasses === undefined ? {} : { numClasses }));
  let model = built(options.numClasses);
  if (source != null) {
    const open = options.numClasses === undefined ? heads : [];
    const { state, notes } = await weightsFor(model, source, open, network, options);
    const classes = options.numClasses ?? (newHead ? undefined : classesIn(state));
    const layer = model.namedModules().find(([path]) => path === head)?.[1] as Linear | Conv2d | undefined;
    if (layer && classes !== undefined && classes !== layer.weight.shape[0]) {
      defaultGenerator.state = start;
      model = built(classes);
    }
    const bound = network.toOwnNames?.(model, state, options.onNote) ?? state;
    const loaded = loadWeights(model, bound, targetOf(model).expected, { heads, isNew: newHead });
    for (const note of [...notes, ...loaded]) options.onNote?.(note);
  }
  if (frozenStats)
    for (const module of model.modules()) if (module instanceof BatchNorm2d) module.frozenStats = frozenStats;
  return model;
}

function checkRecord(name: string, record: PretrainedWeights, numClasses: number | undefined): void {
  if (record.model !== name)
    throw new ArgumentError(`${name}: expected its own weights, got ${record.name} of ${record.model}.`);
  if (numClasses !== undefined && numClasses !== record.numClasses)
    throw new ArgumentError(
      `${name}: ${record.name} has ${record.numClasses} classes, numClasses asks for ${numClasses}. ` +
        'Leave numClasses out and replace the last layer after loading.',
    );
}

/**
 * The weights for `model`, with any number of classes at the heads `open`. The readers are loaded when they are needed,
 * so that a page without files does not carry them.
 */
async function weightsFor<Own extends object>(
  model: Module,
  source: WeightsSource,
  open: readonly string[],
  network: Pick<Creatable<Own>, 'name' | 'own' | 'weightNames'>,
  { download, key, stripPrefix }: ModelOptions,
): Promise<{ readonly state: StateDict; readonly notes: readonly string[] }> {
  const { fetchPretrained, readWeightFile } = await import('../io/index.ts');
  const target = targetOf(model);
  const file = isPretrained(source) ? await fetchPretrained(source, download) : source;
  const { state, notes } = await readWeightFile(file, {
    ...target,
    expected: openedAt(target.expected, open),
    ...(key !== undefined && { key }),
    ...(stripPrefix !== undefined && { stripPrefix }),
  });
  const own = adapted(network, state, network.own)?.state;
  if (!own && network.weightNames?.refusal !== undefined)
    throw new ArgumentError(`${network.name}: ${network.weightNames.refusal}`);
  return { state: own ?? state, notes };
}

/**
 * Another library's weights as the network takes them; undefined for weights under its own names, or of no library that it knows.
 * @throws ArgumentError or StateDictError for weights that it cannot take.
 */
export function adapted<Own extends object>(
  { weightNames }: { readonly weightNames?: WeightNames<Own> | undefined },
  state: StateDict,
  options: Own,
): Adapted | undefined {
  return weightNames?.networkOf(state) === undefined ? undefined : weightNames.adapt(state, options);
}

/** Outputs of the head at `head` that weights have. */
export function classesOf(state: StateDict, head: string): number | undefined {
  return state.get(`${head}.weight`)?.shape[0];
}

/** Runs `build` with the default generator at `seed`, and puts the generator back. */
function seeded<T>(seed: number | undefined, build: () => T): T {
  if (seed === undefined) return build();
  const before = defaultGenerator.state;
  defaultGenerator.seed(seed);
  try {
    return build();
  } finally {
    defaultGenerator.state = before;
  }
}
