/** Dropout has no reference values: its mask is checked by statistics, by its seed and against its own gradient. */
import { beforeAll, describe, expect, test } from 'vitest';
import { init, manualSeed, ones, type Tensor, tensor } from '../../src/index.ts';

const SIZE = 10_000;
const ones1d = (): Tensor => ones([SIZE]);

async function keptFraction(y: Tensor): Promise<number> {
  return (await y.data()).filter((v: number) => v !== 0).length / SIZE;
}

beforeAll(async () => {
  await init();
});

describe('dropout', () => {
  test.each([0.1, 0.5, 0.9])('p = %d drops that fraction and scales the rest', async (p) => {
    const y = await ones1d().dropout(p, { seed: 1 }).data();
    const kept = y.filter((v: number) => v !== 0);
    // Five standard deviations of a binomial count.
    expect(Math.abs(kept.length / SIZE - (1 - p))).toBeLessThan(5 * Math.sqrt((p * (1 - p)) / SIZE));
    for (const v of kept) expect(v).toBeCloseTo(1 / (1 - p), 4);
  });

  test('neighbours are dropped independently', async () => {
    const y = await ones1d().dropout(0.5, { seed: 3 }).data();
    for (const distance of [1, 2, 4, 64, 100]) {
      let both = 0;
      for (let i = 0; i + distance < SIZE; i++) if (y[i] !== 0 && y[i + distance] !== 0) both++;
      expect(Math.abs(both / (SIZE - distance) - 0.25)).toBeLessThan(0.025);
    }
  });

  test('p = 0 changes nothing', async () => {
    expect(await keptFraction(ones1d().dropout(0, { seed: 1 }))).toBe(1);
  });

  test('p = 1 drops everything, without NaN', async () => {
    const y = await ones1d().dropout(1, { seed: 1 }).data();
    expect(y.every((v: number) => v === 0)).toBe(true);
  });

  test('one seed, one mask; another seed, another mask', async () => {
    const [a, b, c] = await Promise.all([7, 7, 8].map((seed) => ones1d().dropout(0.5, { seed }).data()));
    expect(a).toEqual(b);
    expect(a).not.toEqual(c);
  });

  test('without a seed each call has its own mask, and manualSeed repeats them', async () => {
    const twice = async () => {
      manualSeed(5);
      const x = ones1d();
      const [a, b] = [x.dropout(0.5), x.dropout(0.5)];
      return [await a.data(), await b.data()];
    };
    const [first, second] = await twice();
    expect(first).not.toEqual(second);
    expect(await twice()).toEqual([first, second]);
  });

  test('the gradient passes where the value passed', async () => {
    const x = tensor(new Float32Array(257).fill(3), [257], { requires_grad: true });
    const y = x.dropout(0.25, { seed: 2 });
    y.backward(ones([257]));
    const [value, gradient] = [await y.data(), await x.grad!.data()];
    expect(gradient.some((v: number) => v === 0)).toBe(true);
    for (let i = 0; i < 257; i++) expect(gradient[i]! * 3).toBeCloseTo(value[i]!, 4);
  });
});
