/** What a loader needs of a data set, and the random streams that make a sample independent of the order of loading. */
import { DataError } from '../core/errors.ts';
import { checkOptions } from '../core/options.ts';
import { Generator } from '../core/random.ts';
import type { SampleThreads } from './images/sample-threads.ts';
import type { Label } from './labels.ts';
import type { View } from './view.ts';

export type { View } from './view.ts';

/** One sample of a data set, whatever its parts are; a task's `collate` knows them. */
export interface Sample {
  /** Where the sample is in the data set that gave it. */
  readonly index: number;
  /** The file, or a name that a person can find it by. */
  readonly path: string;
}

/** One image, ready for a network, and its class or targets. */
export interface LabelledImage extends Sample {
  /** Float32 in planes, [channels, height, width] row-major. */
  readonly image: Float32Array;
  readonly shape: readonly [channels: number, height: number, width: number];
  /** The class's index in `classes`, or float targets. */
  readonly label: Label;
}

/** Samples by index. A data set of your own needs `length` and `get` only. */
export interface Dataset<S extends Sample = LabelledImage> {
  readonly length: number;
  /** Class names in the order of their labels. */
  readonly classes?: readonly string[];
  /** The label without loading the image. */
  label?(index: number): Label;
  /**
   * @param threads the loader's worker threads, for a data set that can use them
   * @throws DataError where the image cannot be read: a loader skips it and says so.
   */
  get(index: number, view?: View, threads?: SampleThreads): Promise<S>;
  /** How long a sample is, to put samples of like lengths into a batch: of texts, in characters. */
  lengthOf?(index: number): number;
  /** Text that is equal where the sample's numbers are: for caches. */
  key?(index: number, view?: View): Promise<string>;
}

/** A stream for one view of one sample. */
export function sampleGenerator(index: number, { seed, view }: View): Generator {
  // Each number is stirred before the next comes in, so that neighbouring seeds, views and indices share nothing.
  const stirred = (word: number, by: number) => new Generator((word ^ by) >>> 0);
  return stirred(stirred(new Generator(seed).uint32(), view).uint32(), index);
}

/** The view that a single `get(index)` shows. */
export const FIRST_VIEW: View = { seed: 0, view: 0 };

/** Options of `split`. */
export interface SplitOptions {
  /** Default 0. */
  seed?: number;
  /** Take the fraction of each class apart, so that both parts have the same mix. Default true. */
  stratified?: boolean;
}

/**
 * Indices of two parts, each ascending; the second holds `fraction` of the samples (rounded).
 * Stratified, a class of two or more has at least one in each part; a class of one is in the first.
 * @param name stands for the data set in errors
 * @throws DataError where a part would be empty, or the fraction is not between 0 and 1.
 */
export function splitIndices(
  name: string,
  labels: ArrayLike<number>,
  fraction: number,
  options: SplitOptions = {},
): [first: number[], second: number[]] {
  checkOptions('split', options, { seed: true, stratified: true });
  const { seed = 0, stratified = true } = options;
  if (!(fraction > 0 && fraction < 1))
    throw new DataError(
      name,
      `cannot be split: the fraction must be between 0 and 1, got ${fraction}. 0.2 holds a fifth out.`,
    );
  const groups = new Map<number, number[]>();
  for (let i = 0; i < labels.length; i++) {
    const group = stratified ? labels[i]! : 0;
    const members = groups.get(group);
    if (members) members.push(i);
    else groups.set(group, [i]);
  }
  const first: number[] = [];
  const second: number[] = [];
  for (const [group, members] of [...groups].sort((a, b) => a[0] - b[0])) {
    sampleGenerator(group, { seed, view: 0 }).shuffle(members);
    const n = members.length < 2 ? 0 : Math.min(members.length - 1, Math.max(1, Math.round(members.length * fraction)));
    members.forEach((member, k) => {
      (k < n ? second : first).push(member);
    });
  }
  if (second.length === 0)
    throw new DataError(
      name,
      `cannot be split: no class has two images or more (${labels.length} in all). Add images, or hold none out (a validation share of 0).`,
    );
  const ascending = (a: number, b: number) => a - b;
  return [first.sort(ascending), second.sort(ascending)];
}
