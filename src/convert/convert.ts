/**
 * Whole files from one format to another: the code behind `regraft convert`. `.safetensors` and `.pth` hold the tensors of any
 * file, those of a model under its names and in PyTorch's layouts; Keras's formats hold a Keras model, ONNX the graph of any
 * model, so those need one: a Keras file has it in itself, tensors alone are told by their names, or the caller names their network.
 */
import { replaceFiles, type SourceLike } from '#files';
import { ArgumentError } from '../core/errors.ts';
import { checkOptions, type OptionNames } from '../core/options.ts';
import { listed, plural } from '../io/base/bytes.ts';
import { READ_OPTIONS, type ReadOptions, type WeightFile, type WriteOptions } from '../io/base/format.ts';
import { exportOnnx, outputFormat, readWeightFile, targetOf } from '../io/index.ts';
import * as keras from '../models/keras/keras.ts';
import { KERAS_EXTENSIONS, kerasExtension } from '../models/keras/save.ts';
import { type Opened, openModel } from './open.ts';
import { type ConvertReport, reportOf, withLayouts } from './report.ts';
import { contentOf, writeTensors } from './tensors.ts';
import { compare, outputAfter, outputBefore } from './verify.ts';

/**
 * Options of {@link convert}: how the file is read, how its tensors are written, which network they are of. With `expected`, the
 * names and shapes of a network that has no name, the file must have exactly these tensors, and no model is built.
 */
export interface ConvertOptions extends ReadOptions, WriteOptions {
  /** Which network the weights are of: `resnet50`, or `keras.ResNet50`. With `expected`, what messages call it. */
  model?: string;
  /** How many classes it has; as many as the weights by default. */
  numClasses?: number;
  /** Options of its function: `{ strideIn1x1: true }` builds torchvision's ResNet for weights that Keras trained. */
  modelOptions?: Readonly<Record<string, unknown>>;
  /** To ONNX: whether batch norms behind convolutions become part of them; false by default. */
  foldBatchNorm?: boolean;
  /** How far outputs may be apart, of the largest one; 1e-3 by default. */
  tolerance?: number;
}

const OPTIONS: OptionNames<ConvertOptions> = {
  ...READ_OPTIONS,
  dtype: true,
  metadata: true,
  model: true,
  numClasses: true,
  modelOptions: true,
  foldBatchNorm: true,
  tolerance: true,
};

/**
 * Converts a file. Where there is a model, it is run before and after on one seeded input: an ONNX output by its own graph. The
 * output appears once that is right, whole; until then, and if anything fails, what was there stays.
 * @param input A path, URL, File or bytes of any weight file, or a run’s folder.
 * @param output Its extension tells the format. TF.js's `.json` gets its shards beside it.
 * @param options Which network it is, and what of it to write.
 * @throws WeightFileError if the input cannot be read; StateDictError with every tensor that does not fit;
 * ArgumentError if the output's format cannot hold the content; RegraftError if the outputs differ.
 * @example
 * const report = await convert('resnet50.pth', 'resnet50.onnx', { model: 'resnet50', foldBatchNorm: true });
 * console.log(formatReport(report));
 */
export async function convert(
  input: SourceLike,
  output: string | URL,
  options: ConvertOptions = {},
): Promise<ConvertReport> {
  const path = String(output);
  checkOptions('convert', options, OPTIONS);
  checkOutput(path, options);
  const opened = await openModel(input, { ...options, needsModel: isModelFormat(path) });
  if (!('model' in opened)) {
    if (!isModelFormat(path)) return writeTensors(asItIs(opened), path, options);
    const { format, state } = opened;
    throw new ArgumentError(
      `convert: ${path} holds a model, and the input (${format}) tensors without one: ` +
        `${plural(state.size, 'tensor')} (${listed([...state.keys()])}) ${state.size === 1 ? 'is' : 'are'} of no layer. ` +
        'Say which network they are of with the option model: resnet50, keras.ResNet50, ….',
    );
  }
  checkHolds(path, opened, options);
  const before = await outputBefore(opened);
  return replaceFiles<ConvertReport>(output, async (staged) => {
    const { files, report } = await write(opened, staged, options);
    if (typeof before === 'string') return { files, result: { ...report, notes: [...report.notes, before] } };
    const after = await outputAfter(opened, staged, report.formatOut);
    const verification = compare(before, after, opened.inputs, options.tolerance ?? 1e-3, path);
    return { files, result: { ...report, verification } };
  });
}

/** Keras's formats that hold a model's layers. */
const TOPOLOGIES = KERAS_EXTENSIONS.filter((extension) => extension !== '.weights.h5');
const isOnnx = (path: string): boolean => /\.onnx$/i.test(path);
const isModelFormat = (path: string): boolean => kerasExtension(path) !== undefined || isOnnx(path);

function checkOutput(path: string, { dtype, foldBatchNorm }: ConvertOptions): void {
  if (!isModelFormat(path)) outputFormat(path, undefined, ['.onnx', ...KERAS_EXTENSIONS]);
  else if (dtype !== undefined)
    throw new ArgumentError(`convert: only .safetensors and .pth hold ${dtype} (${path}). Leave dtype out.`);
  if (foldBatchNorm && !isOnnx(path))
    throw new ArgumentError(
      `convert: batch norms are folded into the graph of an .onnx file only (${path}). Leave it out.`,
    );
}

/** A file of tensors alone; those of Keras are said to have its layouts, in words and by the key that safetensors has for it. */
function asItIs(file: WeightFile): WeightFile {
  if (!/^(Keras|TF\.js)/.test(file.format)) return file;
  const note = "The tensors keep Keras's names and layouts (HWIO): with the option model they get PyTorch's.";
  return { ...file, metadata: { ...file.metadata, format: 'tf' }, notes: [...file.notes, note] };
}

/** Whether the output has a place for this model. */
function checkHolds(path: string, { model, file, guessed }: Opened, options: ConvertOptions): void {
  const isWeightsOnly = isModelFormat(path)
    ? /\.weights\.h5$/i.test(path)
    : outputFormat(path).storesMetadata === false;
  if (file.state.size === 0 && isWeightsOnly)
    throw new ArgumentError(
      `convert: ${path} holds weights alone, and the model has none. Use ${['.onnx', ...TOPOLOGIES].join(', ')}.`,
    );
  if (kerasExtension(path) === undefined || model instanceof keras.KerasModel) return;
  throw new ArgumentError(
    `convert: ${path} holds Keras layers, and ${options.model ?? guessed} is no network of Keras's: ` +
      `${plural(file.state.size, 'tensor')} (${listed([...file.state.keys()])}) fit none. Use .safetensors, .pth or .onnx.`,
  );
}

/** Writes the files of an output to where `staged` is. */
async function write(
  opened: Opened,
  staged: string,
  options: ConvertOptions,
): Promise<{ files: readonly string[]; report: ConvertReport }> {
  const { file, model, inputs, origins, verbatim } = opened;
  if (!isModelFormat(staged)) {
    if (verbatim) return { files: [staged], report: await writeTensors(file, staged, options) };
    const state = await model.stateDict();
    const namesInFile = new Map([...origins].map(([name, key]) => [name, file.namesInFile.get(key) ?? key]));
    const report = await writeTensors({ ...file, state, namesInFile }, staged, options);
    return { files: [staged], report: { ...report, tensors: withLayouts(report.tensors, opened) } };
  }
  let files: readonly string[] = [staged];
  if (isOnnx(staged)) {
    const { foldBatchNorm = false } = options;
    const { model_config: topology, ...kept } = contentOf(file.metadata);
    // Of a fine-tuned Keras model, whose name alone is no network's.
    const own = topology !== undefined && kept.model !== undefined ? { model_config: topology } : {};
    const metadata = { ...kept, ...own, ...options.metadata };
    const inputShape = inputs.map(({ shape }) => shape);
    const inputName = inputs.length === 1 ? 'input' : inputs.map(({ name }) => name);
    await exportOnnx(model, staged, { inputShape, inputName, metadata, foldBatchNorm });
  } else files = (await keras.saveModel(model as keras.KerasModel, staged)) as string[];
  // A reader that knows nothing of the model takes a graph without weights for a fault.
  const { expected } = targetOf(model);
  return { files, report: reportOf(opened, await readWeightFile(staged, expected.size === 0 ? { expected } : {})) };
}
