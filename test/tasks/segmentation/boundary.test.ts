/** Boundary F1 beside distance transforms of SciPy. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { BoundaryMetric } from '../../../src/tasks/segmentation/boundary.ts';
import { faultOf } from '../../data/photos.ts';

const { boundaries } = JSON.parse(
  readFileSync(new URL('../../fixtures/masks/scores.json', import.meta.url), 'utf8'),
) as {
  readonly boundaries: readonly {
    readonly arguments: readonly [number, number, number, number, number, number, number | null];
    readonly f1: readonly (number | null)[];
  }[];
};

test.each(boundaries)('$arguments', ({ arguments: [width, height, classes, a, b, ignored, tolerance], f1 }) => {
  const labels = (dx: number, dy: number) =>
    Array.from({ length: width * height }, (_, i) => {
      const [x, y] = [(i % width) + dx, Math.floor(i / width) + dy];
      return ((x * x + 3 * y * y) >> 7) % classes;
    });
  const [truth, found] = [labels(0, 0), labels(a, b)];
  if (ignored > 0) truth.fill(255, -ignored * width);
  const metric = new BoundaryMetric(classes, tolerance === null ? {} : { tolerance });
  const { perClass, boundaryF1 } = metric.add(found, truth, width, height).evaluate();
  expect(perClass.length).toBe(classes);
  for (const [k, value] of f1.entries()) expect(perClass[k]).toBeCloseTo(value!, 12);
  expect(boundaryF1).toBeCloseTo(f1.reduce((sum: number, value) => sum + value!, 0) / classes, 12);
});

test('classes without a boundary have none; the mean is over images that have one', async () => {
  const whole = new BoundaryMetric(2, { tolerance: 0 }).add([0, 0], [0, 0], 2, 1);
  expect(whole.evaluate()).toEqual({ boundaryF1: null, perClass: [null, null] });
  expect(whole.add([0, 1], [0, 1], 2, 1).add([0, 0], [0, 1], 2, 1).evaluate()).toEqual({
    boundaryF1: 0.5,
    perClass: [0.5, 0.5],
  });
  expect(await faultOf(() => whole.add([0], [0, 1], 2, 1))).toBe(
    'ArgumentError: BoundaryMetric: expected 2 pixels of both, got 1 and 2.',
  );
  expect(await faultOf(() => new BoundaryMetric(2, { tolerance: -1 }))).toBe(
    'ArgumentError: BoundaryMetric: expected tolerance in pixels, 0 or more, got -1.',
  );
});
