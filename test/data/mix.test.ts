/** MixUp and CutMix: batches against torchvision's, what is drawn, errors. */
import { describe, expect, test } from 'vitest';
import { ArgumentError } from '../../src/core/errors.ts';
import { Generator } from '../../src/core/random.ts';
import { CutMix, type HostBatch, type MixOptions, MixUp, RandomChoice } from '../../src/data/index.ts';
import fixtures from '../fixtures/augment/mix.json' with { type: 'json' };
import { fill } from '../ops/inputs.ts';

const [N, C, H, W] = [5, 1, 8, 8] as const;
const numClasses = 4;

function batchOf(labels: Int32Array | Float32Array = Int32Array.of(2, 0, 3, 1, 2)): HostBatch {
  const images = { data: fill({ kind: 'uniform', shape: [N, C, H, W] }, 31) as Float32Array, shape: [N, C, H, W] };
  const shape = labels instanceof Int32Array ? [N] : [N, labels.length / N];
  return {
    inputs: { images },
    targets: { labels: { data: labels, shape } },
    indices: [4, 0, 7, 2, 1],
    paths: ['a', 'b', 'c', 'd', 'e'],
  };
}

const boxOf = ([left, top, right, bottom]: readonly number[]) => ({
  x: left!,
  y: top!,
  width: right! - left!,
  height: bottom! - top!,
});

describe('equal to torchvision, bit for bit', () => {
  const rows: [kind: 'mixup' | 'cutmix', k: number][] = [1, 2, 3].flatMap((k) => [
    ['mixup', k],
    ['cutmix', k],
  ]);
  test.each(rows)('%s %i', (kind, k) => {
    const { images, targets } = fixtures.mixes[kind][k - 1]!;
    const batch = batchOf();
    const mixed =
      kind === 'mixup'
        ? new MixUp({ numClasses }).blend(batch, fixtures.shares[k]!)
        : new CutMix({ numClasses }).paste(batch, boxOf(fixtures.boxes[k]!));
    expect(mixed.inputs.images).toEqual({ data: Float32Array.from(images), shape: [N, C, H, W] });
    expect(mixed.targets.labels).toEqual({ data: Float32Array.from(targets), shape: [N, numClasses] });
    expect([mixed.indices, mixed.paths]).toEqual([batch.indices, batch.paths]);
    expect(batch).toEqual(batchOf());
  });

  test('float targets are mixed as they are', () => {
    const rows = Float32Array.from({ length: 3 * N }, (_, i) => i % 2);
    const mixed = new MixUp().blend(batchOf(rows), 0.25).targets.labels!;
    expect(mixed.shape).toEqual([N, 3]);
    expect([...mixed.data.slice(0, 3)]).toEqual([0, 1, 0].map((v, k) => 0.25 * v + 0.75 * rows[12 + k]!));
  });
});

describe('what is drawn', () => {
  const distinct = Int32Array.of(2, 0, 3, 1, 0);
  /** The share that the first image keeps of itself, by its target. */
  const shares = (mix: MixUp | CutMix, n: number) =>
    Array.from({ length: n }, (_, seed) => mix.apply(batchOf(distinct), new Generator(seed)).targets.labels!.data[2]!);

  test('the same stream gives the same batch, another one another', () => {
    for (const mix of [new MixUp({ numClasses }), new CutMix({ numClasses })]) {
      const one = (seed: number) => mix.apply(batchOf(), new Generator(seed));
      expect(one(3)).toEqual(one(3));
      expect(one(3)).not.toEqual(one(4));
    }
  });

  test.each([0.05, 0.2, 1, 4])('shares are of Beta(%d, %d)', (alpha) => {
    const random = new Generator(5);
    const drawn = Array.from({ length: 20000 }, () => random.beta(alpha, alpha));
    expect(drawn.every((share) => share >= 0 && share <= 1)).toBe(true);
    const mean = drawn.reduce((sum, share) => sum + share, 0) / drawn.length;
    const variance = drawn.reduce((sum, share) => sum + (share - mean) ** 2, 0) / drawn.length;
    expect(mean).toBeCloseTo(0.5, 1);
    expect(variance * 4 * (2 * alpha + 1)).toBeCloseTo(1, 1);
  });

  test('Beta of two parameters has its mean', () => {
    const random = new Generator(6);
    const drawn = Array.from({ length: 20000 }, () => random.beta(2, 6));
    expect(drawn.reduce((sum, share) => sum + share, 0) / drawn.length).toBeCloseTo(0.25, 2);
  });

  test('a share of CutMix is that of the pixels which stay', () => {
    for (let seed = 0; seed < 50; seed++) {
      const { inputs, targets } = new CutMix({ numClasses }).apply(batchOf(distinct), new Generator(seed));
      const [own, mixed] = [batchOf().inputs.images!.data, inputs.images!.data];
      const kept = own.slice(0, 64).filter((v, i) => v === mixed[i]).length;
      expect(targets.labels!.data[2]).toBeCloseTo(kept / 64, 6);
    }
    expect(new Set(shares(new CutMix({ numClasses }), 100)).size).toBeGreaterThan(10);
  });

  test('RandomChoice applies one of both, each about as often', () => {
    const choice = new RandomChoice([new MixUp({ numClasses }), new CutMix({ numClasses })]);
    const own = batchOf().inputs.images!.data;
    const pasted = Array.from({ length: 200 }, (_, seed) => choice.apply(batchOf(), new Generator(seed))).filter(
      ({ inputs }) => inputs.images!.data.slice(64).every((v, i) => v === own[64 + i] || v === own[i]),
    );
    expect(pasted.length).toBeGreaterThan(70);
    expect(pasted.length).toBeLessThan(130);
  });
});

test.each<[work: () => unknown, message: string]>([
  [() => new MixUp({ alpha: 0 }), 'MixUp: alpha must be above 0, got 0.'],
  [() => new CutMix({ numClasses: 1.5 }), 'CutMix: numClasses must be a whole number, 1 or more, got 1.5.'],
  [
    () => new MixUp({ classes: 3 } as MixOptions),
    "MixUp: expected options that exist, got 'classes'. Write numClasses.",
  ],
  [
    () => new RandomChoice([]),
    'RandomChoice: expected at least one transform, got none. Pass [new MixUp(), new CutMix()].',
  ],
  [
    () => new MixUp().blend(batchOf(), 0.5),
    'MixUp: expected numClasses for targets that are classes, got none. Pass { numClasses: 10 }.',
  ],
  [
    () => new MixUp({ numClasses: 3 }).blend(batchOf(), 0.5),
    'MixUp: expected labels from 0 to 2, got 3 in c. Number the classes from 0, and pass how many there are as numClasses.',
  ],
  [
    () =>
      new CutMix().apply(
        { ...batchOf(), targets: { values: { data: new Float32Array(N), shape: [N] } } },
        new Generator(0),
      ),
    "CutMix: expected targets as classes [N] or floats [N, K], got [5] as 'values'. Leave mix out.",
  ],
  [
    () =>
      new CutMix().apply(
        { ...batchOf(), inputs: { ids: { data: new Int32Array(10), shape: [5, 2] } } },
        new Generator(0),
      ),
    "CutMix: expected images as inputs, float32 [N, C, H, W], got int32 [5, 2] as 'ids'. Leave mix out.",
  ],
])('%s: %s', (work, message) => {
  expect(work).toThrow(new ArgumentError(message));
});
