/** Every network against PyTorch's float64, on weights made by a hash (no weight file). */
import { readFileSync } from 'node:fs';
import { beforeAll, describe, test } from 'vitest';
import { init } from '../../src/graph/init.ts';
import { expectPass, titleOf } from '../measurement.ts';
import { isSlow, type LogitsCase, logitsChecks, type TrainingCase, trainingChecks } from './check.ts';

const fixture = (name: string) =>
  JSON.parse(readFileSync(new URL(`../fixtures/models/${name}`, import.meta.url), 'utf8'));

beforeAll(async () => {
  await init();
});

describe('logits', () => {
  for (const check of logitsChecks(fixture('logits.json') as LogitsCase[]))
    test.skipIf(isSlow(check) && !process.env.REGRAFT_SLOW)(titleOf(check), async () =>
      expectPass(await check.measure()),
    );
});

describe('training', () => {
  for (const check of trainingChecks(fixture('training.json') as TrainingCase[]))
    test.skipIf(isSlow(check) && !process.env.REGRAFT_SLOW)(
      titleOf(check),
      async () => expectPass(await check.measure()),
      600_000,
    );
});
