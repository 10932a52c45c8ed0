/** Dropout's mask: the rows of dropout-checks.ts. */
import { beforeAll, expect, test } from 'vitest';
import { init } from '../../src/index.ts';
import { expectPass, titleOf } from '../measurement.ts';
import { dropoutChecks } from './dropout-checks.ts';

beforeAll(async () => {
  await init();
});

test.each(dropoutChecks.map((check) => [titleOf(check), check] as const))('%s', async (_, check) => {
  const measurements = await check.measure();
  expect(measurements).not.toEqual([]);
  expectPass(measurements);
});
