/** A model of NaNs is no model: it is not saved, and it does not answer. */
import type { StateDict, TensorData } from '../core/dtype.ts';
import { RegraftError } from '../core/errors.ts';

/** The name of the first tensor that holds an infinite number or none at all; undefined where all are numbers. */
export function notFinite(state: ReadonlyMap<string, TensorData>): string | undefined {
  for (const [name, { data, dtype }] of state)
    if ((dtype === 'float32' || dtype === 'float64') && !allFinite(data as Float32Array)) return name;
  return undefined;
}

/** Whether there is neither NaN nor infinity among them. */
export function allFinite(values: Float32Array | Float64Array): boolean {
  // A loop, since a large model has a hundred million of them.
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i])) return false;
  return true;
}

/** @throws RegraftError where the outputs of network `name` for a file are NaN or infinite: an answer made of those would look like one. */
export function requireNumbers(file: string, name: string, outputs: Float32Array | Float64Array): void {
  if (allFinite(outputs)) return;
  throw new RegraftError(
    `${file}: ${name} gives no numbers (NaN): its weights are not usable. Train it again, at a lower learning rate.`,
  );
}

/** @throws RegraftError where a state dict, to be saved under the name `what`, holds something that is not a number. */
export function requireFinite(what: string, state: StateDict): void {
  const name = notFinite(state);
  if (name === undefined) return;
  throw new RegraftError(
    `${what}: expected weights that are numbers, got NaN or infinity in ${name}: training has diverged. Train again with a lower learning rate.`,
  );
}
