/** A saved model: a folder with the weights, what is needed to use them, and how they came about. Written whole or not at all. */
import { existsSync } from 'node:fs';
import { stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ArgumentError } from '../core/errors.ts';
import { checkInstance, checkList, checkPath, shown } from '../core/options.ts';
import { transformFromJSON } from '../data/transforms/compose.ts';
import { Transform } from '../data/transforms/transform.ts';
import { writeWeights } from '../io/index.ts';
import { entryOf, topologyOf } from '../models/topology.ts';
import { Module } from '../nn/index.ts';
import { checkTask, DEFAULT_TASK, type TaskName } from '../tasks/kinds.ts';
import { requireFinite } from '../train/finite.ts';
import { MODEL_FILES, type ModelDescription, metadataOf } from './model-description.ts';
import { version } from './version.ts';
import { writeFolder } from './write-folder.ts';

/** A model with what turns images into its input and its output into class names. */
export interface Classifier<T extends TaskName = typeof DEFAULT_TASK> {
  /** What it answers; image classification by default. */
  readonly task?: T;
  readonly model: Module;
  /** As in {@link regraft/models!MODELS | MODELS}: `resnet50`; of a Keras model its own: `keras.mobilenet`. */
  readonly name: string;
  /** Names of the outputs, in their order: of classes, labels or numbers. */
  readonly classes: readonly string[];
  readonly transforms: Transform;
}

/**
 * The model as one of the task that it was asked for; of 'auto' as it is.
 * @param source stands for it in errors
 * @throws ArgumentError where it is of another.
 */
export function ofTask<T extends TaskName>(
  source: string,
  model: Classifier<TaskName>,
  task: T | 'auto' | undefined,
): Classifier<T> {
  const { task: is = DEFAULT_TASK } = model;
  const wanted = task === undefined || task === 'auto' ? task : checkTask('openModel', task);
  if (wanted === 'auto' || is === (wanted ?? DEFAULT_TASK)) return model as Classifier<T>;
  throw new ArgumentError(
    `${source}: is a model of ${is}, not of ${wanted ?? DEFAULT_TASK}. Say so: { task: '${is}' }, or 'auto' for whatever it is.`,
  );
}

const CLASSIFIER = 'Pass what openModel or finetune gives, or name all four.';

/** @throws ArgumentError if `value` is no {@link Classifier}, with what is wrong. */
export function checkClassifier(op: string, value: Classifier<TaskName>): void {
  if (value === null || typeof value !== 'object' || value instanceof Module)
    throw new ArgumentError(`${op}: expected { model, name, classes, transforms }, got ${shown(value)}. ${CLASSIFIER}`);
  checkInstance(op, 'model', value.model, Module, 'a module', CLASSIFIER);
  modelName(op, value.name);
  if (value.task !== undefined) checkTask(op, value.task);
  checkList(op, 'classes', value.classes);
  checkInstance(op, 'transforms', value.transforms, Transform, 'a transform', 'Pass that of the data set.');
}

function modelName(op: string, name: unknown): void {
  if (typeof name === 'string') return;
  throw new ArgumentError(`${op}: expected name as a network's name, got ${shown(name)}. Write name: 'resnet18', say.`);
}

/** Whether `folder` holds a saved model. */
export function isModelFolder(folder: string): boolean {
  return existsSync(join(folder, MODEL_FILES.description)) && existsSync(join(folder, MODEL_FILES.weights));
}

/**
 * Whether a model is in `folder` already, which saving would replace.
 * @throws ArgumentError if `folder` cannot be a model's: it is a file, or has files of these names that are not regraft's.
 */
export async function checkModelFolder(folder: string): Promise<boolean> {
  const there = await stat(folder).catch(() => null);
  if (!there) return false;
  if (!there.isDirectory()) throw new ArgumentError(`${folder}: is a file; expected a folder for the model.`);
  if (isModelFolder(folder)) return true;
  const foreign = Object.values(MODEL_FILES).filter((file) => existsSync(join(folder, file)));
  if (foreign.length > 0)
    throw new ArgumentError(
      `${folder}: has a ${foreign[0]} of something else, which would be overwritten. Choose another folder.`,
    );
  return false;
}

/**
 * Saves a model of {@link regraft/models!MODELS | MODELS}, or a Keras model with its topology, into `folder`, which is created if needed. A
 * model that is there already is replaced, when all of the new one has been written.
 * @param folder Where to; its parents are created too.
 * @param classifier The model, its name in MODELS, the classes in the order of its outputs, and the transforms that make an image its input.
 * @param files further files by name: `metrics.json`, `report.html`.
 * @throws ArgumentError for a model that regraft cannot build again by name; RegraftError if the folder cannot be written.
 * @example
 * const { classes, transform } = train;
 * await saveModel('runs/insects', { model, name: 'cifarResnet20', classes, transforms: transform });
 */
export async function saveModel(
  folder: string,
  classifier: Classifier<TaskName>,
  files: Readonly<Record<string, string>> = {},
): Promise<void> {
  checkPath(
    'saveModel',
    'where to save',
    folder,
    "Write saveModel('runs/mine', { model, name, classes, transforms }).",
  );
  checkClassifier('saveModel', classifier);
  const { model, name, task = DEFAULT_TASK, classes, transforms } = classifier;
  const topology = topologyOf(model);
  const description: ModelDescription = {
    regraft: version,
    task,
    model: name,
    ...(topology !== undefined && { topology }),
    head: (await entryOf({ model: name, topology })).head,
    classes,
    transforms: transforms.toJSON(),
  };
  transformFromJSON(description.transforms);
  const state = await model.stateDict();
  requireFinite(folder, state);
  await writeFolder(folder, async (temporary) => {
    await writeWeights(join(temporary, MODEL_FILES.weights), state, { metadata: metadataOf(description) });
    const texts = { [MODEL_FILES.description]: `${JSON.stringify(description, null, 2)}\n`, ...files };
    for (const [file, text] of Object.entries(texts)) await writeFile(join(temporary, file), text);
  });
}
