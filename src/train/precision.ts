/** Precision of a run, and the note where the adapter has no float16. */
import { ArgumentError } from '../core/errors.ts';
import { hasFloat16 } from '../device/adapter.ts';
import { currentDevice } from '../device/current.ts';
import { GradScaler } from '../optim/grad-scaler.ts';
import type { Progress } from './progress.ts';

/** 'float16': mixed precision, in `autocast` with a `GradScaler`. */
export type Precision = 'float32' | 'float16';

/** The precision that is wanted where the adapter has it; else float32, with a note. @throws ArgumentError for any other word. */
export function availablePrecision(wanted: Precision, progress: Progress | null | undefined): Precision {
  if (!['float32', 'float16'].includes(wanted))
    throw new ArgumentError(`precision must be float32 or float16, got '${wanted}'.`);
  if (wanted === 'float32') return wanted;
  const { info } = currentDevice();
  if (hasFloat16(info)) return wanted;
  const note = `precision: this adapter (${info.description}) has no 16-bit floats (shader-f16), so the run computes in float32.`;
  if (progress) progress.note(note);
  else console.warn(note);
  return 'float32';
}

/** A scaler that does nothing in float32. */
export const scalerFor = (precision: Precision): GradScaler => new GradScaler({ enabled: precision === 'float16' });
