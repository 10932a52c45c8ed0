/** Two-dimensional sizes: one number for both axes, or [height, width]. */
import { type Kind, whole } from '../core/check.ts';
import { ArgumentError } from '../core/errors.ts';
import { shown } from '../core/options.ts';

/** One number for both axes, or [height, width]. */
export type Size2d = number | readonly [number, number];

/** As {@link Size2d}, or [top, bottom, left, right]. */
export type Padding2d = Size2d | readonly [number, number, number, number];

/** [height, width]. */
export function pair(size: Size2d): [number, number] {
  return typeof size === 'number' ? [size, size] : [size[0], size[1]];
}

/**
 * `size`, of whole numbers.
 * @param least the smallest that makes sense: 1 for kernels and strides, 0 for padding
 * @throws ArgumentError otherwise.
 */
export function checkSize<T extends Padding2d>(op: string, name: string, size: T, least: 0 | 1, most: 2 | 4 = 2): T {
  const sides: readonly unknown[] = Array.isArray(size) ? size : [size, size];
  const fits = sides.length === 2 || sides.length === most;
  if (fits && sides.every((side) => Number.isInteger(side) && (side as number) >= least)) return size;
  const also = most === 4 ? ', [height, width] or [top, bottom, left, right]' : ' or [height, width]';
  throw new ArgumentError(`${op}: expected ${name} as a whole number of ${least} or more${also}, got ${shown(size)}.`);
}

/** Counts of features, channels and groups. */
export const COUNT: Kind<number> = whole(1, 'a positive whole number');
