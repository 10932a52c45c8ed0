/** Keras's own networks against Keras 3: names, order, shapes and configurations by digest, logits with weights from a hash. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import type { StateDict } from '../../src/core/dtype.ts';
import { sizeOf } from '../../src/core/shape.ts';
import type { FloatImage } from '../../src/data/images/image.ts';
import { classificationTransforms } from '../../src/data/transforms/compose.ts';
import { init } from '../../src/graph/init.ts';
import { writeWeights } from '../../src/io/index.ts';
import type { keras } from '../../src/models/index.ts';
import { EfficientNetB0 } from '../../src/models/keras/efficientnet.ts';
import { KerasModel } from '../../src/models/keras/model.ts';
import { KERAS_NETWORKS } from '../../src/models/keras/networks.ts';
import { PREPROCESSING, preprocessInput } from '../../src/models/keras/preprocess.ts';
import { modelJson } from '../../src/models/keras/serialize.ts';
import { networkEntry } from '../../src/models/registry.ts';
import { noGrad } from '../../src/tensor/autograd.ts';
import { tensor } from '../../src/tensor/factory.ts';
import { temporaryFolder } from '../data/photos.ts';
import { hashUnits, unpacked } from './hash-weights.ts';

interface Recorded {
  /** Whether it is a deeper sibling of one that is tried always. */
  deep: boolean;
  side: number;
  /** Whether it takes levels of 0..255. */
  levels?: boolean;
  /** What kernels are multiplied by. */
  gain?: number;
  layers: number;
  structure: { options: keras.KerasMobileNetOptions; digest: string }[];
  /** Null where Keras itself gives others when the input changes by a millionth. */
  logits: string | null;
}

const fixture = new URL('../fixtures/keras/networks.json', import.meta.url);
const recorded: [string, Recorded][] = Object.entries(JSON.parse(readFileSync(fixture, 'utf8')).networks);
const isSlow = process.env.REGRAFT_SLOW === '1';
const rows = recorded.filter(([, { deep }]) => isSlow || !deep);

/** What scripts/record-keras-networks.py compares configurations by. */
const KEYS =
  'filters units kernel_size strides padding dilation_rate groups depth_multiplier pool_size use_bias activation epsilon momentum center scale offset rate noise_shape max_value negative_slope threshold target_shape keepdims kernel_initializer depthwise_initializer pointwise_initializer'.split(
    ' ',
  );

function canonical(value: unknown): string {
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'number') {
    const bytes = Buffer.alloc(8);
    bytes.writeDoubleBE(value);
    return bytes.toString('hex');
  }
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value === 'string') return value;
  const { class_name, config } = value as { class_name: string; config: object };
  const entries = Object.entries(config)
    .filter(([, own]) => own !== null)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return `${class_name}(${entries.map(([key, own]) => `${key}=${canonical(own)}`).join(',')})`;
}

/** Whether a layer stands for arithmetic with a number, which Keras does not count among the layers. */
const isArithmetic = ({ type, name }: keras.KerasLayer) => type === 'Rescaling' && /^(add|multiply)/.test(name);

/** A line a layer, as the script's. */
function lines(model: keras.KerasModel): string[] {
  const { config } = modelJson(model, 3) as { config: { layers: { config: Record<string, unknown> }[] } };
  const layers = model.layers.flatMap((layer, i) => {
    if (isArithmetic(layer)) return [];
    const own = config.layers[i]!.config;
    const known = KEYS.filter((key) => Object.hasOwn(own, key)).map((key) => `${key}=${canonical(own[key])}`);
    const weights = layer.weights.map(({ name, shape }) => `${name.split('/').at(-1)} ${shape.join('x')}`);
    const shape = layer.outputShape.map(String).join(',');
    return [
      `${layer.type} ${layer.name} [${shape}] <- ${layer.inbound[0]!.join(' ')} | ${weights.join('; ')} | ${known.join(' ')}`,
    ];
  });
  return [model.name, ...layers];
}

/** The weights that the script gives it, under Keras's names and in its layouts. */
function hashedState(model: keras.KerasModel, gain = 1): StateDict {
  const weights = model.layers.flatMap((layer) => layer.weights);
  return new Map(
    weights.map(({ name, shape }, index) => {
      const own = name.split('/').at(-1)!;
      const inputs = own === 'depthwise_kernel' ? shape[0]! * shape[1]! : sizeOf(shape) / shape.at(-1)!;
      const bound = Math.sqrt(6 / inputs);
      const fromUnit = (u: number): number => {
        if (shape.length > 1) return Math.fround(Math.fround((2 * u - 1) * bound) * gain);
        return /gamma|variance/.test(own) ? 0.5 + u : (2 * u - 1) * 0.1;
      };
      return [name, { shape, dtype: 'float32', data: hashUnits(index, sizeOf(shape), fromUnit) }];
    }),
  );
}

/** [1, 3, side, side] of the script's [1, side, side, 3]. */
function image(side: number, levels = false) {
  const values = hashUnits(100_000, 3 * side * side, (u) => (levels ? 255 * u : (2 * u - 1) * 1.7));
  const out = values.map((_, i) => values[(i % (side * side)) * 3 + Math.floor(i / (side * side))]!);
  return tensor(out, [1, 3, side, side]);
}

const built = (name: string, options: keras.KerasNetworkOptions) => KERAS_NETWORKS[`keras.${name}`]!(options);

beforeAll(async () => {
  await init();
});

describe('a network that is fine-tuned by name', () => {
  const name = 'keras.MobileNet';

  /** The weights of a new network under the layers' names, or others. */
  async function saved(rename = (layer: string) => layer): Promise<StateDict> {
    const model = await KERAS_NETWORKS[name]!({ classes: 7, seed: 3 });
    const state = await model.kerasStateDict();
    return new Map([...state].map(([key, data]) => [key.replace(/^[^/]+/, rename), data]));
  }

  const loaded = async (state: StateDict, options = {}) => {
    const weights = join(temporaryFolder(), 'weights.safetensors');
    await writeWeights(weights, state);
    return networkEntry(name).then(({ create }) => create({ weights, ...options }));
  };

  test('gives logits, has as many outputs as its weights, and takes a new head', async () => {
    const state = await saved();
    const model = (await loaded(state)) as keras.KerasModel;
    expect([model.fromLogits, model.outputShape]).toEqual([true, [null, 7]]);
    expect(await (await loaded(state, { newHead: true })).stateDict()).not.toEqual(await model.stateDict());
    const notes: string[] = [];
    for (const key of state.keys()) if (key.startsWith('conv_preds/')) state.delete(key);
    await loaded(state, { newHead: true, onNote: (note: string) => notes.push(note) });
    expect(notes).toContain("The weights have no 'conv_preds': it starts from random numbers.");
  });

  test('files whose layers have the names of an earlier Keras are taken in order, which is told', async () => {
    let layers = 0;
    const names = new Map<string, string>();
    const old = (layer: string) => names.get(layer) ?? names.set(layer, `layer_${++layers}`).get(layer)!;
    const notes: string[] = [];
    const onNote = (note: string) => notes.push(note);
    const model = await loaded(await saved(old), { numClasses: 7, onNote });
    expect(await model.stateDict()).toEqual(await (await loaded(await saved())).stateDict());
    expect(notes).toContain('Its layers have other names: their weights were taken in order, as Keras takes them.');
    const foreign = await saved(old);
    foreign.delete([...foreign.keys()][3]!);
    await expect(loaded(foreign, { numClasses: 7 })).rejects.toThrow('missing keys');
  });

  test.each(Object.keys(PREPROCESSING) as (keyof typeof PREPROCESSING)[])(
    '%s: images are what Keras’s preprocess_input makes of them',
    async (mode) => {
      const levels = { data: Uint8Array.from({ length: 48 }, (_, i) => (i * 41) % 256), width: 4, height: 4 };
      const chain = classificationTransforms({ resize: 4, crop: 4, ...PREPROCESSING[mode] });
      const { data } = chain.apply(levels) as FloatImage;
      const planes = [0, 1, 2].flatMap((c) => [...levels.data.filter((_, i) => i % 3 === c)]);
      const expected = await preprocessInput(tensor(planes, [1, 3, 4, 4]), mode).data();
      for (const [i, value] of expected.entries()) expect(Math.abs(data[i]! - value)).toBeLessThan(1e-4);
    },
  );
});

const RELU = { class_name: 'ReLU', config: { name: 'relu', batch_input_shape: [null, 4, 4, 3] } };

test('published EfficientNets: the deviations that stand for variances are squared, and it is told', () => {
  const { toOwnNames } = EfficientNetB0;
  const model = new KerasModel({ class_name: 'Sequential', config: { name: 'none', layers: [RELU] } });
  const stateOf = (values: number[]): StateDict =>
    new Map([['normalization.variance', { shape: [3], dtype: 'float32', data: Float32Array.from(values) }]]);
  const notes: string[] = [];
  const of = (values: number[]) =>
    toOwnNames!(model, stateOf(values), (note) => notes.push(note)).get('normalization.variance')!.data;
  expect([...of([0.229, 0.224, 0.225])]).toEqual(
    [0.229, 0.224, 0.225].map((value) => Math.fround(Math.fround(value) ** 2)),
  );
  expect([...of([1, 1, 1])]).toEqual([1, 1, 1]);
  expect(notes).toEqual([
    "The variances of its normalization are ImageNet's deviations, as published: their squares are taken.",
  ]);
});

describe.each(rows)('keras.%s', (name, { side, levels, gain, layers, structure, logits }) => {
  test('its layers are Keras’s, whatever the options', async () => {
    for (const { options, digest } of structure) {
      const found = lines(await built(name, options));
      const hash = createHash('sha256').update(found.join('\n')).digest('hex').slice(0, 32);
      expect({ options, digest: hash }).toEqual({ options, digest });
    }
  });

  if (logits === null) return;
  test('its logits are Keras’s', async () => {
    const model = await built(name, structure[0]!.options);
    expect(model.layers.filter((layer) => !isArithmetic(layer)).length).toBe(layers);
    model.loadStateDict(hashedState(model, gain));
    const found = await noGrad(() => model.eval().forward(image(side, levels))).data();
    const expected = unpacked(logits);
    const scale = Math.max(...expected.map(Math.abs));
    expect(found.length).toBe(expected.length);
    for (const [i, value] of expected.entries()) expect(Math.abs(found[i]! - value) / scale).toBeLessThan(1e-4);
  });
});
