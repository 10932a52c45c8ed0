/** The photos of a fine-tuning run: the readable ones, their list. */
import { relative } from 'node:path';
import type { BadImage, ImageDataset } from '../data/images/image-dataset.ts';
import type { Progress } from '../train/progress.ts';
import { DIGITS, type ListedPhoto, type RunInputs } from './inputs.ts';
import type { FinetuneSettings } from './options.ts';
import { lastingSettings } from './settings.ts';

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

/** What a run over `images` below the folder `photos` is begun with. */
export async function inputsOf(
  images: { readonly train: ImageDataset; readonly validation: ImageDataset },
  photos: string,
  weights: string | undefined,
  settings: FinetuneSettings,
): Promise<RunInputs> {
  const list = async (data: ImageDataset): Promise<ListedPhoto[]> => {
    const digests = await data.digests();
    return data.samples.map(({ path, label }, i) => [relative(photos, path), label, digests[i]!.slice(0, DIGITS)]);
  };
  const [train, validation] = [await list(images.train), await list(images.validation)];
  return { weights: weights ?? null, settings: lastingSettings(settings), train, validation };
}
