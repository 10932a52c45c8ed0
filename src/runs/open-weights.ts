/** Weights by name, path or URL, to a file with a digest. */
import { createHash, type Hash } from 'node:crypto';
import { type ByteSource, openSource } from '#files';
import { WeightFileError } from '../core/errors.ts';
import type { ImagePreset } from '../data/transforms/compose.ts';
import { fetchPretrained } from '../io/index.ts';
import { filesBeside } from '../io/read.ts';
import type { ModelEntry } from '../models/define.ts';
import { weightsByName } from '../models/published.ts';
import type { Progress } from '../train/progress.ts';
import { weightsOnDisk } from './weights-on-disk.ts';

/** What {@link openWeights} found. */
export interface OpenedWeights {
  /** What a model function takes as `weights`. It is open: a URL is fetched once. Close it after use. */
  readonly file: ByteSource;
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
  const record = weightsByName(entry, weights);
  let path = weights;
  if (record) {
    let shown = false;
    const onProgress = (received: number, total: number | undefined) => {
      if (!shown) progress?.start(total ?? Math.round(record.sizeMiB * 2 ** 20), `Weights of ${model}`, 'bytes');
      shown = true;
      progress?.update(received);
    };
    try {
      path = (await fetchPretrained(record, { onProgress })) as string;
    } catch (error) {
      if (!(error instanceof WeightFileError)) throw error;
      const message = error.message.slice(error.path.length + 2);
      throw new WeightFileError(error.path, `${message} ${await weightsOnDisk(model)}`.trimEnd());
    } finally {
      if (shown) progress?.end();
    }
  }
  const transforms = record?.transforms() ?? entry.input;
  const file = await openSource(path);
  return { file, source: record?.url ?? weights, sha256: await sha256Of(file), transforms };
}

/** The SHA-256 of a file. @throws WeightFileError if it cannot be read. */
export async function digestOfFile(path: string): Promise<string> {
  const file = await openSource(path);
  return sha256Of(file).finally(() => file.close());
}

const CHUNK = 1 << 24;

/** Of a file, and of the shards beside it that have its weights. Closes a file that cannot be read. */
async function sha256Of(file: ByteSource): Promise<string> {
  const hash = createHash('sha256');
  try {
    await update(hash, file);
    for (const path of await filesBeside(file)) {
      const shard = await file.beside!(path);
      await update(hash, shard).finally(() => shard.close());
    }
  } catch (error) {
    await file.close();
    throw error;
  }
  return hash.digest('hex');
}

async function update(hash: Hash, file: ByteSource): Promise<void> {
  for (let at = 0; at < file.size; at += CHUNK) hash.update(await file.read(at, Math.min(CHUNK, file.size - at)));
}
