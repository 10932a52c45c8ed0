/** Archives that lie, damaged files and files that are something else: one clear line each. */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { zipSync } from 'fflate';
import { describe, expect, test } from 'vitest';
import { WeightFileError } from '../../src/core/errors.ts';
import { FORMATS } from '../../src/io/formats.ts';
import { readWeights } from '../../src/io/index.ts';
import {
  bytes,
  dict,
  expectRefusal,
  int,
  overBudget,
  pickle,
  storage,
  tensor,
  text,
  torchLegacy,
  torchZip,
  uint32,
  uint64,
} from './build.ts';

const fixture = async (name: string): Promise<Uint8Array<ArrayBuffer>> =>
  new Uint8Array(await readFile(fileURLToPath(new URL(`../fixtures/io/${name}`, import.meta.url))));

/** The end of the message about a file of no known format. */
const KNOWN = `Known: ${FORMATS.filter(({ extensions }) => extensions.length > 0)
  .map(({ name }) => name)
  .join(', ')}.`;

describe('archives that lie', () => {
  test('zip bombs, in the pickle and in a storage', async () => {
    const inPickle = torchZip(pickle(text('x'.repeat(16_000_000))), {}, 6);
    expect(inPickle.length).toBeLessThan(20_000);
    const bomb = (entry: string) => `zip entry '${entry}', unpacked with those before it,`;
    await expectRefusal(inPickle, overBudget(bomb('archive/data.pkl'), inPickle.length, 16));
    const object = pickle(dict(text('w'), tensor(storage('0', 4_000_000), 0, [4_000_000], [1])));
    const inStorage = torchZip(object, { 0: new Uint8Array(16_000_000) }, 6);
    await expectRefusal(inStorage, overBudget(bomb('archive/data/0'), inStorage.length, 16));
    // Each alone is no bomb.
    const many = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [i, new Uint8Array(1_000_000)]));
    const inAll = torchZip(pickle('}'), many, 6);
    await expectRefusal(inAll, overBudget(bomb('archive/data/1'), inAll.length, 16));
  });

  test('a zip bomb that understates its size', async () => {
    const small = pickle(dict(text('w'), tensor(storage('0', 4), 0, [4], [1])));
    const bomb = torchZip(small, { 0: new Uint8Array(16_000_000) }, 6);
    const entry = Buffer.from(bomb).lastIndexOf('archive/data/0') - 46;
    bomb.set(uint32(16), entry + 24);
    await expectRefusal(bomb, "zip entry 'archive/data/0' unpacks to more than the 16 bytes it declares.");
  });

  test('a deflated entry that comes out short, or is garbage', async () => {
    const object = pickle(dict(text('w'), tensor(storage('0', 400), 0, [400], [1])));
    const short = torchZip(object, { 0: new Uint8Array(1500) }, 6);
    short.set(uint32(1600), Buffer.from(short).lastIndexOf('archive/data/0') - 46 + 24);
    await expectRefusal(short, "zip entry 'archive/data/0' unpacks to 1,500 bytes; it declares 1,600.");
    const garbage = torchZip(object, { 0: new Uint8Array(1600) }, 6);
    const start = Buffer.from(garbage).indexOf('archive/data/0') + 'archive/data/0'.length;
    garbage.set([0xff, 0xff], start);
    await expectRefusal(
      garbage,
      "zip entry 'archive/data/0' cannot be inflated (invalid block type). The file is damaged.",
    );
  });

  test('an entry that does not match its checksum', async () => {
    const file = await fixture('zip.pth');
    const storage0 = Buffer.from(file).indexOf('archive/data/0');
    file[storage0 + 80]! ^= 1;
    await expectRefusal(
      file,
      "zip entry 'archive/data/0' does not match its checksum. The file is damaged: get it again.",
    );
  });

  test('a name that its header does not repeat, and a directory of more entries than it counts', async () => {
    const name = Buffer.from('layer/kernel.npy');
    const renamed = await fixture('arrays.npz');
    renamed[Buffer.from(renamed).lastIndexOf(name) + 5] = 0x5f;
    await expectRefusal(renamed, "the zip archive is damaged at the header of entry 'layer_kernel.npy'. Get it again.");
    const uncounted = await fixture('arrays.npz');
    const end = uncounted.length - 22;
    uncounted[end + 8]! -= 1;
    uncounted[end + 10]! -= 1;
    await expectRefusal(
      uncounted,
      'the zip archive is damaged at the end of its directory, which has more than its 13 entries. Get it again.',
    );
  });

  test('a storage that several tensors share is checked as a whole', async () => {
    const views = [0, 2].map((offset) => tensor(storage('0', 4), offset, [2], [1]));
    const file = torchZip(pickle(dict(text('a'), views[0]!, text('b'), views[1]!)), {
      0: new Uint8Array(Float32Array.of(1, 2, 3, 4).buffer),
    });
    const state = await readWeights(file.slice());
    expect([...state].map(([name, { data }]) => [name, ...(data as Float32Array)])).toEqual([
      ['a', 1, 2],
      ['b', 3, 4],
    ]);
    file[Buffer.from(file).indexOf('archive/data/0') + 'archive/data/0'.length + 3]! ^= 1;
    await expectRefusal(
      file,
      "zip entry 'archive/data/0' does not match its checksum. The file is damaged: get it again.",
    );
  });

  test('entries that share bytes, lie past the directory, or have one name', async () => {
    const two = torchZip(pickle('}'), { 0: new Uint8Array(8), 1: new Uint8Array(8) });
    const directory = (name: string, content: Uint8Array = two) => Buffer.from(content).lastIndexOf(name) - 46;
    const shared = two.slice();
    shared.set(
      shared.subarray(directory('archive/data/0') + 42, directory('archive/data/0') + 46),
      directory('archive/data/1') + 42,
    );
    await expectRefusal(shared, "zip entries 'archive/data/0' and 'archive/data/1' overlap.");
    const past = two.slice();
    past.set(uint32(9999), directory('archive/data/1') + 20);
    await expectRefusal(
      past,
      "zip entry 'archive/data/1' takes 9,999 bytes at byte 102, past where the entries end (154). The file is damaged: get it again.",
    );
    const twins = two.slice();
    twins.set(bytes('0'), directory('archive/data/1') + 46 + 'archive/data/'.length);
    await expectRefusal(twins, "has two zip entries named 'archive/data/0'.");
    const encrypted = two.slice();
    encrypted[directory('archive/data.pkl') + 8]! |= 1;
    await expectRefusal(encrypted, "zip entry 'archive/data.pkl' is encrypted, which is not read.");
    const method = two.slice();
    method[directory('archive/data.pkl') + 10] = 12;
    await expectRefusal(method, "zip entry 'archive/data.pkl' is packed by method 12: expected stored or deflated.");
    const entries = two.slice();
    entries.set([0xff, 0xff], two.length - 12);
    await expectRefusal(
      entries,
      'its zip directory declares 65,535 entries in 182 bytes at byte 154; the file has 358. It is damaged: get it again.',
    );
  });

  test('big-endian, no pickle, two pickles', async () => {
    const file = (files: Record<string, Uint8Array>) => zipSync(files, { level: 0 }) as Uint8Array<ArrayBuffer>;
    const object = pickle('}');
    await expectRefusal(
      file({ 'a/data.pkl': object, 'a/byteorder': bytes('big') }),
      "was written with byte order 'big': only little-endian is read.",
    );
    await expectRefusal(
      file({ 'a/data.pkl': object, 'b/data.pkl': object }),
      'expected one data.pkl in the zip archive, got 2.',
    );
    await expectRefusal(
      file({ 'a.txt': object }),
      `is named .pth, but its content is of no known weight format (first 8 bytes: 50 4b 03 04 14 00 00 00). ${KNOWN}`,
    );
  });

  test('the old format: a storage of another length, unknown, twice, missing; a big-endian machine', async () => {
    const object = pickle(dict(text('w'), tensor(storage('k', 2), 0, [2], [1])));
    const data = new Uint8Array(8);
    await expectRefusal(
      torchLegacy(object, ['k'], [uint64(3n), data]),
      "storage 'k' should have 2 float32 elements, but its data declares 3.",
    );
    await expectRefusal(
      torchLegacy(object, ['k'], [uint64(-1n), data]),
      "storage 'k' should have 2 float32 elements, but its data declares -1.",
    );
    await expectRefusal(
      torchLegacy(object, ['x'], [uint64(2n), data]),
      "lists storage 'x' that no tensor uses. The file is damaged.",
    );
    await expectRefusal(
      torchLegacy(object, ['k', 'k'], [uint64(2n), data]),
      "lists storage 'k' twice. The file is damaged.",
    );
    await expectRefusal(torchLegacy(object), "lacks storage 'k'. The file is damaged.");
    await expectRefusal(
      torchLegacy(object, ['k'], [uint64(2n), data.subarray(1)]),
      "storage 'k' takes 8 bytes at byte 218, but the file ends at 225. It is truncated or damaged: get it again.",
    );
    const big = torchLegacy(object, ['k'], [uint64(2n), data]);
    big[Buffer.from(big).indexOf('little_endian') + 13] = 0x89;
    await expectRefusal(big, 'was written on a big-endian machine: only little-endian is read.');
    const version = torchLegacy(object);
    version[Buffer.from(version).indexOf(int(1001)) + 1]! ^= 1;
    await expectRefusal(version, 'has format version 1000: expected 1001.');
  });
});

describe('files that are something else', () => {
  test.each([
    ['nothing', bytes(), 'is empty (0 bytes). Download or save it again.'],
    [
      'a Git LFS pointer',
      bytes('version https://git-lfs.github.com/spec/v1\noid sha256:0\n'),
      'is a Git LFS pointer, not the weights. Run git lfs pull.',
    ],
    ['a web page', bytes('\n<!DOCTYPE html><html>'), 'is a web page, not the weights. Download it again.'],
    [
      'text',
      bytes('hello'),
      `is named .pth, but its content is of no known weight format (first 5 bytes: 68 65 6c 6c 6f). ${KNOWN}`,
    ],
    [
      'a tar archive',
      bytes(new Uint8Array(257), 'ustar', new Uint8Array(250)),
      'is a tar archive. If it is a checkpoint of PyTorch 0.1.10 or older, load it with PyTorch and save it again.',
    ],
  ])('%s', async (_, content, message) => {
    await expectRefusal(content, message);
  });

  test('a missing file and a folder', async () => {
    await expect(readWeights('no/such.pth')).rejects.toThrow(WeightFileError);
    await expect(readWeights(fileURLToPath(new URL('../fixtures', import.meta.url)))).rejects.toThrow(WeightFileError);
  });
});

describe('truncated at every eighth', () => {
  test.each(['zip.pth', 'zip-deflated.pth', 'legacy.pth', 'tensors.safetensors', 'training-legacy.pth'])(
    '%s',
    async (name) => {
      const whole = await fixture(name);
      for (let eighth = 0; eighth < 8; eighth++) {
        const part = whole.slice(0, Math.floor((whole.length * eighth) / 8));
        await expect(readWeights(new File([part], 'x.pth')), `${eighth}/8`).rejects.toThrow(
          /^x\.pth: .*(truncated|is empty|no known weight format)/,
        );
      }
    },
  );
});
