/** Dropout: the mask is a hash of element and seed, so that backward makes it again instead of keeping it. */
import { ArgumentError } from '../core/errors.ts';
import { elementwiseOps, type Scalars } from './elementwise.ts';

/** Attributes of the `dropout` row for a probability and a seed (any integer). */
export function dropoutScalars(p: number, seed: number): Scalars {
  if (!(p >= 0 && p <= 1)) throw new ArgumentError(`dropout: p must be a probability from 0 to 1, got ${p}.`);
  // The seed travels as a float: 24 bits are exact.
  return { scalars: [p === 1 ? 0 : 1 / (1 - p), p, (seed >>> 0) % 16777216], dynamic: true };
}

export const { dropout } = elementwiseOps;
