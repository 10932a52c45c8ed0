/** The share of photos that the page holds out. */
import { expect, test } from 'vitest';
import { heldOutShare } from '../../web/worker/plan.ts';

test.each<[number[], number]>([
  [[100, 100], 0.2],
  [[12, 12], 0.25],
  [[10, 10], 0.25],
  [[8, 8], 0.35],
  [[4, 4], 0.5],
  [[2, 2], 0.5],
  [[5, 5, 5, 5, 5], 0.2],
])('of classes of %j photos a share of %d', (counts, share) => {
  expect(heldOutShare(counts)).toBeCloseTo(share, 6);
  const held = counts.reduce((sum, n) => sum + Math.max(1, Math.round(n * heldOutShare(counts))), 0);
  expect(held >= 5 || heldOutShare(counts) === 0.5).toBe(true);
});
