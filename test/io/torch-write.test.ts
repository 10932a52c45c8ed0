/** `.pth` out: the layout that PyTorch writes and nothing that runs code. scripts/check-torch-write.py asks PyTorch itself. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { convert } from '../../src/convert/index.ts';
import type { StateDict } from '../../src/core/dtype.ts';
import { ArgumentError } from '../../src/core/errors.ts';
import { bytesSource } from '../../src/device/byte-source.ts';
import { readWeightFile, readWeights, torchChunks, writeWeights } from '../../src/io/index.ts';
import { zipChunks } from '../../src/io/zip/write.ts';
import { dataOffset, readZipDirectory, readZipEntry } from '../../src/io/zip/zip.ts';

const fixture = (name: string): string => fileURLToPath(new URL(`../fixtures/io/${name}`, import.meta.url));
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'regraft-pth-'));
});
afterAll(() => rm(folder, { recursive: true }));

const joined = (chunks: Iterable<Uint8Array>): Uint8Array<ArrayBuffer> => Uint8Array.from(Buffer.concat([...chunks]));
const f32 = (shape: number[], values: number[]) => ({
  shape,
  dtype: 'float32' as const,
  data: Float32Array.from(values),
});

describe('the file', () => {
  test('every dtype and shape comes back bit for bit, in order', async () => {
    const state = await readWeights(fixture('tensors.safetensors'));
    const path = join(folder, 'all.pth');
    await writeWeights(path, state);
    const file = await readWeightFile(path);
    expect(file.format).toBe('torch (zip)');
    expect([...file.state.keys()]).toEqual([...state.keys()]);
    expect(file.state).toEqual(state);
    expect(file.notes).toEqual([]);
  });

  test('entries are those of torch.save, stored, with checksums, storages at multiples of 64', async () => {
    const state = await readWeights(fixture('tensors.safetensors'));
    const source = bytesSource(joined(torchChunks(state)));
    const directory = await readZipDirectory(source);
    const torch = [...(await readZipDirectory(bytesSource(await readFile(fixture('zip.pth'))))).keys()];
    const names = [...directory.keys()];
    expect(names[0]).toBe(torch[0]);
    expect(names.at(-1)).toBe(torch.at(-1));
    expect(names.filter((name) => name.includes('/data/'))).toEqual([...state].map((_, i) => `archive/data/${i}`));
    for (const entry of directory.values()) {
      expect(entry.method).toBe(0);
      expect((await dataOffset(source, entry)) % 64).toBe(0);
      await readZipEntry(source, entry);
    }
  });

  test('its pickle names OrderedDict, _rebuild_tensor_v2 and storage classes, and nothing else', async () => {
    const state = await readWeights(fixture('tensors.safetensors'));
    const source = bytesSource(joined(torchChunks(state)));
    const pickle = await readZipEntry(source, (await readZipDirectory(source)).get('archive/data.pkl')!);
    const globals = Buffer.from(pickle)
      .toString('latin1')
      .match(/c[\w.]+\n\w+\n/g);
    expect(globals?.map((name) => name.slice(1, -1).replace('\n', '.')).sort()).toEqual([
      'collections.OrderedDict',
      'torch.BFloat16Storage',
      'torch.BoolStorage',
      'torch.ByteStorage',
      'torch.CharStorage',
      'torch.DoubleStorage',
      'torch.FloatStorage',
      'torch.HalfStorage',
      'torch.IntStorage',
      'torch.LongStorage',
      'torch.ShortStorage',
      'torch._utils._rebuild_tensor_v2',
    ]);
  });

  test('one tensor, opcode for opcode', async () => {
    const source = bytesSource(joined(torchChunks(new Map([['w', f32([2, 300], new Array(600).fill(1))]]))));
    const pickle = await readZipEntry(source, (await readZipDirectory(source)).get('archive/data.pkl')!);
    const text = (s: string) => `X${String.fromCharCode(s.length)}\0\0\0${s}`;
    expect(Buffer.from(pickle).toString('latin1')).toBe(
      '\x80\x02ccollections\nOrderedDict\nq\0)R(' +
        `${text('w')}ctorch._utils\n_rebuild_tensor_v2\nq\x01((` +
        `${text('storage')}ctorch\nFloatStorage\nq\x02${text('0')}${text('cpu')}M\x58\x02tQK\0` +
        '(K\x02M\x2c\x01t(M\x2c\x01K\x01t\x89h\0)RtRu.',
    );
  });

  test('the same state gives the same bytes', async () => {
    const state = new Map([['w', f32([2], [1, 2])]]);
    expect(joined(torchChunks(state))).toEqual(joined(torchChunks(state)));
  });

  test('an empty state dict and a name that is no ASCII', async () => {
    expect((await readZipDirectory(bytesSource(joined(torchChunks(new Map()))))).size).toBe(3);
    const state: StateDict = new Map([['größe.重み', f32([], [3])]]);
    expect(await readWeights(joined(torchChunks(state)))).toEqual(state);
  });

  test('a zip archive of more entries than 16 bits count is read back', async () => {
    const bytes = new Uint8Array(1);
    const entries = Array.from({ length: 65_600 }, (_, i) => ({ name: `e${i}`, bytes: () => bytes }));
    const directory = await readZipDirectory(bytesSource(joined(zipChunks(entries))));
    expect(directory.size).toBe(65_600);
  });
});

describe('convert and writeWeights', () => {
  test('half precision and bfloat16; counters stay int64', async () => {
    for (const dtype of ['float16', 'bfloat16'] as const) {
      const path = join(folder, `${dtype}.pt`);
      const report = await convert(fixture('training.safetensors'), path, { dtype });
      expect(report.formatOut).toBe('torch (zip)');
      const state = await readWeights(path);
      expect(state.get('0.weight')!.dtype).toBe(dtype);
      expect(state.get('1.num_batches_tracked')!.dtype).toBe('int64');
    }
  });

  test('what a state dict has no place for is noted, or refused where it was asked for', async () => {
    const report = await convert(fixture('training-zip.pth'), join(folder, 'plain.pth'));
    expect(report.notes.at(-1)).toMatch(/^Not kept, since torch \(zip\) holds tensors only: epoch, arch/);
    const error = await writeWeights(join(folder, 'no.pth'), new Map(), { metadata: { by: 'me' } }).catch((e) => e);
    expect(error).toBeInstanceOf(ArgumentError);
    expect(error.message).toBe('torch (zip): a state dict has no place for metadata (by). Leave it out.');
  });

  test('a value that does not fit leaves nothing behind', async () => {
    const state: StateDict = new Map([['w', f32([1], [1e30])]]);
    const error = await writeWeights(join(folder, 'large.pth'), state, { dtype: 'float16' }).catch((e) => e);
    expect(error.message).toBe('torch (zip): w: 1 value too large for float16. Write it as bfloat16 or float32.');
    expect((await readdir(folder)).filter((name) => /large|tmp/.test(name))).toEqual([]);
  });
});
