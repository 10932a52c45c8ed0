/** The photos of a fine-tuning run: the readable ones, their digest, their loader. */
import { relative } from 'node:path';
import { sha256 } from '../core/digest.ts';
import type { BadImage, ImageDataset } from '../data/image-dataset.ts';
import type { Progress } from './progress.ts';

/** What is left after looking at every file. */
export interface ReadableImages {
  readonly train: ImageDataset;
  readonly validation: ImageDataset;
  /** Paths relative to the photos' folder. */
  readonly bad: readonly { readonly path: string; readonly reason: string }[];
  /** The same by their full paths. */
  readonly unreadable: readonly BadImage[];
}

/** Decodes every photo once: what cannot be read is named and left out. */
export async function readable(
  train: ImageDataset,
  validation: ImageDataset,
  photos: string,
  progress: Progress | null,
): Promise<ReadableImages> {
  const total = train.length + validation.length;
  progress?.start(total, 'Checking images');
  try {
    const first = await train.verify({ onProgress: (done) => progress?.update(done) });
    const second = await validation.verify({ onProgress: (done) => progress?.update(train.length + done) });
    const unreadable = [...first.bad, ...second.bad];
    const bad = unreadable.map(({ path, reason }) => ({ path: relative(photos, path), reason }));
    for (const { path, reason } of bad) progress?.note(`Skipped ${path}: ${reason}`);
    return { train: first.good, validation: second.good, bad, unreadable };
  } finally {
    progress?.end();
  }
}

/** What a resumed run must find again: the same weights, and photos of the same bytes in the same places below `photos`. */
export async function inputsDigest(
  { train, validation }: ReadableImages,
  photos: string,
  weights: string | undefined,
): Promise<string> {
  const list = async (data: ImageDataset) => {
    const digests = await data.digests();
    return data.samples.map(({ path, label }, i) => [relative(photos, path), label, digests[i]]);
  };
  return sha256(JSON.stringify([weights, await list(train), await list(validation)]));
}
