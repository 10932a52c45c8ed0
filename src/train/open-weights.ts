/** Weights by name, path or URL, to a file with a digest. */
import { createHash } from 'node:crypto';
import { openSource } from '#files';
import { WeightFileError } from '../core/errors.ts';
import { fetchPretrained } from '../io/index.ts';
import type { ImagePreset } from '../models/preset.ts';
import type { ModelEntry } from '../models/registry.ts';
import { weightsByName } from '../models/weights.ts';
import type { Progress } from './progress.ts';
import { weightsOnDisk } from './weights-on-disk.ts';

/** What {@link openWeights} found. */
export interface OpenedWeights {
  /** What a model function takes as `weights`. */
  readonly file: string;
  /** Where they come from, for people. */
  readonly source: string;
  readonly sha256: string;
  /** How they want their images. */
  readonly transforms: ImagePreset;
}

/**
 * Downloads published weights (or finds them in the cache), and digests the file.
 * @throws WeightFileError if there is no such file, or it cannot be had; ArgumentError for an unknown name.
 */
export async function openWeights(
  model: string,
  entry: ModelEntry,
  weights: string,
  progress: Progress | null = null,
): Promise<OpenedWeights> {
  const record = weightsByName(model, entry.weights, weights);
  let file = weights;
  if (record) {
    let shown = false;
    const onProgress = (received: number, total: number | undefined) => {
      if (!shown) progress?.start(total ?? Math.round(record.sizeMiB * 2 ** 20), `Weights of ${model}`, 'bytes');
      shown = true;
      progress?.update(received);
    };
    try {
      file = (await fetchPretrained(record, { onProgress })) as string;
    } catch (error) {
      if (!(error instanceof WeightFileError)) throw error;
      const message = error.message.slice(error.path.length + 2);
      throw new WeightFileError(error.path, `${message} ${await weightsOnDisk()}`.trimEnd());
    } finally {
      if (shown) progress?.end();
    }
  }
  const transforms = record?.transforms() ?? entry.transforms;
  return { file, source: record?.url ?? weights, sha256: await sha256Of(file), transforms };
}

const CHUNK = 1 << 24;

async function sha256Of(file: string): Promise<string> {
  const source = await openSource(file);
  const hash = createHash('sha256');
  try {
    for (let at = 0; at < source.size; at += CHUNK)
      hash.update(await source.read(at, Math.min(CHUNK, source.size - at)));
  } finally {
    await source.close();
  }
  return hash.digest('hex');
}
