/** Keras models as both generations and Teachable Machine save them: arithmetic, random layers, shapes inside, names of weights. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { convert } from '../../src/convert/index.ts';
import type { StateDict, TensorData } from '../../src/core/dtype.ts';
import { init } from '../../src/graph/init.ts';
import { kerasH5Bytes } from '../../src/io/keras/h5-write.ts';
import { keras } from '../../src/models/index.ts';
import { modelFiles } from '../../src/models/keras/save.ts';
import { noGrad } from '../../src/tensor/autograd.ts';
import { ones, tensor } from '../../src/tensor/factory.ts';
import type { Tensor } from '../../src/tensor/tensor.ts';

beforeAll(async () => void (await init()));

type Json = Record<string, unknown>;
const input = {
  class_name: 'InputLayer',
  name: 'x',
  config: { name: 'x', batch_input_shape: [null, 1, 2, 1] },
  inbound_nodes: [],
};
const functional = (layers: Json[]): Json => ({
  class_name: 'Functional',
  config: {
    name: 'm',
    layers: [input, ...layers],
    input_layers: [['x', 0, 0]],
    output_layers: [[layers.at(-1)!.name, 0, 0]],
  },
});
/** Keras 2's operation: `lambda('math.truediv', 'd', 'x', { y: 127.5 })`. */
const lambda = (fn: string, name: string, from: unknown, kwargs: Json): Json => {
  const node = Array.isArray(from) ? [...from, kwargs] : [from, 0, 0, kwargs];
  return { class_name: 'TFOpLambda', name, config: { name, function: fn }, inbound_nodes: [node] };
};
const kerasTensor = (name: string): Json => ({
  class_name: '__keras_tensor__',
  config: { keras_history: [name, 0, 0] },
});
/** Keras 3's operation, with its module as in .keras files or without as in .h5. */
const operation = (kind: string, name: string, args: unknown[], module?: string): Json => ({
  ...(module !== undefined && { module }),
  class_name: kind,
  name,
  config: { name },
  inbound_nodes: [{ args, kwargs: {} }],
});
const layer = (kind: string, config: Json = {}): Json => ({
  class_name: kind,
  config: { name: kind.toLowerCase(), ...config },
});
const sequential = (layers: Json[], name = 's'): Json => ({ class_name: 'Sequential', config: { name, layers } });
const sized = { batch_input_shape: [null, 4, 4, 2] };

async function outputOf(model: keras.KerasModel, x: Tensor): Promise<number[]> {
  return [...(await noGrad(() => model.eval().forward(x)).data())];
}
const given = () => tensor(Float32Array.of(2, -4), [1, 1, 1, 2]);

describe('arithmetic with numbers', () => {
  const module = 'keras.src.ops.numpy';
  const x = kerasTensor('x');
  const a = kerasTensor('a');
  test.each<[string, Json[], number[], string[]]>([
    [
      'x / 4 - 1',
      [lambda('math.truediv', 'a', 'x', { y: 4, name: null }), lambda('math.subtract', 'b', 'a', { y: 1 })],
      [-0.5, -2],
      ['Rescaling', 'Rescaling'],
    ],
    ['x + 3', [lambda('__operators__.add', 'a', 'x', { y: 3 })], [5, -1], ['Rescaling']],
    ['1 - x', [lambda('math.subtract', 'a', ['_CONSTANT_VALUE', -1, 1], { y: ['x', 0, 0] })], [-1, 5], ['Rescaling']],
    ['x * x of Keras 2', [lambda('math.multiply', 'a', 'x', { y: ['x', 0, 0] })], [4, 16], ['Multiply']],
    [
      'relu6(-x) of Keras 2',
      [lambda('math.negative', 'a', 'x', {}), lambda('nn.relu6', 'b', 'a', {})],
      [0, 4],
      ['Rescaling', 'ReLU'],
    ],
    ['cast', [lambda('cast', 'a', 'x', { dtype: 'float32' })], [2, -4], ['Activation']],
    [
      'Keras 3',
      [operation('TrueDivide', 'a', [x, 4], module), operation('Subtract', 'b', [a, 1], module)],
      [-0.5, -2],
      ['Rescaling', 'Rescaling'],
    ],
    [
      'Keras 3 in .h5',
      [operation('TrueDivide', 'a', [x, 4]), operation('Add', 'b', [3, a])],
      [3.5, 2],
      ['Rescaling', 'Rescaling'],
    ],
    ['1 - x of Keras 3', [operation('Subtract', 'a', [1, x])], [-1, 5], ['Rescaling']],
    [
      'one number a channel',
      [operation('Multiply', 'a', [x, { class_name: '__numpy__', config: { value: [3] } }], module)],
      [6, -12],
      ['Rescaling'],
    ],
    [
      'two tensors',
      [operation('Negative', 'a', [x], module), operation('Add', 'b', [x, a], module)],
      [0, 0],
      ['Rescaling', 'Add'],
    ],
    ['a layer of that name', [operation('Add', 'a', [[x, x]])], [4, -8], ['Add']],
  ])('%s', async (_, layers, expected, kinds) => {
    const model = new keras.KerasModel(functional(layers));
    expect(model.layers.slice(1).map(({ type }) => type)).toEqual(kinds);
    expect(await outputOf(model, given())).toEqual(expected);
    for (const name of ['a.h5', 'a.keras']) {
      const [file] = await modelFiles(model, name);
      expect(await outputOf(await keras.loadModel(file!.bytes), given())).toEqual(expected);
    }
  });

  test.each<[Json, string]>([
    [lambda('math.pow', 'a', 'x', { y: 2 }), "the operation 'a' (pow)"],
    [lambda('math.truediv', 'a', ['_CONSTANT_VALUE', -1, 1], { y: ['x', 0, 0] }), "the operation 'a' (truediv)"],
    [operation('Power', 'a', [x, 2], module), "the operation 'a' (power)"],
    [operation('Divide', 'a', [x, 'y'], module), "the operation 'a' (divide)"],
  ])('what is none is refused (%#)', (op, what) => {
    expect(() => new keras.KerasModel(functional([op]))).toThrow(
      `keras: ${what} is not supported: expected sums, products and quotients of tensors and numbers. Rebuild the model without it.`,
    );
  });
});

describe('random layers', () => {
  const augmentation = [
    'RandomFlip',
    'RandomRotation',
    'RandomZoom',
    'RandomContrast',
    'RandomTranslation',
    'RandomHue',
    'GaussianNoise',
  ];
  const values = Float32Array.from({ length: 32 }, (_, i) => i);
  const x = () => tensor(values, [1, 2, 4, 4]);
  const model = () =>
    new keras.KerasModel(
      sequential([
        layer('InputLayer', { batch_input_shape: [null, 4, 4, 2] }),
        sequential(
          augmentation.map((kind) => layer(kind, { factor: 0.1, height_factor: 0.1, width_factor: 0.1, stddev: 1 })),
          'augment',
        ),
        layer('RandomCrop', { height: 4, width: 4 }),
        layer('ReLU'),
      ]),
    );

  test('give their input back, in training too, and are saved', async () => {
    const built = model();
    expect(await outputOf(built, x())).toEqual([...values]);
    expect([...(await built.train().forward(x()).data())]).toEqual([...values]);
    for (const name of ['a.h5', 'a.keras']) {
      const [file] = await modelFiles(built, name);
      const again = await keras.loadModel(file!.bytes);
      expect(again.layers[0]!.layers!.map(({ type }) => type)).toEqual(augmentation);
    }
  });

  test('convert tells of them', async () => {
    const json = sequential([layer('RandomFlip', sized), layer('Dense', { units: 1, use_bias: false })]);
    const kernel: TensorData = { shape: [2, 1], dtype: 'float32', data: Float32Array.of(1, 2) };
    const file = await kerasH5Bytes({
      layers: [
        ['randomflip', new Map()],
        ['dense', new Map([['kernel', kernel]])],
      ],
      config: JSON.stringify(json),
    });
    const folder = await mkdtemp(join(tmpdir(), 'regraft-random-'));
    try {
      const { notes } = await convert(file, join(folder, 'a.safetensors'));
      expect(notes[0]).toBe('Give their input back, in training too: randomflip. Augment the images before the model.');
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test('a crop that cuts is refused', () => {
    const crop = layer('RandomCrop', { height: 3, width: 4, ...sized });
    expect(() => new keras.KerasModel(sequential([crop]))).toThrow(
      "keras: layer 'randomcrop' (RandomCrop): cuts 3 x 4 out of (None, 4, 4, 2). Crop the images before the model.",
    );
  });

  test.each([
    ['Dropout', { rate: 0.5, noise_shape: [null, 1, 1, 1] }, 1],
    ['Dropout', { rate: 0.5, noise_shape: { class_name: '__tuple__', items: [null, 1, 1, 2] } }, 2],
    ['SpatialDropout2D', { rate: 0.5 }, 2],
  ])('%s with shared masks %j', async (kind, config, masks) => {
    const built = new keras.KerasModel(sequential([layer(kind, { ...config, ...sized })]));
    expect(await outputOf(built, ones([8, 2, 4, 4]))).toEqual(new Array(256).fill(1));
    const kept = [
      ...(await built
        .train()
        .forward(ones([8, 2, 4, 4]))
        .data()),
    ];
    const size = 32 / masks;
    const groups = Array.from({ length: 8 * masks }, (_, i) => new Set(kept.slice(i * size, (i + 1) * size)));
    expect(groups.every(({ size }) => size === 1)).toBe(true);
    expect(new Set(kept)).toEqual(new Set([0, 2]));
  });

  test('masks that are not of the input are refused', () => {
    expect(
      () => new keras.KerasModel(sequential([layer('Dropout', { rate: 0.5, noise_shape: [null, 3, 1, 1], ...sized })])),
    ).toThrow(
      "keras: layer 'dropout' (Dropout): noise_shape must be 4 sizes of the input, 1 or null, got [null,3,1,1].",
    );
  });
});

describe('the shape of the input', () => {
  const conv = { class_name: 'Conv2D', config: { name: 'c', filters: 1, kernel_size: [1, 1] } };
  const inner = functional([{ ...conv, name: 'c', inbound_nodes: [[['x', 0, 0, {}]]] }]);
  test.each<[string, Json]>([
    [
      'of the first layer of the first model',
      sequential([
        sequential([inner, layer('Flatten')], 'a'),
        sequential([layer('Dense', { units: 2, batch_input_shape: [null, 2] })], 'b'),
      ]),
    ],
    ['of a functional model', sequential([inner, layer('Flatten'), layer('Dense', { units: 2 })])],
    [
      'told from outside',
      functional([
        {
          ...sequential([conv, layer('Flatten'), layer('Dense', { units: 2 })], 's'),
          name: 's',
          inbound_nodes: [[['x', 0, 0, {}]]],
        },
      ]),
    ],
  ])('%s', (_, json) => {
    expect(new keras.KerasModel(json).outputShape).toEqual([null, 2]);
  });

  test('that nothing tells', () => {
    expect(() => new keras.KerasModel(sequential([sequential([conv])]))).toThrow(
      'keras: this Sequential model was saved before it was built: its input shape is unknown.',
    );
  });
});

test("Keras 3's name of a depthwise kernel", async () => {
  const json = sequential([
    layer('DepthwiseConv2D', { name: 'dw', kernel_size: [1, 1], ...sized }),
    layer('SeparableConv2D', { name: 'sep', kernel_size: [1, 1], filters: 1 }),
  ]);
  const data = (shape: number[], ...values: number[]): TensorData => ({
    shape,
    dtype: 'float32',
    data: Float32Array.from(values),
  });
  const weights = (name: string): [string, StateDict][] => [
    [
      'dw',
      new Map([
        [name, data([1, 1, 2, 1], 2, 3)],
        ['bias', data([2], 1, 1)],
      ]),
    ],
    [
      'sep',
      new Map([
        ['depthwise_kernel', data([1, 1, 2, 1], 1, 10)],
        ['pointwise_kernel', data([1, 1, 2, 1], 1, 1)],
        ['bias', data([1], 0)],
      ]),
    ],
  ];
  for (const name of ['kernel', 'depthwise_kernel']) {
    const file = await kerasH5Bytes({ layers: weights(name), config: JSON.stringify(json) });
    const model = await keras.loadModel(file);
    expect(await outputOf(model, ones([1, 2, 4, 4]))).toEqual(new Array(16).fill(43));
  }
});
