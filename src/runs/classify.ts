/** Opening a classifier by what a user names, and its scores on a folder of labelled photos. */
import { existsSync } from 'node:fs';
import { ArgumentError, DataError } from '../core/errors.ts';
import { checkOptions } from '../core/options.ts';
import { DataLoader } from '../data/data-loader.ts';
import type { LeftOut } from '../data/folders/left-out.ts';
import { openLabelledFolder } from '../data/folders/open-folders.ts';
import { classificationTransforms } from '../data/transforms/compose.ts';
import { init } from '../graph/init.ts';
import type { ModelEntry } from '../models/define.ts';
import { namingNetwork } from '../models/guess-network.ts';
import { isNetwork, type MODELS, modelEntry } from '../models/registry.ts';
import { EvaluationSum } from '../tasks/image-classification/evaluation-sum.ts';
import type { Evaluation } from '../tasks/image-classification/metrics.ts';
import { batchLogits } from '../train/evaluate.ts';
import { requireNumbers } from '../train/finite.ts';
import type { Progress } from '../train/progress.ts';
import { readLabels } from './labels-file.ts';
import { type Classifier, isModelFolder } from './model-folder.ts';
import type { KerasClassifierOptions } from './open-keras.ts';
import { BareWeightsError, openModel } from './open-model.ts';
import { openWeights } from './open-weights.ts';
import { wholeModelAt } from './start.ts';

/** Options of {@link regraft/train!predictImages | predictImages} and {@link evaluateFolder}. */
export interface ClassifyOptions {
  /** 32 by default. */
  readonly batchSize?: number | undefined;
  /** Told how far it is. */
  readonly progress?: Progress | null | undefined;
}

/**
 * A model of {@link MODELS} with the weights of a file, or published ones by name (by default the best), as a classifier.
 * `labels` is a file with the names of the classes: a line each, or a JSON list. Without it they are those of the published weights (ImageNet's, CIFAR-10's),
 * or `class 0`, `class 1` … where there are more or fewer outputs. `imageSize` is the side of its images in pixels; without it, it is that
 * which the weights were saved or published with, or the network's own, which `progress` tells.
 * @throws WeightFileError, StateDictError, ArgumentError
 */
export async function pretrainedClassifier(
  network: string,
  options: {
    readonly weights?: string | undefined;
    readonly labels?: string | undefined;
    readonly imageSize?: number | undefined;
    readonly progress?: Progress | null;
  } = {},
): Promise<Classifier> {
  const entry = modelEntry(network);
  const { name } = entry;
  const weights = options.weights ?? entry.weights?.DEFAULT.name;
  if (weights === undefined) throw new ArgumentError(`${name}: has no published weights. Name a weight file.`);
  const { imageSize } = options;
  const tuned =
    imageSize === undefined && options.weights !== undefined ? await wholeModelAt(options.weights, name, null) : null;
  if (tuned?.name === name)
    return options.labels ? { ...tuned, classes: await readLabels(options.labels, tuned.classes.length) } : tuned;
  const { file, transforms, sha256 } = await openWeights(name, entry, weights, options.progress);
  const load = () => namingNetwork(file, name, () => entry.create({ weights: file }));
  const model = await load().finally(() => file.close());
  model.eval();
  const count = model.namedParameters().findLast(([path]) => path.startsWith(`${entry.head}.`))![1].shape[0]!;
  const classes = options.labels ? await readLabels(options.labels, count) : await categoriesOf(entry, count);
  const isPublished = Object.values(entry.weights ?? {}).some((record) => sha256.startsWith(record.sha256));
  if (imageSize === undefined && !isPublished)
    options.progress?.note(
      `${weights}: does not tell how large its images were. ${name}'s own size is taken, ${transforms.crop} pixels; --image-size takes another.`,
    );
  const crop = imageSize ?? transforms.crop;
  const resize = Math.round((crop * transforms.resize) / transforms.crop);
  return { model, name, classes, transforms: classificationTransforms({ ...transforms, resize, crop }) };
}

/**
 * A classifier from what a user names: a fine-tuned or Keras model as {@link openModel} takes it, a network of {@link MODELS}, or a file of
 * weights of one, which is guessed from them and told to `progress`.
 * `inputRange` is for Keras models that do not tell how their images were scaled.
 * @throws RegraftError of some kind if it is none of these, or does not fit.
 */
export async function openClassifier(
  name: string,
  {
    inputRange,
    ...options
  }: Parameters<typeof pretrainedClassifier>[1] & Pick<KerasClassifierOptions, 'inputRange'> = {},
): Promise<Classifier> {
  const { weights, labels, imageSize } = options;
  const ownSize = () =>
    new ArgumentError(`${name}: is a model, which has its own size of images. Leave the image size out.`);
  if (imageSize !== undefined && weights === undefined && isModelFolder(name)) throw ownSize();
  if (weights === undefined && !isModelFolder(name) && existsSync(name)) {
    const opened = await openModel(name, { inputRange, labels }).catch(networkOf);
    if (typeof opened !== 'string') {
      if (imageSize !== undefined) throw ownSize();
      return opened;
    }
    options.progress?.note(`${name}: holds the weights of ${opened}, which is taken.`);
    return pretrainedClassifier(opened, { ...options, weights: name });
  }
  const network = weights !== undefined || labels !== undefined;
  if (network && isModelFolder(name))
    throw new ArgumentError(
      `${name}: is a fine-tuned model, which has its own weights and labels. Leave those options out.`,
    );
  if (!network && isModelFolder(name)) return openModel(name);
  if (!network && !isNetwork(name) && /[\\/.]/.test(name)) return openModel(name);
  if (weights === undefined) modelEntry(name, 'network, file or folder');
  return pretrainedClassifier(name, options);
}

/** The network that bare weights are of. @throws any other `error` */
function networkOf(error: unknown): string {
  if (error instanceof BareWeightsError && error.network !== undefined) return error.network;
  throw error;
}

/** Those of the published weights where there are as many outputs. */
async function categoriesOf({ categories }: ModelEntry, count: number): Promise<readonly string[]> {
  const names = (await categories?.()) ?? [];
  return names.length === count ? names : Array.from({ length: count }, (_, i) => `class ${i}`);
}

/** Scores on labelled photos. */
export interface FolderEvaluation extends Evaluation {
  readonly classes: readonly string[];
  /** The folder whose images were scored. */
  readonly folder: string;
  /** Files of the folder that are no images of a class, by reason. */
  readonly leftOut: readonly LeftOut[];
  readonly skipped: readonly { readonly path: string; readonly reason: string }[];
}

/**
 * Scores a classifier on a folder with one sub-folder a class. Of a folder with `train` and `val` (valid, validation,
 * test), the second is taken.
 * @throws DataError if there are no images, or of classes that the model does not know.
 */
export async function evaluateFolder(
  { model, name, classes, transforms }: Classifier,
  photos: string,
  options: ClassifyOptions = {},
): Promise<FolderEvaluation> {
  checkOptions('evaluateFolder', options, { batchSize: true, progress: true });
  const { batchSize = 32, progress = null } = options;
  const { images: data, leftOut } = openLabelledFolder(photos, { classes, transform: transforms });
  const folder = data.root;
  await init();
  const loader = new DataLoader(data, { batchSize });
  const scores = new EvaluationSum(classes.length);
  progress?.start(data.length, 'Evaluating');
  try {
    for await (const { logits, labels, indices } of batchLogits(model, loader, { progress })) {
      for (const [row, index] of indices.entries())
        requireNumbers(
          data.samples[index]!.path,
          name,
          logits.subarray(row * classes.length, (row + 1) * classes.length),
        );
      scores.add(logits, labels);
    }
    if (scores.images === 0) throw new DataError(folder, 'no image can be read.');
    return { ...scores.result(), classes, folder, leftOut, skipped: loader.skipped };
  } finally {
    progress?.end();
  }
}
