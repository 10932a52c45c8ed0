/**
 * A ResNet-50, an eighth as wide, through every pair of formats that can hold it, and as wide as it is through every format: every
 * tensor comes back bit for bit.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { StateDict } from '../../src/core/dtype.ts';
import { init } from '../../src/graph/init.ts';
import { exportOnnx, readWeights, targetOf, writeWeights } from '../../src/io/index.ts';
import { Bottleneck, keras, ResNet } from '../../src/models/index.ts';
import { BatchNorm2d, Conv2d, Linear, type Module } from '../../src/nn/index.ts';
import { hashValues } from './hash-weights.ts';

const WIDTH = 8;
const CLASSES = 24;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'regraft-round-trip-'));
  await init();
});
afterAll(() => rm(folder, { recursive: true }));

/** torchvision's tree, each layer replaced by a narrower one. */
function narrowTorchvision(): ResNet {
  const model = new ResNet(Bottleneck, [3, 4, 6, 3]);
  for (const module of model.modules())
    for (const [field, child] of module.namedChildren()) Object.assign(module, { [field]: narrower(child) });
  return model;
}

function narrower(module: Module): Module {
  if (module instanceof BatchNorm2d) return new BatchNorm2d(module.numFeatures / WIDTH);
  if (module instanceof Linear) return new Linear(module.inFeatures / WIDTH, CLASSES);
  if (!(module instanceof Conv2d)) return module;
  const { inChannels, outChannels, kernelSize, stride, padding } = module;
  const channels = inChannels === 3 ? 3 : inChannels / WIDTH;
  return new Conv2d(channels, outChannels / WIDTH, kernelSize, { stride, padding, bias: false });
}

/** Keras's tree, from its own topology with fewer filters. */
async function narrowKeras(): Promise<keras.KerasModel> {
  const text = JSON.stringify((await keras.ResNet50({ classes: CLASSES })).config);
  return new keras.KerasModel(JSON.parse(text.replace(/"filters":(\d+)/g, (_, n) => `"filters":${Number(n) / WIDTH}`)));
}

/** Weights and statistics that differ from one another and from what a new model has. */
function fill(model: Module): void {
  for (const [i, [name, t]] of [...model.namedParameters(), ...model.namedBuffers()].entries())
    if (t.dtype === 'float32')
      t.set(hashValues(i, name.slice(name.lastIndexOf('.') + 1), [t.shape[0]!, t.size / t.shape[0]!]));
}

/** A model's tensors as text that tells one bit from another; counters, which ONNX and Keras have no use for, left out. */
function bits(state: StateDict): string[] {
  return [...state]
    .filter(([name]) => !name.endsWith('num_batches_tracked'))
    .map(([name, { shape, data }]) => {
      return `${name} [${shape}] ${Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64')}`;
    })
    .sort();
}

const bytes = (data: ArrayBufferView) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

async function write(model: Module, path: string): Promise<void> {
  if (path.endsWith('.onnx')) await exportOnnx(model, path, { inputShape: [1, 3, 32, 32] });
  else if (/\.(safetensors|pth)$/.test(path)) await writeWeights(path, model.stateDict());
  else await keras.saveModel(model as keras.KerasModel, path);
}

const TORCHVISION = ['a.safetensors', 'a.pth', 'a.onnx'];
const KERAS = ['k.h5', 'k.weights.h5', 'k.keras', 'k.json', 'k.safetensors', 'k.pth', 'k.onnx'];

describe.each([
  ['torchvision’s tree', TORCHVISION, () => Promise.resolve<Module>(narrowTorchvision()), 53 + 53 * 4 + 2],
  ['Keras’s tree', KERAS, () => narrowKeras(), 53 * 2 + 53 * 4 + 2],
] as const)('%s', (_, formats, build, tensors) => {
  let original: Module;
  let expected: string[];
  const path = (name: string) => join(folder, name);
  const read = async (name: string): Promise<Module> => {
    const model = await build();
    model.loadStateDict(await readWeights(path(name), targetOf(model)));
    return model;
  };

  beforeAll(async () => {
    original = await build();
    fill(original);
    expected = bits(await original.stateDict());
    for (const name of formats) await write(original, path(name));
  });

  test('has every tensor of a ResNet-50', () => {
    expect(expected.length).toBe(tensors);
    expect(new Set(expected.map((text) => text.slice(text.indexOf(']')))).size).toBe(tensors);
  });

  test.each(formats)('%s to every other format', async (from) => {
    const model = await read(from);
    expect(bits(await model.stateDict())).toEqual(expected);
    for (const to of formats.filter((name) => name !== from)) {
      const second = `again-${to}`;
      await write(model, path(second));
      expect(bits(await (await read(second)).stateDict()), to).toEqual(expected);
    }
  });
});

describe.each([
  ['torchvision’s tree', TORCHVISION, () => Promise.resolve<Module>(new ResNet(Bottleneck, [3, 4, 6, 3])), 25_610_152],
  ['Keras’s tree', KERAS, () => keras.ResNet50(), 25_636_712],
] as const)('%s at full width', (_, formats, build, elements) => {
  let original: Module;
  let expected: StateDict;
  let again: Module;

  beforeAll(async () => {
    [original, again] = [await build(), await build()];
    fill(original);
    expected = await original.stateDict();
  });

  test.each(formats)('%s', async (name) => {
    for (const [, t] of again.namedParameters()) t.set(new Float32Array(t.size).fill(Number.NaN));
    const path = join(folder, `wide-${name}`);
    await write(original, path);
    again.loadStateDict(await readWeights(path, targetOf(again)));
    await rm(path);
    let compared = 0;
    for (const [key, { shape, dtype, data }] of await again.stateDict()) {
      if (dtype !== 'float32') continue;
      const other = expected.get(key)!;
      expect([key, shape, Buffer.compare(bytes(data), bytes(other.data))]).toEqual([key, other.shape, 0]);
      compared += data.length;
    }
    expect(compared).toBe(elements);
  });
});

test('the files of Keras’s tree hold Keras’s layouts, each the same', async () => {
  const kernel = async (name: string, key: string) => (await readWeights(join(folder, name))).get(key);
  const h5 = await kernel('k.h5', 'conv1_conv/kernel');
  expect(h5!.shape).toEqual([7, 7, 3, 64 / WIDTH]);
  expect(await kernel('k.json', 'conv1_conv/kernel')).toEqual(h5);
  expect(await kernel('k.keras', 'layers/conv2d/vars/0')).toEqual(h5);
  expect((await kernel('k.pth', 'conv1_conv.weight'))!.shape).toEqual([64 / WIDTH, 3, 7, 7]);
});
