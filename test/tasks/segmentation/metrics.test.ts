/** Scores of masks beside torchmetrics'. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { SegmentationMetric } from '../../../src/tasks/segmentation/metrics.ts';
import { faultOf } from '../../data/photos.ts';
import { fill } from '../../ops/inputs.ts';

const { cases } = JSON.parse(readFileSync(new URL('../../fixtures/masks/scores.json', import.meta.url), 'utf8')) as {
  readonly cases: readonly {
    readonly arguments: readonly [pixels: number, classes: number, used: number, seed: number];
    readonly confusion: readonly number[];
    readonly iou: readonly number[];
    readonly meanIoU: number;
    readonly dice: readonly number[];
    readonly pixelAccuracy: number;
  }[];
};

test.each(cases)('$arguments', ({ arguments: [pixels, classes, used, seed], ...expected }) => {
  const labels = (s: number) => fill({ kind: 'labels', shape: [pixels], classes: used }, s);
  const [truth, found] = [labels(seed), labels(seed + 50)];
  for (let i = 0; i < pixels; i++) {
    if (i % 3 !== 0) found[i] = truth[i]!;
    if (i % 17 === 5) truth[i] = 255;
  }
  const metric = new SegmentationMetric(classes);
  for (let at = 0; at < pixels; at += 13) metric.add(found.slice(at, at + 13), truth.slice(at, at + 13));
  const scores = metric.evaluate();
  expect(Array.from(scores.confusion)).toEqual(expected.confusion);
  // torchmetrics computes in float32, and has 0 for a class that is neither there nor found.
  for (const name of ['iou', 'dice'] as const)
    for (const [k, value] of expected[name].entries()) expect(scores.perClass[k]![name] ?? 0).toBeCloseTo(value, 6);
  expect(scores.meanIoU).toBeCloseTo(expected.meanIoU, 6);
  expect(scores.pixelAccuracy).toBeCloseTo(expected.pixelAccuracy, 6);
  expect(new SegmentationMetric(classes).addConfusion(expected.confusion).evaluate()).toEqual(scores);
});

test('classes that are nowhere have no scores; one that is only found has 0, and counts', () => {
  const { perClass, meanIoU, meanDice, pixels } = new SegmentationMetric(3).add([0, 1, 0], [0, 0, 255]).evaluate();
  expect([pixels, meanIoU, meanDice]).toEqual([2, 0.25, 1 / 3]);
  expect(perClass).toEqual([
    { iou: 0.5, dice: 2 / 3, recall: 0.5, support: 2 },
    { iou: 0, dice: 0, recall: null, support: 0 },
    { iou: null, dice: null, recall: null, support: 0 },
  ]);
  expect(new SegmentationMetric(2).add([], []).evaluate()).toMatchObject({
    pixels: 0,
    meanIoU: null,
    pixelAccuracy: null,
  });
});

test('what does not belong together', async () => {
  const metric = new SegmentationMetric(2);
  expect(await faultOf(() => new SegmentationMetric(256))).toBe(
    'ArgumentError: SegmentationMetric: expected classes as a whole number from 1 to 255, got 256.',
  );
  expect(await faultOf(() => metric.add([0], []))).toBe(
    'ArgumentError: SegmentationMetric: expected as many pixels of both, got 1 and 0.',
  );
  expect(await faultOf(() => metric.add([0, 2], [0, 1]))).toBe(
    'ArgumentError: SegmentationMetric: expected classes from 0 to 1, got 2 where the truth is 1.',
  );
  expect(await faultOf(() => metric.addConfusion([1]))).toBe(
    'ArgumentError: SegmentationMetric: expected a confusion matrix of 4 numbers, got 1.',
  );
  expect(metric.evaluate().pixels).toBe(0);
});
