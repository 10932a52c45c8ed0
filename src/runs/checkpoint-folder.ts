/** The checkpoint in a run's folder, beside the model to come. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { writeFileAtomic } from '#files';
import { ArgumentError, RegraftError } from '../core/errors.ts';
import { type Checkpoint, checkpointChunks, readCheckpointFile } from './checkpoint.ts';
import { checkCheckpoint, damaged } from './checkpoint-check.ts';
import { writeFolder } from './write-folder.ts';

/** The file in a run's folder. It stays when the run is done, so that more epochs can follow. */
export const CHECKPOINT_FILE = 'checkpoint.safetensors';

/** Whether `folder` holds a run that can go on. */
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
 * The checkpoint in `folder`, looked through.
 * @throws ArgumentError if there is none; WeightFileError if it cannot be read or is damaged.
 */
export async function readCheckpoint(folder: string): Promise<Checkpoint> {
  if (!hasCheckpoint(folder))
    throw new ArgumentError(
      `${folder}: there is no ${CHECKPOINT_FILE} to resume from: no run there reached the end of an epoch, or it was deleted. Run it without resume.`,
    );
  const path = join(folder, CHECKPOINT_FILE);
  try {
    return await checkCheckpoint(path, await readCheckpointFile(path));
  } catch (error) {
    if (error instanceof RegraftError) throw error;
    throw damaged(path, 'it does not say how far the run was');
  }
}
