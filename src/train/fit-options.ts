/** Options and result of {@link regraft/train!fit | fit}. */
import type { OptionNames } from '../core/options.ts';
import type { DataLoader, SkippedSample } from '../data/data-loader.ts';
import type { Dataset, Sample } from '../data/dataset.ts';
import type { BatchTransform } from '../data/transforms/mix.ts';
import type { EMA } from '../optim/ema.ts';
import type { GradScaler } from '../optim/grad-scaler.ts';
import type { Optimizer } from '../optim/optimizer.ts';
import type { Loss, Task } from '../tasks/task.ts';
import type { BestEpoch } from './best-epoch.ts';
import type { EpochRecord, StepLoss } from './history.ts';
import type { Precision } from './precision.ts';
import type { Progress } from './progress.ts';
import type { TrunkCacheOptions } from './trunk/trunk-cache.ts';

/** A learning-rate schedule: its `step` is called after every epoch, or every batch; a plateau schedule gets the validation loss. */
export interface Schedule {
  /** After an epoch or a batch; `metric` is the validation loss, or else the training loss. */
  step(metric?: number): void;
}

/** Options of {@link fit}. */
export interface FitOptions {
  /** The problem to learn: the loss, the scores, how samples become batches. Image classification by default. */
  readonly task?: Task | undefined;
  /** Samples to train on; a loader brings its own batch size, order and seed. */
  readonly train: Dataset<Sample> | DataLoader<unknown, Sample>;
  /** Samples to score the model on after each epoch; it never learns from them. */
  readonly validation?: Dataset<Sample> | undefined;
  /** Passes over the samples, those of `from` in this phase included. */
  readonly epochs: number;
  /** AdamW over all parameters (the frozen are skipped), at 1e-3, by default. */
  // biome-ignore lint/suspicious/noExplicitAny: an optimizer of any hyperparameters
  readonly optimizer?: Optimizer<any> | undefined;
  /**
   * The mean loss of a batch in place of the task's, cross-entropy by default. Validation uses the same function. In image classification there
   * is an accuracy where the outputs are [N, classes] and the labels classes; without one the best epoch is that of lowest loss.
   */
  readonly loss?: Loss | undefined;
  /** Samples in a batch; 32 by default. */
  readonly batchSize?: number | undefined;
  /** Seed of the order and the augmentation; 0 by default. */
  readonly seed?: number | undefined;
  /** Share of the target spread over all classes by the default loss in training; validation tells the plain cross-entropy. */
  readonly labelSmoothing?: number | undefined;
  /**
   * Mixes each batch of training, as `new MixUp({ numClasses: 10 })` does: by the seed, the epoch and the batch's place in it. There is no accuracy
   * in training then, and nothing is cached of the training images.
   */
  readonly mix?: BatchTransform | undefined;
  /** Changes the learning rate as training goes on. */
  readonly schedule?: Schedule | undefined;
  /** How often the schedule moves; 'epoch' by default. */
  readonly scheduleEvery?: 'epoch' | 'batch' | undefined;
  /** Largest joint norm of the gradients. */
  readonly clipGradNorm?: number | undefined;
  /** Batches whose gradients make one update, as one batch of all their images would; 1 by default. */
  readonly accumulate?: number | undefined;
  /** Stop when the validation loss (or else the training loss) has not improved by `minDelta` for `patience` epochs. */
  readonly earlyStopping?: { readonly patience: number; readonly minDelta?: number } | undefined;
  /**
   * The score that decides which epoch is the best, and that early stopping and a plateau schedule follow: 'loss', or one of the task's. By
   * default the best epoch goes by the task's first score, and the others by the loss.
   */
  readonly monitor?: string | undefined;
  /** Put the weights of the best epoch back at the end; true by default where there is validation. */
  readonly keepBest?: boolean | undefined;
  /**
   * 'float16' computes in mixed precision; parameters stay float32. Loss scaling is dynamic: the first few steps may be left out while
   * it finds its scale. On an adapter without 16-bit floats a note says so, and the run is float32's, the default.
   */
  readonly precision?: Precision | undefined;
  /**
   * Averages the weights as they are trained: a decay (0.999, say), or an {@link EMA} of the model. Validation, the best epoch and the model at the
   * end are of the averages; running statistics are averaged too, and the decay rises to its value over the first updates. None by default.
   */
  readonly ema?: number | EMA | undefined;
  /** The loss scaling of a mixed run, where it goes on from an earlier phase; a new one by default. */
  readonly scaler?: GradScaler | undefined;
  /**
   * Share of the training or validation images that may be unreadable; 1 by default. Below that, a class of which none can be
   * read stops the run too. One image may always be left out.
   */
  readonly maxSkipped?: number | undefined;
  /** Compute the frozen part once per image and view. On by default; the result is the same without, in float16 but for rounding. */
  readonly cache?: boolean | TrunkCacheOptions | undefined;
  /** The state to go on from: an earlier phase of the run, or a checkpoint. The optimizer and the schedule bring their own state. */
  readonly from?: FitState | undefined;
  /** Index of this stretch of the run; its epochs are numbered on from those of `from`. */
  readonly phase?: number | undefined;
  /** Epochs of all phases together, for the progress display. */
  readonly totalEpochs?: number | undefined;
  /** Stops the run before its next batch; `fit` then throws the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Awaited before each batch: where a page pauses the run. The time it takes does not count as the epoch's. */
  readonly beforeBatch?: (() => unknown) | undefined;
  /** Told how far it is; `createProgress()` draws a bar. */
  readonly progress?: Progress | null | undefined;
  /** After each epoch, with all that is needed to go on from it. Return false to stop. */
  readonly onEpoch?: ((record: EpochRecord, state: FitState) => unknown) | undefined;
}

/** Their names. */
export const FIT_OPTIONS: OptionNames<FitOptions> = {
  train: true,
  validation: true,
  task: true,
  epochs: true,
  optimizer: true,
  loss: true,
  batchSize: true,
  seed: true,
  labelSmoothing: true,
  mix: true,
  schedule: true,
  scheduleEvery: true,
  clipGradNorm: true,
  accumulate: true,
  earlyStopping: true,
  monitor: true,
  keepBest: true,
  precision: true,
  ema: true,
  scaler: true,
  maxSkipped: true,
  cache: true,
  from: true,
  phase: true,
  totalEpochs: true,
  signal: true,
  beforeBatch: true,
  progress: true,
  onEpoch: true,
};

/** The state of a run between two phases. */
export interface FitState {
  readonly history: readonly EpochRecord[];
  readonly stepLosses: readonly StepLoss[];
  readonly best: BestEpoch | null;
  /** Epochs since the loss last improved, for early stopping. */
  readonly waited: number;
  /** Images that could not be read and were left out, each once. */
  readonly skipped?: readonly SkippedSample[] | undefined;
}

/** The result of {@link fit}. */
export interface FitResult extends FitState {
  /** The epoch (as numbered in `history`) with the best validation accuracy, or else the lowest loss. */
  readonly bestEpoch: number;
  readonly skipped: readonly SkippedSample[];
}
