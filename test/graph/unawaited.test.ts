/** Loops that never await: they replay their plans, and what cannot be freed meanwhile ends in an error, not in a crash. */
import { execFile } from 'node:child_process';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import { Backlog } from '../../src/device/backlog.ts';
import { currentDevice } from '../../src/device/current.ts';
import { init, noGrad, step, tensor } from '../../src/index.ts';
import { Linear, mseLoss, ReLU, Sequential } from '../../src/nn/index.ts';
import { SGD } from '../../src/optim/index.ts';

beforeAll(async () => {
  await init();
});

async function loop(steps: number, sizes: number): Promise<{ megabytes: number; newBindGroups: number }> {
  const child = fileURLToPath(new URL('unawaited-child.ts', import.meta.url));
  const args = ['--conditions=regraft-source', '--import', 'tsx', child, `${steps}`, `${sizes}`];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  return JSON.parse(stdout);
}

test('a training loop without an await runs the plans of its first steps', async () => {
  const { megabytes, newBindGroups } = await loop(1400, 7);
  expect(newBindGroups).toBe(0);
  expect(megabytes).toBeLessThan(600);
});

const slow = !process.env.REGRAFT_SLOW;

test.skipIf(slow)(
  '5,000 steps of changing sizes, and 12,000 of one (takes a minute: REGRAFT_SLOW=1)',
  async () => {
    expect((await loop(5000, 7)).newBindGroups).toBe(0);
    expect((await loop(12_000, 1)).megabytes).toBeLessThan(1500);
  },
  600_000,
);

test('an optimizer that has stepped ends a graph when the next op comes, not before: gradients dropped in between cost nothing', async () => {
  const layer = new Linear(2, 1);
  const optimizer = new SGD(layer.parameters(), { lr: 0.1 });
  const { counters } = currentDevice();
  const train = () => {
    mseLoss(layer.forward(tensor([[1, 2]])), tensor([[1]])).backward();
    optimizer.step();
    optimizer.zeroGrad();
  };
  train();
  const { submits } = counters;
  train();
  expect(counters.submits).toBe(submits + 1);
  await layer.weight.data();
});

test.skipIf(slow)(
  'forty plans of a deep network do not exhaust the process (takes a minute: REGRAFT_SLOW=1)',
  async () => {
    const deep = new Sequential(...Array.from({ length: 130 }, () => [new Linear(4, 4), new ReLU()]).flat());
    const optimizer = new SGD(deep.parameters(), { lr: 0.1 });
    for (let n = 1; n <= 70; n++) {
      const loss = step(() => {
        optimizer.zeroGrad();
        const loss = deep.forward(tensor(new Float32Array(n * 4), [n, 4])).mean();
        loss.backward();
        optimizer.step();
        return loss;
      });
      expect(await loss.item()).toBeDefined();
    }
  },
);

describe('what piles up', () => {
  const message =
    'device: expected an await now and then, got 1,025 steps without one, whose memory cannot be given back before the next. ' +
    'Await a result every 512 steps or more often, as in `await loss.item()`.';

  test('is an error past a bound, and forgotten after an await', async () => {
    const backlog = new Backlog();
    for (let k = 0; k < 1025; k++) backlog.run(2 ** 20);
    expect(() => backlog.check()).toThrow(message);
    await setTimeout(2);
    expect(() => backlog.check()).not.toThrow();
  });

  test('is counted in gradients where the graphs of many steps run as one', async () => {
    const { backlog } = currentDevice();
    await setTimeout(2);
    const weight = tensor([1, 2], { requires_grad: true });
    for (let k = 0; k < 1025; k++) weight.mul(3).sum().backward();
    backlog.run(2 ** 31);
    expect(() => backlog.check()).toThrow(message);
    await weight.grad!.data();
    await setTimeout(2);
    expect(() => backlog.check()).not.toThrow();
  });

  test('is told by the loop that does it', async () => {
    const { backlog } = currentDevice();
    await setTimeout(2);
    const forward = () => noGrad(() => tensor([1, 2]).add(1));
    for (let k = 0; k < 1025; k++) backlog.run(2 ** 20);
    expect(forward).toThrow(message);
    expect([...(await tensor([1, 2]).add(1).data())]).toEqual([2, 3]);
    await setTimeout(2);
    expect([...(await forward().data())]).toEqual([2, 3]);
  });
});
