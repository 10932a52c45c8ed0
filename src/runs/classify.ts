/** Opening a classifier by what a user names, and its scores on a folder of labelled photos. */
import { existsSync } from 'node:fs';
import type { HostTensor } from '../core/dtype.ts';
import { ArgumentError, DataError } from '../core/errors.ts';
import { checkOptions } from '../core/options.ts';
import { DataLoader } from '../data/data-loader.ts';
import type { LabelledImage } from '../data/dataset.ts';
import type { LeftOut } from '../data/folders/left-out.ts';
import { openLabelledPhotos } from '../data/folders/open-labelled.ts';
import { classificationTransforms } from '../data/transforms/compose.ts';
import { init } from '../graph/init.ts';
import { namingNetwork } from '../models/guess-network.ts';
import type { MODELS } from '../models/models.ts';
import { OnnxModel } from '../models/onnx/model.ts';
import { isNetwork, networkEntry } from '../models/registry.ts';
import { DEFAULT_TASK, type TaskName } from '../tasks/kinds.ts';
import { Mirrored } from '../tasks/mirrored.ts';
import type { EvaluationOf } from '../tasks/registry.ts';
import { imageTask } from '../tasks/registry.ts';
import type { Task } from '../tasks/task.ts';
import { Batches } from '../train/batches.ts';
import { batchOutputs } from '../train/evaluate.ts';
import { requireNumbers } from '../train/finite.ts';
import type { Progress } from '../train/progress.ts';
import { readLabels } from './labels-file.ts';
import { type Classifier, isModelFolder, ofTask } from './model-folder.ts';
import { UNTOLD_SCALING } from './open-graph.ts';
import type { KerasClassifierOptions } from './open-keras.ts';
import { BareWeightsError, categoriesOf, openModel } from './open-model.ts';
import { openWeights } from './open-weights.ts';
import { requireImages, wholeModelAt } from './start.ts';

/** Options of {@link regraft/train!predictImages | predictImages} and {@link regraft/train!evaluateFolder | evaluateFolder}. */
export interface ClassifyOptions {
  /** 32 by default. */
  readonly batchSize?: number | undefined;
  /** Looks at each image mirrored as well, and answers with the mean of the probabilities, or of the numbers; off by default. */
  readonly flip?: boolean | undefined;
  /** Told how far it is. */
  readonly progress?: Progress | null | undefined;
}

/** Options of {@link regraft/train!pretrainedClassifier | pretrainedClassifier}. */
export interface PretrainedOptions<T extends TaskName = typeof DEFAULT_TASK> {
  /** A file, a URL or a published name; the best published by default. */
  readonly weights?: string | undefined;
  /** A file with the names of the classes: a line each, or a JSON list. */
  readonly labels?: string | undefined;
  /** Side of its images, in pixels. */
  readonly imageSize?: number | undefined;
  /** The task that the weights are of, where they are a whole model's; 'auto' for whatever it is. Image classification by default. */
  readonly task?: T | 'auto' | undefined;
  /** Told what was taken. */
  readonly progress?: Progress | null;
}

/**
 * A model of {@link MODELS} with the weights of a file, or published ones by name (by default the best), as a classifier.
 * `labels` is a file with the names of the classes: a line each, or a JSON list. Without it they are those of the published weights (ImageNet's, CIFAR-10's),
 * or `class 0`, `class 1` … where there are more or fewer outputs. `imageSize` is the side of its images in pixels; without it, it is that
 * which the weights were saved or published with, or the network's own, which `progress` tells.
 * @throws WeightFileError, StateDictError, ArgumentError
 */
export async function pretrainedClassifier<T extends TaskName = typeof DEFAULT_TASK>(
  network: string,
  options: PretrainedOptions<T> = {},
): Promise<Classifier<T>> {
  const entry = await networkEntry(network);
  const { name } = entry;
  requireImages('pretrainedClassifier', entry);
  const weights = options.weights ?? entry.weights?.DEFAULT.name;
  if (weights === undefined) throw new ArgumentError(`${name}: has no published weights. Name a weight file.`);
  const { imageSize } = options;
  const tuned =
    imageSize === undefined && options.weights !== undefined ? await wholeModelAt(options.weights, name, null) : null;
  if (tuned?.name === name) {
    const classes = options.labels ? await readLabels(options.labels, tuned.classes.length) : tuned.classes;
    return ofTask(options.weights!, { ...tuned, classes }, options.task);
  }
  const { file, transforms, sha256 } = await openWeights(name, entry, weights, options.progress);
  const onNote = (note: string) => options.progress?.note(note);
  const load = () => namingNetwork(file, name, () => entry.create({ weights: file, onNote }));
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
  const prepared = classificationTransforms({ ...transforms, resize, crop });
  return ofTask(weights, { model, name, classes, transforms: prepared }, options.task);
}

/**
 * A classifier from what a user names: a fine-tuned or Keras model as {@link openModel} takes it, a network of {@link MODELS}, or a file of
 * weights of one, which is guessed from them and told to `progress`.
 * `inputRange` is for Keras models that do not tell how their images were scaled.
 * @throws RegraftError of some kind if it is none of these, or does not fit.
 */
export async function openClassifier<T extends TaskName = typeof DEFAULT_TASK>(
  name: string,
  { inputRange, ...options }: PretrainedOptions<T> & Pick<KerasClassifierOptions, 'inputRange'> = {},
): Promise<Classifier<T>> {
  const { weights, labels, imageSize, task } = options;
  const ownSize = () =>
    new ArgumentError(`${name}: is a model, which has its own size of images. Leave the image size out.`);
  if (imageSize !== undefined && weights === undefined && isModelFolder(name)) throw ownSize();
  if (weights === undefined && !isModelFolder(name) && existsSync(name)) {
    const opened = await openModel(name, { task, inputRange, labels }).catch(networkOf);
    if (typeof opened !== 'string') {
      if (imageSize !== undefined) throw ownSize();
      // A graph that does not describe itself has names of classes from elsewhere.
      const isBare = opened.model instanceof OnnxModel && (labels !== undefined || opened.classes[0] === 'class 0');
      if (inputRange === undefined && isBare) options.progress?.note(`${name}: ${UNTOLD_SCALING}`);
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
  if (!network && isModelFolder(name)) return openModel(name, { task });
  if (!network && !isNetwork(name) && /[\\/.]/.test(name)) return openModel(name, { task });
  if (weights === undefined) await networkEntry(name, 'network, file or folder');
  return pretrainedClassifier(name, options);
}

/** The network that bare weights are of. @throws any other `error` */
function networkOf(error: unknown): string {
  if (error instanceof BareWeightsError && error.network !== undefined) return error.network;
  throw error;
}

/** Options of {@link evaluateFolder}. */
export interface EvaluateFolderOptions extends ClassifyOptions {
  /** Of photos whose labels are in a table: which, by its path from the folder. */
  readonly table?: string | undefined;
  /** Its column that names the images. */
  readonly imageColumn?: string | undefined;
  /** Its columns of labels. */
  readonly labelColumns?: readonly string[] | undefined;
}

/** Scores on labelled photos. */
export type FolderEvaluation<T extends TaskName = typeof DEFAULT_TASK> = EvaluationOf<T> & ScoredFolder;

/** Which photos were scored. */
export interface ScoredFolder {
  /** Names of the model's outputs, in their order. */
  readonly classes: readonly string[];
  /** The folder whose images were scored. */
  readonly folder: string;
  /** Files of the folder that are no labelled images, by reason. */
  readonly leftOut: readonly LeftOut[];
  readonly skipped: readonly { readonly path: string; readonly reason: string }[];
}

/**
 * Scores a model on labelled photos: a folder with one sub-folder a class, or with a table of labels, or a .zip of either. Of one with `train` and
 * `val` (valid, validation, test), the second is taken.
 * @throws DataError if there are no images, or of classes that the model does not know.
 */
export async function evaluateFolder<T extends TaskName = typeof DEFAULT_TASK>(
  classifier: Classifier<T>,
  photos: string,
  options: EvaluateFolderOptions = {},
): Promise<FolderEvaluation<T>> {
  const columns = { table: true, imageColumn: true, labelColumns: true };
  checkOptions('evaluateFolder', options, { batchSize: true, flip: true, progress: true, ...columns });
  const { name, classes, transforms } = classifier;
  const { batchSize = 32, flip = false, progress = null, table, imageColumn, labelColumns } = options;
  const kind = imageTask(classifier.task ?? DEFAULT_TASK);
  const model = flip ? new Mirrored(classifier.model, kind.mean) : classifier.model;
  const { images: data, leftOut } = await openLabelledPhotos(photos, {
    ...{ kind: kind.labels, classes, transform: transforms },
    ...(table !== undefined && { table }),
    ...(imageColumn !== undefined && { files: imageColumn }),
    ...(labelColumns && { labels: labelColumns }),
  });
  const folder = data.root;
  await init();
  const loader = new DataLoader<unknown, LabelledImage>(data, { batchSize });
  const task = kind.scoring();
  const metric = task.metric();
  let images = 0;
  progress?.start(data.length, 'Evaluating');
  try {
    for await (const { outputs, batch } of batchOutputs(
      model,
      new Batches(loader, task as Task, model, null),
      task as Task,
      { progress },
    )) {
      const [{ data: rows }] = Object.values(outputs) as [HostTensor];
      for (const [row, index] of batch.indices.entries())
        requireNumbers(
          data.samples[index]!.path,
          name,
          (rows as Float32Array).subarray(row * classes.length, (row + 1) * classes.length),
        );
      metric.update(outputs, batch);
      images += batch.indices.length;
    }
    if (images === 0) throw new DataError(folder, 'no image can be read.');
    const { evaluation } = metric.values()!;
    return { ...(evaluation as EvaluationOf<T>), classes, folder, leftOut, skipped: loader.skipped };
  } finally {
    progress?.end();
  }
}
