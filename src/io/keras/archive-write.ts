/** Keras 3's `.keras` out: a zip of `metadata.json`, `config.json` and `model.weights.h5`, stored. */

import { zipChunks } from '../zip/write.ts';
import { kerasWeightsH5Bytes, type NumberedLayer } from './h5-write.ts';

/** The version whose spelling the configuration has. */
const KERAS3_VERSION = '3.5.0';
/** The first day that a zip can have, as in its entries: the same model gives the same file. */
const DATE_SAVED = '1980-01-01@00:00:00';

/**
 * The bytes of the archive.
 * @param config Keras 3's description of the model, as JSON text.
 */
export async function kerasZipBytes(
  config: string,
  layers: readonly NumberedLayer[],
): Promise<Uint8Array<ArrayBuffer>> {
  const weights = await kerasWeightsH5Bytes(layers);
  const text = (content: string) => () => new TextEncoder().encode(content);
  const metadata = JSON.stringify({ keras_version: KERAS3_VERSION, date_saved: DATE_SAVED });
  const chunks = zipChunks([
    { name: 'metadata.json', bytes: text(metadata) },
    { name: 'config.json', bytes: text(config) },
    { name: 'model.weights.h5', bytes: () => weights },
  ]);
  return new Uint8Array(await new Blob([...chunks] as BlobPart[]).arrayBuffer());
}
