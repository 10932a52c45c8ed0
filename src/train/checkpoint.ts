/** A run's state after an epoch, in one file: with it an interrupted run goes on as if nothing had happened. */
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { StateDict, TensorData } from '../core/dtype.ts';
import { ArgumentError, WeightFileError } from '../core/errors.ts';
import { readWeightFile, writeWeights } from '../io/index.ts';
import type { ScheduleState } from '../optim/index.ts';
import type { FitState } from './fit.ts';
import { writeFolder } from './model-folder.ts';
import type { FinetuneSettings } from './recipe.ts';
import { type FinetuneResult, thinLosses } from './result.ts';

/** The file in a run's folder. It is removed when the run is done. */
export const CHECKPOINT_FILE = 'checkpoint.safetensors';

export interface Checkpoint {
  readonly settings: FinetuneSettings;
  /** Digest of the weights and of the list of photos: both must be the same when the run goes on. */
  readonly inputs: string;
  /** When the run began, ISO 8601. */
  readonly date: string;
  /** Index of the phase that the last epoch belongs to. */
  readonly phase: number;
  readonly progress: FitState;
  /** What training changes. */
  readonly model: StateDict;
  readonly optimizer: {
    readonly state: ReadonlyMap<string, TensorData>;
    readonly groups: readonly Record<string, unknown>[];
  };
  readonly schedule: ScheduleState;
  /** State of the default generator, which dropout draws from. */
  readonly random: readonly number[];
  readonly seconds: FinetuneResult['seconds'];
}

/** Enough for the report's curve; the header of a weight file is not for megabytes. */
const STEP_LOSSES = 2000;

/** Whether `folder` holds an unfinished run. */
export function hasCheckpoint(folder: string): boolean {
  return existsSync(join(folder, CHECKPOINT_FILE));
}

/** Writes the checkpoint over the one before, whole or not at all. */
export async function writeCheckpoint(folder: string, checkpoint: Checkpoint): Promise<void> {
  const { model, optimizer, progress, ...plain } = checkpoint;
  const { best, stepLosses, history, waited } = progress;
  const state: StateDict = new Map();
  const add = (prefix: string, tensors: ReadonlyMap<string, TensorData> | null | undefined) => {
    for (const [name, tensor] of tensors ?? []) state.set(`${prefix}/${name}`, tensor);
  };
  add('model', model);
  add('optimizer', optimizer.state);
  add('best', best?.state);
  const { state: bestState, predictions: _, ...bestNumbers } = best ?? { state: null };
  const text = JSON.stringify({
    ...plain,
    groups: optimizer.groups,
    history,
    waited,
    stepLosses: thinLosses(stepLosses, STEP_LOSSES),
    best: best && { ...bestNumbers, kept: bestState !== null },
  });
  await writeFolder(folder, (temporary) =>
    writeWeights(join(temporary, CHECKPOINT_FILE), state, { metadata: { regraft_checkpoint: text } }),
  );
}

/**
 * @throws ArgumentError if there is none; WeightFileError if it cannot be read.
 */
export async function readCheckpoint(folder: string): Promise<Checkpoint> {
  const path = join(folder, CHECKPOINT_FILE);
  if (!hasCheckpoint(folder))
    throw new ArgumentError(
      `${folder}: there is no ${CHECKPOINT_FILE} to resume from: the run has ended, or never reached the end of an epoch. Run it without resume.`,
    );
  const { state, metadata } = await readWeightFile(path);
  const text = metadata.regraft_checkpoint;
  if (text === undefined) throw new WeightFileError(path, 'is no checkpoint of regraft finetune.');
  const { groups, history, stepLosses, waited, best, ...plain } = JSON.parse(text);
  const part = (prefix: string): StateDict =>
    new Map(
      [...state].flatMap(([name, t]) => (name.startsWith(`${prefix}/`) ? [[name.slice(prefix.length + 1), t]] : [])),
    );
  const { kept, ...bestNumbers } = best ?? {};
  return {
    ...plain,
    progress: { history, stepLosses, waited, best: best && { ...bestNumbers, state: kept ? part('best') : null } },
    model: part('model'),
    optimizer: { state: part('optimizer'), groups },
  };
}

/** Removes the checkpoint of a run that is done. */
export async function removeCheckpoint(folder: string): Promise<void> {
  await rm(join(folder, CHECKPOINT_FILE), { force: true });
}
