/** Samples by split to a training, a validation and a test part; what is trained on is held out of where nothing tells a validation part. */
import { DataError } from '../core/errors.ts';
import { splitIndices } from './dataset.ts';
import type { ValidationSource } from './folders/open-folders.ts';
import type { Split } from './folders/split-names.ts';
import { strataOf } from './labels.ts';

/** How a validation part is held out. */
export interface HeldOut {
  /** 0: none. */
  readonly share: number;
  readonly seed: number;
}

/** The parts of a data set. */
export interface SampleParts<T> {
  readonly train: readonly T[];
  /** The validation part, else the test part, else what is held out. */
  readonly validation: readonly T[];
  /** The test part, where there is one beside a validation part. */
  readonly test: readonly T[];
  /** What is in no split, where there are splits. */
  readonly outside: readonly T[];
  readonly validationFrom: ValidationSource;
}

/**
 * Tells the parts.
 * @param root stands for the data set in errors
 * @param classes how many there are
 * @param labelsOf classes in a sample, by which parts are made alike
 * @throws DataError where there are splits, but none to train on.
 */
export function samplePartsOf<T>(
  root: string,
  parts: ReadonlyMap<Split | null, readonly T[]>,
  { share, seed }: HeldOut,
  classes: number,
  labelsOf: (sample: T) => Iterable<number>,
): SampleParts<T> {
  const part = (split: Split | null) => parts.get(split) ?? [];
  const [all, outside] = parts.has('train') ? [part('train'), part(null)] : [part(null), []];
  if (all.length === 0) throw noTraining(root, [...parts.keys()]);
  const told = (['validation', 'test'] as const).find((split) => part(split).length > 0);
  const test = told === 'validation' ? part('test') : [];
  if (told)
    return { train: all, validation: part(told), test, outside, validationFrom: { kind: 'folder', folder: told } };
  if (share === 0) return { train: all, validation: [], test, outside, validationFrom: { kind: 'none' } };
  const sets = all.map((sample) => {
    const row = new Float32Array(classes);
    for (const label of labelsOf(sample)) row[label] = 1;
    return row;
  });
  const [train, validation] = splitIndices(root, strataOf(sets, classes, share), share, { seed });
  return {
    train: train.map((i) => all[i]!),
    validation: validation.map((i) => all[i]!),
    ...{ test, outside, validationFrom: { kind: 'held out', seed } },
  };
}

function noTraining(root: string, splits: readonly (Split | null)[]): DataError {
  const named = splits.filter((split) => split !== null).map((split) => `a ${split} part`);
  return new DataError(
    root,
    `has ${named.join(' and ')}, but nothing to train on. Name the training images' folder 'train', or name one part itself.`,
  );
}
