/** Progress of a run, as it is reported to a display. */
import type { ScoreKind, Scores } from '../tasks/task.ts';

/** Values beside the bar; one that is left out is not shown. */
export interface ProgressValues {
  readonly loss?: number;
  readonly accuracy?: number;
  /** Scores of a task. */
  readonly scores?: readonly ShownScore[];
  /** Taken from the clock where left out. */
  readonly imagesPerSecond?: number;
  /** Time left of the whole run; where left out, that of this stretch, from the clock. */
  readonly secondsLeft?: number;
}

/** A score as it is shown: as in 'mean IoU 71.2 %'. */
export interface ShownScore extends Pick<ScoreKind, 'name' | 'title' | 'format'> {
  readonly value: number;
}

/** Those scores that are numbers, as they are shown. */
export const shownScores = (kinds: readonly ScoreKind[], scores: Scores): Pick<ProgressValues, 'scores'> => ({
  scores: kinds.flatMap((kind) => (scores[kind.name] == null ? [] : [{ ...kind, value: scores[kind.name]! }])),
});

/** The things that `total` and `done` count. */
export type ProgressUnit = 'images' | 'bytes' | 'steps';

/** One stretch of work at a time: `start`, any number of `update`, `end` (call it in a `finally`: a running bar keeps the process alive). */
export interface Progress {
  /** Begins a stretch of `total` images (default), bytes or steps, titled as in 'Epoch 3/12'. */
  start(total: number, text: string, unit?: ProgressUnit): void;
  /** `done` of `total` so far. */
  update(done: number, values?: ProgressValues): void;
  /** Writes one line of its own. */
  note(text: string): void;
  /** Closes the stretch, leaving its last state readable. Without a running stretch it does nothing. */
  end(): void;
}
