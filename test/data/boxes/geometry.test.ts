/** Operations on boxes beside torchvision's. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import {
  type BoxForm,
  boxOverlaps,
  classwiseNms,
  clipBoxes,
  convertBoxes,
  largeBoxes,
  nms,
} from '../../../src/data/boxes/geometry.ts';
import { fill } from '../../ops/inputs.ts';
import { faultOf } from '../photos.ts';

const recorded = JSON.parse(readFileSync(new URL('../../fixtures/detection/boxes.json', import.meta.url), 'utf8'));
const { a, b } = recorded;

const close = (found: Float64Array, expected: readonly number[]) => {
  expect(found.length).toBe(expected.length);
  for (const [i, value] of expected.entries())
    expect(Math.abs(found[i]! - value)).toBeLessThan(1e-14 * (1 + Math.abs(value)));
};

test.each(['iou', 'giou', 'diou', 'ciou'] as const)('%s of every two boxes', (kind) => {
  close(boxOverlaps(a, b, kind), recorded[kind]);
  expect(boxOverlaps(a, a, kind)[0]).toBe(1);
});

test('conversion between all forms, clipping, small boxes', () => {
  for (const [names, expected] of Object.entries(recorded.convert as Record<string, number[]>)) {
    const [from, to] = names.split(' ') as [BoxForm, BoxForm];
    expect([...convertBoxes(a, from, to)]).toEqual(expected);
    close(convertBoxes(convertBoxes(a, from, to), to, from), a);
  }
  // (50, 60) is height and width there.
  expect([
    ...clipBoxes(
      a.map((value: number) => Math.fround(value - 20)),
      60,
      50,
    ),
  ]).toEqual(recorded.clipped);
  expect(largeBoxes(a, 30)).toEqual(recorded.small);
});

test.each(recorded.nms as { arguments: number[]; nms: number[]; batched: number[]; shifted: number[] }[])(
  'suppression keeps the same boxes in the same order: $arguments',
  ({ arguments: [n, seed, classes, levels, threshold], ...expected }) => {
    const u = fill({ kind: 'uniform', shape: [n!, 4] }, 30 + seed!) as Float32Array;
    const s = fill({ kind: 'uniform', shape: [n!] }, 40 + seed!) as Float32Array;
    const f = Math.fround;
    const boxes = new Float32Array(4 * n!);
    for (let i = 0; i < n!; i++) {
      const [x, y, w, h] = [0, 1, 2, 3].map((k) => f(f(u[4 * i + k]! + 2) * 10)) as [number, number, number, number];
      boxes.set([x, y, f(f(x + w) + 0.5), f(f(y + h) + 0.5)], 4 * i);
    }
    const half = Math.floor(n! / 2);
    // The other half lies near the first.
    for (let i = n! - 1; i >= half; i--)
      for (let k = 0; k < 4; k++) boxes[4 * i + k] = f(boxes[4 * (i - half) + k]! + ((i - half) % 4));
    const scores = s.map((value) => f(f(Math.floor(f(f(f(value + 2) / 4) * levels!))) / levels!));
    const labels = Int32Array.from({ length: n! }, (_, i) => i % classes!);
    expect(nms(boxes, scores, threshold!)).toEqual(expected.nms);
    expect(classwiseNms(boxes, scores, labels, threshold!)).toEqual(expected.shifted);
    // Class by class torchvision sorts what is left without keeping the order of equal scores.
    const byIndex = (indices: readonly number[]) => [...indices].sort((i, j) => i - j);
    expect(byIndex(expected.shifted)).toEqual(byIndex(expected.batched));
  },
);

test('overlap of exactly the threshold stays; of equal scores the first', () => {
  const { boxes, scores, keep, ties } = recorded.exact;
  expect([nms(boxes, scores, 0.5), nms(boxes, [0.5, 0.5, 0.5, 0.5], 0.5)]).toEqual([keep, ties]);
  expect(nms([], [], 0.5)).toEqual([]);
});

test('arrays that do not belong together', async () => {
  expect(await faultOf(() => classwiseNms([1, 2, 3, 4], [0.5], [], 0.5))).toBe(
    'ArgumentError: nms: expected 1 scores with 4 numbers of boxes and 1 labels, got 4 and 0.',
  );
});
