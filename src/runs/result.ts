/** What a fine-tuning run leaves behind as `metrics.json`, and what the report is drawn from. JSON-able throughout. */

import type { Pictured } from '../tasks/image-task.ts';
import type { DEFAULT_TASK, TaskName } from '../tasks/kinds.ts';
import type { EvaluationOf, MistakeOf } from '../tasks/registry.ts';
import type { Measured } from '../tasks/task.ts';
import type { FreezingProof } from '../train/freezing-proof.ts';
import type { EpochRecord, StepLoss } from '../train/history.ts';

/** Everything there is to tell about a fine-tuning run: `metrics.json`, and what the report shows. */
export interface FinetuneResult<T extends TaskName = typeof DEFAULT_TASK> {
  readonly task: T;
  /** regraft's version. */
  readonly version: string;
  /** When the run began, ISO 8601. */
  readonly date: string;
  /** The command as it was typed. */
  readonly command: string;
  /** A command that repeats the run, every default and the seed spelled out. */
  readonly reproduce: string;
  readonly model: {
    readonly name: string;
    /** Where the weights came from; null for random ones. */
    readonly weights: { readonly source: string; readonly sha256: string } | null;
    readonly parameters: { readonly total: number; readonly trainable: number };
  };
  readonly data: {
    readonly source: string;
    /** Names of the model's outputs, in their order: of classes, labels or numbers. */
    readonly classes: readonly string[];
    readonly trainImages: number;
    readonly validationImages: number;
    readonly skipped: readonly { readonly path: string; readonly reason: string }[];
  };
  readonly hyperparameters: Readonly<Record<string, string | number | boolean | null>>;
  readonly phases: readonly Phase[];
  readonly history: readonly EpochRecord[];
  /** Thinned by {@link thinLosses}. */
  readonly stepLosses: readonly StepLoss[];
  /** The epoch (from 1) whose weights were kept. */
  readonly bestEpoch: number;
  /**
   * Scores of the kept weights on the validation images; null where there are none. In `metrics.json`, with more than 100 classes,
   * of image classification each row of `confusion` is an object of the counts that are not 0: `confusion[label][predicted] ?? 0` reads both forms.
   */
  readonly evaluation: EvaluationOf<T> | null;
  /** The validation images that the model was most wrong about, worst first. */
  readonly worstMistakes: readonly (MistakeOf<T> & Pictured)[];
  readonly frozen: FreezingProof;
  readonly adapter: {
    readonly description: string;
    readonly vendor: string;
    readonly architecture: string;
    readonly software: boolean;
  };
  /** Seconds by part, in the order to show; `total` is the wall clock of the run, `compiling` what shaders took of all parts. */
  readonly seconds: {
    readonly total: number;
    readonly parts: Readonly<Record<string, number>>;
    readonly compiling?: number;
  };
  /** Null where nothing was computed: a run that is finished from its checkpoint. */
  readonly peakGpuBytes: number | null;
  readonly comparisons?: readonly ComparisonRun[];
}

/** A stretch of epochs with one set of trainable parameters. */
export interface Phase {
  /** As in 'head' or 'layer4 and head'. */
  readonly name: string;
  readonly epochs: number;
  readonly learningRate: number;
  readonly trainableParameters: number;
  /** The first module that is trained, as given to `freezeUntil`; null where all is trained. */
  readonly frozenUntil: string | null;
}

/** Another run under the same budget, as 'from scratch'. */
export interface ComparisonRun {
  readonly name: string;
  readonly history: readonly EpochRecord[];
  /** The task's first score on the validation images, of its best epoch. */
  readonly score: Measured;
  /** That score of its last epoch's weights on the images that it was trained on, in evaluation mode. */
  readonly trainingScore?: Measured;
  readonly note?: string;
}
