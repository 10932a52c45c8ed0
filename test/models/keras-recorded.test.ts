/** Models that Keras 2 and 3 saved, with Keras's own outputs: read, and written in every format. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { init } from '../../src/graph/init.ts';
import { readWeights } from '../../src/io/index.ts';

import { keras } from '../../src/models/index.ts';
import { noGrad } from '../../src/tensor/autograd.ts';
import { tensor } from '../../src/tensor/factory.ts';

const fixtures = fileURLToPath(new URL('../fixtures/keras-layers/', import.meta.url));
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'regraft-keras-recorded-'));
  await init();
});
afterAll(() => rm(folder, { recursive: true }));

interface Recorded {
  readonly input: number[];
  readonly shape: [number, number, number, number];
  readonly output: number[];
}

/** Largest difference from Keras's output. */
async function differenceOf(model: keras.KerasModel, { input, shape, output }: Recorded): Promise<number> {
  const x = tensor(Float32Array.from(input), shape).permute([0, 3, 1, 2]);
  const y = await noGrad(() => model.eval().forward(x)).data();
  expect(y).toHaveLength(output.length);
  return Math.max(...output.map((value, i) => Math.abs(value - y[i]!)));
}

describe.each([
  ['2.h5', '2'],
  ['3.h5', '3'],
  ['3.keras', '3'],
])('saved by Keras as %s', (file, generation) => {
  let expected: Record<string, Recorded>;
  beforeAll(async () => {
    expected = JSON.parse(await readFile(`${fixtures}expected-${generation}.json`, 'utf8'));
  });

  test.each([
    ['norms', ['LayerNormalization', 'PReLU', 'Cropping2D']],
    ['slices', ['GetItem', 'Rescaling']],
    ['convnext', ['LayerScale', 'Normalization', 'Sequential']],
    ['depthwise', ['DepthwiseConv2D', 'SeparableConv2D', 'Dropout']],
  ])('%s', async (name, types) => {
    const model = await keras.loadModel(`${fixtures}${name}-${file}`);
    expect(model.layers.map(({ type }) => type)).toEqual(expect.arrayContaining(types));
    expect(await differenceOf(model, expected[name]!)).toBeLessThan(1e-5);
    for (const kind of ['h5', 'keras', 'json']) {
      const path = join(folder, `${name}-${file}.${kind}`);
      await keras.saveModel(model, path);
      expect(await differenceOf(await keras.loadModel(path), expected[name]!), kind).toBeLessThan(1e-5);
    }
  });
});

test.each(['norms', 'convnext', 'depthwise'])(
  "%s: Keras 3's weights alone, into the model of a whole file",
  async (name) => {
    const expected = JSON.parse(await readFile(`${fixtures}expected-3.json`, 'utf8'));
    const { config } = await keras.loadModel(`${fixtures}${name}-3.h5`);
    const model = new keras.KerasModel(config);
    expect(await differenceOf(model, expected[name])).toBeGreaterThan(1e-3);
    model.loadStateDict(await readWeights(`${fixtures}${name}-3.weights.h5`));
    expect(await differenceOf(model, expected[name])).toBeLessThan(1e-5);
  },
);

test("InceptionResNet's own layer, which Keras 2 registers as a user's", async () => {
  const input = {
    class_name: 'InputLayer',
    name: 'x',
    config: { name: 'x', batch_input_shape: [null, 2] },
    inbound_nodes: [],
  };
  const scaled = {
    module: 'keras.src.applications.inception_resnet_v2',
    class_name: 'CustomScaleLayer',
    registered_name: 'Custom>CustomScaleLayer',
    name: 'c',
    config: { name: 'c', scale: 0.5 },
    inbound_nodes: [
      [
        ['x', 0, 0, {}],
        ['x', 0, 0, {}],
      ],
    ],
  };
  const config = { name: 'm', layers: [input, scaled], input_layers: [['x', 0, 0]], output_layers: [['c', 0, 0]] };
  const model = new keras.KerasModel({ class_name: 'Functional', config });
  const y = await noGrad(() => model.forward(tensor([[2, 4]]))).data();
  expect([...y]).toEqual([3, 6]);
});
