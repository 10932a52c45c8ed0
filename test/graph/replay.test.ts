/** A training step that is run again costs no allocation, no bind group and no compilation; memory stays flat. */
import { setTimeout } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { beforeAll, describe, expect, test } from 'vitest';
import { currentDevice } from '../../src/device/current.ts';
import { explain } from '../../src/graph/run.ts';
import { init, noGrad, step } from '../../src/index.ts';
import { newTraining } from './small-net.ts';

const created = () => {
  const { buffers, stagingBuffers, pipelines, bindGroups } = currentDevice().counters;
  return { buffers, stagingBuffers, pipelines, bindGroups };
};

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as () => void;

/** Collects what nobody can reach, and lets finalizers give the GPU memory back. */
async function collectGarbage(): Promise<void> {
  await setTimeout(0);
  gc();
  await setTimeout(0);
}

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

  test('in a plain loop: the second replay compiles nothing, builds no bind group, and allocates what is still readable', async () => {
    const { train } = newTraining();
    for (let k = 0; k < 2; k++) await train(k).item();
    const before = created();
    for (let k = 2; k < 6; k++) await train(k).item();
    const { buffers, ...rest } = created();
    expect({ ...rest, buffers: before.buffers }).toEqual(before);
    // The model's output of the step before: the caller could still read it, until it is collected.
    expect(buffers - before.buffers).toBeLessThanOrEqual(4);
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
      for (const group of optimizer.paramGroups) group.lr = 0.05 / k;
      await step(() => train(k)).item();
    }
    expect(created()).toEqual(before);
  });

  test('200 steps inside step() leave memory where it was after 10', async () => {
    const { train } = newTraining();
    for (let k = 0; k < 10; k++) await step(() => train(k)).item();
    const { bytesHeld, bytesInUse } = currentDevice().counters;
    for (let k = 10; k < 200; k++) await step(() => train(k)).item();
    expect(currentDevice().counters.bytesHeld).toBe(bytesHeld);
    expect(currentDevice().counters.bytesInUse).toBeLessThanOrEqual(bytesInUse);
  });

  test('200 steps in a plain loop leave memory where it was after 20, garbage collected every 10 steps', async () => {
    const { train } = newTraining();
    const run = async (from: number, to: number) => {
      for (let k = from; k < to; k++) {
        await train(k).item();
        if (k % 10 === 9) await collectGarbage();
      }
    };
    await run(0, 20);
    const { bytesHeld } = currentDevice().counters;
    await run(20, 200);
    expect(currentDevice().counters.bytesHeld).toBeLessThanOrEqual(bytesHeld);
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
