/** Keras's files in their layouts, as h5py writes them (scripts/record-keras-fixtures.py), and hostile ones. */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { zipSync } from 'fflate';
import { describe, expect, test } from 'vitest';
import { toFloat32 } from '../../src/core/dtype.ts';
import { readWeightFile, readWeights } from '../../src/io/index.ts';

const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/keras/${name}`, import.meta.url));

describe('the layouts', () => {
  test('a whole model of Keras 2: names without :0, topology, no optimizer state', async () => {
    const file = await readWeightFile(fixture('whole.h5'));
    expect(file.format).toBe('Keras (h5)');
    expect([...file.state.keys()].slice(0, 6)).toEqual([
      'normalization/mean',
      'normalization/variance',
      'conv1/kernel',
      'bn1/beta',
      'bn1/moving_mean',
      'bn1/moving_variance',
    ]);
    expect(file.state.get('dw1/depthwise_kernel')).toMatchObject({ shape: [3, 3, 4, 2], dtype: 'float32' });
    expect(file.namesInFile.get('conv1/kernel')).toBe('model_weights/conv1/conv1/kernel:0');
    expect(file.metadata.keras_version).toBe('2.15.0');
    expect(JSON.parse(file.metadata.model_config!).class_name).toBe('Functional');
    expect(file.notes).toEqual(['The optimizer state was left out.']);
  });

  test('weights of Keras 3, by layer and by path, hold the same numbers', async () => {
    const whole = await readWeights(fixture('whole.h5'));
    const weights = await readWeights(fixture('weights.h5'));
    expect([...weights.keys()]).toEqual([...whole.keys()]);
    for (const [name, { data }] of whole) expect(weights.get(name)!.data).toEqual(data);
    const byPath = await readWeights(fixture('small.weights.h5'));
    expect(byPath.size).toBe(whole.size);
    expect(byPath.get('layers/conv2d/vars/0')!.data).toEqual(whole.get('conv1/kernel')!.data);
    expect(byPath.get('layers/conv2d_2/vars/1')!.data).toEqual(whole.get('excite/bias')!.data);
    expect(byPath.get('layers/sequential/layers/dense_1/vars/0')!.data).toEqual(whole.get('head/d2/kernel')!.data);
  });

  test('.keras: topology beside the weights', async () => {
    const file = await readWeightFile(fixture('small.keras'));
    expect(file.format).toBe('Keras (.keras)');
    expect(file.metadata.keras_version).toBe('3.5.0');
    expect(JSON.parse(file.metadata.model_config!).class_name).toBe('Functional');
    const weights = await readWeights(fixture('small.weights.h5'));
    expect([...file.state.keys()]).toEqual([...weights.keys()]);
    for (const [name, t] of weights) expect(toFloat32(file.state.get(name)!)).toEqual(toFloat32(t));
  });
});

describe('hostile files', () => {
  test.each([
    ['soft-link.h5', "'/conv/conv/kernel:0' is a soft link, which is not followed."],
    ['external-link.h5', "'/conv/conv/kernel:0' is an external link, which is not followed."],
    [
      'external-data.h5',
      'the HDF5 library cannot read it (unable to open external raw data file). It is damaged: get it again.',
    ],
    ['virtual.h5', "'/conv/conv/kernel:0' lies in other files, which are not read."],
    [
      'huge.h5',
      "'/conv/conv/kernel:0' [100000, 100000] takes 40,000,000,000 bytes, more than a file of 7,856 can hold. It is truncated or damaged: get it again.",
    ],
    [
      'huge-packed.h5',
      "'/conv/conv/kernel:0' [30000, 30000] takes 3,600,000,000 bytes, more than a file of 7,856 can hold. It is truncated or damaged: get it again.",
    ],
  ])('%s', async (name, message) => {
    await expect(readWeights(fixture(name))).rejects.toThrow(`${fixture(name)}: ${message}`);
  });

  test('a truncated file is one clear error', async () => {
    const bytes = await readFile(fixture('whole.h5'));
    await expect(readWeights(Uint8Array.from(bytes.subarray(0, 30_000)))).rejects.toThrow(
      /^bytes: the HDF5 library cannot read it \(.+\)\. It is damaged: get it again\.$/,
    );
  });

  test('a .keras without HDF5 weights, or with a broken topology', async () => {
    const text = (value: string) => new TextEncoder().encode(value);
    const npz = zipSync({ 'config.json': text('{}'), 'model.weights.npz': text('x') });
    await expect(readWeights(npz)).rejects.toThrow(
      "bytes: has no 'model.weights.h5', but model.weights.npz: only HDF5 weights are read.",
    );
    const h5 = await readFile(fixture('small.weights.h5'));
    const broken = zipSync({ 'config.json': text('{"a":'), 'model.weights.h5': h5 });
    await expect(readWeights(broken)).rejects.toThrow(
      'bytes: its topology is no valid JSON. It is damaged: get it again.',
    );
  });

  test('after any of these, good files are read as before', async () => {
    expect((await readWeights(fixture('whole.h5'))).size).toBe(24);
  });
});
