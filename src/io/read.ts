/** Weights in: from a path, URL, File or bytes, whatever the format. */
import { openSource, type SourceLike } from '#files';
import type { StateDict } from '../core/dtype.ts';
import { WeightFileError } from '../core/errors.ts';
import { checkOptions } from '../core/options.ts';
import type { ByteSource } from '../device/byte-source.ts';
import { listed, plural, printable } from './base/bytes.ts';
import { type Fit, fitNames, shapesOf } from './base/fit-names.ts';
import { HEAD_BYTES, type ModelFormat, READ_OPTIONS, type ReadOptions, type WeightFile } from './base/format.ts';
import { FORMATS, formatOf } from './formats.ts';
import { withLabels } from './keras/labels.ts';

/**
 * The tensors of a weight file, by name, in the file's order and dtypes. The format is told from the content.
 * @param source A path, URL, File, Blob or bytes.
 * @param options The model that the tensors are for, and the part of a checkpoint that is wanted.
 * @throws WeightFileError if it cannot be read, is of no known format, damaged, or holds more than data.
 * @example
 * const state = await readWeights('resnet20.th');
 * console.log(state.get('conv1.weight')!.shape);
 */
export async function readWeights(source: SourceLike, options: ReadOptions = {}): Promise<StateDict> {
  return (await readWeightFile(source, options)).state;
}

/**
 * The tensors as {@link readWeights} gives them, with format, metadata, and notes on those that were picked and renamed.
 * @throws WeightFileError
 */
export async function readWeightFile(source: SourceLike, options: ReadOptions = {}): Promise<WeightFile> {
  checkOptions('readWeights', options, READ_OPTIONS);
  const file = await openSource(source);
  try {
    return await readOpened(file, options);
  } finally {
    await file.close();
  }
}

/** As {@link readWeightFile}, from a source that is open already and stays so. */
export async function readOpened(file: ByteSource, options: ReadOptions): Promise<WeightFile> {
  const found = await (await findFormat(file)).read(file, options);
  const read = renamed(await withLabels(found, file), file.name, options);
  const { architecture } = read.metadata;
  if (architecture !== undefined) read.state.architecture = architecture;
  return read;
}

/** The file with the names that were asked for, or that the model has. The reader of a graph knows more than the names. */
function renamed(read: WeightFile, path: string, { stripPrefix, expected }: ReadOptions): WeightFile {
  const stripped = stripPrefix === undefined ? read : withNames(read, stripNames(read, path, stripPrefix));
  if (!expected || formatOf(read).holds === 'graph') return stripped;
  requireOurs(path, read);
  return withNames(stripped, fitNames(shapesOf(stripped.state), expected));
}

/** @throws WeightFileError for weights of a network that is none of ours, with how it differs. */
export function requireOurs(path: string, { refusal }: WeightFile): void {
  if (refusal !== undefined) throw new WeightFileError(path, refusal);
}

function stripNames({ state }: WeightFile, path: string, prefix: string): Pick<Fit, 'names' | 'notes'> {
  const isUnder = (name: string): boolean => name.startsWith(prefix) && name.length > prefix.length;
  const [under, others] = [true, false].map((side) => [...state.keys()].filter((name) => isUnder(name) === side));
  if (under!.length === 0)
    throw new WeightFileError(
      path,
      `has no tensor whose name begins with '${printable(prefix)}': got ${listed(others!)}.`,
    );
  const notes = others!.length > 0 ? [`Left out, without the prefix '${printable(prefix)}': ${listed(others!)}.`] : [];
  return { names: new Map(under!.map((name) => [name, name.slice(prefix.length)])), notes };
}

function withNames(read: WeightFile, { names, notes }: Pick<Fit, 'names' | 'notes'>): WeightFile {
  const state: StateDict = new Map();
  const namesInFile = new Map<string, string>();
  for (const [from, to] of names) {
    state.set(to, read.state.get(from)!);
    namesInFile.set(to, read.namesInFile.get(from) ?? from);
  }
  return { ...read, state, namesInFile, notes: [...read.notes, ...notes] };
}

async function findFormat(file: ByteSource): Promise<ModelFormat> {
  const head = await file.read(0, Math.min(HEAD_BYTES, file.size));
  for (const format of FORMATS) if (await format.matches(head, file)) return format;
  throw new WeightFileError(file.name, unknownContent(head, file.name));
}

/** The files beside one of any format that have its weights; none for a file of no known format. */
export async function filesBeside(file: ByteSource): Promise<readonly string[]> {
  const head = await file.read(0, Math.min(HEAD_BYTES, file.size));
  for (const format of FORMATS)
    if (format.filesBeside && (await format.matches(head, file))) return format.filesBeside(file);
  return [];
}

/** What a file is that is no weight file: the usual accidents by name. */
function unknownContent(head: Uint8Array, name: string): string {
  if (head.length === 0) return 'is empty (0 bytes). Download or save it again.';
  const text = new TextDecoder('latin1').decode(head).trimStart().toLowerCase();
  if (text.startsWith('version https://git-lfs')) return 'is a Git LFS pointer, not the weights. Run git lfs pull.';
  if (text.startsWith('<!doctype html') || text.startsWith('<html'))
    return 'is a web page, not the weights. Download it again.';
  const first = [...head.subarray(0, 8)].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
  const extension = /\.\w+$/.exec(name)?.[0].toLowerCase() ?? '';
  const expected = FORMATS.find(({ extensions }) => extensions.includes(extension));
  const what = expected ? `is named ${extension}, but its content is` : 'is';
  const known = FORMATS.filter(({ extensions }) => extensions.length > 0).map((format) => format.name);
  const bytes = plural(Math.min(8, head.length), 'byte');
  return `${what} of no known weight format (first ${bytes}: ${first}). Known: ${known.join(', ')}.`;
}
