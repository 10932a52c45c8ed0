/** The checkpoint in a run's folder, beside the model to come. */
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '#files';
import { ArgumentError } from '../core/errors.ts';
import { type Checkpoint, checkpointChunks, readCheckpointFile } from './checkpoint.ts';
import { writeFolder } from './model-folder.ts';

/** The file in a run's folder. It is removed when the run is done. */
export const CHECKPOINT_FILE = 'checkpoint.safetensors';

/** Whether `folder` holds an unfinished run. */
export function hasCheckpoint(folder: string): boolean {
  return existsSync(join(folder, CHECKPOINT_FILE));
}

/** Writes the checkpoint over the one before, whole or not at all. */
export async function writeCheckpoint(folder: string, checkpoint: Checkpoint): Promise<void> {
  await writeFolder(folder, (temporary) =>
    writeFileAtomic(join(temporary, CHECKPOINT_FILE), checkpointChunks(checkpoint)),
  );
}

/**
 * @throws ArgumentError if there is none; WeightFileError if it cannot be read.
 */
export async function readCheckpoint(folder: string): Promise<Checkpoint> {
  if (!hasCheckpoint(folder))
    throw new ArgumentError(
      `${folder}: there is no ${CHECKPOINT_FILE} to resume from: the run has ended, or never reached the end of an epoch. Run it without resume.`,
    );
  return readCheckpointFile(join(folder, CHECKPOINT_FILE));
}

/** Removes the checkpoint of a run that is done. */
export async function removeCheckpoint(folder: string): Promise<void> {
  await rm(join(folder, CHECKPOINT_FILE), { force: true });
}
