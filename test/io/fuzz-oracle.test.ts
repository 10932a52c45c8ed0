/** What says whether a reader is sound (scripts/fuzz/oracle.ts, run.ts) must see each fault that is planted in one. */
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { FUZZ_FORMATS, type FuzzFormat } from '../../scripts/fuzz/formats.ts';
import {
  checkFiles,
  checkSeed,
  type KnownSeed,
  knownSeed,
  openFiles,
  type Reader,
  readFiles,
} from '../../scripts/fuzz/oracle.ts';
import { fuzz } from '../../scripts/fuzz/run.ts';
import type { StateDict, TensorData } from '../../src/core/dtype.ts';
import { WeightFileError } from '../../src/core/errors.ts';
import { bytesOf } from '../../src/io/base/bytes.ts';

const formatOf = (name: string): FuzzFormat => FUZZ_FORMATS.find((format) => format.name === name)!;
/** Of a format's small files the first, if it can be one with a tensor that lies in one place. */
async function seedOf(format: FuzzFormat): Promise<KnownSeed> {
  const seeds = await Promise.all((await format.seeds()).map(knownSeed));
  return seeds.find(({ places }) => places.size > 0) ?? seeds[0]!;
}

/** A reader that changes what the sound one gives. */
const changing =
  (change: (state: StateDict) => StateDict): Reader =>
  async (files, options) => {
    const state = await readFiles(files, options);
    return change(state);
  };
const largest = (state: StateDict): [string, TensorData] =>
  [...state].reduce((a, b) => (b[1].data.byteLength > a[1].data.byteLength ? b : a));
const refusing =
  (message: string, path?: string): Reader =>
  async (files) => {
    throw new WeightFileError(path ?? [...files.keys()][0]!, message);
  };

describe('a sound reader is let through, one that loads a wrong bit is not', () => {
  test.each(FUZZ_FORMATS.map(({ name }) => name))('%s', async (name) => {
    const format = formatOf(name);
    const seed = await seedOf(format);
    const [flipped] = seed.places.size > 0 ? seed.places.keys() : seed.state.keys();
    const flipsABit = changing((state) => {
      bytesOf(state.get(flipped!)!)[0]! ^= 1;
      return state;
    });
    expect(await checkFiles(format, seed, seed.files, 'payload')).toBe('loaded');
    await expect(checkFiles(format, seed, seed.files, 'payload', flipsABit)).rejects.toThrow(
      /a wrong load: '.+' has other elements|stands nowhere in the file/,
    );
    await expect(checkSeed(seed, flipsABit)).rejects.toThrow('a sound file, read after damaged ones');
  });
});

const elementsOfOther = (state: StateDict): StateDict => {
  const [name, tensor] = largest(state);
  return new Map([...state, [name, { ...tensor, data: tensor.data.slice(1) }]]);
};
test.each<[string, string, Reader, RegExp]>([
  ['loses a tensor', 'pth-zip', changing((state) => new Map([...state].slice(1))), /the names are/],
  ['gives them another order', 'pth-zip', changing((state) => new Map([...state].reverse())), /the names are/],
  [
    'transposes',
    'keras',
    changing((state) => new Map([...state].map(([name, t]) => [name, { ...t, shape: [...t.shape].reverse() }]))),
    /is \[\d+.*\] of float32, not \[/,
  ],
  ['reads past a tensor', 'pth-legacy', changing(elementsOfOther), /elements in \d+ bytes for/],
  [
    'gives views on the file',
    'safetensors',
    changing((state) => {
      const [name, t] = largest(state);
      const shared = new Uint8Array(t.data.byteLength + 8).subarray(0, t.data.byteLength);
      return new Map([...state, [name, { shape: [shared.length], dtype: 'uint8', data: shared }]]);
    }),
    /elements in \d+ bytes for/,
  ],
  [
    'unpacks without end',
    'pth-legacy',
    changing((state) => {
      const data = new Uint8Array(4 << 20);
      return new Map([...state, ['w', { shape: [data.length], dtype: 'uint8', data }]]);
    }),
    /tensors of [\d,]+ bytes, more than/,
  ],
  ['throws an error of the language', 'onnx', () => Promise.reject(new RangeError('Invalid array length')), /Invalid/],
  ['speaks in two lines', 'tfjs', refusing('is damaged.\nGet it again.'), /not one clear line/],
  ['speaks of nothing', 'tfjs', refusing('tensor undefined is damaged.'), /not one clear line/],
  ['speaks without end', 'tfjs', refusing('x'.repeat(2000)), /not one clear line/],
  ['names a file that is not its own', 'h5-model', refusing('is damaged.', '/etc/passwd'), /does not begin with/],
])('a reader that %s is seen', async (_, name, reader, message) => {
  const format = formatOf(name);
  const seed = await seedOf(format);
  await expect(checkFiles(format, seed, seed.files, 'damaged', reader)).rejects.toThrow(message);
});

test('a reader that leaves the folder is seen', async () => {
  const source = openFiles((await seedOf(formatOf('tfjs'))).files);
  await expect(source.beside!('../secret')).rejects.toThrow("asks for the file '../secret'");
});

describe('in the process that reads', () => {
  const file = fileURLToPath(new URL('fuzz-faulty.ts', import.meta.url));
  test.each([
    ['hangs', 'hang', /nothing for [\d.]+ s/],
    ['ends the process', 'crash', /the process ended by 0/],
    ['runs out of memory', 'crash', /heap/],
    ['throws what is no error of ours', 'wrong', /Cannot read properties of undefined/],
    ['keeps memory', 'wrong', /allocates \d+ bytes for a file of \d+/],
    ['takes memory for a moment', 'memory', /the process takes \d+ bytes more than at its start/],
    ['makes code of text', 'wrong', /calls Function/],
  ] as const)('a reader that %s is seen', async (argument, kind, text) => {
    // Only what never ends is waited for.
    const hangMs = kind === 'hang' ? 1000 : undefined;
    const { finds } = await fuzz({ format: 'safetensors', cases: 1, seed: 7, worker: { file, argument }, hangMs });
    expect(finds).toContainEqual(expect.objectContaining({ kind, index: 0, text: expect.stringMatching(text) }));
  });
});
