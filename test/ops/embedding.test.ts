/** Embeddings beyond their rows in the table of ops: errors, the optimizer in the gradient's kernel, the same bits twice, large tables. */
import { beforeAll, expect, test } from 'vitest';
import { graphOptions } from '../../src/graph/options.ts';
import { init, manualSeed, step, tensor } from '../../src/index.ts';
import { Embedding, embedding } from '../../src/nn/index.ts';
import { AdamW } from '../../src/optim/index.ts';

beforeAll(async () => {
  await init();
});

const ids = (...values: number[]) => tensor(Int32Array.from(values));

test('errors', () => {
  const table = new Embedding(3, 2).weight;
  expect(() => embedding(ids(0, 3), table)).toThrow(
    'embedding: expected numbers from 0 to 2, of the table’s rows, got 3 at 1. The vocabulary that made them is not that of the network.',
  );
  expect(() => embedding(tensor([0, 1]), table)).toThrow(
    "embedding: the numbers of rows must be int32, got float32. Pass an Int32Array, or { dtype: 'int32' }.",
  );
  expect(() => embedding(ids(0), tensor([1, 2]))).toThrow(
    'embedding: the table must have 2 dimensions [rows, width], got [2].',
  );
  expect(() => embedding(ids(0), table, { paddingIdx: 3 })).toThrow(
    'embedding: paddingIdx must be the number of one of the table’s 3 rows, got 3.',
  );
  expect(() => new Embedding(0, 2)).toThrow('Embedding: numEmbeddings must be');
  expect(() => new Embedding(3, 2, { paddingIdx: -4 })).toThrow(
    'Embedding: paddingIdx must be the number of one of 3 rows, got -4.',
  );
});

test('starts normal, with 0 in the row of padding', async () => {
  manualSeed(0);
  const values = await new Embedding(500, 8, { paddingIdx: -500 }).weight.data();
  expect(Array.from(values.slice(0, 8))).toEqual(Array(8).fill(0));
  const rest = values.slice(8);
  const mean = rest.reduce((a, b) => a + b) / rest.length;
  const deviation = Math.sqrt(rest.reduce((sum, v) => sum + (v - mean) ** 2, 0) / rest.length);
  expect(Math.abs(mean)).toBeLessThan(0.06);
  expect(Math.abs(deviation - 1)).toBeLessThan(0.05);
});

/** The table after three steps, and after each step's read-back of its loss. */
async function trained(rows = 40): Promise<Float32Array> {
  manualSeed(3);
  const table = new Embedding(rows, 6, { paddingIdx: 1 });
  const optimizer = new AdamW(table.parameters(), { lr: 0.1, weightDecay: 0.1 });
  for (let k = 0; k < 3; k++) {
    const places = tensor(
      Int32Array.from({ length: 60 }, (_, i) => (i * (k + 3)) % Math.min(rows, 20)),
      [4, 15],
    );
    await step(() => {
      const loss = table.forward(places).square().mean();
      loss.backward();
      optimizer.step();
      optimizer.zeroGrad();
      return loss;
    }).item();
  }
  return table.weight.data();
}

test('an optimizer steps in the kernel of the gradient as it does by itself, to the bit twice', async () => {
  const fused = await trained();
  expect(await trained()).toEqual(fused);
  graphOptions.fusion = false;
  const plain = await trained();
  graphOptions.fusion = true;
  for (const [i, value] of plain.entries()) expect(fused[i]).toBeCloseTo(value, 5);
});

test('a table in parts', async () => {
  const whole = await trained(4000);
  graphOptions.whole = false;
  const inParts = await trained(4000);
  graphOptions.whole = true;
  expect(inParts).toEqual(whole);
});

test('numbers that were computed on the GPU', async () => {
  const table = new Embedding(20, 3);
  const computed = tensor([1.5, 19.2, 1.1]).to('int32');
  const y = embedding(computed, table.weight);
  y.sum().backward();
  const gradient = await table.weight.grad!.data();
  expect(Array.from(gradient.slice(3, 6))).toEqual([2, 2, 2]);
  expect(Array.from(gradient.slice(57))).toEqual([1, 1, 1]);
  expect(gradient.reduce((a, b) => a + b)).toBe(9);
});
