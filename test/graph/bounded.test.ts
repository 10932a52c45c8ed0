/** What plain loops cost: memory that is collected in time, and plans that are not made anew for inputs that move. */
import { setTimeout } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { currentDevice } from '../../src/device/current.ts';
import { internal, RECORD_LIMIT, recordElementwise } from '../../src/graph/record.ts';
import { init, noGrad, ones, step, type Tensor, tensor } from '../../src/index.ts';
import { BatchNorm2d, Linear, mseLoss } from '../../src/nn/index.ts';
import { SGD } from '../../src/optim/index.ts';

beforeAll(async () => {
  await init();
});

const bindGroups = () => currentDevice().counters.bindGroups;

test('intermediate tensors that a plain loop drops are collected before they fill the GPU', async () => {
  const x = ones([512, 512]);
  const { counters } = currentDevice();
  const before = counters.bytesHeld;
  // 400 MB in all, and nobody calls the garbage collector.
  for (let k = 0; k < 200; k++) {
    const d = x.mul(k).sub(x);
    await d.mean().item();
    if (k % 10 === 9) await setTimeout(0);
  }
  expect(counters.bytesHeld - before).toBeLessThan(200e6);
});

describe('no new plan', () => {
  /** Bind groups of each of ten calls after the first four. */
  const late = async (run: (k: number) => unknown) => {
    for (let k = 0; k < 4; k++) await run(k);
    const before = bindGroups();
    for (let k = 4; k < 14; k++) await run(k);
    return bindGroups() - before;
  };

  test('for a total that is carried from step to step', async () => {
    const layer = new Linear(4, 4);
    const optimizer = new SGD(layer.parameters(), { lr: 0.01 });
    const x = ones([8, 4]);
    let total = tensor(0);
    let sum = 0;
    const run = async () => {
      const made = step(() => {
        optimizer.zeroGrad();
        const loss = mseLoss(layer.forward(x), x);
        loss.backward();
        optimizer.step();
        return { loss, total: total.add(loss.detach()) };
      });
      total = made.total;
      sum += await made.loss.item();
    };
    expect(await late(run)).toBe(0);
    expect(await total.item()).toBeCloseTo(sum, 4);
  });

  test('for batches that stay on the device', async () => {
    const layer = new Linear(4, 1);
    const batches = Array.from({ length: 14 }, (_, k) => ones([8, 4]).mul(k));
    const outputs: Tensor[] = [];
    const run = async (k: number) => {
      await batches[k]!.data();
      outputs.push(noGrad(() => layer.forward(batches[k]!)));
    };
    for (let k = 0; k < 4; k++) await run(k);
    outputs.length = 0;
    for (const b of batches) await b.data();
    const before = bindGroups();
    for (let k = 0; k < 14; k++) outputs.push(noGrad(() => layer.forward(batches[k]!)));
    expect(bindGroups() - before).toBeLessThanOrEqual(4);
    const [w, b] = [await layer.weight.data(), (await layer.bias!.data())[0]!];
    for (const [k, y] of outputs.entries())
      expect((await y.data())[3]).toBeCloseTo(k * w.reduce((n, v) => n + v, 0) + b, 4);
  });

  test('for gradients accumulated over many steps', async () => {
    const layer = new Linear(4, 4);
    expect(await late(() => step(() => mseLoss(layer.forward(ones([8, 4])), ones([8, 4])).backward()))).toBe(0);
    const once = new Linear(4, 4);
    once.loadStateDict(await layer.stateDict());
    mseLoss(once.forward(ones([8, 4])), ones([8, 4])).backward();
    const [sum, one] = [await layer.weight.grad!.data(), await once.weight.grad!.data()];
    for (const [i, v] of sum.entries()) expect(v).toBeCloseTo(14 * one[i]!, 4);
  });

  test('for a batch norm with a cumulative average', async () => {
    const norm = new BatchNorm2d(3, { momentum: null });
    const means: number[] = [];
    const run = (k: number) => {
      means.push(k);
      return step(() => norm.forward(ones([2, 3, 4, 4]).mul(k))).data();
    };
    expect(await late(run)).toBe(0);
    expect((await norm.running_mean!.data())[1]).toBeCloseTo(means.reduce((a, b) => a + b) / 14, 4);
  });
});

test('a graph that grows past the limit runs in between ops, gradients and all', async () => {
  const w = tensor([1, 2, 3], undefined, { requires_grad: true });
  const { submits } = currentDevice().counters;
  // Inside a scope nothing is run on the way: these are dropped as dead when the limit is met outside of it.
  let a = w.mul(1);
  internal(() => {
    for (let k = 0; k < RECORD_LIMIT; k++) recordElementwise('neg', '-a', [w.value], [3]);
  });
  for (let k = 0; k < 4; k++) a = a.mul(2).add(1);
  expect(currentDevice().counters.submits).toBe(submits + 1);
  a.sum().backward();
  expect([...(await w.grad!.data())]).toEqual([16, 16, 16]);
});
