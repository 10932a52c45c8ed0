/** A training step that is run again costs no allocation, no bind group and no compilation; memory stays flat. */
import { beforeAll, describe, expect, test } from 'vitest';
import { currentDevice } from '../../src/device/current.ts';
import { explain } from '../../src/graph/run.ts';
import { init, noGrad, step } from '../../src/index.ts';
import { newTraining } from './small-net.ts';

const created = () => {
  const { buffers, stagingBuffers, pipelines, bindGroups } = currentDevice().counters;
  return { buffers, stagingBuffers, pipelines, bindGroups };
};

beforeAll(async () => {
  await init();
});

describe('a training step', () => {
  test('inside step(): the second replay creates nothing', async () => {
    const { train } = newTraining();
    for (let k = 0; k < 2; k++) await step(() => train(k)).item();
    const [before, dispatches] = [created(), currentDevice().counters.dispatches];
    for (let k = 2; k < 6; k++) await step(() => train(k)).item();
    expect(created()).toEqual(before);
    expect(currentDevice().counters.dispatches).toBeGreaterThan(dispatches);
  });

  test('in a plain loop: the second replay creates nothing', async () => {
    const { train } = newTraining();
    for (let k = 0; k < 2; k++) await train(k).item();
    const before = created();
    for (let k = 2; k < 6; k++) await train(k).item();
    expect(created()).toEqual(before);
  });

  test('two steps of equal structure dispatch the same kernels', async () => {
    const { train } = newTraining();
    const dispatchesOf = async (k: number) => {
      const before = currentDevice().counters.dispatches;
      await step(() => train(k)).item();
      return currentDevice().counters.dispatches - before;
    };
    for (let k = 0; k < 2; k++) await dispatchesOf(k);
    expect(await dispatchesOf(2)).toBe(await dispatchesOf(3));
  });

  test('a new learning rate needs no new plan', async () => {
    const { optimizer, train } = newTraining();
    for (let k = 0; k < 2; k++) await step(() => train(k)).item();
    const before = created();
    for (let k = 2; k < 6; k++) {
      for (const group of optimizer.groups) group.lr = 0.05 / k;
      await step(() => train(k)).item();
    }
    expect(created()).toEqual(before);
  });

  test.each([
    ['inside step()', true],
    ['in a plain loop', false],
  ])('200 steps %s leave memory where it was after 10', async (_, scoped) => {
    const { train } = newTraining();
    const run = (k: number) => (scoped ? step(() => train(k)) : train(k)).item();
    for (let k = 0; k < 10; k++) await run(k);
    const { bytesHeld, bytesInUse } = currentDevice().counters;
    for (let k = 10; k < 200; k++) await run(k);
    expect(currentDevice().counters.bytesHeld).toBe(bytesHeld);
    expect(currentDevice().counters.bytesInUse).toBeLessThanOrEqual(bytesInUse);
  });

  test('200 evaluations leave memory where it was after 10', async () => {
    const { model } = newTraining();
    model.eval();
    const { images } = newTraining();
    const run = (k: number) => noGrad(() => model.forward(images(k))).data();
    for (let k = 0; k < 10; k++) await run(k);
    const { bytesHeld } = currentDevice().counters;
    for (let k = 10; k < 200; k++) await run(k);
    expect(currentDevice().counters.bytesHeld).toBe(bytesHeld);
  });
});

describe('the memory of a step', () => {
  test('is known before anything runs', async () => {
    const { train } = newTraining();
    const { submits, dispatches } = currentDevice().counters;
    const { peakBytes, lowerBoundBytes, kernels } = explain(() => train(0));
    expect(currentDevice().counters).toMatchObject({ submits, dispatches });
    expect(kernels.length).toBeGreaterThan(5);
    expect(lowerBoundBytes).toBeGreaterThan(0);
    expect(peakBytes).toBeGreaterThanOrEqual(lowerBoundBytes);
    expect(peakBytes).toBeLessThan(2 * lowerBoundBytes);
  });

  test('is much less than the sum of all that it computes', () => {
    const { model, images } = newTraining();
    const forward = explain(() => noGrad(() => model.eval().forward(images(0))));
    const training = explain(() => newTraining().train(0));
    expect(forward.peakBytes).toBeLessThan(training.peakBytes);
  });
});
