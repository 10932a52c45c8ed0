/** The rows against PyTorch hold with each optimisation off too (numbers.test.ts: all on; the trunk cache: test/train). */
import { readFileSync } from 'node:fs';
import { afterEach, beforeAll, describe, test } from 'vitest';
import { currentDevice } from '../../src/device/current.ts';
import { init } from '../../src/graph/init.ts';
import { graphOptions } from '../../src/graph/options.ts';
import { plannedGroups } from '../../src/graph/run.ts';
import { noGrad, randn, tensor } from '../../src/index.ts';
import type { ProductShape, Tile } from '../../src/kernels/gemm/shape.ts';
import { candidateTiles, classOf, defaultTile } from '../../src/kernels/gemm/tiles.ts';
import { MODELS } from '../../src/models/index.ts';
import { crossEntropy } from '../../src/nn/index.ts';
import { expectPass, titleOf } from '../measurement.ts';
import { type LogitsCase, logitsChecks, type TrainingCase, trainingChecks } from './check.ts';

function rows<C extends LogitsCase | TrainingCase>(fixture: string, ...chosen: [model: string, size: number][]): C[] {
  const file = new URL(`../fixtures/models/${fixture}.json`, import.meta.url);
  const all = JSON.parse(readFileSync(file, 'utf8')) as C[];
  return chosen.map(([model, size]) => all.find((row) => row.model === model && row.size === size)!);
}

const checks = [
  // Large enough for Winograd.
  ...logitsChecks(rows<LogitsCase>('logits', ['resnet18', 224])),
  ...trainingChecks(rows<TrainingCase>('training', ['cifarResnet20', 32], ['resnet50', 64])),
];

beforeAll(async () => {
  await init();
});

/** A note that gives every product of `record` another tile than its default. */
function otherTiles(record: () => unknown): string {
  const { target } = currentDevice();
  const tiles: Record<string, Tile | undefined> = {};
  const tileFor = (product: ProductShape) => {
    const standard = JSON.stringify(defaultTile(target, product));
    tiles[classOf(product)] = candidateTiles(target, product).findLast((tile) => JSON.stringify(tile) !== standard);
    return undefined;
  };
  for (const group of plannedGroups(record)) group.lower({ ...target, tileFor });
  return JSON.stringify({ tiles });
}

describe('with other tiles than the default', () => {
  afterEach(() => {
    currentDevice().tuning = undefined;
  });
  test('cifarResnet20', async () => {
    const model = await MODELS.cifarResnet20!.create();
    const labels = tensor(Int32Array.from([0, 1, 2, 3]));
    currentDevice().tuning = otherTiles(() => crossEntropy(model.forward(randn([4, 3, 32, 32])), labels).backward());
    for (const check of checks.filter(({ subject }) => subject === 'cifarResnet20')) expectPass(await check.measure());
  });
  test('resnet18', async () => {
    const model = (await MODELS.resnet18!.create()).eval();
    currentDevice().tuning = otherTiles(() => noGrad(() => model.forward(randn([1, 3, 224, 224]))));
    for (const check of checks.filter(({ subject }) => subject === 'resnet18')) expectPass(await check.measure());
  });
});

// The numbers are those of an adapter that was not tuned; above, of one that was. Operands in parts are no other arithmetic, and their
// kernels compile for minutes: test/graph/program.test.ts has them on small networks.
const optimisations = (Object.keys(graphOptions) as (keyof typeof graphOptions)[]).filter(
  (name) => name !== 'tuning' && name !== 'whole',
);

for (const off of optimisations)
  describe(`without ${off}`, () => {
    afterEach(() => {
      graphOptions[off] = true;
    });
    for (const check of checks)
      test(titleOf(check), async () => {
        graphOptions[off] = false;
        expectPass(await check.measure());
      }, 300_000);
  });
