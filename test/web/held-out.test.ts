/** The photos that the page holds out. */
import { expect, test } from 'vitest';
import type { Photos } from '../../web/worker/photos.ts';
import { heldOutShare, planOf } from '../../web/worker/plan.ts';

test('a split that is there is kept; without one a share of each class is held out', () => {
  const photos = { file: (id: number) => new File([], `${id}.jpg`) } as Photos;
  const parts = (heldOut: number[]) => {
    const classes = [
      { name: 'ants', photos: [1, 2, 3, 4, 5, 6] },
      { name: 'bees', photos: [7, 8, 9, 10] },
    ];
    const request = { model: 'resnet18', weights: { kind: 'random' }, freezeUntil: 'fc', epochs: 1 } as const;
    const plan = planOf({ ...request, classes, heldOut, batchSize: 16, learningRate: null }, null, photos);
    return [plan.train, plan.validation].map(({ samples }) => samples.map(({ path }) => path));
  };
  expect(parts([2, 9, 10])).toEqual([
    ['ants/1.jpg', 'ants/3.jpg', 'ants/4.jpg', 'ants/5.jpg', 'ants/6.jpg', 'bees/7.jpg', 'bees/8.jpg'],
    ['ants/2.jpg', 'bees/9.jpg', 'bees/10.jpg'],
  ]);
  expect(parts([]).map(({ length }) => length)).toEqual([5, 5]);
});

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
