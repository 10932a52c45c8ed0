/** The rows against PyTorch hold with each optimisation off too (numbers.test.ts: all on; the trunk cache: test/train). */
import { readFileSync } from 'node:fs';
import { afterEach, beforeAll, describe, test } from 'vitest';
import { init } from '../../src/device/current.ts';
import { graphOptions } from '../../src/graph/options.ts';
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

const optimisations = Object.keys(graphOptions) as (keyof typeof graphOptions)[];

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
