/** COCO's metric beside pycocotools: the same numbers, to the last bit. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openBoxes } from '../../../src/data/index.ts';
import type { CocoEvaluation } from '../../../src/tasks/detection/coco-evaluation.ts';
import { CocoMetric } from '../../../src/tasks/detection/coco-metric.ts';
import { faultOf } from '../../data/photos.ts';
import { fill } from '../../ops/inputs.ts';
import { sharedData } from '../../shared-data.ts';

interface Numbers {
  readonly stats: readonly number[];
  readonly ap: readonly number[];
  readonly ap50: readonly number[];
  readonly ap75: readonly number[];
  readonly recall: readonly number[];
  readonly curve: readonly number[];
  readonly scores: readonly number[];
}

/** Truths x y w h label [area [crowd]], detections x y w h label score. */
interface Image {
  readonly truths: readonly (readonly number[])[];
  readonly detections: readonly (readonly number[])[];
}

const read = (name: string) =>
  JSON.parse(readFileSync(new URL(`../../fixtures/detection/${name}`, import.meta.url), 'utf8'));
const { hostile, formulas } = read('coco-metric.json') as {
  readonly hostile: Readonly<Record<string, Numbers & { readonly classes: number; readonly images: readonly Image[] }>>;
  readonly formulas: Readonly<Record<string, Numbers & { readonly arguments: readonly number[] }>>;
};

/** Adds images, with boxes as COCO has them. */
function evaluated(classes: number, images: readonly Image[]): CocoEvaluation {
  const metric = new CocoMetric(classes, { format: 'xywh' });
  for (const { truths, detections } of images)
    metric.add(
      {
        boxes: detections.flatMap((box) => box.slice(0, 4)),
        labels: detections.map((box) => box[4]!),
        scores: detections.map((box) => box[5]!),
      },
      {
        boxes: truths.flatMap((box) => box.slice(0, 4)),
        labels: truths.map((box) => box[4]!),
        areas: truths.map((box) => box[5] ?? box[2]! * box[3]!),
        crowd: truths.map((box) => box[6] ?? 0),
      },
    );
  return metric.evaluate();
}

const orMinusOne = (value: number | null) => value ?? -1;

function check(found: CocoEvaluation, expected: Numbers): void {
  expect(found.stats).toEqual(expected.stats);
  for (const name of ['ap', 'ap50', 'ap75', 'recall'] as const)
    expect(found.perClass.map((one) => orMinusOne(one[name]))).toEqual(expected[name]);
  const curve = found.curve(found.perClass.length - 1);
  expect(Array.from(curve?.precisions ?? new Array(101).fill(-1))).toEqual(expected.curve);
  expect(Array.from(curve?.scores ?? new Array(101).fill(-1))).toEqual(expected.scores);
}

/** The same as `formula` of scripts/record-detection-fixtures.py. */
function formula(
  images: number,
  truths: number,
  found: number,
  classes: number,
  seed: number,
  levels: number,
): Image[] {
  const uniform = (shape: readonly number[], s: number) => fill({ kind: 'uniform', shape }, s) as Float32Array;
  const t = uniform([images, truths, 4], seed);
  const s = uniform([images, truths], seed + 1);
  const d = uniform([images, found, 4], seed + 2);
  const c = uniform([images, found], seed + 3);
  return Array.from({ length: images }, (_, i) => {
    const all = Array.from({ length: truths }, (_, j) => {
      const at = i * truths + j;
      const [x, y] = [(t[4 * at]! + 2) * 100, (t[4 * at + 1]! + 2) * 100];
      const [w, h] = [(t[4 * at + 2]! + 2.25) * 40, (t[4 * at + 3]! + 2.25) * 40];
      const label = Math.floor(((s[at]! + 2) / 4) * classes);
      return [x, y, w, h, label, w * h * ((s[at]! + 2) / 8 + 0.5), Number(j % 7 === 3)];
    });
    const detections = Array.from({ length: found }, (_, j) => {
      const at = i * found + j;
      const [x, y, w, h, label] = all[j % truths] as [number, number, number, number, number];
      return [
        ...[x + d[4 * at]! * 4, y + d[4 * at + 1]! * 4, w * (1 + d[4 * at + 2]! / 8), h * (1 + d[4 * at + 3]! / 8)],
        ...[j % 5 === 4 ? (label + 1) % classes : label, Math.floor(((c[at]! + 2) / 4) * levels) / levels],
      ];
    });
    return { truths: all.slice(0, truths - (i % 3)), detections };
  });
}

describe('the twelve numbers, those of each class, and a curve with its scores, bit for bit', () => {
  test.each(Object.entries(hostile))('%s', (_, { classes, images, ...expected }) => {
    check(evaluated(classes, images), expected);
  });

  test.each(Object.entries(formulas))('%s', (_, { arguments: of, ...expected }) => {
    check(evaluated(of[3]!, formula(...(of as Parameters<typeof formula>))), expected);
  });

  test.skipIf(!sharedData)('red blood cells, with made-up detections (needs REGRAFT_DATA)', async () => {
    for (const [part, expected] of Object.entries(read('red-blood-cells.json') as Record<string, Numbers>)) {
      const folder = join(sharedData!, 'detection/rbc-coco', part);
      const content = JSON.parse(readFileSync(join(folder, '_annotations.coco.json'), 'utf8'));
      const { train } = await openBoxes(folder, { validation: 0 });
      const [written, opened] = [new CocoMetric(2, { format: 'xywh' }), new CocoMetric(2)];
      for (const { id, file_name } of content.images) {
        const truths = content.annotations.filter((a: { image_id: number }) => a.image_id === id);
        const found = truths.flatMap((a: { id: number; bbox: number[]; category_id: number }) => {
          const [x, y, w, h] = a.bbox as [number, number, number, number];
          const [n, label] = [a.id, a.category_id - 1];
          return [
            ...(n % 11 === 5
              ? []
              : [[x + (n % 7), y - (n % 5), w * (1 + (n % 3) / 16), h, label, ((n * 37) % 64) / 64]]),
            ...(n % 6 === 0 ? [[x / 2, y / 2, w, h, (label + Math.floor(n / 6)) % 2, ((n * 17) % 64) / 64]] : []),
          ];
        });
        const parts = { labels: found.map((f: number[]) => f[4]), scores: found.map((f: number[]) => f[5]) };
        written.add(
          { ...parts, boxes: found.flatMap((f: number[]) => f.slice(0, 4)) },
          {
            boxes: truths.flatMap((a: { bbox: number[] }) => a.bbox),
            labels: truths.map((a: { category_id: number }) => a.category_id - 1),
            areas: truths.map((a: { area: number }) => a.area),
          },
        );
        const sample = train.find(({ path }) => path.endsWith(file_name))!;
        const corners = found.flatMap(([x, y, w, h]: number[]) => [x, y, x! + w!, y! + h!]);
        opened.add({ ...parts, boxes: corners }, sample);
      }
      check(written.evaluate(), expected);
      // As the reader gives them, corners are rounded once more than widths.
      for (const [i, value] of opened.evaluate().stats.entries()) expect(value).toBeCloseTo(expected.stats[i]!, 9);
    }
  });
});

test('names of the numbers; null where there is nothing to be found', () => {
  const box = { boxes: [0, 0, 10, 10], labels: [0] };
  const evaluation = new CocoMetric(2).add({ ...box, scores: [0.5] }, box).evaluate();
  // As pycocotools, which keeps from dividing by zero.
  const one = expect.closeTo(1, 14);
  expect({ ...evaluation }).toEqual({
    images: 1,
    stats: [one, one, one, one, -1, -1, 1, 1, 1, 1, -1, -1],
    ...{ mAP: one, mAP50: one, mAP75: one, mAPBySize: { small: one, medium: null, large: null } },
    ...{ recall: { 1: 1, 10: 1, 100: 1 }, recallBySize: { small: 1, medium: null, large: null } },
    perClass: [
      { ap: one, ap50: one, ap75: one, recall: 1, support: 1 },
      { ap: null, ap50: null, ap75: null, recall: null, support: 0 },
    ],
  });
  expect([evaluation.curve(1), evaluation.curve(0, 0.95)?.precisions.every((value) => value > 1 - 1e-14)]).toEqual([
    null,
    true,
  ]);
});

test('images may be added after numbers were asked for', () => {
  const { classes, images } = hostile.crowds!;
  const metric = new CocoMetric(classes);
  expect(metric.evaluate().stats).toEqual(new Array(12).fill(-1));
  const box = { boxes: [0, 0, 10, 10], labels: [0] };
  metric.add({ boxes: [], labels: [], scores: [] }, box);
  expect(metric.evaluate().mAP).toBe(0);
  metric.add({ ...box, scores: [1] }, box);
  expect([metric.evaluate().recall[100], metric.images]).toEqual([0.5, 2]);
  expect(images.length).toBe(2);
});

test('what does not belong together', async () => {
  const metric = new CocoMetric(2);
  const none = { boxes: [], labels: [] };
  const fault = (work: () => unknown) => faultOf(work);
  expect(await fault(() => new CocoMetric(0))).toBe(
    'ArgumentError: CocoMetric: expected classes as a whole number, 1 or more, got 0.',
  );
  expect(await fault(() => metric.add({ boxes: [1, 2, 3], labels: [0], scores: [1] }, none))).toBe(
    'ArgumentError: CocoMetric: detections of image 0: expected four numbers for each of 1 labels, got 3.',
  );
  expect(await fault(() => metric.add({ boxes: [1, 2, 3, 4], labels: [0], scores: [] }, none))).toBe(
    'ArgumentError: CocoMetric: detections of image 0: expected 1 scores, got 0.',
  );
  expect(await fault(() => metric.add({ ...none, scores: [] }, { boxes: [1, 2, 3, 4], labels: [2] }))).toBe(
    'ArgumentError: CocoMetric: truths of image 0: expected labels from 0 to 1, got 2.',
  );
  expect(await fault(() => metric.add({ boxes: [1, 2, 3, 4], labels: [0], scores: [Number.NaN] }, none))).toBe(
    'ArgumentError: CocoMetric: detection 0 of image 0 has the score NaN.',
  );
  expect(await fault(() => metric.evaluate().curve(0, 0.52))).toBe(
    'ArgumentError: curve: expected a class from 0 to 1 and a threshold 0.5, 0.55 … 0.95, got 0 and 0.52.',
  );
  expect(metric.images).toBe(0);
});
