/** Keras models out: what each file holds, and that it comes back. scripts/record-keras-fixtures.py wrote what goes in. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { StateDict } from '../../src/core/dtype.ts';
import { bytesSource } from '../../src/device/byte-source.ts';
import { init } from '../../src/graph/init.ts';
import { readWeightFile } from '../../src/io/index.ts';
import { readZipDirectory, readZipEntry } from '../../src/io/zip/zip.ts';
import { keras } from '../../src/models/index.ts';
import { Conv2d, Linear } from '../../src/nn/index.ts';

const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/keras/${name}`, import.meta.url));
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'regraft-keras-out-'));
  await init();
});
afterAll(() => rm(folder, { recursive: true }));

/** Without the count that Keras keeps beside a normalization's numbers. */
const counted = (state: StateDict) =>
  new Map([...state].filter(([name]) => !/count$|\/normalization\/vars\/2$/.test(name)));

type Layer = { name: string; class_name: string; config: Record<string, unknown>; inbound_nodes: unknown[] };
type Config = { class_name: string; config: { layers: Layer[]; input_layers: unknown; output_layers: unknown } };

async function configOf(path: string): Promise<Config> {
  return JSON.parse((await readWeightFile(path)).metadata.model_config!) as Config;
}

const layerOf = ({ config }: Config, name: string) => config.layers.find((layer) => layer.name === name)!;

describe('saveModel', () => {
  test.each([
    ['small.h5', 'whole.h5', 'Keras (h5)'],
    ['small.keras', 'small.weights.h5', 'Keras (.keras)'],
    ['small.weights.h5', 'small.weights.h5', 'Keras (h5)'],
    ['small.json', 'tfjs-float32/model.json', 'TF.js (model.json)'],
  ])('%s holds names, order and tensors of %s', async (name, like, format) => {
    const path = join(folder, name);
    await keras.saveModel(await keras.loadModel(fixture('whole.h5')), path);
    const file = await readWeightFile(path);
    expect(file.format).toBe(format);
    const inside = ([key, tensor]: [string, unknown]) => [
      format.startsWith('TF') ? key.replace(/^head\//, '') : key,
      tensor,
    ];
    expect([...counted(file.state)]).toEqual([...(await readWeightFile(fixture(like))).state].map(inside as never));
    if (name.endsWith('.weights.h5')) return;
    const again = await keras.loadModel(path);
    expect(await again.kerasStateDict()).toEqual(await (await keras.loadModel(fixture('whole.h5'))).kerasStateDict());
    expect(again.layers.map((layer) => [layer.name, layer.type, layer.outputShape, layer.inbound])).toEqual(
      (await keras.loadModel(fixture('whole.h5'))).layers.map((layer) => [
        layer.name,
        layer.type,
        layer.outputShape,
        layer.inbound,
      ]),
    );
  });

  test('takes file URLs, and several TF.js models in one folder', async () => {
    const model = await keras.loadModel(fixture('whole.h5'));
    await keras.saveModel(model, pathToFileURL(join(folder, 'one.json')));
    await keras.saveModel(model, join(folder, 'two.json'));
    expect((await readdir(folder)).filter((name) => /^(one|two)/.test(name)).sort()).toEqual([
      'one-shard1of1.bin',
      'one.json',
      'two-shard1of1.bin',
      'two.json',
    ]);
  });

  test('cuts TF.js weights at 4 MiB, inside tensors too', async () => {
    const sequential = { batch_input_shape: [null, 1100], name: 'd', units: 2000, activation: 'linear' };
    const config = { name: 's', layers: [{ class_name: 'Dense', config: sequential }] };
    const model = new keras.KerasModel({ class_name: 'Sequential', config });
    const files = await keras.modelFiles(model, 'wide.json');
    expect(files.map(({ name, bytes }) => [name, bytes.length])).toEqual([
      ['wide-shard1of3.bin', 4 << 20],
      ['wide-shard2of3.bin', 4 << 20],
      ['wide-shard3of3.bin', 4 * 1101 * 2000 - (8 << 20)],
      ['wide.json', expect.any(Number)],
    ]);
    await keras.saveModel(model, join(folder, 'wide.json'));
    const again = await keras.loadModel(join(folder, 'wide.json'));
    const kernels = [again, model].map(async (m) => (await m.kerasStateDict()).get('d/kernel')!.data as Float32Array);
    const [got, expected] = await Promise.all(kernels);
    expect(got!.findIndex((value, i) => value !== expected![i])).toBe(-1);
  });

  test('.keras is what Keras 3 writes: entries, classes, configurations, connections', async () => {
    const path = join(folder, 'v3.keras');
    await keras.saveModel(await keras.loadModel(fixture('whole.h5')), path);
    const source = bytesSource(Uint8Array.from(await readFile(path)));
    const directory = await readZipDirectory(source);
    expect([...directory.keys()]).toEqual(['metadata.json', 'config.json', 'model.weights.h5']);
    const metadata = JSON.parse(new TextDecoder().decode(await readZipEntry(source, directory.get('metadata.json')!)));
    expect(metadata).toEqual({ keras_version: '3.5.0', date_saved: '1980-01-01@00:00:00' });
    const config = await configOf(path);
    expect(config).toMatchObject({
      module: 'keras.src.models.functional',
      class_name: 'Functional',
      registered_name: 'Functional',
      config: { name: 'small', trainable: true, input_layers: [['input_1', 0, 0]], output_layers: [['head', 0, 0]] },
    });
    expect(layerOf(config, 'input_1')).toEqual({
      module: 'keras.layers',
      class_name: 'InputLayer',
      config: { batch_shape: [null, 15, 18, 3], dtype: 'float32', sparse: false, ragged: false, name: 'input_1' },
      registered_name: null,
      name: 'input_1',
      inbound_nodes: [],
    });
    const keras3 = (module: string, class_name: string, options: object = {}) => ({
      module,
      class_name,
      config: options,
      registered_name: null,
    });
    const tensorOf = (layer: string, shape: (number | null)[]) => ({
      class_name: '__keras_tensor__',
      config: { shape, dtype: 'float32', keras_history: [layer, 0, 0] },
    });
    expect(layerOf(config, 'conv2')).toEqual({
      ...keras3('keras.layers', 'Conv2D', {
        name: 'conv2',
        trainable: true,
        dtype: keras3('keras', 'DTypePolicy', { name: 'float32' }),
        filters: 6,
        kernel_size: [3, 3],
        strides: [1, 1],
        padding: 'same',
        data_format: 'channels_last',
        dilation_rate: [2, 2],
        groups: 1,
        activation: 'linear',
        use_bias: true,
        activity_regularizer: null,
        kernel_initializer: keras3('keras.initializers', 'GlorotUniform', { seed: null }),
        bias_initializer: keras3('keras.initializers', 'Zeros'),
        kernel_regularizer: null,
        bias_regularizer: null,
        kernel_constraint: null,
        bias_constraint: null,
      }),
      name: 'conv2',
      inbound_nodes: [{ args: [tensorOf('sep1', [null, 5, 6, 6])], kwargs: {} }],
    });
    expect(layerOf(config, 'bn1').config).toMatchObject({ axis: 3, scale: false, synchronized: false });
    expect(layerOf(config, 'add').inbound_nodes).toEqual([
      { args: [[tensorOf('max1', [null, 5, 6, 6]), tensorOf('conv2', [null, 5, 6, 6])]], kwargs: {} },
    ]);
    expect(layerOf(config, 'head')).toMatchObject({ module: 'keras', class_name: 'Sequential', registered_name: null });
  });

  test('.h5 is spelled as Keras 2 does, whatever generation it came from', async () => {
    const path = join(folder, 'v2.h5');
    await keras.saveModel(await keras.loadModel(fixture('small.keras')), path);
    const config = await configOf(path);
    expect(Object.keys(config)).toEqual(['class_name', 'config']);
    expect(layerOf(config, 'input_1').config).toEqual({
      batch_input_shape: [null, 15, 18, 3],
      dtype: 'float32',
      sparse: false,
      ragged: false,
      name: 'input_1',
    });
    expect(layerOf(config, 'add').inbound_nodes).toEqual([
      [
        ['max1', 0, 0, {}],
        ['conv2', 0, 0, {}],
      ],
    ]);
    // Keras 2 gives a model inside a model a call of its own, which it counts.
    expect(config.config.output_layers).toEqual([['head', 1, 0]]);
  });
});

describe('a model that has changed', () => {
  const open = () => keras.loadModel(fixture('whole.h5'));
  const back = async (model: keras.KerasModel, name: string) => {
    await keras.saveModel(model, join(folder, name));
    return keras.loadModel(join(folder, name));
  };

  test.each(['changed.h5', 'changed.keras', 'changed.json'])(
    'its new head and frozen layers are in %s',
    async (name) => {
      const model = await open();
      const head = model.getLayer('head').module as keras.KerasModel;
      head.d2 = new Linear(7, 9);
      model.getLayer('conv1').trainable = false;
      const again = await back(model, name);
      expect(again.outputShape).toEqual([null, 9]);
      expect(again.getLayer('head').layers!.map(({ module }) => (module as keras.Dense).activation)).toEqual([
        'relu',
        'linear',
      ]);
      expect(again.getLayer('conv1').trainable).toBe(false);
      expect(again.getLayer('conv2').trainable).toBe(true);
      expect(await again.kerasStateDict()).toEqual(await model.kerasStateDict());
    },
  );

  test('what its class cannot describe is refused', async () => {
    const model = await open();
    model.conv2 = new Conv2d(6, 6, 5, { padding: 2 });
    await expect(back(model, 'no.h5')).rejects.toThrow(
      'keras: the model has conv2/kernel [5, 5, 6, 6] where Keras would build conv2/kernel [3, 3, 6, 6]: ' +
        'a layer was replaced by another kind. Replace it by one of its own class.',
    );
    expect(await readdir(folder)).not.toContain('no.h5');
  });
});

test('other extensions are refused', async () => {
  const model = await keras.loadModel(fixture('whole.h5'));
  await expect(keras.saveModel(model, 'x.onnx')).rejects.toThrow(
    "saveModel: 'x.onnx' is named like no Keras or TF.js file. Use .h5, .hdf5, .weights.h5, .keras, .json.",
  );
});

test('a weight that TF.js could not tell from another is refused', async () => {
  const dense = (name: string, from: string) => ({
    class_name: 'Sequential',
    name,
    config: {
      name,
      layers: [{ class_name: 'Dense', config: { name: 'd', units: 3, batch_input_shape: [null, 3] } }],
    },
    inbound_nodes: [[[from, 0, 0, {}]]],
  });
  const input = {
    class_name: 'InputLayer',
    name: 'i',
    config: { name: 'i', batch_input_shape: [null, 3] },
    inbound_nodes: [],
  };
  const config = {
    name: 'm',
    layers: [input, dense('a', 'i'), dense('b', 'a')],
    input_layers: [['i', 0, 0]],
    output_layers: [['b', 0, 0]],
  };
  const model = new keras.KerasModel({ class_name: 'Functional', config });
  await expect(keras.modelFiles(model, 'x.json')).rejects.toThrow(
    "saveModel: TF.js tells weights apart by layer, and two layers have 'd/kernel'. Save it as .h5 or .keras.",
  );
  // Both ways to count the calls of a model inside a model, at the ends and between layers.
  for (const name of ['both.h5', 'both.keras']) {
    await keras.saveModel(model, join(folder, name));
    const again = await keras.loadModel(join(folder, name));
    expect(again.layers.map(({ inbound }) => inbound)).toEqual(model.layers.map(({ inbound }) => inbound));
  }
});
