/** A weight file with the model that it is of, loaded. */
import type { SourceLike } from '#files';
import type { StateDict } from '../core/dtype.ts';
import { StateDictError } from '../core/errors.ts';
import { formatShape, type Shape, sameShape } from '../core/shape.ts';
import { listed, plural } from '../io/base/bytes.ts';
import { converted, writtenDType } from '../io/base/cast.ts';
import { type FloatDType, READ_OPTIONS, type ReadOptions, type WeightFile } from '../io/base/format.ts';
import { formatOf } from '../io/formats.ts';
import { readWeightFile, targetOf } from '../io/index.ts';
import { requireOurs } from '../io/read.ts';
import { adapted, classesOf, type ModelEntry } from '../models/define.ts';
import { guessNetwork, namingNetwork } from '../models/guess-network.ts';
import { bindWeights, findWeights } from '../models/keras/bind.ts';
import * as keras from '../models/keras/keras.ts';
import { classesIn } from '../models/keras/network.ts';
import { KERAS_NETWORKS } from '../models/keras/networks.ts';
import { randomNotes } from '../models/keras/random.ts';
import { formatKerasShape } from '../models/keras/shape.ts';
import { axisNames } from '../models/keras/weights.ts';
import { openedAt } from '../models/load.ts';
import { isNetwork, networkEntry, networkName, unknownNetwork } from '../models/registry.ts';
import type { Module } from '../nn/index.ts';
import { DEFAULT_TASK } from '../tasks/kinds.ts';

/** Which model a file is of, and what is to become of it. */
export interface OpenOptions extends ReadOptions {
  model?: string;
  numClasses?: number;
  modelOptions?: Readonly<Record<string, unknown>>;
  dtype?: FloatDType;
  /** Whether tensors alone are not enough: the network is guessed then. */
  needsModel?: boolean;
}

/** A file with the model that it is of, loaded. */
export interface Opened {
  readonly file: WeightFile;
  readonly model: Module;
  /** The network's, where the tensors told it. */
  readonly guessed?: string;
  readonly inputs: readonly ModelInput[];
  /** The model's names to those of `file.state`, where the two differ. */
  readonly origins: ReadonlyMap<string, string>;
  /** Names of `file.state` that became part of other tensors. */
  readonly folded: ReadonlySet<string>;
  /** The model's names to what their axes are called in Keras's layout and here. */
  readonly layouts: ReadonlyMap<string, readonly [keras: string, here: string]>;
  /** Whether the file's tensors have the model's names and layouts already. */
  readonly verbatim: boolean;
}

/** Something that a model takes. */
export interface ModelInput {
  readonly name: string;
  /** Of what an ONNX graph takes. */
  readonly shape: Shape;
  /** Of what the model is run on before and after: smaller where it takes any size. */
  readonly probeShape: Shape;
  /** The shape as Keras has it, where sizes are left open in it. */
  readonly open?: string;
}

/** Side of images where a model takes any. */
const SIDE = 224;
/** Side of the images that tell one network from another: enough for every stage to see more than padding. */
const PROBE_SIDE = 64;

/** Axes of torchvision's weights by rank: in Keras's layout, and here. */
const AXES: Readonly<Record<number, readonly [keras: string, here: string]>> = { 4: ['HWIO', 'OIHW'], 2: ['IO', 'OI'] };

/**
 * Builds the model that `options` name or the file describes, and loads the file; for tensors that nothing is known of, the file alone.
 * @throws StateDictError with every tensor that does not fit; ArgumentError for an unknown model.
 */
export async function openModel(input: SourceLike, options: OpenOptions): Promise<Opened | WeightFile> {
  const opened = await openUnrounded(input, options);
  if ('model' in opened && options.dtype !== undefined)
    opened.model.loadStateDict(rounded(await opened.model.stateDict(), options.dtype));
  return opened;
}

async function openUnrounded(input: SourceLike, options: OpenOptions): Promise<Opened | WeightFile> {
  const { expected, model: label = 'model' } = options;
  if (expected) {
    const file = await readWeightFile(input, readOptions(options));
    return { ...file, notes: [...file.notes, ...checkAgainst(file.state, expected, label)] };
  }
  const name = options.model && networkName(options.model);
  if (name !== undefined && !/^keras\b/i.test(name))
    return namingNetwork(input, name, () => openTorchvision(input, name, options), readOptions(options));
  const file = await readWeightFile(input, readOptions(options));
  if (name === undefined) {
    if (file.metadata.onnx_graph !== undefined) return openGraph(input, file, options);
    if (file.metadata.model_config === undefined) return options.needsModel ? openGuessed(input, file, options) : file;
    const model = new keras.KerasModel(JSON.parse(file.metadata.model_config));
    return openKeras(await namedFor(model, input, file, options), model, model.name);
  }
  if (!Object.hasOwn(KERAS_NETWORKS, name)) throw unknownNetwork(name);
  return openKerasNetwork(input, name, file, options);
}

/** One of Keras's networks that have a name, with the weights of the file. */
async function openKerasNetwork(
  input: SourceLike,
  name: string,
  file: WeightFile,
  options: OpenOptions,
): Promise<Opened> {
  const classes = options.numClasses ?? classesIn(file.state, name);
  const model = await KERAS_NETWORKS[name]!(classes === undefined ? {} : { classes });
  return openKeras(await namedFor(model, input, file, options), model, name);
}

/** The file with its tensors as the model names them, which only a graph may need the model for. */
async function namedFor(model: Module, input: SourceLike, file: WeightFile, options: OpenOptions): Promise<WeightFile> {
  return formatOf(file).holds === 'graph'
    ? readWeightFile(input, { ...targetOf(model), ...readOptions(options) })
    : file;
}

/** A fine-tuned ONNX graph, which its file describes. */
async function openGraph(input: SourceLike, file: WeightFile, options: OpenOptions): Promise<Opened> {
  const { model: name = 'onnx', onnx_graph: graph, classes = '[]' } = file.metadata;
  const { entryOf } = await import('../models/topology.ts');
  const entry = await entryOf({ model: name, topology: JSON.parse(graph!) });
  return openEntry(input, entry, { numClasses: JSON.parse(classes).length, ...options });
}

/** The network that the file names itself, or that its tensors are of; the file alone where there is none. */
async function openGuessed(input: SourceLike, file: WeightFile, options: OpenOptions): Promise<Opened | WeightFile> {
  requireOurs(String(input), file);
  const own = file.metadata.model;
  const isOwn = own !== undefined && isNetwork(own);
  const name = isOwn ? networkName(own) : await guessNetwork(file.state);
  if (name === undefined) return file;
  // Keras's names are those of Keras's tree; a run's file has torchvision's.
  const isKeras = !isOwn && Object.hasOwn(KERAS_NETWORKS, name);
  const opened = await (isKeras ? openKerasNetwork(input, name, file, options) : openTorchvision(input, name, options));
  const note = `The network is ${name}, ${isOwn ? 'as the file says' : 'by the names and shapes of its tensors'}.`;
  return { ...opened, guessed: name, file: { ...opened.file, notes: [note, ...opened.file.notes] } };
}

function readOptions(options: OpenOptions): ReadOptions {
  const entries = Object.keys(READ_OPTIONS).map((name) => [name, options[name as keyof ReadOptions]] as const);
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}

function openKeras(file: WeightFile, model: keras.KerasModel, name: string): Opened {
  const state = bindWeights(model.layers, file.state);
  checkAgainst(state, targetOf(model).expected, name);
  model.loadStateDict(state);
  model.eval();
  const found = findWeights(model.layers, file.state);
  const layouts = found.flatMap(({ name, weight }) => {
    const names = axisNames(weight);
    return names ? [[name, names] as const] : [];
  });
  return {
    file: { ...file, notes: [...file.notes, ...randomNotes(model)] },
    model,
    inputs: kerasInputs(model),
    origins: new Map(found.map(({ name, key }) => [name, key])),
    folded: new Set(),
    layouts: new Map(layouts),
    verbatim: false,
  };
}

/** The inputs of a Keras model in its order, channels first. */
function kerasInputs(model: keras.KerasModel): ModelInput[] {
  const { topology, layers } = model.graph;
  return topology.inputs.map((call) => {
    const { name } = topology.layers[topology.calls[call]!.layer]!;
    const { outputShape } = layers.find((layer) => layer.name === name)!;
    const [, ...sizes] = outputShape;
    const channels = sizes.pop() ?? 1;
    const shape = (side: number) => [1, channels, ...sizes.map((d) => d ?? side)];
    const open = sizes.includes(null) ? { open: formatKerasShape(outputShape) } : {};
    return { name, shape: shape(SIDE), probeShape: shape(PROBE_SIDE), ...open };
  });
}

const openTorchvision = async (input: SourceLike, name: string, options: OpenOptions): Promise<Opened> =>
  openEntry(input, await networkEntry(name), options);

async function openEntry(input: SourceLike, entry: ModelEntry, options: OpenOptions): Promise<Opened> {
  const { numClasses, modelOptions: own = {} } = options;
  const { name } = entry;
  const build = (classes: number | undefined): Promise<Module> =>
    entry.create({ ...(classes !== undefined && { numClasses: classes }), ...own });
  let model = await build(numClasses);
  let target = targetOf(model);
  const expected = openedAt(target.expected, numClasses === undefined ? entry.heads : []);
  let file = await readWeightFile(input, { ...target, expected, ...readOptions(options) });
  const foreign = adapted(entry, file.state, own);
  const state = foreign?.state ?? file.state;
  const classes = numClasses ?? classesOf(state, entry.head);
  if (classes !== target.expected.get(`${entry.head}.weight`)?.[0]) {
    model = await build(classes);
    target = targetOf(model);
  }
  const notes = foreign ? [foreign.note] : checkAgainst(state, target.expected, name);
  file = { ...file, notes: [...file.notes, ...notes] };
  const { task = DEFAULT_TASK } = file.metadata;
  if (task !== DEFAULT_TASK) entry.signed?.(model);
  model.loadStateDict(state);
  model.eval();
  const { origins, folded } = foreign ?? { origins: new Map<string, string>(), folded: new Set<string>() };
  const layouts = new Map(
    [...target.expected].flatMap(([tensorName, { length }]) => {
      const axes = AXES[length];
      return axes ? [[tensorName, axes] as const] : [];
    }),
  );
  const shape = (side: number) => [1, 3, side, side];
  const inputSize = sideOf(file.metadata) ?? entry.inputSize;
  const [smallest] = entry.weights?.DEFAULT.minSize ?? [1];
  const probeSide = entry.fixedSize ? inputSize : Math.max(smallest, Math.min(inputSize, PROBE_SIDE));
  const inputs = [{ name: 'input', shape: shape(inputSize), probeShape: shape(probeSide) }];
  return { file, model, inputs, origins, folded, layouts, verbatim: !foreign };
}

/** Side of the images that a fine-tuned model takes, as its description says. */
function sideOf({ transforms }: Readonly<Record<string, string>>): number | undefined {
  const side = /"name":"CenterCrop","size":(\d+)/.exec(transforms ?? '')?.[1];
  return side === undefined ? undefined : Number(side);
}

/** As the output will hold them, so that running it shows mistakes and no rounding. */
function rounded(state: StateDict, dtype: FloatDType): StateDict {
  const entries = [...state].map(
    ([name, t]) => [name, converted('convert', name, t, writtenDType(t.dtype, dtype))] as const,
  );
  return new Map(entries);
}

/**
 * Compares a state dict with the names and shapes of a model.
 * @returns what is worth a note.
 * @throws StateDictError with every mismatch at once.
 */
function checkAgainst(state: StateDict, expected: ReadonlyMap<string, Shape>, model: string): string[] {
  const absent = [...expected.keys()].filter((name) => !state.has(name));
  // PyTorch before 0.4.1 had no such counters, and PyTorch still loads those files.
  const missing = absent.filter((name) => !name.endsWith('.num_batches_tracked'));
  const unexpected = [...state.keys()].filter((name) => !expected.has(name));
  const wrongShapes = [...expected].flatMap(([name, shape]) => {
    const got = state.get(name)?.shape;
    return got && !sameShape(got, shape) ? [`${name} ${formatShape(got)} instead of ${formatShape(shape)}`] : [];
  });
  if (missing.length + unexpected.length + wrongShapes.length > 0)
    throw new StateDictError(
      `${model}: ${fault(missing, 'missing key')}, ${fault(unexpected, 'unexpected key')}, ${fault(wrongShapes, 'wrong shape')}.`,
      { missing, unexpected, wrongShapes },
    );
  const tolerated = absent.length - missing.length;
  return tolerated > 0
    ? [`${plural(tolerated, 'counter')} num_batches_tracked not in the file: ${model} starts at 0.`]
    : [];
}

function fault(names: readonly string[], noun: string): string {
  return names.length > 0 ? `${plural(names.length, noun)} (${listed(names)})` : `0 ${noun}s`;
}
