/** A saved model: a folder with the weights, what is needed to use them, and how they came about. Written whole or not at all. */
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { StateDict } from '../core/dtype.ts';
import { ArgumentError, RegraftError, WeightFileError } from '../core/errors.ts';
import { transformFromJSON } from '../data/compose.ts';
import type { Transform, TransformJSON } from '../data/transform.ts';
import { readWeights, writeWeights } from '../io/index.ts';
import { modelEntry } from '../models/registry.ts';
import type { Module } from '../nn/index.ts';
import { removeOnExit } from './temporary.ts';
import { version } from './version.ts';

/** The files of a model folder. `metrics.json` and `report.html` are there after fine-tuning. */
export const MODEL_FILES = {
  weights: 'model.safetensors',
  description: 'model.json',
  metrics: 'metrics.json',
  report: 'report.html',
} as const;

/** A model with what turns images into its input and its output into class names. */
export interface Classifier {
  readonly model: Module;
  /** As in {@link regraft/models!MODELS | MODELS}: `resnet50`. */
  readonly name: string;
  /** In the order of the outputs. */
  readonly classes: readonly string[];
  readonly transforms: Transform;
}

/** `model.json`. */
interface ModelDescription {
  /** The version that wrote it. */
  readonly regraft: string;
  readonly model: string;
  /** Path of the layer that makes the classes. */
  readonly head: string;
  readonly classes: readonly string[];
  readonly transforms: TransformJSON;
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
 * Saves a model of {@link regraft/models!MODELS | MODELS} into `folder`, which is created if needed. A model that is there already is replaced,
 * when all of the new one has been written.
 * @param files further files by name: `metrics.json`, `report.html`.
 * @throws ArgumentError for a model that regraft cannot build again by name; RegraftError if the folder cannot be written.
 */
export async function saveModel(
  folder: string,
  { model, name, classes, transforms }: Classifier,
  files: Readonly<Record<string, string>> = {},
): Promise<void> {
  const description: ModelDescription = {
    regraft: version,
    model: name,
    head: modelEntry(name).head,
    classes,
    transforms: transforms.toJSON(),
  };
  transformFromJSON(description.transforms);
  const state = await model.stateDict();
  await writeFolder(folder, async (temporary) => {
    const metadata = { format: 'pt', regraft: version, model: name, classes: JSON.stringify(classes) };
    await writeWeights(join(temporary, MODEL_FILES.weights), state, { metadata });
    const texts = { [MODEL_FILES.description]: `${JSON.stringify(description, null, 2)}\n`, ...files };
    for (const [file, text] of Object.entries(texts)) await writeFile(join(temporary, file), text);
  });
}

/**
 * Opens what {@link saveModel} wrote; the model is in evaluation mode.
 * @throws RegraftError if it is no model folder or is damaged, in one line that says what is wrong.
 */
export async function openModel(folder: string): Promise<Classifier> {
  const description = await readDescription(folder);
  const { model: name, classes } = description;
  const entry = modelEntry(name);
  const transforms = transformFromJSON(description.transforms);
  const state: StateDict = await readWeights(join(folder, MODEL_FILES.weights));
  const model = await entry.create({ numClasses: classes.length });
  model.loadStateDict(state, { copy: false });
  model.eval();
  return { model, name, classes, transforms };
}

async function readDescription(folder: string): Promise<ModelDescription> {
  const path = join(folder, MODEL_FILES.description);
  const text = await readFile(path, 'utf8').catch(async () => {
    const there = await stat(folder).catch(() => null);
    const fault = !there
      ? 'there is no such folder'
      : there.isDirectory()
        ? `holds no ${MODEL_FILES.description}`
        : 'is a file';
    throw new ArgumentError(
      `${folder}: ${fault}; expected the folder of a fine-tuned model, as regraft finetune --out writes it.`,
    );
  });
  let description: Partial<ModelDescription> | null;
  try {
    description = JSON.parse(text);
  } catch {
    description = null;
  }
  const { model, classes, transforms } = description ?? {};
  const named = Array.isArray(classes) && classes.length > 0 && classes.every((c) => typeof c === 'string');
  if (typeof model !== 'string' || !named || typeof transforms !== 'object')
    throw new WeightFileError(path, "is damaged: expected regraft's description of a model with its classes.");
  return description as ModelDescription;
}

/**
 * Fills a temporary folder inside `folder`, then moves its files in, over those of the same names. If `fill` fails,
 * nothing of it stays: neither the temporary folder nor `folder` itself, if it was not there before.
 */
export async function writeFolder(folder: string, fill: (temporary: string) => Promise<void>): Promise<void> {
  const temporary = join(folder, `.writing-${randomUUID()}`);
  let created: string | undefined;
  let release = () => {};
  try {
    try {
      created = await mkdir(folder, { recursive: true });
      release = removeOnExit(temporary);
      await mkdir(temporary);
    } catch (error) {
      throw new RegraftError(`${folder}: cannot be written (${(error as NodeJS.ErrnoException).code}).`);
    }
    await fill(temporary);
    for (const file of await readdir(temporary)) await rename(join(temporary, file), join(folder, file));
  } catch (error) {
    await rm(temporary, { recursive: true, force: true }).catch(() => {});
    if (created) await removeEmpty(folder, created);
    throw error;
  }
  await rm(temporary, { recursive: true, force: true });
  release();
}

/** Removes `folder` and the empty folders above it, up to `top`. */
async function removeEmpty(folder: string, top: string): Promise<void> {
  for (let at = resolve(folder); at.length >= resolve(top).length; at = dirname(at))
    if (
      !(await rmdir(at)
        .then(() => true)
        .catch(() => false))
    )
      return;
}
