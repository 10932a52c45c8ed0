/** A model's answers about image files, as they come. */
import { check, whole, within } from '../core/check.ts';
import { checkList, checkOptions } from '../core/options.ts';
import { DataLoader } from '../data/data-loader.ts';
import { isAddress } from '../data/folders/image-inputs.ts';
import { checkImage } from '../data/images/decode.ts';
import { type BadImage, ImageDataset, reasonOf } from '../data/images/image-dataset.ts';
import { init } from '../graph/init.ts';
import { DEFAULT_TASK, type TaskName } from '../tasks/kinds.ts';
import { Mirrored } from '../tasks/mirrored.ts';
import type { AnswerOf } from '../tasks/registry.ts';
import { imageTask } from '../tasks/registry.ts';
import { batchLogits } from '../train/evaluate.ts';
import { requireNumbers } from '../train/finite.ts';
import type { ClassifyOptions } from './classify.ts';
import { type Classifier, checkClassifier } from './model-folder.ts';

/** What a model makes of one image: its classes, labels or numbers, as the task answers. */
export type ImagePrediction<T extends TaskName = typeof DEFAULT_TASK> = { readonly file: string } & AnswerOf<T>;

/** What {@link predictImages} found. */
export interface ImagePredictions<T extends TaskName = typeof DEFAULT_TASK> {
  /** In the order of the files, without the unreadable ones. */
  readonly predictions: readonly ImagePrediction<T>[];
  readonly skipped: readonly BadImage[];
}

/** Options of {@link predictImages} and {@link predictEach}. */
export interface PredictImagesOptions extends ClassifyOptions {
  /** How many classes of each image, 5 by default; of several labels an image how many, by default those that apply. */
  readonly topK?: number | undefined;
  /** The probability from which on one of several labels applies; 0.5 by default. */
  readonly threshold?: number | undefined;
}

/**
 * The answer about each image file: the `topK` (default 5) most probable classes, the labels that apply, or numbers, as the model's task has it.
 * Files that cannot be read are named in `skipped`; if there are many, and all are so, that is a DataError.
 * @param classifier As {@link openModel} gives it.
 * @param files Paths of images.
 * @param options How many classes, how many images at a time.
 * @example
 * const { predictions } = await predictImages(await openModel('runs/insects'), ['new/1.png']);
 * console.log(predictions[0]!.top[0]);
 */
export async function predictImages<T extends TaskName = typeof DEFAULT_TASK>(
  classifier: Classifier<T>,
  files: readonly string[],
  options: PredictImagesOptions = {},
): Promise<ImagePredictions<T>> {
  const predictions: ImagePrediction<T>[] = [];
  const skipped: BadImage[] = [];
  for await (const found of predictEach(classifier, files, options))
    if ('reason' in found) skipped.push(found as BadImage);
    else predictions.push(found as ImagePrediction<T>);
  return { predictions, skipped };
}

/**
 * As {@link predictImages}, one by one: of any number of files, paths or URLs, a few batches are in memory. What cannot be read
 * comes with the reason as soon as it is known.
 * @throws RegraftError where the model gives no numbers; DataError if there are many files, and none can be read.
 */
export async function* predictEach<T extends TaskName = typeof DEFAULT_TASK>(
  classifier: Classifier<T>,
  files: readonly string[],
  options: PredictImagesOptions = {},
): AsyncGenerator<ImagePrediction<T> | BadImage, void, undefined> {
  checkOptions('predict', options, { topK: true, threshold: true, batchSize: true, flip: true, progress: true });
  checkClassifier('predict', classifier);
  checkList('predict', 'files', files);
  const { name, classes, transforms } = classifier;
  const { topK: top, threshold, batchSize = 32, flip = false, progress = null } = options;
  if (top !== undefined) check('predict', 'topK', top, whole(1));
  if (threshold !== undefined) check('predict', 'threshold', threshold, within(0, 1));
  const task = imageTask(classifier.task ?? DEFAULT_TASK);
  const model = flip ? new Mirrored(classifier.model, task.mean) : classifier.model;
  if (files.length <= FEW) {
    const bad = await unreadable(files);
    if (bad.length === files.length) return yield* bad;
  }
  await init();
  const samples = files.map((path) => ({ path, label: 0 }));
  const loader = new DataLoader(new ImageDataset('images', classes, samples, transforms), { batchSize });
  let told = 0;
  if (files.length > batchSize) progress?.start(files.length, 'Predicting');
  try {
    for await (const { logits, indices } of batchLogits(model, loader, { progress })) {
      for (; told < loader.skipped.length; told++) yield loader.skipped[told]!;
      for (const [row, index] of indices.entries()) {
        const outputs = logits.subarray(row * classes.length, (row + 1) * classes.length);
        const file = files[index]!;
        requireNumbers(file, name, outputs);
        yield { file, ...(task.answer(outputs, classes, { top, threshold }) as AnswerOf<T>) };
      }
    }
    for (; told < loader.skipped.length; told++) yield loader.skipped[told]!;
  } finally {
    progress?.end();
  }
}

/** To open an adapter takes longer than to look at so many files: where none can be read, nobody needs to wait for it. */
const FEW = 16;

async function unreadable(files: readonly string[]): Promise<BadImage[]> {
  const bad: BadImage[] = [];
  for (const path of files) {
    // A URL is fetched once.
    if (isAddress(path)) return [];
    await checkImage(path).catch((error: unknown) => bad.push({ path, reason: reasonOf(error, path) }));
  }
  return bad;
}
