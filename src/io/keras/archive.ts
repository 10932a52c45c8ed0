/** Keras 3's `.keras` files: a zip of `config.json` (the topology), `metadata.json` and `model.weights.h5`. */
import { WeightFileError } from '../../core/errors.ts';
import type { ByteSource } from '../../device/byte-source.ts';
import { printable } from '../base/bytes.ts';
import type { ModelFormat, WeightFile } from '../base/format.ts';
import { isZip, readZipDirectory, readZipEntry } from '../zip/zip.ts';
import { layersFor } from './description.ts';
import { checkedConfig, readKerasH5 } from './h5.ts';

const CONFIG = 'config.json';
const WEIGHTS = 'model.weights.h5';
const METADATA = 'metadata.json';

export const kerasZip: ModelFormat = {
  name: 'Keras (.keras)',
  extensions: ['.keras'],
  holds: 'layers',
  async matches(head, source) {
    return isZip(head) && (await readZipDirectory(source)).has(CONFIG);
  },
  read,
  async writeModel(model, context) {
    const { kerasZipChunks } = await import('./archive-write.ts');
    const keras = layersFor(model, context);
    const config = JSON.stringify(keras.topology(3));
    return [{ name: context.name, chunks: await kerasZipChunks(config, await keras.numberedLayers()) }];
  },
};

async function read(source: ByteSource): Promise<WeightFile> {
  const directory = await readZipDirectory(source);
  const weights = directory.get(WEIGHTS);
  if (!weights) {
    const others = [...directory.keys()].filter((name) => name.startsWith('model.weights')).map(printable);
    throw new WeightFileError(
      source.name,
      `has no '${WEIGHTS}'${others.length > 0 ? `, but ${others.join(', ')}: only HDF5 weights are read` : ''}.`,
    );
  }
  const config = checkedConfig(source, new TextDecoder().decode(await readZipEntry(source, directory.get(CONFIG)!)));
  const file = await readKerasH5(await readZipEntry(source, weights), source, kerasZip.name, config);
  const metadata = { ...file.metadata };
  const entry = directory.get(METADATA);
  if (entry && entry.size < 1 << 16) {
    const version = versionOf(new TextDecoder().decode(await readZipEntry(source, entry)));
    if (version) metadata.keras_version = version;
  }
  return { ...file, metadata };
}

function versionOf(text: string): string | undefined {
  try {
    const version = (JSON.parse(text) as { keras_version?: unknown } | null)?.keras_version;
    return typeof version === 'string' ? printable(version) : undefined;
  } catch {
    return undefined;
  }
}
