/** Dropout: the mask is a hash of element and seed, so that backward makes it again instead of keeping it. */
import { check, PROBABILITY } from '../core/check.ts';
import { elementwiseOps, type Scalars } from './elementwise.ts';

/** Attributes of the `dropout` row for a probability and a seed (any integer). */
export function dropoutScalars(p: number, seed: number): Scalars {
  check('dropout', 'p', p, PROBABILITY);
  // The seed travels as a float: 24 bits are exact.
  return { scalars: [p === 1 ? 0 : 1 / (1 - p), p, (seed >>> 0) % 16777216], dynamic: true };
}

export const { dropout } = elementwiseOps;
