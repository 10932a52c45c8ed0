/** Models rebuilt from Keras's files, against a re-statement in NumPy and PyTorch (scripts/record-keras-fixtures.py). */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import { init } from '../../src/graph/init.ts';
import { keras } from '../../src/models/index.ts';
import { crossEntropy } from '../../src/nn/index.ts';
import { SGD } from '../../src/optim/index.ts';
import { noGrad, step } from '../../src/tensor/autograd.ts';
import { tensor } from '../../src/tensor/factory.ts';
import type { Tensor } from '../../src/tensor/tensor.ts';
import { unpacked } from './hash-weights.ts';

const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/keras/${name}`, import.meta.url));
const expected = JSON.parse(readFileSync(fixture('small.json'), 'utf8'));

/** [2, 15, 18, 3] as [2, 3, 15, 18]. */
function input(): Tensor {
  const values = unpacked(expected.input);
  const out = new Float32Array(values.length);
  for (let n = 0; n < 2; n++)
    for (let i = 0; i < 270; i++)
      for (let c = 0; c < 3; c++) out[(n * 3 + c) * 270 + i] = values[(n * 270 + i) * 3 + c]!;
  return tensor(out, [2, 3, 15, 18]);
}

const largest = (a: Float32Array, b: Float32Array) => Math.max(...a.map((v, i) => Math.abs(v - b[i]!)));
const names = (model: keras.KerasModel) => model.namedParameters().map(([name]) => name);

beforeAll(async () => {
  await init();
});

describe('loadModel', () => {
  test.each(['whole.h5', 'small.keras', 'tfjs-float32/model.json'])('%s computes what Keras does', async (name) => {
    const model = (await keras.loadModel(fixture(name))).eval();
    const y = await noGrad(() => model.forward(input())).data();
    expect(largest(y, unpacked(expected.output))).toBeLessThan(1e-5);
  });

  test('weights alone load into a model of the same topology, by layer or by path', async () => {
    const { readWeights } = await import('../../src/io/index.ts');
    for (const name of ['weights.h5', 'small.weights.h5']) {
      const model = new keras.KerasModel(expected.config).eval();
      model.loadStateDict(await readWeights(fixture(name)));
      const y = await noGrad(() => model.forward(input())).data();
      expect(largest(y, unpacked(expected.output))).toBeLessThan(1e-5);
    }
    await expect(keras.loadModel(fixture('weights.h5'))).rejects.toThrow('holds weights (Keras (h5)) but no topology.');
  });

  test('its own state dict and Keras’s give the same model back', async () => {
    const model = await keras.loadModel(fixture('whole.h5'));
    const { readWeights } = await import('../../src/io/index.ts');
    const file = await readWeights(fixture('whole.h5'));
    const back = await model.kerasStateDict();
    expect([...back.keys()].sort()).toEqual([...file.keys()].sort());
    for (const [name, { shape, data }] of file) expect(back.get(name)).toEqual({ shape, dtype: 'float32', data });
    const copy = new keras.KerasModel(expected.config).eval();
    copy.loadStateDict(await model.stateDict());
    const y = await noGrad(() => copy.forward(input())).data();
    expect(largest(y, unpacked(expected.output))).toBeLessThan(1e-5);
  });

  test('output shapes and names are Keras’s', async () => {
    const model = await keras.loadModel(fixture('whole.h5'));
    expect(Object.fromEntries(model.layers.map((layer) => [layer.name, layer.outputShape]))).toEqual(expected.shapes);
    expect(model.getLayer('sep1').weights.map(({ name, shape, trainable }) => [name, shape, trainable])).toEqual([
      ['sep1/depthwise_kernel', [2, 2, 8, 1], true],
      ['sep1/pointwise_kernel', [1, 1, 8, 6], true],
      ['sep1/bias', [6], true],
    ]);
    expect(model.layers.flatMap((l) => l.weights).reduce((n, { tensor: t }) => n + t.size, 0)).toBe(
      expected.parameters,
    );
    expect(names(model).slice(0, 3)).toEqual(['conv1.weight', 'bn1.bias', 'dw1.weight']);
    expect(names(model)).toContain('head.d1.weight');
  });

  test('logits leave the softmax out, in a nested model too', async () => {
    const model = (await keras.loadModel(fixture('whole.h5'))).eval();
    const logits = noGrad(() => model.logits(input()));
    const y = await noGrad(() => logits.softmax(1)).data();
    expect(largest(y, unpacked(expected.output))).toBeLessThan(1e-5);
  });
});

describe('training', () => {
  const batchNorm = (momentum: number) =>
    new keras.KerasModel({
      class_name: 'Sequential',
      config: {
        name: 'bn',
        layers: [
          {
            class_name: 'BatchNormalization',
            config: { name: 'bn', batch_input_shape: [null, 1, 2, 2], momentum, scale: false },
          },
        ],
      },
    });
  const x = [1, 2, 4, 8, -3, 5, 0, 7];

  test('moving statistics keep `momentum` of the old ones; the variance is the biased one', async () => {
    const model = batchNorm(0.75).train();
    // [N, C, H, W] = [2, 2, 1, 2]
    for (let i = 1; i <= 2; i++) await step(() => model.forward(tensor(Float32Array.from(x), [2, 2, 1, 2]))).data();
    const state = await model.stateDict();
    const channels: number[][] = [
      [1, 2, -3, 5],
      [4, 8, 0, 7],
    ];
    const mean = channels.map((v) => v.reduce((s, e) => s + e, 0) / 4);
    const variance = channels.map((v, c) => v.reduce((s, e) => s + (e - mean[c]!) ** 2, 0) / 4);
    const moved = (start: number, value: number) => (start * 0.75 + value * 0.25) * 0.75 + value * 0.25;
    expect([...(state.get('bn.running_mean')!.data as Float32Array)]).toEqual(
      mean.map((m) => expect.closeTo(moved(0, m), 5)),
    );
    expect([...(state.get('bn.running_var')!.data as Float32Array)]).toEqual(
      variance.map((v) => expect.closeTo(moved(1, v), 4)),
    );
    expect([...state.keys()]).toEqual(['bn.bias', 'bn.running_mean', 'bn.running_var']);
  });

  test('a layer that is not trainable runs in inference mode and keeps its statistics', async () => {
    const model = batchNorm(0.9).train();
    model.layers[0]!.trainable = false;
    const y = await step(() => model.forward(tensor(Float32Array.from(x), [2, 2, 1, 2]))).data();
    expect(
      largest(
        y,
        Float32Array.from(x, (v) => v / Math.sqrt(1.001)),
      ),
    ).toBeLessThan(1e-5);
    expect([...((await model.stateDict()).get('bn.running_var')!.data as Float32Array)]).toEqual([1, 1]);
  });

  test('frozen layers stay, the others train', async () => {
    const model = (await keras.loadModel(fixture('whole.h5'))).train();
    for (const layer of model.layers.slice(0, -1)) layer.trainable = false;
    expect(model.getLayer('bn1').weights.some((w) => w.trainable)).toBe(false);
    const before = await model.stateDict();
    const optimizer = new SGD(model.parameters(), { lr: 0.1 });
    const losses: number[] = [];
    for (let i = 0; i < 4; i++) {
      const loss = step(() => {
        optimizer.zeroGrad();
        const value = crossEntropy(model.logits(input()), tensor(Int32Array.of(0, 3), [2], { dtype: 'int32' }));
        value.backward();
        optimizer.step();
        return value;
      });
      losses.push(await loss.item());
    }
    expect(losses.every(Number.isFinite)).toBe(true);
    const after = await model.stateDict();
    const changed = [...after].filter(([name, { data }]) => data.some((v, i) => v !== before.get(name)!.data[i]));
    expect(changed.map(([name]) => name)).toEqual(['head.d1.weight', 'head.d1.bias', 'head.d2.weight', 'head.d2.bias']);
  });
});

describe('refusals name the layer', () => {
  const sequential = (...layers: unknown[]) => ({ class_name: 'Sequential', config: { name: 's', layers } });
  const dense = { class_name: 'Dense', config: { name: 'd', units: 2, batch_input_shape: [null, 3] } };
  test.each([
    [
      sequential(dense, { class_name: 'Lambda', config: { name: 'evil', function: ['4wEAAA'] } }),
      "keras: layer 'evil' (Lambda): a Lambda layer is Python code, which is not run. Rebuild the model without it.",
    ],
    [
      sequential(dense, { class_name: 'Mine', registered_name: 'Custom>Mine', config: { name: 'm' } }),
      "keras: layer 'm' (Mine): is the custom object 'Custom>Mine', which exists as Python code only. Rebuild the model without it.",
    ],
    [
      sequential(dense, { class_name: 'Dense', module: 'os', registered_name: null, config: { name: 'm', units: 1 } }),
      "keras: layer 'm' (Dense): is the custom object 'os', which exists as Python code only. Rebuild the model without it.",
    ],
    [
      sequential(dense, { class_name: 'LSTM', config: { name: 'l' } }),
      "keras: layer 'l' (LSTM): this class is not supported.",
    ],
    [sequential(dense, dense), "keras: layer 'd' (Dense): the model has two layers of this name."],
    [
      sequential({ class_name: 'Dense', config: { name: 'd', units: 2 } }),
      'keras: this Sequential model was saved before it was built: its input shape is unknown.',
    ],
    [{ class_name: 'MyModel', config: {} }, "keras: expected a Sequential or functional model, got 'MyModel'."],
  ])('%#', (config, message) => {
    expect(() => new keras.KerasModel(config)).toThrow(message);
  });

  test('layers in a circle', () => {
    const layer = (name: string, from: string) => ({
      class_name: 'Activation',
      name,
      config: { name, activation: 'relu' },
      inbound_nodes: [[[from, 0, 0, {}]]],
    });
    const config = {
      layers: [layer('a', 'b'), layer('b', 'a')],
      input_layers: [['a', 0, 0]],
      output_layers: [['b', 0, 0]],
    };
    expect(() => new keras.KerasModel({ class_name: 'Functional', config })).toThrow(
      'takes its own output as an input.',
    );
  });
});
