/** Keras 3's `.keras` out: a zip of `metadata.json`, `config.json` and `model.weights.h5`, stored. */

import { zipChunks } from '../zip/write.ts';
import type { NumberedLayer } from './description.ts';
import { kerasWeightsH5Bytes } from './h5-write.ts';

/** The version whose spelling the configuration has. */
const KERAS3_VERSION = '3.5.0';
/** The first day that a zip can have, as in its entries: the same model gives the same file. */
const DATE_SAVED = '1980-01-01@00:00:00';

/**
 * The bytes of the archive, in pieces.
 * @param config Keras 3's description of the model, as JSON text.
 */
export async function kerasZipChunks(config: string, layers: readonly NumberedLayer[]): Promise<Iterable<Uint8Array>> {
  const weights = await kerasWeightsH5Bytes(layers);
  const text = (content: string) => () => new TextEncoder().encode(content);
  const metadata = JSON.stringify({ keras_version: KERAS3_VERSION, date_saved: DATE_SAVED });
  return zipChunks([
    { name: 'metadata.json', bytes: text(metadata) },
    { name: 'config.json', bytes: text(config) },
    { name: 'model.weights.h5', bytes: () => weights },
  ]);
}
