/** Attention beyond its rows in the table of ops: dropout, padding, the parts that it is made of, errors. */
import { beforeAll, expect, test } from 'vitest';
import { Generator } from '../../src/core/random.ts';
import { init, manualSeed, type Tensor, tensor } from '../../src/index.ts';
import { scaledDotProductAttention } from '../../src/nn/index.ts';
import { expectClose, tolerances } from '../tolerances.ts';

beforeAll(async () => {
  await init();
});

function noise(shape: number[], seed: number): Tensor {
  const random = new Generator(seed);
  const count = shape.reduce((a, b) => a * b, 1);
  return tensor(
    Float32Array.from({ length: count }, () => 2 * random.uniform() - 1),
    shape,
    { requires_grad: true },
  );
}

const inputs = (): [Tensor, Tensor, Tensor] => [noise([2, 3, 5, 7], 1), noise([2, 3, 6, 7], 2), noise([2, 3, 6, 4], 3)];

async function gradients(y: Tensor, of: readonly Tensor[]): Promise<Float32Array[]> {
  y.square().sum().backward();
  return Promise.all(of.map((t) => t.grad!.data()));
}

test('dropout is that of a tensor, on the weights', async () => {
  const [a, b] = [inputs(), inputs()];
  const seed = 77;
  const y = scaledDotProductAttention(...a, { dropout: 0.4, seed });
  const [q, k, v] = b;
  const weights = q
    .matmul(k.transpose(2, 3))
    .mul(1 / Math.sqrt(7))
    .softmax(3);
  const want = weights.dropout(0.4, { seed }).matmul(v);
  expectClose('output', await y.data(), await want.data(), tolerances.composed);
  const [got, expected] = [await gradients(y, a), await gradients(want, b)];
  for (const [i, g] of got.entries()) expectClose(`gradient ${i}`, g, expected[i]!, tolerances.composed);
});

test('dropout follows manualSeed', async () => {
  const run = async () => {
    manualSeed(5);
    return (await scaledDotProductAttention(...inputs(), { dropout: 0.5 }).data()).slice();
  };
  expect(await run()).toEqual(await run());
});

test('a batch with padding gives what each of its rows gives alone, and hidden keys and values get no gradient', async () => {
  const [q, k, v] = inputs();
  const y = scaledDotProductAttention(q, k, v, { lengths: tensor(Int32Array.of(6, 4)) });
  const alone = scaledDotProductAttention(
    q.slice(0, 1, 2),
    k.slice(0, 1, 2).slice(2, 0, 4),
    v.slice(0, 1, 2).slice(2, 0, 4),
  );
  expectClose('second', (await y.data()).slice(3 * 5 * 4), await alone.data(), tolerances.rounded);
  const [, gk, gv] = await gradients(y, [q, k, v]);
  const at = (g: Float32Array, width: number, key: number) =>
    g.slice((3 * 6 + key) * width, (3 * 6 + key + 1) * width).every((value) => value === 0);
  expect([at(gk!, 7, 3), at(gk!, 7, 4), at(gv!, 4, 5)]).toEqual([false, true, true]);
});

test('a query that sees no key gives 0, and no gradient', async () => {
  const [q, k, v] = inputs();
  const y = scaledDotProductAttention(q, k, v, { mask: tensor(Int32Array.of(1, 0), [2, 1, 1, 1]) });
  expect((await y.data()).slice(60).every((value) => value === 0)).toBe(true);
  for (const g of await gradients(y, [q, k, v])) expect(g.slice(g.length / 2).every((value) => value === 0)).toBe(true);
});

test('errors', () => {
  const [q, k, v] = inputs();
  const mask = tensor(new Int32Array(12), [2, 6]);
  expect(() => scaledDotProductAttention(q, k, v, { mask })).toThrow(
    'scaledDotProductAttention: the mask must broadcast to [2, 3, 5, 6], got [2, 6]. For a mask of keys [batch, keys] write mask.reshape([batch, 1, 1, keys]).',
  );
  expect(() => scaledDotProductAttention(q, k, v, { mask, lengths: mask })).toThrow(
    'scaledDotProductAttention: expected a mask or lengths, got both. Pass the mask.',
  );
  expect(() => scaledDotProductAttention(q, k, v, { lengths: tensor([1, 2]) })).toThrow(
    'scaledDotProductAttention: lengths must be int32 [2], one of each of the batch, got float32 [2].',
  );
  expect(() => scaledDotProductAttention(q, v, v)).toThrow(
    'scaledDotProductAttention: queries and keys must be of one width, got 7 and 4.',
  );
  expect(() => scaledDotProductAttention(q, k, q)).toThrow(
    'scaledDotProductAttention: there must be a value for each key, got 6 keys and 5 values.',
  );
  expect(() => scaledDotProductAttention(q, k, v.slice(1, 0, 2))).toThrow(
    'scaledDotProductAttention: queries, keys and values must be of one batch and number of heads, got [2, 3, 5, 7], [2, 3, 6, 7], [2, 2, 6, 4].',
  );
  expect(() => scaledDotProductAttention(q, k, v, { bias: tensor([1, 2, 3]) })).toThrow(
    'scaledDotProductAttention: the bias must broadcast to [2, 3, 5, 6], got [3].',
  );
});
