/** Weight files from one format to another, tensor by tensor: what `regraft convert` does where no model is built. */
import { type SourceLike, writeFileAtomic } from '#files';
import { BYTES_PER_ELEMENT, type StateDict, type StoredDType } from '../core/dtype.ts';
import { StateDictError } from '../core/errors.ts';
import { checkOptions } from '../core/options.ts';
import { formatShape, type Shape, sameShape, sizeOf } from '../core/shape.ts';
import { columns } from '../device/columns.ts';
import { count, listed, plural } from './base/bytes.ts';
import { writtenDType } from './base/cast.ts';
import {
  architectureOf,
  type FloatDType,
  READ_OPTIONS,
  type ReadOptions,
  type WeightFile,
  type WeightFormat,
} from './base/format.ts';
import { readWeightFile } from './read.ts';
import { outputFormat } from './write.ts';

/** Options of {@link convert}. With `expected`, the file must have exactly these tensors. */
export interface ConvertOptions extends ReadOptions {
  /** Floating-point tensors are written as this. Default: as they are. */
  dtype?: FloatDType;
  /** Added to the metadata of the input; an equal key replaces it. */
  metadata?: Readonly<Record<string, string>>;
  /** What {@link ConvertOptions.expected} is of, for messages: `resnet50`. */
  model?: string;
}

/** {@link ConvertedTensor.nameIn} of a tensor that the input does not have. */
export const NEW = '(new)';

/** One tensor's way through {@link convert}. */
export interface ConvertedTensor {
  /** As the input has it; `(new)` for what only the output has: a bias that folding has made, a counter. */
  readonly nameIn: string;
  readonly nameOut: string;
  /** In the output. */
  readonly shape: Shape;
  /** In the input, where that is another. */
  readonly shapeIn?: Shape;
  /** What became of its axes: `HWIO -> OIHW`; absent where they stay. */
  readonly layout?: string;
  readonly dtypeIn: StoredDType;
  readonly dtypeOut: StoredDType;
}

/** What {@link convert} did. */
export interface ConvertReport {
  readonly formatIn: string;
  readonly formatOut: string;
  readonly tensors: readonly ConvertedTensor[];
  /** Sentences on what was picked, renamed and left out. */
  readonly notes: readonly string[];
  /** Of the tensors, in the output. */
  readonly bytes: number;
  /** How a model with the output's weights compares with one that has the input's, where both were run. */
  readonly verification?: Verification;
}

/** Two runs on one input. */
export interface Verification {
  /** Of the inputs that both were given. */
  readonly inputShapes: readonly Shape[];
  readonly largestDifference: number;
  /** Magnitude of the largest output. */
  readonly largestOutput: number;
}

/**
 * Reads a weight file, checks it against a model's names and shapes if those are given, and writes it. The output is
 * written whole or not at all.
 *
 * @throws WeightFileError if the input cannot be read; StateDictError with every mismatch at once;
 * ArgumentError if the output's format cannot be written or cannot hold the content.
 */
export async function convert(
  input: SourceLike,
  output: string | URL,
  options: ConvertOptions = {},
): Promise<ConvertReport> {
  checkOptions('convert', options, { ...READ_OPTIONS, dtype: true, metadata: true, model: true });
  outputFormat(output);
  const { dtype: _, metadata: __, model: ___, ...reading } = options;
  return writeConverted(await readWeightFile(input, reading), output, options);
}

/** {@link convert} of a file that has been read. */
export async function writeConverted(
  file: WeightFile,
  output: string | URL,
  options: ConvertOptions = {},
): Promise<ConvertReport> {
  const format = outputFormat(output);
  const notes = [...file.notes];
  if (options.expected) notes.push(...checkAgainst(file.state, options.expected, options.model ?? 'model'));
  const tensors = [...file.state].map(([name, { shape, dtype }]) => ({
    nameIn: file.namesInFile.get(name) ?? NEW,
    nameOut: name,
    shape,
    dtypeIn: dtype,
    dtypeOut: writtenDType(dtype, options.dtype),
  }));
  const all = { ...file.metadata, ...architectureOf(file.state), ...options.metadata };
  const metadata = metadataFor(format, all, notes);
  await writeFileAtomic(
    output,
    format.write(file.state, options.dtype === undefined ? { metadata } : { metadata, dtype: options.dtype }),
  );
  const bytes = tensors.reduce((sum, { shape, dtypeOut }) => sum + sizeOf(shape) * BYTES_PER_ELEMENT[dtypeOut], 0);
  return { formatIn: file.format, formatOut: format.name, tensors, notes, bytes };
}

/** What the output takes of the metadata; what it cannot hold is noted. */
function metadataFor(
  format: WeightFormat,
  metadata: Readonly<Record<string, string>>,
  notes: string[],
): Record<string, string> {
  // Readers of the PyTorch world look for this key to tell whose layout the tensors have.
  if (format.storesMetadata !== false) return { format: 'pt', ...metadata };
  const { model_config, architecture, ...rest } = contentOf(metadata);
  if (architecture !== undefined)
    notes.push(
      `${format.name} cannot say that this is a ${architecture}: another network of its names and shapes would load it and be wrong.`,
    );
  if (model_config !== undefined)
    notes.push(
      `The model's topology is not kept, since ${format.name} holds tensors only: who reads it has to build it.`,
    );
  const lost = Object.keys(rest);
  if (lost.length > 0) notes.push(`Not kept, since ${format.name} holds tensors only: ${listed(lost)}.`);
  return {};
}

/** Metadata without what a reader says of the file itself. */
export function contentOf(metadata: Readonly<Record<string, string>>): Record<string, string> {
  const { format, producer, opset, keras_version, backend, ...content } = metadata;
  return content;
}

/**
 * Compares a state dict with the names and shapes of a model.
 * @returns what is worth a note.
 * @throws StateDictError with every mismatch at once.
 */
export function checkAgainst(state: StateDict, expected: ReadonlyMap<string, Shape>, model: string): string[] {
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

/** The report as a table for people: a line a tensor, then the notes and the sums. */
export function formatReport({ formatIn, formatOut, tensors, notes, bytes, verification }: ConvertReport): string {
  const rows = tensors.map(({ nameIn, nameOut, shape, shapeIn = shape, dtypeIn, dtypeOut, layout = '' }) => [
    changed(nameIn, nameOut),
    changed(formatShape(shapeIn), formatShape(shape)),
    changed(dtypeIn, dtypeOut),
    layout,
  ]);
  return [
    ...columns(rows),
    ...notes,
    ...(verification ? [verified(verification)] : []),
    `${formatIn} -> ${formatOut}: ${plural(tensors.length, 'tensor')}, ${count(bytes)} bytes.`,
  ].join('\n');
}

function verified({ inputShapes, largestDifference, largestOutput }: Verification): string {
  return (
    `Before and after, run on ${inputShapes.length > 1 ? 'seeded inputs' : 'one seeded input'} ${inputShapes.map(formatShape).join(' and ')}: ` +
    `largest difference ${magnitude(largestDifference)}, largest output ${magnitude(largestOutput)}.`
  );
}

/** Three digits, small numbers with an exponent. */
export function magnitude(value: number): string {
  return value === 0 ? '0' : value < 1e-3 ? value.toExponential(2) : value.toPrecision(3);
}

function changed(before: string, after: string): string {
  return before === after ? before : `${before} -> ${after}`;
}
