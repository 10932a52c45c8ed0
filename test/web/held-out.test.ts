/** The photos that the page holds out. */
import { expect, test } from 'vitest';
import type { Photos } from '../../web/worker/photos.ts';
import { checkInputs, heldOutShare, inputsOf, planOf } from '../../web/worker/plan.ts';

test('a split that is there is kept; without one a share of each class is held out', async () => {
  const photos = { file: (id: number) => new File([], `${id}.jpg`) } as Photos;
  const parts = async (heldOut: number[]) => {
    const classes = [
      { name: 'ants', photos: [1, 2, 3, 4, 5, 6] },
      { name: 'bees', photos: [7, 8, 9, 10] },
    ];
    const request = { model: 'resnet18', weights: { kind: 'random' }, freezeUntil: 'fc', epochs: 1 } as const;
    const plan = await planOf({ ...request, classes, heldOut, batchSize: 16, learningRate: null }, null, photos);
    return [plan.train, plan.validation].map(({ samples }) => samples.map(({ path }) => path));
  };
  expect(await parts([2, 9, 10])).toEqual([
    ['ants/1.jpg', 'ants/3.jpg', 'ants/4.jpg', 'ants/5.jpg', 'ants/6.jpg', 'bees/7.jpg', 'bees/8.jpg'],
    ['ants/2.jpg', 'bees/9.jpg', 'bees/10.jpg'],
  ]);
  expect((await parts([])).map(({ length }) => length)).toEqual([5, 5]);
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

test('a run that cannot go on names what is other than it was', async () => {
  const inputs = async (bees: number[], size = 1) => {
    const photos = { file: (id: number) => new File(['.'.repeat(id === 5 ? size : 1)], `${id}.jpg`) } as Photos;
    const classes = [
      { name: 'ants', photos: [1, 2, 3] },
      { name: 'bees', photos: bees },
    ];
    const request = { model: 'resnet18', weights: { kind: 'random' }, freezeUntil: 'fc', epochs: 1 } as const;
    return inputsOf(
      await planOf({ ...request, classes, heldOut: [3, 4], batchSize: 16, learningRate: null }, null, photos),
    );
  };
  const begun = { listed: await inputs([4, 5, 6]) };
  const check =
    (now: Awaited<ReturnType<typeof inputs>>, then: Parameters<typeof checkInputs>[0] = begun) =>
    () =>
      checkInputs(then, now);
  expect(check(await inputs([4, 5, 6]))).not.toThrow();
  expect(check(await inputs([4, 5]))).toThrow(
    'training: cannot go on: 1\u00a0photo is gone or can no longer be read (bees/6.jpg). Press Train to begin again.',
  );
  expect(check(await inputs([4, 5, 6, 7]))).toThrow(
    'training: cannot go on: 1\u00a0photo was added (bees/7.jpg). Press Train to begin again.',
  );
  expect(check(await inputs([4, 5, 6], 2))).toThrow(
    'training: cannot go on: 1\u00a0photo has other content (bees/5.jpg). Press Train to begin again.',
  );
  expect(check({ ...(await inputs([4, 5, 6])), weights: 'ab'.repeat(32) })).toThrow(
    'training: cannot go on: the weights are a file with sha256 abababababababab…, not random. Press Train to begin again.',
  );
  expect(check(await inputs([4, 5, 6]), { listed: null })).toThrow(
    'training: cannot go on: its record of photos and weights is damaged. Press Train to begin again.',
  );
});
