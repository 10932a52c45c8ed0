/** convert of models with unusual inputs or without weights, and what it says to names that there are not. */
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import { convert } from '../../src/convert/index.ts';
import { init } from '../../src/graph/init.ts';
import { writeWeights } from '../../src/io/index.ts';
import { inception_v3, keras } from '../../src/models/index.ts';
import { outputs } from './outputs.ts';

const { out, refused } = outputs();
beforeAll(async () => {
  await init();
});

describe('a Keras model of two inputs', () => {
  const layer = (class_name: string, name: string, config: object, from: string[]) => ({
    class_name,
    name,
    config: { name, ...config },
    inbound_nodes: from.length > 0 ? [from.map((other) => [other, 0, 0, {}])] : [],
  });
  const twoInputs = () =>
    new keras.KerasModel({
      class_name: 'Functional',
      config: {
        name: 'pair',
        layers: [
          layer('InputLayer', 'photo', { batch_input_shape: [null, null, null, 3] }, []),
          layer('InputLayer', 'size', { batch_input_shape: [null, 2] }, []),
          layer('Conv2D', 'conv', { filters: 4, kernel_size: [3, 3] }, ['photo']),
          layer('BatchNormalization', 'bn', {}, ['conv']),
          layer('GlobalAveragePooling2D', 'mean', {}, ['bn']),
          layer('Concatenate', 'join', { axis: -1 }, ['mean', 'size']),
          layer('Dense', 'dense', { units: 3, activation: 'softmax' }, ['join']),
        ],
        // Not the order of the layers.
        input_layers: [
          ['size', 0, 0],
          ['photo', 0, 0],
        ],
        output_layers: [['dense', 0, 0]],
      },
    });

  test.each(['y.h5', 'y.keras', 'y.json', 'y.onnx', 'y.safetensors', 'y.pth'])(
    'goes to %s, run with both',
    async (name) => {
      await keras.saveModel(twoInputs(), out('x.keras'));
      const { verification, notes } = await convert(out('x.keras'), out(name));
      expect(verification).toMatchObject({
        inputShapes: [
          [1, 2],
          [1, 3, 64, 64],
        ],
        largestDifference: 0,
      });
      if (name === 'y.onnx')
        expect(notes).toContain(
          "The sizes that 'photo' (None, None, None, 3) leaves open are fixed in the file: [N, 3, 224, 224].",
        );
    },
  );

  test('where it cannot be run on small images, it is converted and that is said', async () => {
    const { config } = twoInputs() as unknown as { config: object };
    const wide = JSON.parse(JSON.stringify(config).replace('"kernel_size":[3,3]', '"kernel_size":[65,65]'));
    await keras.saveModel(new keras.KerasModel(wide), out('x.keras'));
    const { verification, notes } = await convert(out('x.keras'), out('y.h5'));
    expect(verification).toBeUndefined();
    expect(notes.at(-1)).toMatch(/^Not run before and after: conv: conv2d: the kernel 65x65 .* is larger than/);
  });
});

describe('a model without weights', () => {
  const means = () =>
    new keras.KerasModel({
      class_name: 'Sequential',
      config: {
        name: 'means',
        layers: [
          { class_name: 'InputLayer', config: { name: 'photo', batch_input_shape: [null, 8, 8, 3] } },
          { class_name: 'Rescaling', config: { name: 'scaled', scale: 0.5, offset: 1 } },
          { class_name: 'GlobalAveragePooling2D', config: { name: 'mean' } },
        ],
      },
    });

  test.each(['x.h5', 'x.keras', 'x.json', 'x.safetensors'])(
    'goes from %s wherever its layers have a place',
    async (x) => {
      await keras.saveModel(means(), out('m.keras'));
      await convert(out('m.keras'), out(x));
      for (const y of ['y.h5', 'y.keras', 'y.json', 'y.onnx', 'y.safetensors']) {
        const { tensors, verification } = await convert(out(x), out(y));
        expect(tensors).toEqual([]);
        expect(verification).toMatchObject({ inputShapes: [[1, 3, 8, 8]], largestDifference: 0 });
        expect(verification!.largestOutput).toBeGreaterThan(0.5);
      }
    },
  );

  test.each(['y.weights.h5', 'y.pth'])('does not go to %s', async (y) => {
    await keras.saveModel(means(), out('m.keras'));
    expect((await refused(out('m.keras'), y)).message).toBe(
      `convert: ${y} holds weights alone, and the model has none. Use .h5, .hdf5, .keras, .json, .onnx.`,
    );
  });

  test('a file of weights that has none is still refused', async () => {
    await keras.saveModel(means(), out('m.weights.h5'));
    expect((await refused(out('m.weights.h5'), 'y.keras')).message).toMatch(/holds no weights in a layout that Keras/);
  });
});

describe('names', () => {
  test('of formats and networks that there are not', async () => {
    const file = fileURLToPath(new URL('../fixtures/io/net.safetensors', import.meta.url));
    expect((await refused(file, 'x.npy')).message).toBe(
      "writeWeights: '.npy' is no format that can be written (x.npy). " +
        'Use .safetensors, .pth, .pt, .th, .bin, .ckpt, .npz, .h5, .hdf5, .weights.h5, .keras, .json, .onnx.',
    );
    expect((await refused(file, 'x.onnx', { model: 'keras.resnet50' })).message).toBe(
      "model: there is no network 'keras.resnet50'. Close names: keras.ResNet50, keras.ResNet50V2, keras.ResNet101.",
    );
    expect((await refused(file, 'x.onnx', { model: 'resnet20' })).message).toBe(
      "model: there is no network 'resnet20'. Close names: cifarResnet20, resnet50, resnet18.",
    );
  });
});

test('a network is run at 64, or from the least size that it takes', async () => {
  const model = await inception_v3({ numClasses: 2, seed: 0 });
  await writeWeights(out('x.safetensors'), model.stateDict());
  const { verification } = await convert(out('x.safetensors'), out('y.pth'), { model: 'inception_v3' });
  expect(verification!.inputShapes).toEqual([[1, 3, 75, 75]]);
});
