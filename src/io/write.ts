/** Weights out: to a path, in the format of its extension. */
import { writeFileAtomic } from '#files';
import type { StateDict } from '../core/dtype.ts';
import { ArgumentError } from '../core/errors.ts';
import { checkOptions, checkPath, checkStateDict } from '../core/options.ts';
import { architectureOf, type WeightFormat, type WriteOptions } from './base/format.ts';
import { FORMATS } from './formats.ts';

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
  const tensors = await state;
  checkStateDict('writeWeights', tensors, 'Pass model.stateDict(), or await readWeights(file).');
  const kept = tensors.architecture !== undefined && format.storesMetadata !== false;
  const metadata = kept ? { ...architectureOf(tensors), ...options.metadata } : options.metadata;
  await writeFileAtomic(path, format.write(tensors, metadata ? { ...options, metadata } : options));
}

/**
 * The format that a path's extension, or `name`, asks for.
 * @param others Extensions that the caller writes by other means, for the message.
 * @throws ArgumentError naming those that can be written.
 */
export function outputFormat(
  path: string | URL,
  name?: string,
  others: readonly string[] = [],
): WeightFormat & {
  /** Always there. */
  write: NonNullable<WeightFormat['write']>;
} {
  const extension = /\.\w+$/.exec(String(path))?.[0].toLowerCase() ?? '';
  const writable = FORMATS.filter(
    (format): format is WeightFormat & { write: NonNullable<WeightFormat['write']> } => format.write !== undefined,
  );
  const found = writable.find((f) => (name === undefined ? f.extensions.includes(extension) : f.name === name));
  if (found) return found;
  if (name === undefined ? extension === '.onnx' : name === 'ONNX')
    throw new ArgumentError(
      `writeWeights: an ONNX file holds the model's graph, which weights alone do not tell (${path}). Use exportOnnx(model, path, { inputShape }).`,
    );
  const existing = [...writable.flatMap((f) => (name === undefined ? f.extensions : f.name)), ...others].join(', ');
  throw new ArgumentError(
    name === undefined
      ? `writeWeights: ${extension ? `'${extension}' is no format that` : 'no extension says which format'} can be written (${path}). Use ${existing}.`
      : `writeWeights: '${name}' is no format that can be written. Use ${existing}.`,
  );
}
