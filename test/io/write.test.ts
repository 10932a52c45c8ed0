/** writeWeights: which format a path asks for. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ArgumentError } from '../../src/core/errors.ts';
import { formatNamed, WRITTEN } from '../../src/io/formats.ts';
import { readWeightFile, readWeights, writeWeights } from '../../src/io/index.ts';
import { Linear } from '../../src/nn/index.ts';

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
      'writeWeights: ONNX is written from a whole model, which weights alone do not tell (out.onnx). Use exportOnnx or keras.saveModel with the model, or convert with the name of the network.',
    ],
    ['out.npy', undefined, "writeWeights: '.npy' is no format that can be written (out.npy). Use .safetensors, .pth"],
    ['out', undefined, 'writeWeights: no extension says which format can be written (out). Use .safetensors, .pth'],
    ['out.pth', 'pickle', "writeWeights: 'pickle' is no format that can be written. Use safetensors, torch (zip)"],
  ])('%s (format %s) is refused', async (path, format, message) => {
    const error = await writeWeights(path, new Map(), format === undefined ? {} : { format }).catch((e) => e);
    expect(error).toBeInstanceOf(ArgumentError);
    expect(error.message.slice(0, message.length)).toBe(message);
  });
});

describe('the rows', () => {
  test('are chosen by the longest ending', () => {
    const named = ['a.weights.h5', 'a.h5', 'A.ONNX', 'weights.h5.pth', 'model.json', 'a.npy', 'h5'];
    expect(named.map((path) => formatNamed(path)?.name)).toEqual([
      'Keras (weights.h5)',
      'Keras (h5)',
      'ONNX',
      'torch (zip)',
      'TF.js (model.json)',
      undefined,
      undefined,
    ]);
  });

  test.each(
    WRITTEN.filter(({ writeModel, holds }) => writeModel && holds !== 'graph').map((row) => [row.name, row] as const),
  )('%s takes Keras models alone', async (_, { writeModel }) => {
    const error = await writeModel!(new Linear(2, 2), { name: 'x', inputs: [] }).catch((e) => e);
    expect(error).toBeInstanceOf(ArgumentError);
    expect(error.message).toBe(
      "writeModel: x holds Keras's layers: expected a Keras model, got Linear. Use .safetensors, .pth or .onnx.",
    );
  });
});
