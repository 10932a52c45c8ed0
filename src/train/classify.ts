/** Using a classifier on files: predictions for images, scores on a folder of labelled photos. */
import { existsSync } from 'node:fs';
import { ArgumentError, DataError, WeightFileError } from '../core/errors.ts';
import { classificationTransforms } from '../data/compose.ts';
import { checkImage } from '../data/decode.ts';
import { ImageDataset, reasonOf } from '../data/image-dataset.ts';
import { openLabelledFolder } from '../data/open-folders.ts';
import { init } from '../device/current.ts';
import { readTextFile } from '../io/text.ts';
import { MODELS, modelEntry } from '../models/registry.ts';
import { predictLogits } from './evaluate.ts';
import { type Evaluation, evaluateLogits, softmaxRows } from './metrics.ts';
import { type Classifier, isModelFolder } from './model-folder.ts';
import { openModel } from './open-model.ts';
import { openWeights } from './open-weights.ts';
import type { Progress } from './progress.ts';

/** Options of {@link predictImages} and {@link evaluateFolder}. */
export interface ClassifyOptions {
  /** 32 by default. */
  readonly batchSize?: number | undefined;
  readonly progress?: Progress | null | undefined;
}

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
  readonly skipped: readonly { readonly path: string; readonly reason: string }[];
}

/**
 * A model of {@link MODELS} with the weights of a file, or published ones by name (by default the best), as a classifier.
 * `labels` is a file with the names of the classes: a line each, or a JSON list. Without it they are `class 0`, `class 1` …
 * @throws WeightFileError, StateDictError, ArgumentError
 */
export async function pretrainedClassifier(
  name: string,
  options: {
    readonly weights?: string | undefined;
    readonly labels?: string | undefined;
    readonly progress?: Progress | null;
  } = {},
): Promise<Classifier> {
  const entry = modelEntry(name);
  const weights = options.weights ?? entry.weights?.DEFAULT.name;
  if (weights === undefined) throw new ArgumentError(`${name}: has no published weights. Name a weight file.`);
  const { file, transforms } = await openWeights(name, entry, weights, options.progress);
  const model = await entry.create({ weights: file });
  model.eval();
  const count = model.namedParameters().findLast(([path]) => path.startsWith(`${entry.head}.`))![1].shape[0]!;
  const classes = options.labels
    ? await readLabels(options.labels, count)
    : Array.from({ length: count }, (_, i) => `class ${i}`);
  return { model, name, classes, transforms: classificationTransforms(transforms) };
}

/**
 * A classifier from what a user names: a fine-tuned model as {@link openModel} takes it, or a network of {@link MODELS}.
 * @throws RegraftError of some kind if it is neither, or does not fit.
 */
export async function openClassifier(
  name: string,
  options: Parameters<typeof pretrainedClassifier>[1] = {},
): Promise<Classifier> {
  const { weights, labels } = options;
  const network = weights !== undefined || labels !== undefined;
  if (network && isModelFolder(name))
    throw new ArgumentError(
      `${name}: is a fine-tuned model, which has its own weights and labels. Leave those options out.`,
    );
  if (!network && (isModelFolder(name) || existsSync(name))) return openModel(name);
  if (!network && !Object.hasOwn(MODELS, name) && /[\\/.]/.test(name)) return openModel(name);
  return pretrainedClassifier(name, options);
}

async function readLabels(path: string, count: number): Promise<string[]> {
  const text = await readTextFile(path);
  let labels: unknown = text
    .replace(/^\ufeff/, '')
    .trimEnd()
    .split(/\r?\n/);
  try {
    labels = JSON.parse(text);
  } catch {
    // Lines, then.
  }
  if (!Array.isArray(labels) || !labels.every((label) => typeof label === 'string'))
    throw new WeightFileError(path, 'expected a line for each class, or a JSON list of names.');
  if (labels.length !== count)
    throw new ArgumentError(`${path}: has ${labels.length} names, but the model has ${count} classes.`);
  return labels;
}

/**
 * The `topK` (default 5) most probable classes of each image file.
 * Files that cannot be read are named in `skipped`; if there are many, and all are so, that is a DataError.
 */
export async function predictImages(
  { model, classes, transforms }: Classifier,
  files: readonly string[],
  options: ClassifyOptions & { readonly topK?: number | undefined } = {},
): Promise<ImagePredictions> {
  const { topK = 5, batchSize = 32, progress = null } = options;
  if (!(Number.isInteger(topK) && topK >= 1))
    throw new ArgumentError(`predict: topK must be a whole number, 1 or more, got ${topK}.`);
  const samples = files.map((path) => ({ path, label: 0 }));
  if (files.length <= FEW) {
    const skipped = await unreadable(files);
    if (skipped.length === files.length) return { predictions: [], skipped };
  }
  await init();
  const data = new ImageDataset('images', classes, samples, transforms);
  if (files.length > batchSize) progress?.start(files.length, 'Predicting');
  try {
    const { logits, indices, skipped } = await predictLogits(model, data, { batchSize, progress });
    const C = classes.length;
    const probabilities = softmaxRows(logits, C);
    const predictions = indices.map((index, row) => {
      const scores = probabilities.subarray(row * C, (row + 1) * C);
      const order = Array.from(scores, (_, c) => c).sort((a, b) => scores[b]! - scores[a]! || a - b);
      const top = order.slice(0, topK).map((c) => ({ label: classes[c]!, probability: scores[c]! }));
      return { file: files[index]!, top };
    });
    return { predictions, skipped };
  } finally {
    progress?.end();
  }
}

/** To open an adapter takes longer than to look at so many files: where none can be read, nobody needs to wait for it. */
const FEW = 16;

async function unreadable(files: readonly string[]): Promise<ImagePredictions['skipped']> {
  const skipped: { path: string; reason: string }[] = [];
  for (const path of files)
    await checkImage(path).catch((error: unknown) => skipped.push({ path, reason: reasonOf(error, path) }));
  return skipped;
}

/** Scores on labelled photos. */
export interface FolderEvaluation extends Evaluation {
  readonly classes: readonly string[];
  /** The folder whose images were scored. */
  readonly folder: string;
  readonly skipped: readonly { readonly path: string; readonly reason: string }[];
}

/**
 * Scores a classifier on a folder with one sub-folder a class. Of a folder with `train` and `val` (valid, validation,
 * test), the second is taken.
 * @throws DataError if there are no images, or of classes that the model does not know.
 */
export async function evaluateFolder(
  { model, classes, transforms }: Classifier,
  photos: string,
  options: ClassifyOptions = {},
): Promise<FolderEvaluation> {
  const { batchSize = 32, progress = null } = options;
  const { images: data } = openLabelledFolder(photos, { classes, transform: transforms });
  const folder = data.root;
  await init();
  progress?.start(data.length, 'Evaluating');
  try {
    const { logits, labels, skipped } = await predictLogits(model, data, { batchSize, progress });
    if (labels.length === 0) throw new DataError(folder, 'no image can be read.');
    return { ...evaluateLogits(logits, labels, classes.length), classes, folder, skipped };
  } finally {
    progress?.end();
  }
}
