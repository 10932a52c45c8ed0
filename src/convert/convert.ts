/**
 * Whole files from one format to another: the code behind `regraft convert`. `.safetensors` and `.pth` hold the tensors of any
 * file, those of a model under its names and in PyTorch's layouts; Keras's formats hold a Keras model, ONNX the graph of any
 * model, so those need one: a Keras file has it in itself, tensors alone are told by their names, or the caller names their network.
 */
import { replaceFiles, type SourceLike } from '#files';
import { ArgumentError } from '../core/errors.ts';
import { checkOptions, type OptionNames } from '../core/options.ts';
import { listed, plural } from '../io/base/bytes.ts';
import {
  type ModelContext,
  type ModelFormat,
  READ_OPTIONS,
  type ReadOptions,
  type WeightFile,
  type WriteOptions,
} from '../io/base/format.ts';
import { formatOf, WRITTEN } from '../io/formats.ts';
import { outputFormat, readWeightFile, targetOf } from '../io/index.ts';
import { writeFiles } from '../io/write.ts';
import * as keras from '../models/keras/keras.ts';
import { describeKeras } from '../models/keras/save.ts';
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
  const format = outputOf(path, options);
  const opened = await openModel(input, { ...options, needsModel: format.writeModel !== undefined });
  if (!('model' in opened)) {
    if (format.writeState) return writeTensors(asItIs(opened), format, path, options);
    const { state } = opened;
    throw new ArgumentError(
      `convert: ${path} holds a model, and the input (${opened.format}) tensors without one: ` +
        `${plural(state.size, 'tensor')} (${listed([...state.keys()])}) ${state.size === 1 ? 'is' : 'are'} of no layer. ` +
        'Say which network they are of with the option model: resnet50, keras.ResNet50, ….',
    );
  }
  checkHolds(path, format, opened, options.model);
  const before = await outputBefore(opened);
  return replaceFiles<ConvertReport>(output, async (staged) => {
    const { files, report } = await write(opened, format, staged, options);
    if (typeof before === 'string') return { files, result: { ...report, notes: [...report.notes, before] } };
    const after = await outputAfter(opened, staged, format);
    const verification = compare(before, after, opened.inputs, options.tolerance ?? 1e-3, path);
    return { files, result: { ...report, verification } };
  });
}

/** The format that the output's name asks for, which must have a place for what `options` ask for. */
function outputOf(path: string, { dtype, foldBatchNorm }: ConvertOptions): ModelFormat {
  const format = outputFormat(path);
  const endings = (among: (format: ModelFormat) => boolean) => WRITTEN.filter(among).map((one) => one.extensions[0]);
  if (!format.writeState && dtype !== undefined) {
    const all = endings(({ writeState }) => writeState !== undefined).join(', ');
    throw new ArgumentError(`convert: dtype is for files of tensors (${all}), got ${path}. Leave it out.`);
  }
  if (foldBatchNorm && format.holds !== 'graph') {
    const all = endings(({ holds }) => holds === 'graph').join(' or ');
    throw new ArgumentError(
      `convert: batch norms are folded into the graph of an ${all} file only (${path}). Leave it out.`,
    );
  }
  return format;
}

/** A file of tensors alone; those of Keras are said to have its layouts, in words and by the key that safetensors has for it. */
function asItIs(file: WeightFile): WeightFile {
  if (formatOf(file).holds !== 'layers') return file;
  const note = "The tensors keep Keras's names and layouts (HWIO): with the option model they get PyTorch's.";
  return { ...file, metadata: { ...file.metadata, format: 'tf' }, notes: [...file.notes, note] };
}

/** Throws unless the output has a place for this model. */
function checkHolds(path: string, format: ModelFormat, { model, file, guessed }: Opened, name = guessed): void {
  if (file.state.size === 0 && format.holds === 'tensors' && format.storesMetadata === false) {
    const all = WRITTEN.filter(({ holds }) => holds !== 'tensors').flatMap(({ extensions }) => extensions);
    throw new ArgumentError(`convert: ${path} holds weights alone, and the model has none. Use ${all.join(', ')}.`);
  }
  if (!format.writeModel || format.holds === 'graph' || model instanceof keras.KerasModel) return;
  throw new ArgumentError(
    `convert: ${path} holds Keras layers, and ${name} is no network of Keras's: ` +
      `${plural(file.state.size, 'tensor')} (${listed([...file.state.keys()])}) fit none. Use .safetensors, .pth or .onnx.`,
  );
}

/** Writes the files of an output to where `staged` is. */
async function write(
  opened: Opened,
  format: ModelFormat,
  staged: string,
  options: ConvertOptions,
): Promise<{ files: readonly string[]; report: ConvertReport }> {
  const { file, model, origins, verbatim } = opened;
  if (format.writeModel) {
    const name = staged.replace(/^.*[/\\]/s, '');
    const files = await writeFiles(staged, await format.writeModel(model, contextOf(opened, name, options)));
    // A reader that knows nothing of the model takes a graph without weights for a fault.
    const { expected } = targetOf(model);
    const result = await readWeightFile(staged, expected.size === 0 ? { expected } : {});
    return { files, report: reportOf(opened, format, result) };
  }
  if (verbatim) return { files: [staged], report: await writeTensors(file, format, staged, options) };
  const state = await model.stateDict();
  const namesInFile = new Map([...origins].map(([name, key]) => [name, file.namesInFile.get(key) ?? key]));
  const report = await writeTensors({ ...file, state, namesInFile }, format, staged, options);
  return { files: [staged], report: { ...report, tensors: withLayouts(report.tensors, opened) } };
}

/** What a format may need beside the model. */
function contextOf({ file, model, inputs }: Opened, name: string, options: ConvertOptions): ModelContext {
  const { foldBatchNorm = false } = options;
  const { model_config: topology, ...kept } = contentOf(file.metadata);
  // Of a fine-tuned Keras model, whose name alone is no network's.
  const own = topology !== undefined && kept.model !== undefined ? { model_config: topology } : {};
  return {
    name,
    inputs: inputs.length === 1 ? [{ ...inputs[0]!, name: 'input' }] : inputs,
    foldBatchNorm,
    metadata: { ...kept, ...own, ...options.metadata },
    ...(model instanceof keras.KerasModel && { keras: describeKeras(model) }),
  };
}
