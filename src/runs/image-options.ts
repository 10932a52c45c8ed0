/** The options of a run that say how photos become images of the network: rows of the table in options.ts. */
import { type Kind, oneOf, whole } from '../core/check.ts';
import type { Orientation } from '../data/images/orientation.ts';
import { INPUT_RANGE, type InputRange } from './input-range.ts';
import { option } from './option-row.ts';

/** Levels of pixels of 0..1, one for all channels or one for each. */
const levels = (words: string, isLevel: (level: number) => boolean): Kind<readonly number[]> => ({
  words,
  is: (value): value is readonly number[] =>
    Array.isArray(value) &&
    [1, 3].includes(value.length) &&
    value.every((level) => Number.isFinite(level) && isLevel(level)),
  got: (value) => JSON.stringify(value),
});

/** What the rows of mean and deviation have in common. */
const NORMALISED = {
  default: { words: 'that of the weights', of: () => null },
  flag: '<list>',
  read: (text: string) => text.split(',').map((level) => (level.trim() === '' ? Number.NaN : Number(level))),
  fact: 'changed',
} as const;

export const IMAGE_ROWS = {
  /** Side of the images, in pixels. */
  imageSize: option<number>({
    kind: whole(1),
    default: { words: 'that of the weights', of: (_, { inputSize }) => inputSize },
    flag: '<pixels>',
    help: 'side of the images',
    also: (_, { fixedSize, inputSize: side }) =>
      fixedSize ? whole(side, `${side}, the only size that it takes`, side) : whole(1),
    fact: 'always',
  }),
  /** What is taken off pixels of 0..1, of all channels or of each; null: as the weights want it. */
  mean: option<readonly number[] | null>({
    ...NORMALISED,
    kind: levels('a number or three', () => true),
    help: 'what is taken off the pixels, 0..1, of all channels or of each: 0.5',
  }),
  /** What they are divided by then. */
  std: option<readonly number[] | null>({
    ...NORMALISED,
    kind: levels('a number above 0, or three', (level) => level > 0),
    help: 'what they are divided by then: 0.229,0.224,0.225',
  }),
  /** 'exif': photos are turned as their EXIF tag says; 'ignore': they are taken as they are stored. */
  orientation: option<Orientation>({
    kind: oneOf('exif', 'ignore'),
    default: { words: 'turned as their EXIF tag says', of: () => 'exif' },
    flag: '<how>',
    help: 'ignore: photos as they are stored',
  }),
  /** What the images of a model out of a file were scaled to, where that does not tell; null elsewhere. */
  inputRange: option<InputRange | null>({
    kind: INPUT_RANGE,
    default: null,
    flag: '<range>',
    help: 'for a model out of a file that does not tell: what its images were scaled to; caffe and torch as Keras has them',
  }),
};
