/** Keras models as classifiers: Teachable Machine's exports in their zips or unpacked, and files that tell less. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zipSync } from 'fflate';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { StateDict } from '../../src/core/dtype.ts';
import { init } from '../../src/graph/init.ts';
import { readWeightFile } from '../../src/io/index.ts';
import { kerasH5Bytes } from '../../src/io/keras/h5-write.ts';
import { keras } from '../../src/models/index.ts';
import { openClassifier, openModel } from '../../src/runs/index.ts';
import { noGrad } from '../../src/tensor/autograd.ts';
import { ones } from '../../src/tensor/factory.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'regraft-keras-'));
  await init();
});
afterAll(() => rm(folder, { recursive: true }));

const at = (name: string): string => join(folder, name);
const save = async (name: string, content: Uint8Array | string): Promise<string> => {
  await writeFile(at(name), content);
  return at(name);
};
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

const layer = (class_name: string, config: object) => ({ class_name, config });
const sequential = (name: string, ...layers: object[]) => layer('Sequential', { name, layers });
/** As Teachable Machine nests it: the shape of the images is inside. */
const topology = (first: object[] = []) =>
  sequential(
    's4',
    sequential('s1', ...first, layer('GlobalAveragePooling2D', { name: 'gap', batch_input_shape: [null, 8, 8, 3] })),
    sequential(
      's3',
      layer('Dense', { name: 'd', units: 2, activation: 'softmax', use_bias: false, batch_input_shape: [null, 3] }),
    ),
  );
const kernel = Float32Array.of(1, 0, 0, 1, 2, 0);
const modelJson = JSON.stringify({
  modelTopology: topology(),
  weightsManifest: [{ paths: ['weights.bin'], weights: [{ name: 'd/kernel', shape: [3, 2], dtype: 'float32' }] }],
});
const metadata = JSON.stringify({ packageName: '@teachablemachine/image', labels: ['cat', 'dog'], imageSize: 8 });
const tfjsFiles = {
  'model.json': bytes(modelJson),
  'weights.bin': new Uint8Array(kernel.buffer),
  'metadata.json': bytes(metadata),
};
const h5 = (first: object[] = []) =>
  kerasH5Bytes({
    layers: [
      ['s1', new Map()],
      ['s3', new Map([['d/kernel', { shape: [3, 2], dtype: 'float32', data: kernel }]]) as StateDict],
    ],
    config: JSON.stringify(topology(first)),
  });

async function expectTeachable(path: string): Promise<void> {
  const { model, classes, transforms } = await openClassifier(path);
  expect(classes).toEqual(['cat', 'dog']);
  expect(transforms.toJSON().transforms).toMatchObject([
    { name: 'Resize', size: 8 },
    { name: 'CenterCrop', size: 8 },
    { name: 'ToTensor' },
    { name: 'Normalize', mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] },
  ]);
  // Logits: the softmax is the classifier's.
  expect([...(await noGrad(() => model.forward(ones([1, 3, 8, 8]))).data())]).toEqual([3, 1]);
}

describe("Teachable Machine's exports", () => {
  test.each(['', 'converted/'])('TF.js in a zip, below %j', async (below) => {
    const inside = Object.fromEntries(Object.entries(tfjsFiles).map(([name, content]) => [below + name, content]));
    await expectTeachable(await save('tm.zip', zipSync({ ...inside, '__MACOSX/._model.json': bytes('x') })));
  });

  test('TF.js in a folder', async () => {
    for (const [name, content] of Object.entries(tfjsFiles)) await save(name, content);
    await expectTeachable(at('model.json'));
    await expectTeachable(folder);
    await rm(at('metadata.json'));
  });

  test('Keras in a zip, and unpacked', async () => {
    const files = { 'keras_model.h5': await h5(), 'labels.txt': bytes('0 cat\n1 dog\n') };
    const zip = await save('keras.zip', zipSync(files));
    await expectTeachable(zip);
    const { format, metadata } = await readWeightFile(zip);
    expect(format).toBe('Keras (h5)');
    expect(metadata).toMatchObject({ labels: '["cat","dog"]', input_range: '-1..1' });
    expect((await keras.loadModel(zip)).outputShape).toEqual([null, 2]);
    for (const [name, content] of Object.entries(files)) await save(name, content);
    await expectTeachable(at('keras_model.h5'));
    await rm(at('labels.txt'));
  });

  test('several models in a zip are told', async () => {
    const zip = await save('two.zip', zipSync({ 'a.h5': await h5(), 'b/c.keras': bytes('x') }));
    await expect(readWeightFile(zip)).rejects.toThrow(
      `${zip}: holds 2 models (a.h5, b/c.keras). Unpack it and name one.`,
    );
  });

  test('an archive named like a model inside an archive is not opened without an end', async () => {
    const inner = zipSync({ 'a.keras': bytes('x') });
    const zip = await save('nested.zip', zipSync({ 'a.keras': inner }));
    await expect(readWeightFile(zip)).rejects.toThrow(`${zip}/a.keras: is of no known weight format.`);
  });
});

describe('files that tell less', () => {
  test('no range of the images', async () => {
    const path = await save('plain.h5', await h5());
    await expect(openModel(path)).rejects.toThrow(
      `${path}: does not tell how its images were scaled. Say it as the input range (--input-range): 0..255, 0..1, -1..1, caffe or torch.`,
    );
    const { classes, transforms } = await openClassifier(path, { inputRange: '0..1' });
    expect(classes).toEqual(['class 0', 'class 1']);
    expect(transforms.toJSON().transforms).toMatchObject([{}, {}, {}, { mean: [0, 0, 0], std: [1, 1, 1] }]);
  });

  test('a model that scales its images takes them as they are', async () => {
    const first = [
      layer('RandomFlip', { name: 'f', batch_input_shape: [null, 8, 8, 3] }),
      layer('Rescaling', { name: 'r', scale: 0.1 }),
    ];
    const { transforms } = await openModel(await save('scaled.h5', await h5(first)));
    expect(transforms.toJSON().transforms).toMatchObject([
      {},
      {},
      {},
      { mean: [0, 0, 0], std: [1 / 255, 1 / 255, 1 / 255] },
    ]);
  });

  test('labels of another number', async () => {
    const labels = await save('three.txt', 'a\nb\nc\n');
    const path = await save('plain.h5', await h5());
    await expect(openClassifier(path, { inputRange: '0..1', labels })).rejects.toThrow(
      `${labels}: has 3 names, but the model has 2 classes.`,
    );
    const zip = await save('wrong.zip', zipSync({ 'a.h5': await h5(), 'labels.txt': bytes('0 cat') }));
    await expect(openModel(zip)).rejects.toThrow(`${zip}: has 2 outputs, but 1 label beside it.`);
  });

  test('no classifier of photos', async () => {
    const config = JSON.stringify(sequential('m', layer('Flatten', { name: 'f', batch_input_shape: [null, 1, 1, 1] })));
    const path = await save('flat.h5', await kerasH5Bytes({ layers: [['f', new Map()]], config }));
    await expect(openModel(path)).rejects.toThrow(
      `${path}: gives (None, 1); expected a score for each of two or more classes.`,
    );
  });
});
