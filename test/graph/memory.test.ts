/** Buffer assignment by itself: properties that hold for any set of lifetimes. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { assignBuffers, type Interval } from '../../src/graph/memory.ts';

const interval = fc
  .record({ bytes: fc.integer({ min: 1, max: 1000 }), first: fc.integer({ min: 0, max: 30 }), length: fc.nat(10) })
  .map(({ bytes, first, length }): Interval => ({ bytes, first, last: first + length }));
const intervals = fc.array(interval, { maxLength: 40 });

describe('assignBuffers', () => {
  test('two results that live at the same time never share a buffer, and each fits its own', () => {
    fc.assert(
      fc.property(intervals, (list) => {
        const { sizes, buffer } = assignBuffers(list);
        list.forEach((a, i) => {
          expect(sizes[buffer[i]!]).toBeGreaterThanOrEqual(a.bytes);
          list.slice(0, i).forEach((b, j) => {
            if (a.first <= b.last && b.first <= a.last) expect(buffer[i]).not.toBe(buffer[j]);
          });
        });
      }),
    );
  });

  test('needs at least the most bytes alive at once, and at most what no sharing would need', () => {
    fc.assert(
      fc.property(intervals, (list) => {
        const { sizes, lowerBound } = assignBuffers(list);
        const total = sizes.reduce((a, b) => a + b, 0);
        const alive = Array.from({ length: 45 }, (_, at) =>
          list.reduce((n, { bytes, first, last }) => (first <= at && at <= last ? n + bytes : n), 0),
        );
        expect(lowerBound).toBe(Math.max(...alive));
        expect(total).toBeGreaterThanOrEqual(lowerBound);
        expect(total).toBeLessThanOrEqual(list.reduce((n, { bytes }) => n + bytes, 0));
      }),
    );
  });

  test('a chain of results needs two buffers', () => {
    const chain = Array.from({ length: 10 }, (_, k) => ({ bytes: 64, first: k, last: k + 1 }));
    expect(assignBuffers(chain)).toMatchObject({ sizes: [64, 64], lowerBound: 128 });
  });

  test('the largest result comes first and smaller ones move in after it', () => {
    const { sizes, buffer } = assignBuffers([
      { bytes: 16, first: 2, last: 3 },
      { bytes: 256, first: 0, last: 1 },
      { bytes: 32, first: 2, last: 2 },
    ]);
    expect(sizes).toEqual([256, 16]);
    expect(buffer).toEqual([1, 0, 0]);
  });
});
