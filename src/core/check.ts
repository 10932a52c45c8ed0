/** What a value may be, as data: one check and one message for options of functions, classes, runs and the command line. */
import { ArgumentError } from './errors.ts';
import { shown } from './options.ts';

/** A kind of values, in words and as a test. */
export interface Kind<T = unknown> {
  /** What follows 'must be': 'a whole number, 1 or more', 'above 0'. */
  readonly words: string;
  /** All values, where they are few. */
  readonly names?: readonly (T & string)[];
  /** Said after what was got: '0.2 is a fifth'. */
  readonly example?: string;
  is(value: unknown): value is T;
  /** A wrong value in words; {@link shown} by default. */
  got?(value: unknown): string;
}

/** `value`. @throws ArgumentError if it is not of the kind. */
export function check<T>(op: string, name: string, value: unknown, kind: Kind<T>): T {
  if (kind.is(value)) return value;
  const { words, example, got = shown } = kind;
  throw new ArgumentError(`${op}: ${name} must be ${words}, got ${got(value)}.${example ? ` ${example}.` : ''}`);
}

/** Numbers that `holds` is true for. */
const numbers = (words: string, holds: (value: number) => boolean): Kind<number> => ({
  words,
  is: (value): value is number => typeof value === 'number' && holds(value),
});

/** Whole numbers from `least` on, up to `most`. */
export const whole = (least: number, words = `a whole number, ${least} or more`, most = Infinity): Kind<number> =>
  numbers(words, (value) => Number.isInteger(value) && value >= least && value <= most);

/** Numbers above `low`. */
export const above = (low: number): Kind<number> =>
  numbers(`above ${low}`, (value) => Number.isFinite(value) && value > low);

/** Numbers from `least` on. */
export const atLeast = (least: number): Kind<number> =>
  numbers(`${least} or more`, (value) => Number.isFinite(value) && value >= least);

/** Numbers from `low` to `high`, both included. */
export const within = (low: number, high: number, words = `between ${low} and ${high}`): Kind<number> =>
  numbers(words, (value) => value >= low && value <= high);

/** From 0 to 1. */
export const PROBABILITY: Kind<number> = within(0, 1, 'a probability from 0 to 1');

/** Numbers from `low` on that are below `high`. */
export const below = (low: number, high: number, example: string): Kind<number> => ({
  ...numbers(`from ${low} to below ${high}`, (value) => value >= low && value < high),
  example,
});

/** Shares that a moving average keeps. */
export const DECAY: Kind<number> = below(0, 1, '0.999 is usual');

/** One of a few words. */
export const oneOf = <const T extends string>(...names: readonly T[]): Kind<T> => ({
  words: `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`,
  names,
  is: (value): value is T => names.includes(value as T),
});

/** One value of the kind, or a list of them. */
export const each = <T>(kind: Kind<T>): Kind<T | readonly T[]> => ({
  ...kind,
  is: (value): value is T | readonly T[] => (Array.isArray(value) ? value.every(kind.is) : kind.is(value)),
});
