/** The measurements of a run, epoch by epoch and step by step. JSON-able throughout. */
import type { Measured, ScoreKind, Scores } from '../tasks/task.ts';

/** The numbers of an epoch that every task has. */
export interface EpochNumbers {
  /** From 1, through all phases. */
  readonly epoch: number;
  /** Index into `phases`. */
  readonly phase: number;
  readonly trainLoss: Measured;
  readonly validationLoss: Measured;
  readonly learningRate: number;
  /** Duration of training; `imagesPerSecond` is over these. */
  readonly seconds: number;
  /** Duration of the validation after it; absent where there was none. */
  readonly validationSeconds?: number;
  readonly imagesPerSecond: number;
  /** Whether the frozen trunk's activations came from the cache. */
  readonly cached: boolean;
}

/** Scores of an epoch, each under two names. */
export interface EpochScores {
  /** A score on the training samples, summed up while training. */
  readonly [score: `train${string}`]: Measured;
  /** A score on the held-out samples. */
  readonly [score: `validation${string}`]: Measured;
}

/** One epoch in numbers, with the scores of the task: of 'accuracy' there are `trainAccuracy` and `validationAccuracy`. */
export type EpochRecord = EpochNumbers & EpochScores;

/** The part of the data that a score is of. */
export type Part = 'train' | 'validation';

/** The name of a score in an {@link EpochRecord}. */
export const scoreKey = <P extends Part>(part: P, name: string): `${P}${string}` =>
  `${part}${name[0]!.toUpperCase()}${name.slice(1)}`;

/** Scores under their names in an {@link EpochRecord}; null where one was not measured. */
export function scoresOf<P extends Part>(
  part: P,
  kinds: readonly ScoreKind[],
  scores: Scores,
): Record<`${P}${string}`, Measured> {
  const entries = kinds.map(({ name }) => [scoreKey(part, name), measured(scores[name] ?? null)]);
  return Object.fromEntries(entries);
}

/** The number, or null for NaN and infinity. */
export const measured = (value: Measured): Measured => (Number.isFinite(value) ? value : null);

/** The loss of one batch. */
export interface StepLoss {
  readonly step: number;
  /** Epochs done when the step ended, with a fraction: 1.5 is the middle of the second. */
  readonly epoch: number;
  readonly loss: Measured;
}

/** At most `limit` (default 400) points: means over equal stretches of steps, each at its last step. */
export function thinLosses(losses: readonly StepLoss[], limit = 400): StepLoss[] {
  const stretch = Math.ceil(losses.length / limit);
  if (stretch <= 1) return [...losses];
  const out: StepLoss[] = [];
  for (let i = 0; i < losses.length; i += stretch) {
    const part = losses.slice(i, i + stretch);
    const known = part.flatMap(({ loss }) => (loss !== null && Number.isFinite(loss) ? [loss] : []));
    const loss = known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0) / known.length;
    out.push({ ...part[part.length - 1]!, loss });
  }
  return out;
}
