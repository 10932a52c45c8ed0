/** Numbers for kernel tests: seeded noise and comparison with a tolerance. */
import { expect } from 'vitest';

/** Seeded uniform noise in [-1, 1). */
export function noise(size: number, seed = 0): Float32Array {
  let state = (seed * 2654435761 + 12345) >>> 0;
  return Float32Array.from({ length: size }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 8) / 2 ** 23 - 1;
  });
}

/** The bits of a float32 result as int32: outputs of int32 kernels. */
export const int32 = (bits: Float32Array): Int32Array => new Int32Array(bits.buffer, bits.byteOffset, bits.length);

/** Every element within `absolute + relative * |expected|`; NaN equals NaN, infinities themselves. */
export function close(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  { absolute = 1e-5, relative = 1e-5 }: { absolute?: number; relative?: number } = {},
): void {
  expect(actual.length).toBe(expected.length);
  for (let i = 0; i < expected.length; i++) {
    const a = actual[i]!;
    const e = expected[i]!;
    if (Object.is(a, e) || a === e) continue;
    if (!(Math.abs(a - e) <= absolute + relative * Math.abs(e)))
      expect.fail(`element ${i}: expected ${e}, got ${a} (tolerance ${absolute} + ${relative} * |expected|)`);
  }
}
