/** Which network weights are of, by names and shapes alone. */
import { describe, expect, test } from 'vitest';
import type { StateDict } from '../../src/core/dtype.ts';
import { targetOf, writeWeights } from '../../src/io/index.ts';
import { cifarResnet20, guessNetwork, MODELS, modelEntry, namingNetwork } from '../../src/models/index.ts';
import { KERAS_NETWORKS } from '../../src/models/keras/networks.ts';
import { temporaryFolder } from '../data/photos.ts';

/** A network's names and shapes; there are no numbers, for none are looked at. */
async function shapesOf(name: string, numClasses: number, rename = (key: string) => key): Promise<StateDict> {
  const { expected } = targetOf(await modelEntry(name).create({ numClasses }));
  const tensors = [...expected].map(([key, shape]) => [
    rename(key),
    { shape, dtype: 'float32', data: new Float32Array(0) },
  ]);
  return new Map(tensors as [string, StateDict extends Map<string, infer T> ? T : never][]);
}

describe('guessNetwork', () => {
  // Those of Keras have torchvision's names here, and are told by Keras's.
  const told = Object.values(MODELS).filter(({ weightNames }) => weightNames?.refusal === undefined);
  test.each(told.map(({ name }) => name))('%s, with seven classes', async (name) => {
    expect(await guessNetwork(await shapesOf(name, 7))).toBe(name);
  });

  test.each(['keras.DenseNet121', 'keras.ResNet50V2', 'keras.MobileNet', 'keras.Xception', 'keras.ResNet101'])(
    '%s, by Keras’s names',
    async (name) => {
      const { layers } = await KERAS_NETWORKS[name]!({ classes: 7 });
      const weights = layers.flatMap((layer) => layer.weights);
      const state = weights.map(({ name, shape }) => [name, { shape, dtype: 'float32', data: new Float32Array(0) }]);
      expect(await guessNetwork(new Map(state as [string, never][]))).toBe(name);
    },
  );

  test('behind a wrapper’s prefix, and without counters', async () => {
    const wrapped = await shapesOf('resnet34', 5, (key) => `model.backbone.${key}`);
    expect(await guessNetwork(wrapped)).toBe('resnet34');
    const old = new Map(
      [...(await shapesOf('resnet50', 1000))].filter(([key]) => !key.endsWith('num_batches_tracked')),
    );
    expect(await guessNetwork(old)).toBe('resnet50');
  });

  test('without a head, and with another’s', async () => {
    const state = await shapesOf('resnet18', 3);
    for (const key of ['fc.weight', 'fc.bias']) state.delete(key);
    expect(await guessNetwork(state)).toBe('resnet18');
  });

  test('of no network, and of a part of one', async () => {
    expect(await guessNetwork(new Map())).toBeUndefined();
    const state = await shapesOf('resnet18', 3);
    state.delete('layer3.0.conv1.weight');
    expect(await guessNetwork(state)).toBeUndefined();
  });
});

test('namingNetwork says which network the weights are of', async () => {
  const path = `${temporaryFolder()}/some.safetensors`;
  await writeWeights(path, (await cifarResnet20({ seed: 3 })).stateDict());
  const load = (name: string) => namingNetwork(path, name, () => modelEntry(name).create({ weights: path }));
  await expect(load('cifarResnet20')).resolves.toBeDefined();
  await expect(load('cifarResnet32')).rejects.toThrow(
    `${path}: these are the weights of cifarResnet20, not of cifarResnet32. Name cifarResnet20 instead.`,
  );
  await writeWeights(path, new Map([['a.weight', { shape: [1], dtype: 'float32', data: new Float32Array(1) }]]));
  await expect(load('smallResnet')).rejects.toThrow(
    /^SmallResNet: \d+ missing keys \(.* more\), 1 unexpected \(a\.weight\), 0 wrong shapes\. The weights in \S+ are of another network: regraft inspect lists them\.$/,
  );
});
