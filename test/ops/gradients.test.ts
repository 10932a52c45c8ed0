/** How gradients meet, add up and are given back: what autograd promises beyond each op's own derivative. */
import { beforeAll, describe, expect, test } from 'vitest';
import { currentDevice } from '../../src/device/current.ts';
import { init, noGrad, type Tensor, tensor } from '../../src/index.ts';
import { poisonBuffers } from '../poison.ts';

const leaf = (...values: number[]): Tensor => tensor(values, [values.length], { requires_grad: true });
const numbers = async (t: Tensor | null): Promise<number[]> => [...(await t!.data())];

beforeAll(async () => {
  await init();
  poisonBuffers(currentDevice());
});

describe('backward', () => {
  test('adds to the gradient that is there', async () => {
    const x = leaf(1, 2, 3);
    x.square().sum().backward();
    x.mul(10).sum().backward();
    expect(await numbers(x.grad)).toEqual([12, 14, 16]);
  });

  test('adds to a gradient that was read before', async () => {
    const x = leaf(1, 2, 3);
    x.square().sum().backward();
    expect(await numbers(x.grad)).toEqual([2, 4, 6]);
    x.mul(10).sum().backward();
    expect(await numbers(x.grad)).toEqual([12, 14, 16]);
  });

  test('adds up over several micro-batches', async () => {
    const w = leaf(1, -1);
    for (let k = 1; k <= 4; k++) {
      const loss = w.mul(tensor([k, 2 * k])).sum();
      loss.backward();
      await loss.item();
    }
    expect(await numbers(w.grad)).toEqual([10, 20]);
  });

  test('gives two leaves that share a gradient one each', async () => {
    const [x, y] = [leaf(1, 2), leaf(3, 4)];
    const g = tensor([5, 6]);
    x.add(y).backward(g);
    x.grad = null;
    expect(await numbers(y.grad)).toEqual([5, 6]);
    expect(await numbers(g)).toEqual([5, 6]);
  });

  test('freezing one of two leaves leaves the other its gradient', async () => {
    const [x, y] = [leaf(1, 2), leaf(3, 4)];
    x.add(y).sum().backward();
    x.requires_grad = false;
    expect(x.grad).toBeNull();
    expect(await numbers(y.grad)).toEqual([1, 1]);
  });

  test('a gradient given by the caller can be used again', async () => {
    const x = leaf(1, 2);
    const g = tensor([5, 6]);
    x.add(x).backward(g);
    x.reshape([2]).backward(g);
    expect(await numbers(x.grad)).toEqual([15, 18]);
    expect(await numbers(g)).toEqual([5, 6]);
  });

  test('paths that part and meet again', async () => {
    const x = leaf(2, 3);
    const y = x.square();
    y.mul(x).add(y.mul(3)).add(x).sum().backward();
    // x^3 + 3 x^2 + x
    expect(await numbers(x.grad)).toEqual([25, 46]);
  });

  test('stops at what needs no gradient', async () => {
    const [x, frozen] = [leaf(1, 2), tensor([3, 4])];
    const y = x.mul(frozen);
    y.sum().backward();
    expect(await numbers(x.grad)).toEqual([3, 4]);
    expect(frozen.grad).toBeNull();
  });

  test('stops at detach()', async () => {
    const x = leaf(2, 3);
    x.mul(x.detach()).sum().backward();
    expect(await numbers(x.grad)).toEqual([2, 3]);
  });

  test('nothing is recorded inside noGrad', () => {
    const x = leaf(1, 2);
    expect(noGrad(() => x.mul(2)).requires_grad).toBe(false);
  });

  test('twice over the same graph, when the first time kept it', async () => {
    const x = leaf(1, 2);
    const loss = x.square().sum();
    loss.backward(undefined, { retainGraph: true });
    loss.backward();
    expect(await numbers(x.grad)).toEqual([4, 8]);
  });

  test('twice over a part that two losses share', async () => {
    const x = leaf(1, 2);
    const y = x.square();
    y.sum().backward(undefined, { retainGraph: true });
    y.mul(3).sum().backward();
    expect(await numbers(x.grad)).toEqual([8, 16]);
  });

  test('through 3,000 ops in a row', async () => {
    const x = leaf(1);
    let y = x;
    for (let k = 0; k < 3000; k++) y = y.add(0.001);
    y.backward();
    expect(await numbers(x.grad)).toEqual([1]);
    expect(await y.item()).toBeCloseTo(4, 2);
  });

  test('after the output was read', async () => {
    const x = leaf(1, 2);
    const y = x.exp();
    const loss = y.sum();
    await loss.item();
    await y.data();
    loss.backward();
    expect(await numbers(x.grad)).toEqual(await numbers(y));
  });

  test('an output that was read before backward is still there after', async () => {
    const x = leaf(1, 2);
    const y = x.mul(3);
    y.sum().backward();
    expect(await numbers(y)).toEqual([3, 6]);
  });
});

describe('int32 tensors', () => {
  test('have no gradient', () => {
    expect(() => tensor(Int32Array.of(1), [1], { requires_grad: true })).toThrow();
  });

  test('move through shape ops as integers', async () => {
    const x = tensor(Int32Array.of(1, 2, 3, 16_777_217, -5, 6), [2, 3]);
    const y = x.transpose(0, 1).reshape([6]);
    expect(y.dtype).toBe('int32');
    expect(await numbers(y)).toEqual([1, 16_777_217, 2, -5, 3, 6]);
  });
});
