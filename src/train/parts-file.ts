/** Named groups of tensors and JSON beside them as one safetensors file: the form of checkpoints. */
import type { StateDict, TensorData } from '../core/dtype.ts';
import { WeightFileError } from '../core/errors.ts';
import type { SourceLike } from '../device/byte-source.ts';
import { safetensorsChunks } from '../io/safetensors.ts';

type Tensors = ReadonlyMap<string, TensorData>;

/** The bytes of a file of these parts, with `json` under the metadata key `mark`. */
export function partsChunks(
  parts: Readonly<Record<string, Tensors | null | undefined>>,
  mark: string,
  json: unknown,
): Iterable<Uint8Array> {
  const state: StateDict = new Map();
  for (const [part, tensors] of Object.entries(parts))
    for (const [name, tensor] of tensors ?? []) state.set(`${part}/${name}`, tensor);
  return safetensorsChunks(state, { metadata: { [mark]: JSON.stringify(json) } });
}

/** The content of a file of parts. */
export interface Parts {
  /** The JSON; undefined where it is damaged. */
  readonly json: unknown;
  part(name: string): StateDict;
}

/**
 * Reads a file that {@link partsChunks} made.
 * @param expected the kind of file, for messages
 * @throws WeightFileError if it cannot be read, or is another kind of file.
 */
export async function readParts(source: SourceLike, mark: string, expected: string): Promise<Parts> {
  // On demand: a page that begins a run needs no reader of weight files yet.
  const { readWeightFile } = await import('../io/read.ts');
  const { state, metadata } = await readWeightFile(source);
  const name = typeof source === 'string' ? source : 'checkpoint';
  const text = metadata[mark];
  if (text === undefined) throw new WeightFileError(name, `is no ${expected}.`);
  const part = (prefix: string): StateDict =>
    new Map(
      [...state].flatMap(([key, t]) => (key.startsWith(`${prefix}/`) ? [[key.slice(prefix.length + 1), t]] : [])),
    );
  return { json: parsed(text), part };
}

/** The value of a JSON text; undefined where it is none: the caller knows what is missing. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
