/**
 * Last batches of every size: what is frozen comes from the cache in the second epoch, and the numbers are those without it, bit for
 * bit. A few sizes on this adapter; REGRAFT_SLOW=1 runs all of them, and the kernels of GPUs too. How kernels are chosen for every size
 * and every kind of adapter: graph/full-batch.test.ts.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Generator } from '../../src/core/random.ts';
import { ArrayDataset } from '../../src/data/array-dataset.ts';
import { init, manualSeed } from '../../src/index.ts';
import { resnet18, smallResnet, squeezenet1_1 } from '../../src/models/index.ts';
import type { Module } from '../../src/nn/index.ts';
import { SGD } from '../../src/optim/index.ts';
import { fit } from '../../src/train/fit.ts';
import type { FitResult } from '../../src/train/fit-options.ts';
import { chooseAs } from '../graph/choose-as.ts';

const BATCH = 32;
const slow = process.env.REGRAFT_SLOW !== undefined;
const everySize = Array.from({ length: 40 }, (_, i) => BATCH + 1 + i);

interface Case {
  readonly name: string;
  readonly make: () => Promise<Module>;
  readonly head: string;
  /** Height and width of the images. */
  readonly size: number;
  /** Training images. */
  readonly counts: readonly number[];
}

const CASES: readonly Case[] = [
  { name: 'smallResnet', make: () => smallResnet({ numClasses: 3, seed: 2 }), head: 'fc', size: 32, counts: [33, 41] },
  { name: 'resnet18', make: () => resnet18({ numClasses: 3, seed: 2 }), head: 'fc', size: 64, counts: [36] },
  {
    ...{ name: 'squeezenet1_1', make: () => squeezenet1_1({ numClasses: 3, seed: 2 }), head: 'classifier.1' },
    ...{ size: slow ? 224 : 112, counts: [33] },
  },
];

function images(count: number, size: number): ArrayDataset {
  const random = new Generator(5);
  const pixels = Float32Array.from({ length: count * 3 * size * size }, () => 2 * random.uniform() - 1);
  const labels = Int32Array.from({ length: count }, (_, i) => i % 3);
  return new ArrayDataset(pixels, [count, 3, size, size], labels);
}

/** Two epochs on `count` images, and validation on so many that its last batch has another size. */
async function train({ make, head, size }: Case, count: number, cache: boolean): Promise<FitResult> {
  const model = await make();
  for (const [path, p] of model.namedParameters()) p.requires_grad = path.startsWith(head);
  manualSeed(1);
  const optimizer = new SGD(model.parameters(), { lr: 0.05, momentum: 0.9 });
  const validation = images(count - BATCH, size);
  return fit(model, { train: images(count, size), validation, epochs: 2, batchSize: BATCH, optimizer, cache });
}

const numbersOf = ({ history, stepLosses }: FitResult) => [
  stepLosses,
  history.map(({ trainLoss, trainAccuracy, validationLoss, validationAccuracy }) => [
    ...[trainLoss, trainAccuracy, validationLoss, validationAccuracy],
  ]),
];

function check(of: Case, counts: readonly number[]): void {
  test.each(counts.map((count) => [count]))(`${of.name} on %i images`, async (count) => {
    const cached = await train(of, count, true);
    expect(cached.history.map((record) => record.cached)).toEqual([false, true]);
    expect(numbersOf(cached)).toEqual(numbersOf(await train(of, count, false)));
  });
}

beforeAll(async () => {
  await init();
});

describe('as kernels are chosen on this adapter', () => {
  for (const of of CASES) check(of, slow ? everySize : of.counts);
});

// Kernels for GPUs are slow on anything else.
if (slow)
  describe('as kernels are chosen on a GPU', () => {
    let restore: () => void;
    beforeAll(() => {
      restore = chooseAs({ software: false, texels: false, adapter: 'an unknown GPU' });
    });
    afterAll(() => restore());
    for (const of of CASES) check({ ...of, size: 64 }, everySize);
  });
