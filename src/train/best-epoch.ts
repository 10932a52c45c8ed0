/** The best epoch of a run. */
import type { StateDict } from '../core/dtype.ts';
import { ArgumentError } from '../core/errors.ts';
import type { ScoreKind, Task } from '../tasks/task.ts';
import { type EpochRecord, scoreKey } from './history.ts';

/** The best epoch so far: by the monitored score, or else that of lowest loss. */
export interface BestEpoch {
  readonly epoch: number;
  /** The monitored score, negated where less of it is better. */
  readonly score: number;
  readonly loss: number;
  /** Parameters and buffers that training changes, as they were then; null where they are not kept. */
  readonly state: StateDict | null;
  /** Values of the task's metric on the held-out samples; absent without them and after a checkpoint. */
  readonly values?: unknown;
}

/** The numbers that an epoch is judged by. */
export interface Judgement {
  /** Higher is better. */
  readonly score: number;
  /** Decides between equal scores; lower is better. */
  readonly loss: number;
}

/** The loss that a run goes by: of the held-out samples, or else of training. */
export const lossOf = ({ trainLoss, validationLoss }: EpochRecord): number =>
  validationLoss ?? trainLoss ?? Number.POSITIVE_INFINITY;

/** The score of an epoch: `kind` on the held-out samples, or the loss where there is none. */
export function judge(record: EpochRecord, kind: ScoreKind | null): Judgement {
  const value = kind && record[scoreKey('validation', kind.name)];
  const loss = lossOf(record);
  if (value === null || value === undefined) return { score: -loss, loss };
  return { score: kind!.better === 'higher' ? value : -value, loss };
}

/**
 * The score that decides which epoch is the best: the task's first, or the one of that name; null for the loss.
 * @throws ArgumentError for a name that is none.
 */
export function monitoredScore(
  { name, scores }: Pick<Task, 'name' | 'scores'>,
  monitor: string | undefined,
): ScoreKind | null {
  if (monitor === undefined) return scores[0] ?? null;
  if (monitor === 'loss') return null;
  const found = scores.find((kind) => kind.name === monitor);
  if (found) return found;
  const names = ['loss', ...scores.map((kind) => kind.name)].map((word) => `'${word}'`);
  throw new ArgumentError(
    `fit: expected monitor as a score of ${name}, got '${monitor}'. There are ${names.join(', ')}.`,
  );
}

/** Whether an epoch is better than the best so far. */
export const isBetter = ({ score, loss }: Judgement, best: Judgement | null): boolean =>
  !best || score > best.score || (score === best.score && loss < best.loss);

/** Epochs since a loss was last below the one that counted as best before by more than `minDelta`. */
export function epochsSinceGain(losses: readonly number[], minDelta: number): number {
  let best = Number.POSITIVE_INFINITY;
  let since = 0;
  for (const loss of losses) {
    const gain = loss < best - minDelta;
    if (gain) best = loss;
    since = gain ? 0 : since + 1;
  }
  return since;
}
