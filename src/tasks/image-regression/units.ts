/** Numbers in units of their own spread: what a head learns as fast whatever is measured, ages or prices. */

import type { HostTensor, StateDict } from '../../core/dtype.ts';
import { ArgumentError } from '../../core/errors.ts';
import type { AnyModule } from '../../nn/module.ts';
import type { TaskImages } from '../image-task.ts';

/** The mean and the standard deviation of each value over the training images. */
export interface Units {
  readonly mean: readonly number[];
  /** Above 0: of a value that is always the same it is 1. */
  readonly deviation: readonly number[];
}

/** The units of some images. */
export function unitsOf({ classes, length, label }: TaskImages): Units {
  const sums = (of: (value: number, k: number) => number) => {
    const all = classes.map(() => 0);
    for (let i = 0; i < length; i++)
      for (const [k, value] of (label(i) as Float32Array).entries()) all[k]! += of(value, k);
    return all.map((sum) => sum / length);
  };
  const mean = sums((value) => value);
  const deviation = sums((value, k) => (value - mean[k]!) ** 2).map((variance) => Math.sqrt(variance) || 1);
  return { mean, deviation };
}

/** Rows of numbers in these units. */
export function toUnits({ data, shape }: HostTensor, { mean, deviation }: Units): HostTensor {
  const values = mean.length;
  return { data: Float32Array.from(data, (x, i) => (x - mean[i % values]!) / deviation[i % values]!), shape };
}

/** Rows in these units as they were measured. */
export function fromUnits(rows: ArrayLike<number>, { mean, deviation }: Units): Float32Array {
  const values = mean.length;
  return Float32Array.from(rows, (x, i) => x * deviation[i % values]! + mean[i % values]!);
}

/**
 * Moves the units into a layer that makes the numbers, so that it gives them as they are measured; `inverse`: so that it gives them in units.
 * @param outputs those to change; by default all
 * @throws ArgumentError for a layer without a bias.
 */
export async function foldUnits(
  layer: AnyModule,
  { mean, deviation }: Units,
  { inverse = false, outputs = mean.map(() => true) }: { inverse?: boolean; outputs?: readonly boolean[] } = {},
): Promise<void> {
  const state = await layer.stateDict();
  const bias = state.get('bias');
  if (!bias)
    throw new ArgumentError(
      'image-regression: expected a head with a bias, got one without. Replace it by one that has.',
    );
  forOutputs(state, mean.length, (value, k, isBias) => {
    if (!outputs[k]) return value;
    const shift = isBias ? mean[k]! : 0;
    return inverse ? (value - shift) / deviation[k]! : value * deviation[k]! + shift;
  });
  layer.loadStateDict(state);
}

/** Makes a layer give 0, which is the mean in units, for each of `outputs`: random weights would begin far from every number. */
export async function startAtMean(layer: AnyModule, outputs: readonly boolean[]): Promise<void> {
  const state = await layer.stateDict();
  forOutputs(state, outputs.length, (value, k) => (outputs[k] ? 0 : value));
  layer.loadStateDict(state);
}

/** Replaces the numbers of a layer's state dict, each with the output that it makes. */
function forOutputs(
  state: StateDict,
  outputs: number,
  replaced: (value: number, output: number, isBias: boolean) => number,
): void {
  for (const [name, { data, shape }] of state) {
    const values = data as Float32Array;
    // PyTorch's layers have the outputs along the first axis, Keras's along the last.
    const [last, inner] = [name === 'kernel', values.length / outputs];
    if (!last && shape[0] !== outputs) continue;
    for (let i = 0; i < values.length; i++)
      values[i] = replaced(values[i]!, last ? i % outputs : Math.floor(i / inner), name === 'bias');
  }
}
