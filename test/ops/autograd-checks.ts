/** How gradients meet, add up and are given back: what autograd promises beyond each op's own derivative. */
import { noGrad, type Tensor, tensor } from '../../src/index.ts';
import { bounded, type Check, type Measurement, same } from '../measurement.ts';

const leaf = (...values: number[]): Tensor => tensor(values, [values.length], { requires_grad: true });
const numbers = async (t: Tensor | null): Promise<number[] | null> => t && [...(await t.data())];

/** A tensor's elements, which must be exactly `want`; null for a gradient that must not be there. */
const holds = async (what: string, t: Tensor | null, want: readonly number[] | null): Promise<Measurement> =>
  same(what, await numbers(t), want);

const backward = (name: string, measure: () => Promise<Measurement[]>): Check => ({
  subject: 'backward',
  name,
  measure,
});

const int32 = (name: string, measure: () => Promise<Measurement[]>): Check => ({ subject: 'int32', name, measure });

function thrownBy(run: () => unknown): string | null {
  try {
    run();
    return null;
  } catch (error) {
    return String(error);
  }
}

export const autogradChecks: readonly Check[] = [
  backward('adds to the gradient that is there', async () => {
    const x = leaf(1, 2, 3);
    x.square().sum().backward();
    x.mul(10).sum().backward();
    return [await holds('gradient', x.grad, [12, 14, 16])];
  }),

  backward('adds to a gradient that was read before', async () => {
    const x = leaf(1, 2, 3);
    x.square().sum().backward();
    const first = await holds('first gradient', x.grad, [2, 4, 6]);
    x.mul(10).sum().backward();
    return [first, await holds('gradient', x.grad, [12, 14, 16])];
  }),

  backward('adds up over several micro-batches', async () => {
    const w = leaf(1, -1);
    for (let k = 1; k <= 4; k++) {
      const loss = w.mul(tensor([k, 2 * k])).sum();
      loss.backward();
      await loss.item();
    }
    return [await holds('gradient', w.grad, [10, 20])];
  }),

  backward('gives two leaves that share a gradient one each', async () => {
    const [x, y] = [leaf(1, 2), leaf(3, 4)];
    const g = tensor([5, 6]);
    x.add(y).backward(g);
    x.grad = null;
    return [await holds('gradient', y.grad, [5, 6]), await holds('what backward started from', g, [5, 6])];
  }),

  backward('freezing one of two leaves leaves the other its gradient', async () => {
    const [x, y] = [leaf(1, 2), leaf(3, 4)];
    x.add(y).sum().backward();
    x.requires_grad = false;
    return [await holds('gradient of the frozen leaf', x.grad, null), await holds('gradient', y.grad, [1, 1])];
  }),

  backward('a gradient given by the caller can be used again', async () => {
    const x = leaf(1, 2);
    const g = tensor([5, 6]);
    x.add(x).backward(g);
    x.reshape([2]).backward(g);
    return [await holds('gradient', x.grad, [15, 18]), await holds('what backward started from', g, [5, 6])];
  }),

  backward('paths that part and meet again', async () => {
    const x = leaf(2, 3);
    const y = x.square();
    y.mul(x).add(y.mul(3)).add(x).sum().backward();
    // x^3 + 3 x^2 + x
    return [await holds('gradient', x.grad, [25, 46])];
  }),

  backward('stops at what needs no gradient', async () => {
    const [x, frozen] = [leaf(1, 2), tensor([3, 4])];
    const y = x.mul(frozen);
    y.sum().backward();
    return [await holds('gradient', x.grad, [3, 4]), await holds('gradient of the constant', frozen.grad, null)];
  }),

  backward('stops at detach()', async () => {
    const x = leaf(2, 3);
    x.mul(x.detach()).sum().backward();
    return [await holds('gradient', x.grad, [2, 3])];
  }),

  backward('nothing is recorded inside noGrad', async () => {
    const x = leaf(1, 2);
    return [same('requires_grad', noGrad(() => x.mul(2)).requires_grad, false)];
  }),

  backward('twice over the same graph, when the first time kept it', async () => {
    const x = leaf(1, 2);
    const loss = x.square().sum();
    loss.backward(undefined, { retainGraph: true });
    loss.backward();
    return [await holds('gradient', x.grad, [4, 8])];
  }),

  backward('twice over a part that two losses share', async () => {
    const x = leaf(1, 2);
    const y = x.square();
    y.sum().backward(undefined, { retainGraph: true });
    y.mul(3).sum().backward();
    return [await holds('gradient', x.grad, [8, 16])];
  }),

  backward('through 3,000 ops in a row', async () => {
    const x = leaf(1);
    let y = x;
    for (let k = 0; k < 3000; k++) y = y.add(0.001);
    y.backward();
    const gradient = await holds('gradient', x.grad, [1]);
    return [gradient, bounded('forward', 'sum', Math.abs((await y.item()) - 4), 5e-3)];
  }),

  backward('after the output was read', async () => {
    const x = leaf(1, 2);
    const y = x.exp();
    const loss = y.sum();
    await loss.item();
    const output = await numbers(y);
    loss.backward();
    return [await holds('gradient', x.grad, output)];
  }),

  backward('an output that was read before backward is still there after', async () => {
    const x = leaf(1, 2);
    const y = x.mul(3);
    y.sum().backward();
    return [await holds('output', y, [3, 6])];
  }),

  int32('tensors have no gradient', async () => [
    same(
      'error',
      thrownBy(() => tensor(Int32Array.of(1), [1], { requires_grad: true })),
      'RegraftError: requires_grad: only float32 and float16 tensors have gradients, this one is int32.',
    ),
  ]),

  int32('tensors move through shape ops as integers', async () => {
    const x = tensor(Int32Array.of(1, 2, 3, 16_777_217, -5, 6), [2, 3]);
    const y = x.transpose(0, 1).reshape([6]);
    return [same('dtype', y.dtype, 'int32'), await holds('values', y, [1, 16_777_217, 2, -5, 3, 6])];
  }),
];
