/** Bounded concurrency. */
import { expect, test, vi } from 'vitest';
import { concurrently, gate } from '../../src/data/concurrently.ts';

test('gate and concurrently keep to their limit', async () => {
  let running = 0;
  let most = 0;
  const task = async () => {
    most = Math.max(most, ++running);
    await new Promise((resolve) => setTimeout(resolve, 2));
    running--;
  };
  const through = gate(3);
  await Promise.all(Array.from({ length: 12 }, () => through(task)));
  expect(most).toBe(3);
  most = 0;
  await concurrently(2, [1, 2, 3, 4, 5], task);
  expect(most).toBe(2);
});

test('a gate lets in by turns, and moves nobody who waits', async () => {
  const count = 3000;
  let moved = 0;
  const shift = vi.spyOn(Array.prototype, 'shift').mockImplementation(function (this: unknown[]) {
    moved += this.length;
    return this.splice(0, 1)[0];
  });
  const through = gate(2);
  const turns: number[] = [];
  try {
    await Promise.all(Array.from({ length: count }, (_, i) => through(async () => void turns.push(i))));
  } finally {
    shift.mockRestore();
  }
  expect(turns).toEqual(Array.from({ length: count }, (_, i) => i));
  expect(moved).toBeLessThan(count);
});
