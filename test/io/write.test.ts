/** writeWeights: which format a path asks for. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ArgumentError } from '../../src/core/errors.ts';
import { readWeightFile, readWeights, writeWeights } from '../../src/io/index.ts';

const fixture = (name: string): string => fileURLToPath(new URL(`../fixtures/io/${name}`, import.meta.url));
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'regraft-io-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('writeWeights', () => {
  test('takes a promise of a state dict, as model.stateDict() gives it', async () => {
    const path = join(folder, 'promised.safetensors');
    await writeWeights(path, readWeights(fixture('zip.pth')));
    expect(await readWeights(path)).toEqual(await readWeights(fixture('tensors.safetensors')));
  });

  test('takes the format by name where the extension does not tell', async () => {
    const path = join(folder, 'weights.dat');
    await writeWeights(path, readWeights(fixture('zip.pth')), { format: 'safetensors' });
    expect((await readWeightFile(path)).format).toBe('safetensors');
  });

  test.each([
    [
      'out.onnx',
      undefined,
      "writeWeights: an ONNX file holds the model's graph, which weights alone do not tell (out.onnx)",
    ],
    ['out.npz', undefined, "writeWeights: '.npz' is no format that can be written (out.npz). Use .safetensors, .pth"],
    ['out', undefined, 'writeWeights: no extension says which format can be written (out). Use .safetensors, .pth'],
    ['out.pth', 'pickle', "writeWeights: 'pickle' is no format that can be written. Use safetensors, torch (zip)"],
  ])('%s (format %s) is refused', async (path, format, message) => {
    const error = await writeWeights(path, new Map(), format === undefined ? {} : { format }).catch((e) => e);
    expect(error).toBeInstanceOf(ArgumentError);
    expect(error.message.slice(0, message.length)).toBe(message);
  });
});
