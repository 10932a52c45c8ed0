/** The photos of a fine-tuning run: with their labels, the readable ones, their list. */
import { relative } from 'node:path';
import { ArgumentError } from '../core/errors.ts';
import { openPhotos } from '../data/folders/open-photos.ts';
import type { BadImage, ImageDataset } from '../data/images/image-dataset.ts';
import type { Label } from '../data/labels.ts';
import type { TableKind } from '../data/tables/labelling.ts';
import type { ImageTable } from '../data/tables/open-image-table.ts';
import { DEFAULT_TASK, type TaskName, taskOfLabels } from '../tasks/kinds.ts';
import { imageTask } from '../tasks/registry.ts';
import type { Progress } from '../train/progress.ts';
import { DIGITS, type ListedPhoto, type RunInputs } from './inputs.ts';
import type { FinetuneSettings } from './options.ts';
import { lastingSettings } from './settings.ts';

/** Photos with their labels, and the task that they are of. */
export type LabelledImages = ImageTable & { readonly task: TaskName };

/**
 * Opens the photos of a run.
 * @param wanted the task as it was asked for; undefined: whoever asks counts on image classification
 * @throws DataError where they cannot be opened as what the task learns from; ArgumentError where the task has to be named.
 */
export async function openLabelled(
  photos: string,
  { task, validation, seed, table, imageColumn, labelColumns }: FinetuneSettings,
  wanted: TaskName | 'auto' | undefined,
): Promise<LabelledImages> {
  const open = (kind?: TableKind) =>
    openPhotos(photos, {
      ...{ validation, seed },
      ...(table !== null && { table }),
      ...(imageColumn !== null && { files: imageColumn }),
      ...(labelColumns !== null && { labels: labelColumns }),
      ...(kind && { kind }),
    });
  if (task !== null) {
    const { labels } = imageTask(task);
    // Class folders have no table that could be asked for classes.
    const found = await open(labels === 'classes' ? undefined : labels);
    return { ...(found.kind === labels ? found : await open(labels)), task };
  }
  const found = await open();
  const follows = taskOfLabels(found.kind);
  if (wanted === undefined && follows !== DEFAULT_TASK)
    throw new ArgumentError(
      `finetune: the labels of ${photos} are those of ${follows} (${found.how}). Say so: { task: '${follows}' }, or 'auto' for whatever they are.`,
    );
  return { ...found, task: follows };
}

/** What is left after looking at every file. */
export interface ReadableImages {
  readonly train: ImageDataset<Label>;
  readonly validation: ImageDataset<Label>;
  /** Paths relative to the photos' folder. */
  readonly bad: readonly { readonly path: string; readonly reason: string }[];
  /** The same by their full paths. */
  readonly unreadable: readonly BadImage[];
}

/** Decodes every photo once: what cannot be read is named and left out. */
export async function readable(
  train: ImageDataset<Label>,
  validation: ImageDataset<Label>,
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
  images: Pick<ReadableImages, 'train' | 'validation'>,
  photos: string,
  weights: string | undefined,
  settings: FinetuneSettings,
): Promise<RunInputs> {
  const list = async (data: ImageDataset<Label>): Promise<ListedPhoto[]> => {
    const digests = await data.digests();
    return data.samples.map(({ path, label }, i) => [
      relative(photos, path),
      typeof label === 'number' ? label : [...label],
      digests[i]!.slice(0, DIGITS),
    ]);
  };
  const [train, validation] = [await list(images.train), await list(images.validation)];
  return { weights: weights ?? null, settings: lastingSettings(settings), train, validation };
}
