/** Photos and masks move together: pictures whose red level is their label stay so, whatever is drawn. */
import { expect, test } from 'vitest';
import { Generator } from '../../src/core/random.ts';
import { ColorJitter, IGNORED, PairedTransform } from '../../src/data/index.ts';

const [WIDTH, HEIGHT] = [23, 17];
/** Blocks of 5 x 4 pixels, each of a label and of the red level that is as high. */
const label = (x: number, y: number) => 10 * Math.floor(x / 5) + 3 * Math.floor(y / 4);
const mask = {
  width: WIDTH,
  height: HEIGHT,
  data: Uint8Array.from({ length: WIDTH * HEIGHT }, (_, i) => label(i % WIDTH, Math.floor(i / WIDTH))),
};
const image = {
  width: WIDTH,
  height: HEIGHT,
  data: Uint8Array.from({ length: 3 * WIDTH * HEIGHT }, (_, i) => (i % 3 === 0 ? mask.data[i / 3]! : 7)),
};
const plain = { mean: [0, 0, 0], std: [1, 1, 1] } as const;

/** The red levels and the labels of one view. */
function view(transform: PairedTransform, seed: number) {
  const { image: out, mask: labels } = transform.apply(image, mask, new Generator(seed));
  const [, height, width] = out.shape;
  expect([labels.width, labels.height]).toEqual([width, height]);
  const red = Array.from(out.data.subarray(0, width * height), (level) => Math.round(255 * level));
  return { red, labels: [...labels.data], width, height };
}

test.each([
  ['a crop', { crop: [9, 12] }],
  ['flips', { flip: 0.5, flipVertical: 0.5 }],
  ['quarter turns of a crop', { crop: 11, quarterTurns: true, flip: 0.5 }],
] as const)('%s moves both alike, and differs from draw to draw', (_, options) => {
  const transform = new PairedTransform({ ...plain, ...options });
  const views = [1, 2, 3, 4, 5, 6, 7, 8].map((seed) => view(transform, seed));
  for (const { red, labels } of views) expect(red).toEqual(labels);
  expect(new Set(views.map(({ labels }) => labels.join())).size).toBeGreaterThan(2);
  expect(view(transform, 3)).toEqual(views[2]);
});

test('what is smaller than the crop is filled up: the photo with the mean, the mask with what is ignored', () => {
  const transform = new PairedTransform({ crop: [20, 30], mean: [1, 1, 1], std: [1, 1, 1], random: false });
  const { image: out, mask: labels } = transform.apply(image, mask, new Generator(0));
  expect(out.shape).toEqual([3, 20, 30]);
  expect(labels.data[0]).toBe(IGNORED);
  expect(out.data[0]).toBe(0);
  expect(labels.data.filter((value) => value !== IGNORED).length).toBe(WIDTH * HEIGHT);
});

test('a mask at another size has labels that were there', () => {
  const transform = new PairedTransform({ ...plain, resize: [40, 31], scale: [0.5, 1.5] });
  const found = [1, 2, 3, 4].map((seed) => view(transform, seed));
  const known = new Set(mask.data);
  for (const { labels } of found) for (const value of labels) expect(known.has(value)).toBe(true);
  expect(new Set(found.map(({ width }) => width)).size).toBeGreaterThan(2);
  // Within blocks the photo's levels are the labels; only at their borders it mixes.
  for (const { red, labels } of found)
    expect(red.filter((level, i) => Math.abs(level - labels[i]!) <= 1).length / red.length).toBeGreaterThan(0.5);
  const short = view(new PairedTransform({ ...plain, resize: 34 }), 0);
  expect([short.width, short.height]).toEqual([46, 34]);
});

test('colour changes the photo alone', () => {
  const transform = new PairedTransform({ ...plain, colour: new ColorJitter({ brightness: 0.9 }) });
  const { red, labels } = view(transform, 5);
  expect(labels).toEqual([...mask.data]);
  expect(red).not.toEqual(labels);
});

test('errors say what was expected', () => {
  expect(() => new PairedTransform({ quarterTurns: true })).toThrow(
    'PairedTransform: quarterTurns needs square pieces, got no crop. Give one: { crop: 128 }.',
  );
  expect(() => new PairedTransform({ crop: 0 })).toThrow(
    'PairedTransform: crop must be a whole number, 1 or more, got 0.',
  );
  expect(() => new PairedTransform({ scale: [2, 1] })).toThrow(
    'PairedTransform: expected scale as the least and the most factor, got 2 and 1.',
  );
  expect(() => new PairedTransform().apply(image, { ...mask, width: 17, height: 23 }, new Generator(0))).toThrow(
    "PairedTransform: expected a mask of 23x17, its photo's size, got 17x23.",
  );
});
