/** Stochastic depth: masks by sample and by batch, their gradient, and where nothing is dropped. */
import { beforeAll, expect, test } from 'vitest';
import { checkpoint, init, manualSeed, ones, step, type Tensor, tensor } from '../../src/index.ts';
import { Conv2d, Module, StochasticDepth } from '../../src/nn/index.ts';

beforeAll(async () => {
  await init();
});

const SAMPLES = 400;
const KEPT = Math.fround(1 / 0.75);

/** The values of each sample, if they are all equal. */
async function perSample(y: Tensor): Promise<number[]> {
  const values = await y.data();
  const size = values.length / y.shape[0]!;
  return Array.from({ length: y.shape[0]! }, (_, n) => {
    const sample = new Set(values.subarray(n * size, (n + 1) * size));
    expect(sample.size).toBe(1);
    return [...sample][0]!;
  });
}

test('row: each sample is dropped whole or scaled, a quarter of them dropped', async () => {
  const layer = new StochasticDepth(0.25, 'row');
  for (const shape of [[SAMPLES, 3, 5, 7], [SAMPLES, 3], [SAMPLES]]) {
    const found = await perSample(layer.forward(ones(shape)));
    expect(new Set(found)).toEqual(new Set([0, KEPT]));
    // Five standard deviations of a binomial count.
    const dropped = found.filter((v) => v === 0).length / SAMPLES;
    expect(Math.abs(dropped - 0.25)).toBeLessThan(5 * Math.sqrt((0.25 * 0.75) / SAMPLES));
  }
});

test('batch: all samples together, a quarter of the times', async () => {
  manualSeed(1);
  const layer = new StochasticDepth(0.25, 'batch');
  const found: number[] = [];
  for (let i = 0; i < 60; i++) {
    const values = new Set(await perSample(layer.forward(ones([3, 2, 5]))));
    expect(values.size).toBe(1);
    found.push(...values);
  }
  expect(new Set(found)).toEqual(new Set([0, KEPT]));
  expect(Math.abs(found.filter((v) => v === 0).length / 60 - 0.25)).toBeLessThan(5 * Math.sqrt((0.25 * 0.75) / 60));
});

test('the gradient passes where the value passed, scaled as that was', async () => {
  const x = tensor(new Float32Array(35 * 3).fill(2), [35, 3, 1, 1], { requires_grad: true });
  const y = new StochasticDepth(0.5, 'row').forward(x);
  y.sum().backward();
  const gradient = await x.grad!.data();
  expect(gradient.map((g) => 2 * g)).toEqual(await y.data());
  expect(new Set(gradient)).toEqual(new Set([0, 2]));
});

test('every step draws anew, manualSeed repeats the draws, and a checkpointed part sees its own again', async () => {
  const layer = new StochasticDepth(0.5, 'row');
  const run = async (forward: (x: Tensor) => Tensor) => {
    manualSeed(4);
    const found: number[][] = [];
    for (let i = 0; i < 3; i++) {
      const x = tensor(new Float32Array(33).fill(1), [33, 1], { requires_grad: true });
      const gradient = step(() => {
        const y = forward(x);
        y.mul(y).sum().backward();
        return x.grad!;
      });
      found.push([...(await gradient.data())]);
    }
    return found;
  };
  const plain = await run((x) => layer.forward(x));
  expect(plain[1]).not.toEqual(plain[0]);
  expect(plain[2]).not.toEqual(plain[1]);
  expect(await run((x) => layer.forward(x))).toEqual(plain);
  expect(await run((x) => checkpoint((x) => layer.forward(x), x))).toEqual(plain);
});

test('drops nothing in evaluation and at p = 0, everything at p = 1', async () => {
  const x = ones([3, 2]);
  expect(new StochasticDepth(0.5, 'row').eval().forward(x)).toBe(x);
  expect(new StochasticDepth(0, 'batch').forward(x)).toBe(x);
  expect(await new StochasticDepth(1, 'row').forward(x).data()).toEqual(new Float32Array(6));
});

class Block extends Module {
  conv = new Conv2d(2, 2, 1);
  drop = new StochasticDepth(0.5, 'row', { block: this });
  forward(x: Tensor): Tensor {
    return x.add(this.drop.forward(this.conv.forward(x)));
  }
}

test('drops nothing in a frozen block that it was told, and only there', () => {
  const x = ones([3, 2, 1, 1]);
  const block = new Block();
  expect(block.namedModules().map(([name]) => name)).toEqual(['', 'conv', 'drop']);
  const isDropping = () => block.drop.forward(x) !== x;
  expect(isDropping()).toBe(true);
  block.freeze('conv.weight');
  expect(isDropping()).toBe(true);
  block.freeze();
  expect(isDropping()).toBe(false);
  block.conv = new Conv2d(2, 2, 1);
  expect(isDropping()).toBe(true);
  expect(new StochasticDepth(0.5, 'row').frozen).toBe(false);
});

test('refuses what is no probability, no mode and no option', () => {
  expect(() => new StochasticDepth(1.5, 'row')).toThrow(
    'StochasticDepth: p must be a probability from 0 to 1, got 1.5.',
  );
  expect(() => new StochasticDepth(0.5, 'column' as 'row')).toThrow(
    "StochasticDepth: mode must be batch or row, got 'column'.",
  );
  expect(() => new StochasticDepth(0.5, 'row', { blok: new Block() } as object)).toThrow(
    "StochasticDepth: expected options that exist, got 'blok'. Write block.",
  );
});
