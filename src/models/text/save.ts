/** A network of texts as a folder that Hugging Face's transformers opens. */
import { joinPath, makeFolder, writeFileAtomic } from '#files';
import type { StateDict } from '../../core/dtype.ts';
import { safetensorsChunks } from '../../io/safetensors.ts';
import type { SavedPretrained } from './pretrained.ts';

/** A file of a folder, still to be written. */
export interface FolderFile {
  readonly name: string;
  readonly chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
}

/** See open-pretrained.ts, which is what programs call. */
export async function pretrainedFiles({ model, config, architecture, files }: SavedPretrained): Promise<FolderFile[]> {
  // A tensor that layers share is written once, under its first name, as transformers does.
  const state: StateDict = new Map();
  for (const [name, parameter] of model.namedParameters()) state.set(name, await parameter.toTensorData());
  const types = ['torch_dtype', 'dtype'].filter((key) => typeof config[key] === 'string');
  const written = {
    ...config,
    architectures: [architecture],
    ...Object.fromEntries(types.map((key) => [key, 'float32'])),
  };
  return [
    { name: 'model.safetensors', chunks: safetensorsChunks(state, { metadata: { format: 'pt' } }) },
    { name: 'config.json', chunks: [new TextEncoder().encode(`${JSON.stringify(written, null, 2)}\n`)] },
    ...Object.entries(files).map(([name, bytes]) => ({ name, chunks: [bytes] })),
  ];
}

/** See open-pretrained.ts, which is what programs call. */
export async function savePretrained(folder: string, parts: SavedPretrained): Promise<void> {
  await makeFolder(folder);
  for (const { name, chunks } of await pretrainedFiles(parts)) await writeFileAtomic(joinPath(folder, name), chunks);
}
