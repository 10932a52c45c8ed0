/** A run of the page as the command line would have it: the page shows its result, the report is made of it. */
import type { BlobDataset } from '../../src/data/images/blob-dataset.ts';
import type { Module } from '../../src/nn/index.ts';
import type { Checkpoint } from '../../src/runs/checkpoint.ts';
import type { RunHost, RunPlan, RunState } from '../../src/runs/host.ts';
import type { FinetuneResult } from '../../src/runs/result.ts';
import { runFinetune } from '../../src/runs/run.ts';
import { reproduceCommand } from '../../src/runs/settings.ts';
import type { Stopwatch } from '../../src/runs/stopwatch.ts';
import { DEFAULT_TASK } from '../../src/tasks/kinds.ts';
import type { Outcome } from '../messages.ts';
import { Stopped } from './control.ts';
import type { Live } from './live.ts';
import { dataUrl, imageOf, thumbnailOf } from './photos.ts';
import type { Plan } from './plan.ts';

declare const __VERSION__: string;

export const VERSION: string = __VERSION__;

/** Where a run of the page happens. */
export interface Place {
  readonly watch: Stopwatch;
  /** When it began, ISO 8601. */
  readonly date: string;
  readonly checkpoint: Checkpoint | null;
  readonly live: Live;
  readonly signal: AbortSignal;
  /** Resolves when a pause is over, to the milliseconds that it took. */
  held(): Promise<number>;
  writeCheckpoint(point: RunState): Promise<void>;
  onTrained?(): void;
}

/** The plan for `runFinetune`. */
export function runPlanOf(
  { settings, entry, phases, weights, preset, train, validation }: Plan,
  model: Module,
): RunPlan {
  const reproduce = reproduceCommand('photos', 'model', settings);
  return {
    ...{
      settings,
      task: DEFAULT_TASK,
      classes: train.classes,
      entry,
      phases,
      model,
      preset,
      train,
      validation,
      reproduce,
      command: reproduce,
      skipped: [],
    },
    weights: weights && { source: weights.source, sha256: weights.sha256 },
    source: 'photos in the browser',
  };
}

/** The host for `runFinetune`. */
export function hostOf({ held, live, ...place }: Place, validation: BlobDataset): RunHost {
  return {
    ...place,
    version: VERSION,
    progress: live,
    beforeBatch: async () => live.rested(await held()),
    endsEarly: (error) => error instanceof Stopped,
    onEpoch: (record) => live.finished(record),
    picture: async (index) => {
      const { blob, path } = validation.samples[index]!;
      const picture = imageOf(blob as File).then((image) => thumbnailOf(image));
      return { path, thumbnail: await picture.then(dataUrl).catch(() => null) };
    },
    shortPath: (path) => path,
  };
}

/** Trains the plan's model. @param idOf the id of a photo's file */
export async function outcomeOf(
  plan: Plan,
  model: Module,
  place: Place,
  idOf: (blob: Blob) => number,
): Promise<Outcome> {
  const { validation } = plan;
  const { result, mistakes } = await runFinetune(runPlanOf(plan, model), hostOf(place, validation));
  return { result: result as FinetuneResult, mistakes: mistakes.map((index) => idOf(validation.samples[index]!.blob)) };
}
