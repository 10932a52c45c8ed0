/** Weights out: to a path, in the format of its ending. */
import { writeFileAtomic } from '#files';
import type { StateDict } from '../core/dtype.ts';
import { ArgumentError } from '../core/errors.ts';
import { checkOptions, checkPath, checkStateDict } from '../core/options.ts';
import { architectureOf, type ModelFormat, type OutputFile, type WriteOptions } from './base/format.ts';
import { formatNamed, WRITTEN } from './formats.ts';

/** Options of {@link writeWeights}. */
export interface WriteFileOptions extends WriteOptions {
  /** Name of the format, for a path whose extension does not tell. */
  format?: string;
}

/**
 * Writes a state dict. The path gets the whole file or stays as it was.
 * @param path Where to; its extension tells the format.
 * @param state Of a model (`model.stateDict()`, its promise included) or of {@link readWeights}.
 * @param options Another format than the extension’s, a dtype, metadata.
 * @throws ArgumentError if the extension names no format that can be written, or the state does not fit it.
 * @example
 * await writeWeights('tuned.safetensors', model.stateDict(), { dtype: 'float16' });
 */
export async function writeWeights(
  path: string | URL,
  state: StateDict | Promise<StateDict>,
  options: WriteFileOptions = {},
): Promise<void> {
  checkPath('writeWeights', 'where to write', path, "Write writeWeights('tuned.safetensors', model.stateDict()).");
  checkOptions('writeWeights', options, { format: true, dtype: true, metadata: true });
  const format = outputFormat(path, options.format);
  if (!format.writeState)
    throw new ArgumentError(
      `writeWeights: ${format.name} is written from a whole model, which weights alone do not tell (${path}). ` +
        'Use exportOnnx or keras.saveModel with the model, or convert with the name of the network.',
    );
  const tensors = await state;
  checkStateDict('writeWeights', tensors, 'Pass model.stateDict(), or await readWeights(file).');
  const kept = tensors.architecture !== undefined && format.storesMetadata !== false;
  const metadata = kept ? { ...architectureOf(tensors), ...options.metadata } : options.metadata;
  await writeFileAtomic(path, format.writeState(tensors, metadata ? { ...options, metadata } : options));
}

/**
 * The format that a path's ending, or `name`, asks for.
 * @throws ArgumentError naming those that can be written.
 */
export function outputFormat(path: string | URL, name?: string): ModelFormat {
  const found = name === undefined ? formatNamed(path) : WRITTEN.find((format) => format.name === name);
  if (found) return found;
  const extension = /\.\w+$/.exec(String(path))?.[0].toLowerCase() ?? '';
  const existing = WRITTEN.flatMap((format) => (name === undefined ? format.extensions : format.name)).join(', ');
  throw new ArgumentError(
    name === undefined
      ? `writeWeights: ${extension ? `'${extension}' is no format that` : 'no extension says which format'} can be written (${path}). Use ${existing}.`
      : `writeWeights: '${name}' is no format that can be written. Use ${existing}.`,
  );
}

/**
 * Writes files into one folder, in their order. Each path gets the whole file or stays as it was.
 * @param path Of the file that names the others; its folder is theirs.
 * @returns their paths.
 */
export async function writeFiles<P extends string | URL>(path: P, files: readonly OutputFile[]): Promise<P[]> {
  const folder = String(path).replace(/[^/\\]*$/, '');
  const paths = files.map(({ name }) => (path instanceof URL ? new URL(folder + name) : folder + name) as P);
  for (const [i, { chunks }] of files.entries()) await writeFileAtomic(paths[i]!, chunks);
  return paths;
}
