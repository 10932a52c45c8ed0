/** The range test: it finds a rate, and leaves the model, the optimizer and the random numbers as they were. */
import { beforeAll, expect, test } from 'vitest';
import { defaultGenerator } from '../../src/core/random.ts';
import { DataLoader } from '../../src/data/index.ts';
import { init } from '../../src/index.ts';
import type { Module } from '../../src/nn/index.ts';
import { Adam, SGD } from '../../src/optim/index.ts';
import { findLearningRate } from '../../src/train/find-learning-rate.ts';
import { fit } from '../../src/train/fit.ts';
import { Dropped, damaged, images, made, Plain, Residual } from './nets.ts';

beforeAll(async () => {
  await init();
});

const weightsOf = (model: Module) =>
  Promise.all([...model.parameters(), ...model.buffers()].map(async (t) => [...(await t.toTensorData()).data]));
const loader = () => new DataLoader(images(10), { batchSize: 4, shuffle: true });

test('the loss falls, then explodes; the rate is a tenth of that of the lowest', async () => {
  const model = made(() => new Plain());
  const { lr, steepest, rates, losses } = await findLearningRate(model, {
    train: loader(),
    optimizer: new SGD(model.parameters(), { lr: 0.1, momentum: 0.9 }),
    from: 1e-4,
    to: 1e3,
    steps: 60,
  });
  const lowest = Math.min(...losses);
  expect(lr).toBeCloseTo(rates[losses.indexOf(lowest)]! / 10, 12);
  expect(lr).toBeGreaterThan(1e-3);
  expect(lr).toBeLessThan(10);
  expect(steepest).toBeLessThanOrEqual(10 * lr);
  expect(losses.length).toBe(rates.length);
  expect(losses.length).toBeLessThan(60);
  expect(lowest).toBeLessThan(losses[0]!);
  expect(rates.slice(0, 2)).toEqual([1e-4, 1e-4 * 1e7 ** (1 / 59)]);
});

test('all is as it was, bit for bit: weights, statistics, counters, the optimizer, random numbers, modes', async () => {
  const [model, other] = [made(() => new Residual(), 'conv1'), made(() => new Residual(), 'conv1')];
  const [optimizer, second] = [model, other].map((of) => new Adam(of.parameters(), { lr: 0.01 })) as [Adam, Adam];
  await fit(model, { train: loader(), epochs: 1, optimizer });
  await fit(other, { train: loader(), epochs: 1, optimizer: second });
  model.eval();
  const [before, random] = [await weightsOf(model), defaultGenerator.state];
  await findLearningRate(model, { train: loader(), optimizer, steps: 8 });
  expect(await weightsOf(model)).toEqual(before);
  expect(defaultGenerator.state).toEqual(random);
  expect(model.training).toBe(false);
  expect(optimizer.paramGroups[0]!.lr).toBe(0.01);
  await fit(model, { train: loader(), epochs: 2, optimizer });
  await fit(other, { train: loader(), epochs: 2, optimizer: second });
  expect(await weightsOf(model)).toEqual(await weightsOf(other));
});

test('dropout draws the same afterwards; groups keep the ratios of their rates', async () => {
  const model = made(() => new Dropped());
  const optimizer = new SGD(
    [
      { params: model.fc.parameters(), lr: 0.4 },
      { params: model.conv.parameters(), lr: 0.1 },
    ],
    { lr: 0 },
  );
  const seen: number[][] = [];
  const random = defaultGenerator.state;
  const progress = {
    start() {},
    end() {},
    note() {},
    update: () => void seen.push(optimizer.paramGroups.map(({ lr }) => lr)),
  };
  await findLearningRate(model, { train: loader(), optimizer, progress, steps: 5, to: 1e-3 }).catch(() => undefined);
  expect(defaultGenerator.state).toEqual(random);
  expect(seen).toHaveLength(5);
  for (const [head, trunk] of seen) expect(trunk! / head!).toBeCloseTo(0.25, 10);
});

test('refuses', async () => {
  const model = made(() => new Plain());
  const faultOf = (options: object) => findLearningRate(model, { train: loader(), ...options });
  await expect(faultOf({ from: 1, to: 0.5 })).rejects.toThrow('findLearningRate: to must be above 1, got 0.5.');
  await expect(faultOf({ steps: 1 })).rejects.toThrow(
    'findLearningRate: steps must be a whole number, 2 or more, got 1.',
  );
  const optimizer = new SGD(model.parameters(), { lr: 1 });
  await expect(faultOf({ optimizer, from: 1e4, to: 1e6, steps: 6 })).rejects.toThrow(
    'findLearningRate: the loss falls at none of the rates. See that the labels belong to the images, or take more steps.',
  );
  const all = [...Array(10).keys()];
  await expect(faultOf({ train: damaged(images(10), all) })).rejects.toThrow('image');
});
