/** Batches of samples of like lengths. */
import { describe, expect, test } from 'vitest';
import { ArrayDataset, DataLoader, type Dataset } from '../../src/data/index.ts';

/** `n` images [1, 1, 1]. */
const numbers = (n: number) => new ArrayDataset(new Float32Array(n), [n, 1, 1, 1], new Array<number>(n).fill(0));

describe('by length', () => {
  const lengths = Array.from({ length: 1003 }, (_, i) => (i * 7919) % 101);
  const texts: Dataset = {
    ...numbers(1),
    length: lengths.length,
    get: () => Promise.reject(),
    lengthOf: (index) => lengths[index]!,
  };
  const spread = (batches: readonly (readonly number[])[]) =>
    batches.reduce((sum, batch) => {
      const of = batch.map((index) => lengths[index]!);
      return sum + Math.max(...of) - Math.min(...of);
    }, 0) / batches.length;

  test('samples of like lengths are in a batch, each once; the last batch stays the smaller one', () => {
    const options = { batchSize: 8, shuffle: true, seed: 3 };
    const [plain, grouped] = [
      new DataLoader(texts, options),
      new DataLoader(texts, { ...options, groupByLength: true }),
    ];
    expect(
      grouped
        .batches(0)
        .flat()
        .sort((a, b) => a - b),
    ).toEqual(lengths.map((_, i) => i));
    expect(grouped.batches(0).map(({ length }) => length)).toEqual(plain.batches(0).map(({ length }) => length));
    expect(spread(plain.batches(0))).toBeGreaterThan(60);
    expect(spread(grouped.batches(0))).toBeLessThan(5);
    expect(grouped.batches(1)).not.toEqual(grouped.batches(0));
    expect(new DataLoader(texts, { ...options, groupByLength: true }).batches(1)).toEqual(grouped.batches(1));
  });

  test('batches come in random order, or the longest first where the order is not', () => {
    const first = (loader: DataLoader) => loader.batches(0).map(([index]) => lengths[index!]!);
    const sorted = first(new DataLoader(texts, { batchSize: 8, groupByLength: true }));
    expect(sorted).toEqual(sorted.toSorted((a, b) => b - a));
    const random = first(new DataLoader(texts, { batchSize: 8, groupByLength: true, shuffle: true }));
    expect(random).not.toEqual(random.toSorted((a, b) => b - a));
  });

  test('a data set without lengths is as without the option', () => {
    const options = { batchSize: 4, shuffle: true, seed: 1 };
    expect(new DataLoader(numbers(9), { ...options, groupByLength: true }).batches(0)).toEqual(
      new DataLoader(numbers(9), options).batches(0),
    );
  });
});
