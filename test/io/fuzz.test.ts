/**
 * Damaged files of every format, a sample of what `npm run fuzz` reads (scripts/fuzz/oracle.ts says what must hold): no crash,
 * no hang, no wrong load. REGRAFT_FUZZ sets the number of cases a format.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FUZZ_FORMATS } from '../../scripts/fuzz/formats.ts';
import { fuzz } from '../../scripts/fuzz/run.ts';
import { WeightFileError } from '../../src/core/errors.ts';
import { bytesSource } from '../../src/device/byte-source.ts';
import { FORMATS } from '../../src/io/formats.ts';

const CASES = Number(process.env.REGRAFT_FUZZ ?? 200);

describe('damaged files', () => {
  test.each(FUZZ_FORMATS.map(({ name }) => name))('%s', async (format) => {
    const { cases, refused, loaded, finds } = await fuzz({ format, cases: CASES, seed: 7 });
    expect(finds).toEqual([]);
    expect(refused + loaded).toBe(cases);
    // Neither is everything refused, nor does damage go unseen.
    expect(Math.min(refused, loaded)).toBeGreaterThan(CASES / 10);
  });
});

test.each(FORMATS.map((format) => [format.name, format] as const))(
  '%s: any bytes, whoever says they match',
  async (_, format) => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (content) => {
        await Promise.resolve()
          .then(() => format.read(bytesSource(Uint8Array.from(content)), {}))
          .catch((error: unknown) => expect(error).toBeInstanceOf(WeightFileError));
      }),
      { numRuns: 100, seed: 3 },
    );
  },
);
