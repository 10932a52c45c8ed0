/** NumPy's archives of arrays: recorded by NumPy, written and read back, damaged and foreign ones. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { zipSync } from 'fflate';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { StateDict, TensorData } from '../../src/core/dtype.ts';
import { ArgumentError, WeightFileError } from '../../src/core/errors.ts';
import { readWeightFile, readWeights, writeWeights } from '../../src/io/index.ts';

const fixture = (name: string): string => fileURLToPath(new URL(`../fixtures/io/${name}`, import.meta.url));
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'regraft-npz-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('NumPy (npz)', () => {
  test.each(['arrays.npz', 'arrays-deflated.npz'])('%s is what NumPy saved, transposed arrays too', async (name) => {
    const { state, format, namesInFile } = await readWeightFile(fixture(name));
    expect(format).toBe('NumPy (npz)');
    expect(state).toEqual(await readWeights(fixture('arrays.safetensors')));
    expect(namesInFile.get('layer/kernel')).toBe('layer/kernel.npy');
  });

  test('written and read back, whatever the types', async () => {
    const state = await readWeights(fixture('arrays.safetensors'));
    await writeWeights(join(folder, 'x.npz'), state);
    expect(await readWeights(join(folder, 'x.npz'))).toEqual(state);
    await writeWeights(join(folder, 'half.npz'), state, { dtype: 'float16' });
    expect((await readWeights(join(folder, 'half.npz'))).get('float64')!.dtype).toBe('float16');
  });

  test.each<[string, object, string]>([
    ['bfloat16', { dtype: 'bfloat16' }, 'NumPy (npz): w: NumPy has no bfloat16. Write it as float32 or float16.'],
    ['text', { metadata: { by: 'me' } }, 'NumPy (npz): arrays have no place for metadata (by). Leave it out.'],
  ])('has no place for %s', async (_, options, message) => {
    const w: TensorData = { shape: [1], dtype: 'float32', data: Float32Array.of(1) };
    const state: StateDict = new Map([['w', w]]);
    const error = await writeWeights(join(folder, 'no.npz'), state, options).catch((e) => e);
    expect(error).toBeInstanceOf(ArgumentError);
    expect(error.message).toBe(message);
  });

  const npy = (header: string, data: number, version = 1): Uint8Array => {
    const lengthBytes = version === 1 ? 2 : 4;
    const bytes = new Uint8Array(8 + lengthBytes + header.length + data);
    bytes.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, version, 0, header.length & 255, header.length >> 8]);
    bytes.set(new TextEncoder().encode(header), 8 + lengthBytes);
    return bytes;
  };
  const header = (descr: string, shape: string) =>
    `{'descr': '${descr}', 'fortran_order': False, 'shape': ${shape}, }\n`;

  test('headers of version 2, and of Python 2', async () => {
    const file = zipSync({ 'w.npy': npy(header('<f4', '(2L, 3L)'), 24, 2) });
    expect((await readWeights(Uint8Array.from(file))).get('w')!.shape).toEqual([2, 3]);
  });

  test.each<[string, Uint8Array, string]>([
    [
      'objects, which are pickles',
      npy(header('|O', '(1,)'), 8),
      "array 'w' has dtype '|O': expected one of <f8, <f4, <f2, <i8, <i4, <i2, |i1, |u1, |b1.",
    ],
    ['other bytes', new Uint8Array(20), "array 'w' does not begin as .npy files do."],
    ['no bytes', new Uint8Array(0), "array 'w' does not begin as .npy files do."],
    ['a part', npy(header('<f4', '(2, 3)'), 20), "array 'w' [2, 3] of float32 should take 24 bytes, but has 20."],
    [
      'no shape',
      npy("{'descr': '<f4', 'fortran_order': False}", 4),
      "array 'w': expected descr, fortran_order and shape in its header, got {'descr': '<f4', 'fortran_order': False}.",
    ],
    [
      'a huge shape',
      npy(header('<f4', '(99999999999, 99999999999)'), 4),
      "array 'w': its shape (99999999999, 99999999999) has too many elements.",
    ],
    [
      'a header beyond its end',
      npy('x', 0).subarray(0, 10),
      "array 'w' declares a header that ends at byte 11, but has 10.",
    ],
  ])('refused: %s', async (_, content, message) => {
    const error = await readWeights(Uint8Array.from(zipSync({ 'w.npy': content }))).catch((e) => e);
    expect(error).toBeInstanceOf(WeightFileError);
    expect(error.message).toBe(`bytes: ${message}`);
  });
});
