/** A saved model: a folder with the weights, what is needed to use them, and how they came about. Written whole or not at all. */
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { causeOf } from '../core/cause.ts';
import { ArgumentError, RegraftError } from '../core/errors.ts';
import { transformFromJSON } from '../data/compose.ts';
import type { Transform } from '../data/transform.ts';
import { writeWeights } from '../io/index.ts';
import { modelEntry } from '../models/registry.ts';
import type { Module } from '../nn/index.ts';
import { MODEL_FILES, type ModelDescription, metadataOf } from './model-description.ts';
import { removeOnExit } from './temporary.ts';
import { version } from './version.ts';

/** A model with what turns images into its input and its output into class names. */
export interface Classifier {
  readonly model: Module;
  /** As in {@link regraft/models!MODELS | MODELS}: `resnet50`. */
  readonly name: string;
  /** In the order of the outputs. */
  readonly classes: readonly string[];
  readonly transforms: Transform;
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
    await writeWeights(join(temporary, MODEL_FILES.weights), state, { metadata: metadataOf(description) });
    const texts = { [MODEL_FILES.description]: `${JSON.stringify(description, null, 2)}\n`, ...files };
    for (const [file, text] of Object.entries(texts)) await writeFile(join(temporary, file), text);
  });
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
      throw new RegraftError(`${folder}: cannot be written: ${causeOf(error)}.`);
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
