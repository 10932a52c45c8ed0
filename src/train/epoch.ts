/** One epoch of training. */
import type { Measured, ScoreKind, Scores } from '../tasks/task.ts';
import type { Batches } from './batches.ts';
import { measured, type StepLoss } from './history.ts';
import { type Progress, shownScores } from './progress.ts';
import type { StepResult, Trainer } from './trainer.ts';

/** Options of an epoch. */
export interface EpochOptions {
  /** Number of the epoch, from 1. */
  readonly epoch: number;
  /** Heading of the progress, as in 'Epoch 3/12'. */
  readonly title: string;
  readonly scores: readonly ScoreKind[];
  readonly progress: Progress | null | undefined;
  readonly signal: AbortSignal | undefined;
  readonly beforeBatch: (() => unknown) | undefined;
  /** Called after each update. */
  readonly onUpdate: () => void;
  /** Called with the loss of each batch, a step later. */
  readonly onLoss: (loss: Pick<StepLoss, 'epoch' | 'loss'>) => void;
}

/** The result of an epoch. */
export interface TrainedEpoch {
  readonly loss: Measured;
  /** Those of the task's scores that are summed up while training. */
  readonly scores: Scores;
  readonly samples: number;
  /** Duration without the time that `beforeBatch` took. */
  readonly seconds: number;
}

/** Trains on every batch of an epoch. */
export async function trainEpoch(trainer: Trainer, batches: Batches, options: EpochOptions): Promise<TrainedEpoch> {
  const { epoch, progress, signal } = options;
  const { length } = batches.loader.dataset;
  let began = performance.now();
  let samples = 0;
  let lossSum = 0;
  const sums = new Map<string, number>();
  const means = (): Scores => Object.fromEntries([...sums].map(([name, sum]) => [name, sum / samples]));

  // Each result is read while the next batch runs.
  let pending: (StepResult & { readonly count: number }) | null = null;
  const settle = async (): Promise<void> => {
    if (!pending) return;
    const { count, loss, sums: parts } = pending;
    const [value, ...added] = await Promise.all([loss, ...Object.values(parts)].map((t) => t.item()));
    pending = null;
    samples += count;
    lossSum += value! * count;
    for (const [k, name] of Object.keys(parts).entries()) sums.set(name, (sums.get(name) ?? 0) + added[k]!);
    options.onLoss({ epoch: epoch - 1 + Math.min(1, samples / length), loss: measured(value!) });
    progress?.update(samples, { loss: lossSum / samples, ...shownScores(options.scores, means()) });
  };
  progress?.start(length, options.title);
  try {
    for await (const batch of batches.epoch(epoch - 1)) {
      const held = performance.now();
      await options.beforeBatch?.();
      began += performance.now() - held;
      signal?.throwIfAborted();
      const result = await trainer.step(batches, batch);
      await settle();
      pending = { ...result, count: batch.indices.length };
      if (result.updated) options.onUpdate();
    }
    if (trainer.finish()) options.onUpdate();
    await settle();
  } finally {
    progress?.end();
  }
  return { loss: measured(lossSum / samples), scores: means(), samples, seconds: (performance.now() - began) / 1000 };
}
