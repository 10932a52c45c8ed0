/** Autograd's promises beyond each op's own derivative: the rows of autograd-checks.ts. */
import { beforeAll, expect, test } from 'vitest';
import { currentDevice } from '../../src/device/current.ts';
import { init } from '../../src/index.ts';
import { expectPass, titleOf } from '../measurement.ts';
import { poisonBuffers } from '../poison.ts';
import { autogradChecks } from './autograd-checks.ts';

beforeAll(async () => {
  await init();
  poisonBuffers(currentDevice());
});

test.each(autogradChecks.map((check) => [titleOf(check), check] as const))('%s', async (_, check) => {
  const measurements = await check.measure();
  expect(measurements).not.toEqual([]);
  expectPass(measurements);
});
