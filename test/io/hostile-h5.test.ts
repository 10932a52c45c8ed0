/** HDF5 files whose declarations would make the library take memory that the file does not have. */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import { hdf5Bytes, loadHdf5 } from '../../src/io/hdf5/library.ts';
import { readWeights } from '../../src/io/index.ts';

type Hdf5File = InstanceType<Awaited<ReturnType<typeof loadHdf5>>['h5']['File']>;

const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/keras/${name}`, import.meta.url));
const sound = fixture('whole.h5');

/** A file that `write` makes, as the library writes it. */
async function made(write: (file: Hdf5File) => void): Promise<Buffer> {
  const { h5, module } = await loadHdf5();
  const file = new h5.File('/hostile.h5', 'w');
  write(file);
  file.close();
  const bytes = Buffer.from(module.FS.readFile('/hostile.h5') as Uint8Array);
  module.FS.unlink('/hostile.h5');
  return bytes;
}

async function refusalOf(content: Buffer): Promise<string> {
  const error = await readWeights(Uint8Array.from(content)).catch((e: Error) => e);
  return `${(error as Error).name}: ${(error as Error).message}`;
}

describe('a heap of texts whose objects do not lead to its end', () => {
  // In a heap: signature, version, size; then object by object index, references, size. The library would walk it for ever.
  const heapOf = async () => {
    const bytes = await made((file) => {
      file.create_dataset({ name: 'w', data: new Float32Array(4), shape: [4], dtype: '<f' });
      file.create_attribute('backend', 'tensorflow');
    });
    const at = bytes.indexOf('GCOL');
    expect(at).toBeGreaterThan(0);
    return { bytes, first: at + 16 };
  };

  test.each([
    ['free room that takes none', 0, 0n, 'no room'],
    ['a size that comes to nothing when it is rounded up', 1, 2n ** 64n - 16n, 'more than its heap has'],
  ])('%s', async (_, index, size, says) => {
    const { bytes, first } = await heapOf();
    bytes.writeUInt16LE(index, first);
    bytes.writeBigUInt64LE(size, first + 8);
    expect(await refusalOf(bytes)).toBe(
      `WeightFileError: bytes: the heap object at byte ${first.toLocaleString('en')} takes ${says}. It is damaged: get it again.`,
    );
  });

  test('a sound one is no fault', async () => {
    const { bytes } = await heapOf();
    expect(await refusalOf(bytes)).not.toContain('heap');
  });
});

test('groups that are reached by many ways are not followed without end', async () => {
  expect(await refusalOf(await readFile(fixture('endless.h5')))).toMatch(
    /^WeightFileError: bytes: leads to more than [\d,]+ objects, which is more than are read out of a file of its size\.$/,
  );
});

/** What the library is called for while `use` runs, by name. */
async function callsOf(use: () => Promise<unknown>): Promise<Map<string, number>> {
  const { module } = await loadHdf5();
  const functions = module as unknown as Record<string, unknown>;
  const own = Object.entries(functions).filter(([name, f]) => /^get_/.test(name) && typeof f === 'function');
  const calls = new Map<string, number>();
  for (const [name, f] of own)
    functions[name] = (...args: unknown[]) => {
      calls.set(name, (calls.get(name) ?? 0) + 1);
      return (f as (...args: unknown[]) => unknown)(...args);
    };
  try {
    await use();
  } finally {
    Object.assign(module, Object.fromEntries(own));
  }
  return calls;
}

describe('work', () => {
  test('a data set takes four calls of the library, a layer a few more', async () => {
    const byPath = await made((h5) => {
      h5.create_group('layers');
      for (let i = 0; i < 50; i++) {
        h5.create_group(`layers/l${i}`);
        const vars = h5.create_group(`layers/l${i}/vars`);
        for (const name of ['0', '1']) vars.create_dataset({ name, data: new Float32Array(3) });
      }
    });
    const calls = await callsOf(async () => expect((await readWeights(Uint8Array.from(byPath))).size).toBe(100));
    const count = (name: string) => calls.get(name) ?? 0;
    expect(count('get_dataset_data')).toBe(100);
    expect(count('get_dataset_metadata')).toBe(100);
    expect(count('get_dataset_filters')).toBe(0);
    // Of each name once, whatever it is.
    expect(count('get_type')).toBe(201);
    expect(count('get_symbolic_link')).toBe(201);
    expect(count('get_names')).toBe(102);
  });

  test('names far below the root count for more, since each is found by way of all above it', async () => {
    const deep = (levels: number) =>
      made((h5) => {
        let path = '';
        for (let i = 0; i < levels; i++) h5.create_group((path += `/g${i}`));
        const vars = h5.create_group((path += '/vars'));
        vars.create_dataset({ name: '0', data: new Float32Array(3) });
        for (let i = 1; i < 800; i++) vars.create_hard_link(`${path}/0`, `${i}`);
      });
    expect((await readWeights(Uint8Array.from(await deep(4)))).size).toBe(800);
    expect(await refusalOf(await deep(20))).toMatch(
      /^WeightFileError: bytes: leads to more than [\d,]+ objects, which is more than are read out of a file of its size\.$/,
    );
  });
});

describe('memory', () => {
  let loaded = 0;
  beforeAll(async () => {
    await loadHdf5();
    loaded = hdf5Bytes();
  });

  test('a chunk far larger than its data set is refused before it is unpacked', async () => {
    expect(await refusalOf(await readFile(fixture('huge-chunk.h5')))).toBe(
      "WeightFileError: bytes: '/conv/conv/kernel:0' lies in chunks [67108864] of 268,435,456 bytes, more than a file of 7,856 can hold. It is damaged: get it again.",
    );
    expect(hdf5Bytes()).toBeLessThan(loaded + (4 << 20));
  });

  test('4,000 texts that are all the same 60,000 bytes take no 240 MB', async () => {
    const names = Array.from({ length: 4000 }, (_, i) => (i === 0 ? 'x'.repeat(60_000) : 'y'));
    const file = await made((h5) => h5.create_attribute('layer_names', names, [names.length], 'S'));
    // Each is a length, the place of a heap and a number in it, 16 bytes together.
    const first = file.indexOf(Buffer.from(Uint32Array.of(60_000).buffer));
    for (let i = 1; i < names.length; i++) file.copy(file, first + 16 * i, first, first + 16);
    expect(await refusalOf(file)).toMatch(
      /^WeightFileError: bytes: the HDF5 library cannot read it \(.+\)\. It is damaged: get it again\.$/,
    );
    expect(hdf5Bytes()).toBeLessThanOrEqual(loaded + 32 * file.length + (16 << 20));
    expect((await readWeights(sound)).size).toBe(24);
  });

  test('a hundred damaged files leave the library as they found it', async () => {
    const whole = await readFile(sound);
    const before = await readWeights(sound);
    const taken = hdf5Bytes();
    for (let i = 0; i < 100; i++) expect(await refusalOf(whole.subarray(0, 30_000 + i))).toMatch(/^WeightFileError/);
    expect(hdf5Bytes()).toBe(taken);
    expect(await readWeights(sound)).toEqual(before);
  });
});

// Last: the library keeps the memory that it takes to make the file.
test('an attribute of more than a topology takes is not read', async () => {
  const size = 17 << 20;
  const file = await made((h5) => h5.create_attribute('keras_version', 'x'.repeat(size), null, `S${size}`));
  expect(await refusalOf(file)).toBe(
    "WeightFileError: bytes: attribute 'keras_version' of '/' has 17,825,792 bytes: at most 16,777,216 are read.",
  );
});
