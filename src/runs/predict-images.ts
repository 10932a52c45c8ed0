/** A classifier's predictions for image files, as they come. */
import { check, whole } from '../core/check.ts';
import { checkList, checkOptions } from '../core/options.ts';
import { DataLoader } from '../data/data-loader.ts';
import { isAddress } from '../data/folders/image-inputs.ts';
import { checkImage } from '../data/images/decode.ts';
import { type BadImage, ImageDataset, reasonOf } from '../data/images/image-dataset.ts';
import { init } from '../graph/init.ts';
import { softmaxRows } from '../tasks/image-classification/metrics.ts';
import { batchLogits } from '../train/evaluate.ts';
import { requireNumbers } from '../train/finite.ts';
import type { ClassifyOptions } from './classify.ts';
import { type Classifier, checkClassifier } from './model-folder.ts';

/** What a classifier makes of one image. */
export interface ImagePrediction {
  readonly file: string;
  /** Most probable first. */
  readonly top: readonly { readonly label: string; readonly probability: number }[];
}

/** What {@link predictImages} found. */
export interface ImagePredictions {
  /** In the order of the files, without the unreadable ones. */
  readonly predictions: readonly ImagePrediction[];
  readonly skipped: readonly BadImage[];
}

/** Options of {@link predictImages} and {@link predictEach}. */
export interface PredictImagesOptions extends ClassifyOptions {
  /** How many classes of each image; 5 by default. */
  readonly topK?: number | undefined;
}

/**
 * The `topK` (default 5) most probable classes of each image file.
 * Files that cannot be read are named in `skipped`; if there are many, and all are so, that is a DataError.
 * @param classifier As {@link openModel} gives it.
 * @param files Paths of images.
 * @param options How many classes, how many images at a time.
 * @example
 * const { predictions } = await predictImages(await openModel('runs/insects'), ['new/1.png']);
 * console.log(predictions[0]!.top[0]);
 */
export async function predictImages(
  classifier: Classifier,
  files: readonly string[],
  options: PredictImagesOptions = {},
): Promise<ImagePredictions> {
  const predictions: ImagePrediction[] = [];
  const skipped: BadImage[] = [];
  for await (const found of predictEach(classifier, files, options))
    if ('top' in found) predictions.push(found);
    else skipped.push(found);
  return { predictions, skipped };
}

/**
 * As {@link predictImages}, one by one: of any number of files, paths or URLs, a few batches are in memory. What cannot be read
 * comes with the reason as soon as it is known.
 * @throws RegraftError where the model gives no numbers; DataError if there are many files, and none can be read.
 */
export async function* predictEach(
  classifier: Classifier,
  files: readonly string[],
  options: PredictImagesOptions = {},
): AsyncGenerator<ImagePrediction | BadImage, void, undefined> {
  checkOptions('predict', options, { topK: true, batchSize: true, progress: true });
  checkClassifier('predict', classifier);
  checkList('predict', 'files', files);
  const { model, name, classes, transforms } = classifier;
  const { topK = 5, batchSize = 32, progress = null } = options;
  check('predict', 'topK', topK, whole(1));
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
      const probabilities = softmaxRows(logits, classes.length);
      for (const [row, index] of indices.entries()) {
        const scores = probabilities.subarray(row * classes.length, (row + 1) * classes.length);
        const file = files[index]!;
        requireNumbers(file, name, scores);
        yield { file, top: mostProbable(scores, topK).map((c) => ({ label: classes[c]!, probability: scores[c]! })) };
      }
    }
    for (; told < loader.skipped.length; told++) yield loader.skipped[told]!;
  } finally {
    progress?.end();
  }
}

/** Indices of the `count` largest, largest first; of equal ones the first. */
function mostProbable(scores: ArrayLike<number>, count: number): number[] {
  return Array.from(scores, (_, c) => c)
    .sort((a, b) => scores[b]! - scores[a]! || a - b)
    .slice(0, count);
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
