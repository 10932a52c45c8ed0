/** What a run is to do, where it happens, and what it leaves. Knows neither Node nor the DOM. */

import type { Dataset } from '../data/dataset.ts';
import type { Label } from '../data/labels.ts';
import type { ImagePreset } from '../data/transforms/compose.ts';
import type { Transform } from '../data/transforms/transform.ts';
import type { ModelEntry } from '../models/define.ts';
import type { Module } from '../nn/index.ts';
import type { Pictured } from '../tasks/image-task.ts';
import type { TaskName } from '../tasks/kinds.ts';
import type { FitOptions } from '../train/fit-options.ts';
import type { EpochRecord } from '../train/history.ts';
import type { Progress } from '../train/progress.ts';
import type { Checkpoint } from './checkpoint.ts';
import type { FinetuneSettings } from './options.ts';
import type { RunPoint } from './phases.ts';
import type { PlannedPhase } from './recipe.ts';
import type { FinetuneResult } from './result.ts';
import type { Stopwatch } from './stopwatch.ts';

/** Labelled images of a run. */
export interface RunImages extends Dataset {
  label(index: number): Label;
  withTransform(transform: Transform): Dataset;
}

/** What a run is to do. */
export interface RunPlan {
  readonly settings: FinetuneSettings;
  readonly task: TaskName;
  readonly entry: ModelEntry;
  readonly phases: readonly PlannedPhase[];
  /** Names of the model's outputs, in their order: of classes, labels or numbers. */
  readonly classes: readonly string[];
  /** With its weights, and a head for the classes. */
  readonly model: Module;
  /** Where the weights came from; null for random ones. */
  readonly weights: FinetuneResult['model']['weights'];
  /** How images are prepared in training. */
  readonly preset: ImagePreset;
  readonly train: RunImages;
  /** Empty where nothing is held out. */
  readonly validation: RunImages;
  /** Where the images came from, in words. */
  readonly source: string;
  /** Images that were left out before the run began. */
  readonly skipped: FinetuneResult['data']['skipped'];
  /** The command as it was typed, and one that repeats the run. */
  readonly command: string;
  readonly reproduce: string;
  readonly cache?: FitOptions['cache'];
  /** Afterwards trains the same model from random weights too. */
  readonly compareFromScratch?: boolean | undefined;
}

/** Where a run happens. */
export interface RunHost {
  /** regraft's version. */
  readonly version: string;
  /** When the run began, ISO 8601. */
  readonly date: string;
  readonly watch: Stopwatch;
  readonly progress: Progress | null;
  readonly signal?: AbortSignal | undefined;
  /** Awaited before each batch. */
  readonly beforeBatch?: (() => unknown) | undefined;
  /** Where to go on from. */
  readonly checkpoint: Checkpoint | null;
  /** Train no more: the best of what the checkpoint holds is the result. */
  readonly finish?: boolean | undefined;
  /** Whether what ended the training is a wish to keep the best epoch so far. */
  endsEarly?(error: unknown): boolean;
  /** Keeps what is needed to go on from the end of an epoch. */
  writeCheckpoint?(point: RunState): Promise<void>;
  readonly onEpoch?: ((record: EpochRecord) => unknown) | undefined;
  /** The last batch is done; what follows is told by the result alone. */
  onTrained?(): void;
  /** The path of an image as it is shown, and a small picture of it as `data:image/jpeg;base64,…`; null where there is none. */
  picture(index: number): Promise<Pictured>;
  /** A path as it is shown. */
  shortPath(path: string): string;
}

/** A run at the end of an epoch: what is the same for every host of a {@link Checkpoint}. */
export type RunState = RunPoint & Pick<Checkpoint, 'settings' | 'date' | 'seconds'>;

/** What a run left: the result, and where its worst mistakes are in the validation images. */
export interface FinishedRun {
  readonly result: FinetuneResult<TaskName>;
  readonly mistakes: readonly number[];
}
