/**
 * Whole files from one format to another: the code behind `regraft convert`. `.safetensors` and `.pth` hold the tensors of any
 * file; Keras's formats hold a Keras model, ONNX the graph of any model, so those need one: a Keras file has it in itself, for
 * tensors alone the caller names it.
 */
import { removeFile, type SourceLike } from '#files';
import type { StateDict } from '../core/dtype.ts';
import { BYTES_PER_ELEMENT } from '../core/dtype.ts';
import { ArgumentError, DeviceError, RegraftError } from '../core/errors.ts';
import { Generator } from '../core/random.ts';
import { type Shape, sameShape, sizeOf } from '../core/shape.ts';
import { init } from '../device/current.ts';
import { listed, plural } from '../io/bytes.ts';
import { converted, writtenDType } from '../io/cast.ts';
import { checkAgainst } from '../io/convert.ts';
import type { WeightFile } from '../io/format.ts';
import {
  type ConvertedTensor,
  type ConvertOptions,
  type ConvertReport,
  exportOnnx,
  readWeightFile,
  targetOf,
  type Verification,
  writeConverted,
} from '../io/index.ts';
import type { Module } from '../nn/index.ts';
import { noGrad } from '../tensor/autograd.ts';
import { tensor } from '../tensor/factory.ts';
import { classesOf } from './create.ts';
import { findWeights } from './keras/bind.ts';
import * as keras from './keras/keras.ts';
import { kerasExtension } from './keras/save.ts';
import { foldKerasResNet, isKerasResNet } from './keras/torchvision.ts';
import { axisNames } from './keras/weights.ts';
import { modelEntry } from './registry.ts';
import { ResNet } from './resnet.ts';

/** Options of {@link convertModel}. */
export interface ConvertModelOptions extends Pick<ConvertOptions, 'dtype' | 'key' | 'metadata'> {
  /** Which network the weights are of: `resnet50`, or `keras.ResNet50`. */
  model?: string;
  /** How many classes it has; as many as the weights by default. */
  numClasses?: number;
  /** Builds torchvision's ResNet with the stride where v1 has it, for weights that Keras trained. */
  strideIn1x1?: boolean;
  /** How far outputs may be apart, of the largest one; 1e-3 by default. */
  tolerance?: number;
}

/** Keras's networks that can be asked for by name. */
const KERAS_NETWORKS = {
  'keras.ResNet50': keras.ResNet50,
  'keras.ResNet101': keras.ResNet101,
  'keras.ResNet152': keras.ResNet152,
} as const;

/** What a v1 network of torchvision's has no place for. */
const FOLDED =
  'Biases of convolutions are folded into the running means behind them, the difference of the epsilons (1.001e-5, 1e-5) into the running variances.';

/** Side of the images that tell one network from another: enough for every stage to see more than padding. */
const PROBE_SIDE = 64;

/** Axes of torchvision's weights by rank: in Keras's layout, and here. */
const AXES: Readonly<Record<number, readonly [keras: string, here: string]>> = { 4: ['HWIO', 'OIHW'], 2: ['IO', 'OI'] };

/** A file with the model that it is of, loaded. */
interface Opened {
  readonly file: WeightFile;
  readonly model: Module;
  /** Of what an ONNX graph takes. */
  readonly inputShape: Shape;
  /** Of what the model is run on before and after: smaller where it takes any size. */
  readonly probeShape: Shape;
  /** The model's names to those of `file.state`, where the two differ. */
  readonly origins: ReadonlyMap<string, string>;
  /** The model's names to what their axes are called in Keras's layout and here. */
  readonly layouts: ReadonlyMap<string, readonly [keras: string, here: string]>;
  /** Whether tensors go out as the file has them: nobody asked for the model's names. */
  readonly verbatim: boolean;
}

/**
 * Converts a file. Where there is a model, it is run before and after on one seeded input, and the output is removed if the two
 * differ.
 * @param output Its extension tells the format.
 * @throws WeightFileError if the input cannot be read; StateDictError with every tensor that does not fit the model;
 * ArgumentError if the output's format cannot hold the content; RegraftError if the outputs differ.
 */
export async function convertModel(
  input: SourceLike,
  output: string | URL,
  options: ConvertModelOptions = {},
): Promise<ConvertReport> {
  const path = String(output);
  const isModelFormat = kerasExtension(path) !== undefined || /\.onnx$/i.test(path);
  if (isModelFormat && options.dtype !== undefined)
    throw new ArgumentError(`convert: only .safetensors and .pth hold ${options.dtype} (${path}). Leave dtype out.`);
  const file = await readWeightFile(input, options.key === undefined ? {} : { key: options.key });
  const opened = await openModel(input, file, options);
  if (!opened) {
    if (!isModelFormat) return writeConverted(file, output, options);
    throw new ArgumentError(
      `convert: ${path} holds a model, and the input (${file.format}) tensors without one: ` +
        `${plural(file.state.size, 'tensor')} (${listed([...file.state.keys()])}) ${file.state.size === 1 ? 'is' : 'are'} of no layer. ` +
        'Say which network they are of: --model resnet50, or keras.ResNet50.',
    );
  }
  const before = await run(opened);
  const { written, report } = await write(opened, output, options);
  if (typeof before === 'string') return { ...report, notes: [...report.notes, before] };
  try {
    const after = await run({ ...opened, model: await reopened(opened.model, output) });
    return { ...report, verification: compare(before, after as Float32Array, opened.probeShape, options.tolerance) };
  } catch (error) {
    for (const target of written) await removeFile(target);
    throw error;
  }
}

async function openModel(
  input: SourceLike,
  file: WeightFile,
  options: ConvertModelOptions,
): Promise<Opened | undefined> {
  const { model: name, numClasses } = options;
  if (name === undefined) {
    if (file.metadata.model_config === undefined) return undefined;
    return openKeras(file, new keras.KerasModel(JSON.parse(file.metadata.model_config)), options, true);
  }
  if (Object.hasOwn(KERAS_NETWORKS, name)) {
    const classes = numClasses ?? classesOf(file.state, 'predictions');
    const model = await KERAS_NETWORKS[name as keyof typeof KERAS_NETWORKS](classes === undefined ? {} : { classes });
    return openKeras(file, model, options, false);
  }
  return openTorchvision(input, file, name, options);
}

function openKeras(
  file: WeightFile,
  model: keras.KerasModel,
  { dtype }: ConvertModelOptions,
  verbatim: boolean,
): Opened {
  model.loadStateDict(verbatim ? rounded(file.state, dtype) : file.state);
  model.eval();
  const found = findWeights(model.layers, file.state);
  const layouts = found.flatMap(({ name, weight }) => {
    const names = axisNames(weight);
    return names ? [[name, names] as const] : [];
  });
  const [, ...sizes] = model.graph.layers.find(({ type }) => type === 'InputLayer')!.outputShape;
  const channels = sizes.pop()!;
  return {
    file,
    model,
    inputShape: [1, channels, ...sizes.map((d) => d ?? 224)],
    probeShape: [1, channels, ...sizes.map((d) => d ?? PROBE_SIDE)],
    origins: new Map(found.map(({ name, key }) => [name, key])),
    layouts: new Map(layouts),
    verbatim,
  };
}

async function openTorchvision(
  input: SourceLike,
  unnamed: WeightFile,
  name: string,
  options: ConvertModelOptions,
): Promise<Opened> {
  const { numClasses, strideIn1x1 = false, dtype, key } = options;
  const entry = modelEntry(name);
  const classes = numClasses ?? classesOf(unnamed.state, entry.head);
  const model = await entry.create({ ...(classes !== undefined && { numClasses: classes }), ...{ strideIn1x1 } });
  if (strideIn1x1 && !(model instanceof ResNet && model.strideIn1x1))
    throw new ArgumentError(`convert: ${name} has no v1 network. Leave strideIn1x1 out.`);
  const target = targetOf(model);
  // Only an ONNX file may need the model to find the names.
  let file =
    unnamed.format === 'ONNX' ? await readWeightFile(input, { ...target, ...(key !== undefined && { key }) }) : unnamed;
  const isFolded = model instanceof ResNet && isKerasResNet(file.state);
  const notes = isFolded ? [FOLDED] : checkAgainst(file.state, target.expected, name);
  file = { ...file, notes: [...file.notes, ...notes] };
  model.loadStateDict(isFolded ? file.state : rounded(file.state, dtype));
  model.eval();
  const origins = isFolded ? foldKerasResNet(file.state, strideIn1x1).origins : new Map<string, string>();
  const layouts = new Map(
    [...target.expected].flatMap(([tensorName, { length }]) => {
      const axes = AXES[length];
      return axes ? [[tensorName, axes] as const] : [];
    }),
  );
  const inputShape = [1, 3, entry.inputSize, entry.inputSize];
  const probeShape = [1, 3, ...[entry.inputSize, entry.inputSize].map((side) => Math.min(side, PROBE_SIDE))];
  return { file, model, inputShape, probeShape, origins, layouts, verbatim: !isFolded };
}

/** As the output will hold them, so that running it shows mistakes and no rounding. */
function rounded(state: StateDict, dtype: ConvertModelOptions['dtype']): StateDict {
  if (dtype === undefined) return state;
  const entries = [...state].map(
    ([name, t]) => [name, converted('convert', name, t, writtenDType(t.dtype, dtype))] as const,
  );
  return new Map(entries);
}

async function write(
  { file, model, inputShape, origins, layouts, verbatim }: Opened,
  output: string | URL,
  options: ConvertModelOptions,
): Promise<{ written: readonly (string | URL)[]; report: ConvertReport }> {
  const path = String(output);
  const { dtype, metadata = {} } = options;
  if (kerasExtension(path) === undefined && !/\.onnx$/i.test(path)) {
    const out = { ...options, ...(dtype && { dtype }) };
    if (verbatim) return { written: [output], report: await writeConverted(file, output, out) };
    const state = await model.stateDict();
    const report = await writeConverted({ ...file, state, namesInFile: origins }, output, out);
    return { written: [output], report: { ...report, tensors: withLayouts(report.tensors, file.state, layouts) } };
  }
  let written: readonly (string | URL)[] = [output];
  if (/\.onnx$/i.test(path)) await exportOnnx(model, output, { inputShape, metadata });
  else if (model instanceof keras.KerasModel) written = await keras.saveModel(model, output);
  else
    throw new ArgumentError(
      `convert: ${path} holds Keras layers, and ${options.model} is a network of torchvision's: ` +
        `${plural(file.state.size, 'tensor')} (${listed([...file.state.keys()])}) fit none. Use .safetensors, .pth or .onnx.`,
    );
  const result = await readWeightFile(output);
  return { written, report: reportOf(file, result, model, origins, layouts) };
}

/** The report on an output that has a model's weights under names of its own. */
function reportOf(
  file: WeightFile,
  result: WeightFile,
  model: Module,
  origins: Opened['origins'],
  layouts: Opened['layouts'],
): ConvertReport {
  const names =
    model instanceof keras.KerasModel
      ? findWeights(model.layers, result.state).map(({ name, key }) => [name, key] as const)
      : [...targetOf(model).expected.keys()]
          .filter((name) => result.state.has(name))
          .map((name) => [name, name] as const);
  const tensors = names.map(([name, keyOut]): ConvertedTensor => {
    const keyIn = origins.get(name) ?? name;
    const [before, after] = [file.state.get(keyIn), result.state.get(keyOut)!];
    const axes = layouts.get(name);
    const side = (key: string) => (key.includes('/') ? 0 : 1);
    const isTurned = axes && side(keyIn) !== side(keyOut);
    return {
      nameIn: file.namesInFile.get(keyIn) ?? keyIn,
      nameOut: result.namesInFile.get(keyOut) ?? keyOut,
      shape: after.shape,
      ...(before && !sameShape(before.shape, after.shape) && { shapeIn: before.shape }),
      dtypeIn: before?.dtype ?? after.dtype,
      dtypeOut: after.dtype,
      ...(isTurned && { layout: `${axes[side(keyIn)]} -> ${axes[side(keyOut)]}` }),
    };
  });
  const used = new Set(names.map(([name]) => origins.get(name) ?? name));
  const isFolded = model instanceof ResNet && origins.size > 0;
  const left = [...file.state.keys()].filter((key) => !used.has(key) && !(isFolded && key.endsWith('_conv/bias')));
  const notes = left.length > 0 ? [`Not written, since ${result.format} has no use for it: ${listed(left)}.`] : [];
  const bytes = tensors.reduce((sum, { shape, dtypeOut }) => sum + sizeOf(shape) * BYTES_PER_ELEMENT[dtypeOut], 0);
  return { formatIn: file.format, formatOut: result.format, tensors, notes: [...file.notes, ...notes], bytes };
}

/** Adds what became of the axes of tensors that a Keras file held. */
function withLayouts(
  tensors: readonly ConvertedTensor[],
  state: StateDict,
  layouts: Opened['layouts'],
): ConvertedTensor[] {
  return tensors.map((converted) => {
    const before = state.get(converted.nameIn);
    const axes = layouts.get(converted.nameOut);
    if (!before || !axes || !converted.nameIn.includes('/')) return converted;
    return { ...converted, shapeIn: before.shape, layout: axes.join(' -> ') };
  });
}

/** A model with the output's weights: of a Keras file with its topology too. */
async function reopened(model: Module, output: string | URL): Promise<Module> {
  const file = await readWeightFile(output, targetOf(model));
  if (model instanceof keras.KerasModel && file.metadata.model_config !== undefined) {
    const again = new keras.KerasModel(JSON.parse(file.metadata.model_config));
    again.loadStateDict(file.state);
    return again.eval();
  }
  model.loadStateDict(file.state);
  return model;
}

/** The outputs for one seeded input; a sentence where there is no adapter to run on. */
async function run({ model, probeShape }: Opened): Promise<Float32Array | string> {
  try {
    await init();
  } catch (error) {
    if (!(error instanceof DeviceError)) throw error;
    return `Not run before and after: ${error.message}`;
  }
  const generator = new Generator(0);
  const x = Float32Array.from({ length: sizeOf(probeShape) }, () => generator.normal());
  return noGrad(() => model.forward(tensor(x, probeShape))).data();
}

function compare(a: Float32Array, b: Float32Array, inputShape: Shape, tolerance = 1e-3): Verification {
  const largestOutput = a.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
  const largestDifference = a.reduce((most, v, i) => Math.max(most, Math.abs(v - b[i]!)), 0);
  if (largestDifference <= tolerance * largestOutput && a.length === b.length)
    return { inputShape, largestDifference, largestOutput };
  throw new RegraftError(
    `convert: the output computes something else: largest difference ${largestDifference.toPrecision(3)}, ` +
      `largest output ${largestOutput.toPrecision(3)}. It was removed; please report it.`,
  );
}
