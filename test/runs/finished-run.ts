/** A small run that has ended, for tests of what can be done with its folder. */
import { copyFileSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { type FinetuneOptions, finetune } from '../../src/runs/finetune.ts';
import { temporaryFolder } from '../data/photos.ts';
import { colourPhotos, someWeights } from './colour-photos.ts';

export interface FinishedRun {
  /** Four training photos of each class, two to validate on. */
  readonly photos: string;
  readonly weights: string;
  /** Where the run is: four epochs, the head alone. */
  readonly finished: string;
  /** The run's options, with some of one's own. */
  readonly options: (more?: Partial<FinetuneOptions>) => FinetuneOptions;
}

export async function finishedRun(): Promise<FinishedRun> {
  const photos = await colourPhotos(4, 2);
  const weights = await someWeights();
  const options = (more: Partial<FinetuneOptions> = {}): FinetuneOptions => ({
    photos,
    weights,
    model: 'cifarResnet20',
    batchSize: 6,
    epochs: 4,
    ...more,
  });
  const finished = outFolder();
  await finetune(options({ out: finished }));
  return { photos, weights, finished, options };
}

/** Where a run may be written. */
export const outFolder = (): string => join(temporaryFolder(), 'out');

/** A copy of a run's folder. */
export function copyOf(folder: string): string {
  const copy = outFolder();
  mkdirSync(copy);
  for (const file of readdirSync(folder)) copyFileSync(join(folder, file), join(copy, file));
  return copy;
}
