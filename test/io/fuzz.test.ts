/**
 * Damaged files of every format: a WeightFileError or a state dict that holds together, soon, and nothing else.
 * REGRAFT_FUZZ sets the number of cases a file.
 */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BYTES_PER_ELEMENT } from '../../src/core/dtype.ts';
import { WeightFileError } from '../../src/core/errors.ts';
import { sizeOf } from '../../src/core/shape.ts';
import { bytesSource } from '../../src/device/byte-source.ts';
import { FORMATS } from '../../src/io/formats.ts';
import { readWeights } from '../../src/io/index.ts';

const FILES = [
  'zip.pth',
  'zip-deflated.pth',
  'legacy.pth',
  'training-protocol4.pth',
  'training-legacy.pth',
  'tensors.safetensors',
];
/** Bytes that mean much to some format: opcodes, lengths, brackets. */
const TELLING = [0, 1, 0x7f, 0x80, 0xff, ...Buffer.from('().0RbcegjhijloqrtuQ}]{["\\,:-9e')];
/** Reading a fixture takes milliseconds; this leaves room for a busy machine, not for a hang. */
const PATIENCE = 5000;

const mutation = fc.record({
  kind: fc.constantFrom('set', 'set', 'set', 'insert', 'remove', 'copy', 'huge'),
  at: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
  from: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
  length: fc.integer({ min: 1, max: 16 }),
  byte: fc.oneof(fc.constantFrom(...TELLING), fc.integer({ min: 0, max: 255 })),
});
type Mutation = typeof mutation extends fc.Arbitrary<infer M> ? M : never;

function mutate(content: Buffer, { kind, at, from, length, byte }: Mutation, head: number): Buffer {
  // Most of a file is weights, in which any bytes are right: half of the changes go to what describes them.
  const range = byte & 1 ? content.length : Math.min(content.length, head);
  const p = Math.floor(at * range);
  const rest = content.subarray(p);
  switch (kind) {
    case 'insert':
      return Buffer.concat([content.subarray(0, p), Buffer.alloc(length, byte), rest]);
    case 'remove':
      return Buffer.concat([content.subarray(0, p), rest.subarray(length)]);
    case 'copy': {
      const q = Math.floor(from * range);
      return Buffer.concat([content.subarray(0, p), content.subarray(q, q + length), rest.subarray(length)]);
    }
    case 'huge':
      return Buffer.concat([content.subarray(0, p), Buffer.alloc(4, 0xff), rest.subarray(4)]);
    default:
      return Buffer.concat([content.subarray(0, p), Buffer.from([byte]), rest.subarray(1)]);
  }
}

async function check(content: Buffer): Promise<void> {
  const started = performance.now();
  try {
    const state = await readWeights(Uint8Array.from(content));
    let total = 0;
    for (const { shape, dtype, data } of state.values()) {
      expect(data.length).toBe(sizeOf(shape));
      expect(data.byteLength).toBe(data.length * BYTES_PER_ELEMENT[dtype]);
      expect(data.buffer.byteLength).toBe(data.byteLength);
      total += data.byteLength;
    }
    expect(total).toBeLessThanOrEqual(16 * content.length + (1 << 20));
  } catch (error) {
    if (!(error instanceof WeightFileError)) throw error;
    expect(error.message).not.toMatch(/[\n\r]|undefined|NaN|\[object/);
  }
  expect(performance.now() - started).toBeLessThan(PATIENCE);
}

test.each(FILES)('%s, mutated', async (name) => {
  const path = fileURLToPath(new URL(`../fixtures/io/${name}`, import.meta.url));
  const original = await readFile(path);
  const head = 3000;
  await fc.assert(
    fc.asyncProperty(fc.array(mutation, { minLength: 1, maxLength: 4 }), async (mutations) => {
      await check(mutations.reduce<Buffer>((content, one) => mutate(content, one, head), original));
    }),
    { numRuns: Number(process.env.REGRAFT_FUZZ ?? 150), seed: 7 },
  );
});

test('the pickle of a zip archive, mutated with its checksum put right', async () => {
  const original = await readFile(fileURLToPath(new URL('../fixtures/io/training-zip.pth', import.meta.url)));
  const nameAt = original.indexOf('archive/data.pkl');
  const start = nameAt + original.readUInt16LE(nameAt - 4) + original.readUInt16LE(nameAt - 2);
  const end = start + original.readUInt32LE(nameAt - 30 + 22);
  const directoryEntry = original.lastIndexOf('archive/data.pkl') - 46;
  await fc.assert(
    fc.asyncProperty(fc.array(mutation, { minLength: 1, maxLength: 4 }), async (mutations) => {
      const pickle = mutations.reduce<Buffer>(
        (content, one) => mutate(content, one, 1e9),
        original.subarray(start, end),
      );
      const content = Buffer.from(original);
      pickle.copy(content, start, 0, end - start);
      content.writeUInt32LE(0, directoryEntry + 16);
      await check(content);
    }),
    { numRuns: Number(process.env.REGRAFT_FUZZ ?? 300), seed: 7 },
  );
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
