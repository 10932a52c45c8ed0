/** Two-dimensional sizes: one number for both axes, or [height, width]. */
import { ArgumentError } from '../core/errors.ts';

/** One number for both axes, or [height, width]. */
export type Size2d = number | readonly [number, number];

/** As {@link Size2d}, or [top, bottom, left, right]. */
export type Padding2d = Size2d | readonly [number, number, number, number];

/** [height, width]. */
export function pair(size: Size2d): [number, number] {
  return typeof size === 'number' ? [size, size] : [size[0], size[1]];
}

/**
 * A positive whole number.
 * @throws ArgumentError otherwise.
 */
export function positiveInteger(op: string, name: string, value: number): number {
  if (Number.isInteger(value) && value > 0) return value;
  throw new ArgumentError(`${op}: ${name} must be a positive whole number, got ${value}.`);
}
