/** A sample of what `npm run crash` does: runs that are killed, and runs that find the disk full. */
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { fullDisk } from '../../scripts/crash/full-disk.ts';
import { makeInputs } from '../../scripts/crash/inputs.ts';
import { type Inputs, killed, reference } from '../../scripts/crash/kill.ts';
import { init } from '../../src/index.ts';
import { temporaryFolder } from '../data/photos.ts';

let inputs: Inputs;
beforeAll(async () => {
  await init();
  inputs = await makeInputs(temporaryFolder());
});

test('a run that was killed twice ends in the same bytes', async () => {
  const folder = temporaryFolder();
  const whole = await reference(inputs, join(folder, 'whole'));
  expect(await killed(inputs, join(folder, 'killed'), whole, { kills: 2, seed: 1 })).toEqual([]);
}, 120_000);

test('a run that finds the disk full ends in words, and goes on later', async () => {
  const { steps, faults } = await fullDisk(inputs, temporaryFolder(), 13);
  expect(faults).toEqual([]);
  expect(steps).toBeGreaterThan(20);
}, 120_000);
