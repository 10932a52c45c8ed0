/**
 * Damaged Keras and TF.js files: a WeightFileError or a state dict that holds together, soon, and nothing else.
 * REGRAFT_FUZZ sets the number of cases a file.
 */
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BYTES_PER_ELEMENT } from '../../src/core/dtype.ts';
import { WeightFileError } from '../../src/core/errors.ts';
import { sizeOf } from '../../src/core/shape.ts';
import { readWeights } from '../../src/io/index.ts';

const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/keras/${name}`, import.meta.url));
const RUNS = Number(process.env.REGRAFT_FUZZ ?? 200);
/** Of the process's own time, in milliseconds: a fixture takes a few, and a busy machine adds none. */
const PATIENCE = 5000;

const TELLING = [0, 1, 0x7f, 0x80, 0xff, ...Buffer.from('TREESNODHEAPGCOLOHDR"{}[]:,-9e.')];
const mutation = fc.record({
  kind: fc.constantFrom('set', 'set', 'set', 'remove', 'copy', 'huge', 'truncate'),
  at: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
  from: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
  length: fc.integer({ min: 1, max: 16 }),
  byte: fc.oneof(fc.constantFrom(...TELLING), fc.integer({ min: 0, max: 255 })),
});
type Mutation = typeof mutation extends fc.Arbitrary<infer M> ? M : never;

function mutate(content: Buffer, { kind, at, from, length, byte }: Mutation): Buffer {
  const p = Math.floor(at * content.length);
  const [before, rest] = [content.subarray(0, p), content.subarray(p)];
  const q = Math.floor(from * content.length);
  switch (kind) {
    case 'remove':
      return Buffer.concat([before, rest.subarray(length)]);
    case 'copy':
      return Buffer.concat([before, content.subarray(q, q + length), rest.subarray(length)]);
    case 'huge':
      return Buffer.concat([before, Buffer.alloc(4, 0xff), rest.subarray(4)]);
    case 'truncate':
      return Buffer.from(before);
    default:
      return Buffer.concat([before, Buffer.from([byte]), rest.subarray(1)]);
  }
}

async function check(source: Uint8Array | string, size: number): Promise<void> {
  const started = process.cpuUsage();
  try {
    const state = await readWeights(source);
    let total = 0;
    for (const { shape, dtype, data } of state.values()) {
      expect(data.length).toBe(sizeOf(shape));
      expect(data.byteLength).toBe(data.length * BYTES_PER_ELEMENT[dtype]);
      total += data.byteLength;
    }
    expect(total).toBeLessThanOrEqual(16 * size + (1 << 20));
  } catch (error) {
    if (!(error instanceof WeightFileError)) throw error;
    expect(error.message).not.toMatch(/[\n\r]|undefined|NaN|\[object/);
  }
  const { user, system } = process.cpuUsage(started);
  expect((user + system) / 1000).toBeLessThan(PATIENCE);
}

const options = { numRuns: RUNS, seed: 20, endOnFailure: true };
const changes = fc.array(mutation, { minLength: 1, maxLength: 4 });

test.each(['whole.h5', 'small.weights.h5', 'small.keras'])('%s, mutated', async (name) => {
  const original = await readFile(fixture(name));
  await fc.assert(
    fc.asyncProperty(changes, (list) => {
      const content = list.reduce(mutate, original);
      return check(Uint8Array.from(content), content.length);
    }),
    options,
  );
  // Whatever was read before, a good file still opens.
  expect((await readWeights(fixture(name))).size).toBe(24);
});

test('TF.js model.json, mutated', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'regraft-tfjs-fuzz-'));
  try {
    await cp(fixture('tfjs'), folder, { recursive: true });
    const original = await readFile(fixture('tfjs/model.json'));
    const path = join(folder, 'mutated.json');
    await fc.assert(
      fc.asyncProperty(changes, async (list) => {
        await writeFile(path, list.reduce(mutate, original));
        await check(path, original.length);
      }),
      options,
    );
  } finally {
    await rm(folder, { recursive: true });
  }
});
