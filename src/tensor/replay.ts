/** What a checkpointed part sees when backward runs it again: the draws of the first time, and that it is the second. */
import { internal } from '../graph/record.ts';

/** One pass through a part. */
interface Pass {
  readonly replaying: boolean;
  readonly drawn: number[];
  next: number;
  readonly around: Pass | null;
}

let pass: Pass | null = null;

/** Whether a checkpointed part runs for the second time, so that what it changes has been changed already. */
export function isReplaying(): boolean {
  for (let at = pass; at; at = at.around) if (at.replaying) return true;
  return false;
}

/** A value that is drawn once: a second run of a checkpointed part is given the first one's. */
export function drawOnce(draw: () => number): number {
  return drawIn(pass, draw);
}

function drawIn(at: Pass | null, draw: () => number): number {
  if (!at) return draw();
  if (at.replaying) return at.drawn[at.next++]!;
  const value = drawIn(at.around, draw);
  at.drawn.push(value);
  return value;
}

/** Runs a part as library code: the first time `drawn` fills up, replaying it is handed out again. */
export function through<T>(drawn: number[], replaying: boolean, run: () => T): T {
  const around = pass;
  pass = { replaying, drawn, next: 0, around: replaying ? null : around };
  try {
    return internal(run);
  } finally {
    pass = around;
  }
}
