/** Keras's ResNet-50 (v1) against a re-statement in NumPy and PyTorch, and in torchvision's tree. */
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Group } from 'h5wasm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { StateDict } from '../../src/core/dtype.ts';
import { sizeOf } from '../../src/core/shape.ts';
import { init } from '../../src/graph/init.ts';
import { loadHdf5 } from '../../src/io/hdf5/library.ts';
import { guessNetwork, keras, resnet50 } from '../../src/models/index.ts';
import { numbered } from '../../src/models/keras/bind.ts';
import { foldKerasResNet } from '../../src/models/keras/torchvision.ts';
import type { Module } from '../../src/nn/index.ts';
import { noGrad } from '../../src/tensor/autograd.ts';
import { tensor } from '../../src/tensor/factory.ts';
import { hashInput, hashValues, unpacked } from './hash-weights.ts';

const path = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const expected = JSON.parse(readFileSync(path('../fixtures/keras/resnet50.json'), 'utf8'));
const logits = unpacked(expected.logits);

/** The weights that scripts/record-keras-fixtures.py gives it, under Keras's names and in its layouts. */
function hashedState(model: keras.KerasModel): StateDict {
  const named: Record<string, string> = { gamma: 'weight', moving_variance: 'running_var' };
  return new Map(
    model.layers
      .flatMap((layer) => layer.weights)
      .map(({ name, shape }, index) => {
        const out = shape.at(-1)!;
        const own = name.slice(name.indexOf('/') + 1);
        const flat = shape.length > 1 ? [out, sizeOf(shape) / out] : shape;
        return [name, { shape, dtype: 'float32', data: hashValues(index, named[own] ?? own, flat) }];
      }),
  );
}

/** [1, 3, 64, 64] of the script's [1, 64, 64, 3]. */
function image() {
  const values = hashInput([1, 64, 64, 3]).map((v) => v * 50);
  const out = new Float32Array(values.length);
  for (let i = 0; i < 4096; i++) for (let c = 0; c < 3; c++) out[c * 4096 + i] = values[i * 3 + c]!;
  return tensor(out, [1, 3, 64, 64]);
}

const run = (model: Module) => noGrad(() => model.eval().forward(image())).data();

/** The largest difference, of the largest element. */
function relative(a: Float32Array, b: Float32Array): number {
  const scale = Math.max(...b.map(Math.abs));
  return Math.max(...a.map((v, i) => Math.abs(v - b[i]!))) / scale;
}

describe('keras.ResNet50', () => {
  let model: keras.KerasModel;
  let state: StateDict;

  beforeAll(async () => {
    await init();
    model = await keras.ResNet50({ classifierActivation: null });
    state = hashedState(model);
  });

  test('177 layers in Keras’s order, with Keras’s names', () => {
    expect(model.layers.map(({ name, type }) => [name, type])).toEqual(expected.layers);
    expect(model.layers.length).toBe(177);
    expect(model.getLayer('conv3_block1_add').outputShape).toEqual([null, 28, 28, 512]);
    expect(model.getLayer('conv5_block3_out').outputShape).toEqual([null, 7, 7, 2048]);
    expect(model.outputShape).toEqual([null, 1000]);
  });

  test('the table ends in Keras’s totals, and follows freezing', () => {
    expect(model.summary().split('\n').slice(-3)).toEqual([
      ' Total params: 25,636,712 (97.80 MB)',
      ' Trainable params: 25,583,592 (97.59 MB)',
      ' Non-trainable params: 53,120 (207.50 KB)',
    ]);
    for (const layer of model.layers.slice(0, -10)) layer.trainable = false;
    // Of the last ten layers, conv5_block3_2_conv, _2_bn, _3_conv, _3_bn and predictions have weights.
    expect(model.layers.at(-10)!.name).toBe('conv5_block3_1_relu');
    expect(model.summary().split('\n').at(-2)).toBe(' Trainable params: 5,464,552 (20.85 MB)');
    model.trainable = true;
    expect(model.summary().split('\n').slice(0, 6)).toEqual([
      'Model: "resnet50"',
      expect.stringMatching(/^┏━+┳━+┳━+┳━+┓$/),
      expect.stringMatching(/^┃ Layer \(type\) +┃ Output Shape +┃ +Param # ┃ Connected to +┃$/),
      expect.stringMatching(/^┡━+╇━+╇━+╇━+┩$/),
      expect.stringMatching(/^│ input_layer \(InputLayer\) +│ \(None, 224, 224, 3\) +│ +0 │ - +│$/),
      expect.stringMatching(/^├─+┼─+┼─+┼─+┤$/),
    ]);
  });

  test('its logits are those of the re-stated graph, in either tree', async () => {
    model.loadStateDict(state);
    const own = await run(model);
    expect(relative(own, logits)).toBeLessThan(1e-4);
    const folded = await resnet50({ strideIn1x1: true });
    folded.loadStateDict(await keras.toTorchvision(model));
    const torchvision = await run(folded);
    expect(relative(torchvision, logits)).toBeLessThan(1e-4);
    expect(relative(torchvision, own)).toBeLessThan(1e-4);
  });

  test('a v1.5 network refuses them, with the reason', async () => {
    const v15 = await resnet50();
    expect(() => v15.loadStateDict(state)).toThrow(
      'ResNet: these are Keras ResNet v1 weights (stride on the first 1x1 convolution), and this is torchvision’s v1.5 (stride on the 3x3): ' +
        'every shape would fit and every result would be wrong. Build it with { strideIn1x1: true }, or use keras.ResNet50.',
    );
  });

  test.each(['ResNet50', 'ResNet101', 'ResNet152'] as const)('%s addressed by number folds the same', async (name) => {
    // A number each is enough to tell them apart.
    const { layers } = await keras[name]();
    const names = layers.flatMap((layer) => layer.weights).map((weight) => weight.name);
    const values = new Map(
      names.map((key, i) => [key, { shape: [1], dtype: 'float32' as const, data: Float32Array.of(i + 1) }]),
    );
    const folded = foldKerasResNet(values, true);
    expect(folded.origins.size).toBe((names.length - 2) * (5 / 6) + 2);
    for (const root of ['layers', '_layer_checkpoint_dependencies']) {
      const byNumber = new Map<string, string>();
      for (const { layer, path: at } of numbered(layers, root))
        for (const [i, weight] of layer.weights.entries()) byNumber.set(weight.name, `${at}/vars/${i}`);
      const state = new Map([...values].map(([key, value]) => [byNumber.get(key)!, value]));
      expect(await guessNetwork(state)).toBe(`keras.${name}`);
      const again = foldKerasResNet(state, true);
      expect(again.state).toEqual(folded.state);
      expect([...again.origins]).toEqual([...folded.origins].map(([to, from]) => [to, byNumber.get(from)]));
      expect(() => foldKerasResNet(state, false)).toThrow('every result would be wrong');
      state.delete(`${root}/conv2d_52/vars/0`);
      expect(await guessNetwork(state)).toBeUndefined();
      expect(() => foldKerasResNet(state, true)).toThrow(
        'without layer names (layers/…/vars/…), and not those of a ResNet-50, 101 or 152 (v1).',
      );
    }
  });

  test('options', async () => {
    const headless = await keras.ResNet50({ includeTop: false });
    expect(headless.layers.length).toBe(175);
    expect(headless.outputShape).toEqual([null, null, null, 2048]);
    const pooled = await keras.ResNet50({ includeTop: false, pooling: 'max', inputShape: [64, 96, 3] });
    expect(pooled.layers.at(-1)!.name).toBe('max_pool');
    expect(pooled.outputShape).toEqual([null, 2048]);
    const ten = await keras.ResNet50({ classes: 10 });
    expect(ten.getLayer('predictions').weights.map(({ shape }) => shape)).toEqual([[2048, 10], [10]]);
    await expect(keras.ResNet50({ weights: 'imagenet' })).rejects.toThrow("expected a weight file, got 'imagenet'");
    await expect(keras.ResNet50({ weights: 'imagenet', includeTop: false })).rejects.toThrow('tf_kernels_notop.h5');
    const size = (m: keras.KerasModel) =>
      m.layers.flatMap((l) => l.weights).reduce((n, { tensor: t }) => n + t.size, 0);
    expect(size(await keras.ResNet101())).toBe(44_707_176);
    expect(size(await keras.ResNet152())).toBe(60_419_944);
  });
});

/**
 * The `.h5` of a model's weights as Keras lays it out by layer, and scripts/record-keras-fixtures.py does with h5py, made by the same HDF5
 * library.
 */
async function kerasFile(model: keras.KerasModel, state: StateDict): Promise<Uint8Array> {
  const { h5, module } = await loadHdf5();
  const file = new h5.File('/by-layer.h5', 'w');
  const names = (at: Group, attribute: string, values: string[]) =>
    at.create_attribute(attribute, values, [values.length], `S${Math.max(1, ...values.map((value) => value.length))}`);
  names(
    file,
    'layer_names',
    model.layers.map(({ name }) => name),
  );
  for (const { name, weights } of model.layers) {
    const group = file.create_group(name);
    if (weights.length === 0) continue;
    names(
      group,
      'weight_names',
      weights.map((weight) => `${weight.name}:0`),
    );
    const inner = group.create_group(name);
    for (const weight of weights) {
      const { shape, data } = state.get(weight.name)!;
      const own = weight.name.slice(name.length + 1);
      inner.create_dataset({ name: `${own}:0`, data: data as Float32Array, shape: [...shape], dtype: '<f' });
    }
  }
  file.close();
  const bytes = module.FS.readFile('/by-layer.h5') as Uint8Array;
  module.FS.unlink('/by-layer.h5');
  return bytes;
}

describe('a .h5 of a ResNet-50 in Keras’s layout', () => {
  let folder: string;
  let file: string;

  beforeAll(async () => {
    await init();
    folder = await mkdtemp(join(tmpdir(), 'regraft-keras-'));
    file = join(folder, 'resnet50.h5');
    const model = await keras.ResNet50();
    await writeFile(file, await kerasFile(model, hashedState(model)));
  });
  afterAll(() => rm(folder, { recursive: true }));

  test('gives the logits of the re-stated graph, in either tree', async () => {
    const own = await run(await keras.ResNet50({ weights: file, classifierActivation: null }));
    expect(relative(own, logits)).toBeLessThan(1e-4);
    const folded = await run(await resnet50({ weights: file, strideIn1x1: true }));
    expect(relative(folded, own)).toBeLessThan(1e-4);
  });

  test('is refused by a v1.5 network', async () => {
    await expect(resnet50({ weights: file })).rejects.toThrow('every result would be wrong');
  });
});
