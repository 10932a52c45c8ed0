/** The folder of a run, taken before anything is read: tried, locked, and told what becomes of what is there. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { namesInWords } from '../core/format.ts';
import { readTextFile } from '../io/base/text.ts';
import { CHECKPOINT_FILE, hasCheckpoint } from './checkpoint-folder.ts';
import { lockRun } from './folder-lock.ts';
import { MODEL_FILES, parseDescription } from './model-description.ts';
import { checkModelFolder } from './model-folder.ts';

/**
 * Takes `out` for a run. @returns a function that gives it back, and a line about what the run replaces.
 * @throws ArgumentError if it cannot be a model's folder, or another run is at work there; RegraftError if it cannot be written.
 */
export async function takeFolder(out: string): Promise<{ release: () => void; replaced: string | null }> {
  const there = await checkModelFolder(out);
  const release = lockRun(out);
  return { release, replaced: await replacedIn(out, there) };
}

async function replacedIn(out: string, model: boolean): Promise<string | null> {
  const weights = join(out, MODEL_FILES.weights);
  if (hasCheckpoint(out) && !(model && timeOf(weights) >= timeOf(join(out, CHECKPOINT_FILE))))
    return `${out} holds an interrupted run, which this one replaces (--resume would go on with it).`;
  if (!model) return null;
  const day = new Date(timeOf(weights)).toLocaleDateString('en-GB', {
    day: 'numeric',
    month: 'short',
    year: 'numeric',
  });
  return `${out} holds a model of ${day}${await classesIn(out)}, which this run replaces when it is done.`;
}

function timeOf(file: string): number {
  return statSync(file).mtimeMs;
}

/** The classes of the model that is there; nothing for one that cannot be read, which is replaced all the same. */
async function classesIn(out: string): Promise<string> {
  try {
    const path = join(out, MODEL_FILES.description);
    return ` (${namesInWords(parseDescription(path, await readTextFile(path)).classes)})`;
  } catch {
    return '';
  }
}
