/** Fine-tuning of Keras models: the head by class names, folders that describe themselves, files without a head. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { zipSync } from 'fflate';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { convert } from '../../src/convert/index.ts';
import { init } from '../../src/graph/init.ts';
import { readWeightFile } from '../../src/io/index.ts';
import { keras } from '../../src/models/index.ts';
import { headOf, withHead } from '../../src/models/keras/head.ts';
import { entryOf } from '../../src/models/topology.ts';
import { type FinetuneOptions, finetune, openModel, saveModel } from '../../src/runs/index.ts';
import { noGrad } from '../../src/tensor/autograd.ts';
import { ones } from '../../src/tensor/factory.ts';
import { photoFolder } from '../data/photos.ts';

const photosOf = (...classes: string[]): Promise<string> =>
  photoFolder(
    Object.fromEntries(
      classes.flatMap((name, k) => Array.from({ length: 6 }, (_, i) => [`${name}/${i}.jpg`, 50 * k + i])),
    ),
  );

let folder: string;
let photos: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'regraft-keras-finetune-'));
  await init();
  photos = await photosOf('blue', 'green', 'red');
});
afterAll(() => rm(folder, { recursive: true }));

const at = (name: string): string => join(folder, name);
const layer = (class_name: string, config: object) => ({ class_name, config });
const sequential = (name: string, ...layers: object[]) => layer('Sequential', { name, layers });

const TRUNK = [
  layer('Conv2D', { name: 'conv', filters: 4, kernel_size: 3, batch_input_shape: [null, 8, 8, 3] }),
  layer('BatchNormalization', { name: 'bn' }),
  layer('ReLU', { name: 'relu' }),
];
/** As MobileNet ends: a convolution whose outputs are reshaped before the softmax, in a model inside the model. */
const classifier = (classes: number) =>
  sequential(
    'small_1.00',
    sequential('trunk_1.00', ...TRUNK),
    layer('GlobalAveragePooling2D', { name: 'gap', keepdims: true }),
    layer('Conv2D', { name: 'conv_preds', filters: classes, kernel_size: 1 }),
    layer('Reshape', { name: 'reshape', target_shape: [classes] }),
    layer('Activation', { name: 'act', activation: 'softmax' }),
  );

const saved = async (name: string, json: object): Promise<string> => {
  await mkdir(dirname(at(name)), { recursive: true });
  await keras.saveModel(new keras.KerasModel(json), at(name));
  return at(name);
};
const run = (options: Omit<FinetuneOptions, 'photos'>) =>
  finetune({ photos, inputRange: '0..1', epochs: 2, batchSize: 4, ...options });
const outputs = async (path: string): Promise<number[]> => {
  const { model } = await openModel(path);
  return [...(await noGrad(() => model.forward(ones([1, 3, 8, 8]).mul(0.5))).data())];
};

describe('a run from the file of a Keras model', () => {
  test.each(['.keras', '.h5', '.json'])('%s: trained, kept with its topology, taken by everything', async (kind) => {
    const model = await saved(`two${kind}`, classifier(2));
    const out = at(`run${kind}`);
    const { model: told, history, frozen } = await run({ model, out, freezeUntil: 'none', headEpochs: 1 });
    expect(told.name).toBe('keras.small_1.00');
    expect(history.map(({ phase }) => phase)).toEqual([0, 1]);
    expect(frozen.changedBytes).toBe(0);

    const { topology, head, ...description } = JSON.parse(await readFile(join(out, 'model.json'), 'utf8'));
    expect(description).toMatchObject({ model: 'keras.small_1.00', classes: ['blue', 'green', 'red'] });
    expect(head).toBe('conv_preds');
    expect(new keras.KerasModel(topology).outputShape).toEqual([null, 3]);
    const expected = await outputs(out);
    expect(expected).toHaveLength(3);
    // The file of weights alone is the whole model, as are the formats that it is converted to.
    expect(await outputs(join(out, 'model.safetensors'))).toEqual(expected);
    await convert(join(out, 'model.safetensors'), at('run.onnx'));
    expect(await outputs(at('run.onnx'))).toEqual(expected);
    await convert(at('run.onnx'), at('again.keras'));
    expect((await keras.loadModel(at('again.keras'))).outputShape).toEqual([null, 3]);
    expect((await keras.loadModel(join(out, 'model.safetensors'))).getLayer('act').type).toBe('Activation');
  });

  test('goes on after the end, by its own checkpoint, and ends with the best so far', async () => {
    const model = await saved('resume.keras', classifier(2));
    const both = await run({ model, out: at('whole'), epochs: 4, cache: false });
    await run({ model, out: at('resumed') });
    const resumed = await run({ out: at('resumed'), resume: true, epochs: 4, inputRange: undefined });
    expect(resumed.history.map(({ epoch }) => epoch)).toEqual([1, 2, 3, 4]);
    expect(both.history).toHaveLength(4);
    const finished = await run({ out: at('resumed'), finish: true, epochs: undefined, inputRange: undefined });
    expect(finished.history).toHaveLength(4);
  });

  test('one of Keras’s own by its name: a new head on its weights, kept with its topology and the order of its channels', async () => {
    const whole = await keras.MobileNet({ alpha: 1, classes: 4, inputShape: [32, 32, 3] });
    await keras.saveModel(whole, at('mobilenet.h5'));
    const weights = at('mobilenet.h5');
    const named = { model: 'keras.MobileNet', weights, imageSize: 32, out: at('named'), inputRange: undefined };
    const { model: told, frozen, history } = await run(named);
    expect(told.name).toBe('keras.MobileNet');
    expect([frozen.changedBytes, history.map(({ cached }) => cached)]).toEqual([0, [false, true]]);
    const { model, transforms } = await openModel(at('named'));
    expect(String(transforms)).toContain('Normalize(mean=[0.5, 0.5, 0.5], std=[0.5, 0.5, 0.5])');
    const state = await whole.stateDict();
    expect((await model.stateDict()).get('conv1.weight')).toEqual(state.get('conv1.weight'));
    const resumed = await run({ out: at('named'), resume: true, epochs: 3, inputRange: undefined });
    expect(resumed.history).toHaveLength(3);
    await convert(join(at('named'), 'model.safetensors'), at('again.h5'));
    const again = await keras.loadModel(at('again.h5'));
    expect([again.name, again.outputShape]).toEqual(['mobilenet_1.00_224', [null, 3]]);
  });

  test('another run starts from its folder: rows of known classes are kept', async () => {
    const out = at('first');
    await run({ model: await saved('first.h5', classifier(2)), out });
    const notes: string[] = [];
    const progress = { start() {}, update() {}, end() {}, note: (text: string) => void notes.push(text) };
    await finetune({
      photos: await photosOf('green', 'red', 'yellow'),
      model: out,
      out: at('second'),
      epochs: 1,
      lr: 1e-12,
      progress,
    });
    expect(notes).toContain(`Starts from ${out}, with its head for green, red; new: yellow.`);
    const [before, after] = await Promise.all([outputs(out), outputs(at('second'))]);
    expect(after.slice(0, 2)).toEqual([before[1], before[2]].map((value) => expect.closeTo(value!, 4)));
  });

  test("Teachable Machine's zip: its labels keep the head, its range is known", async () => {
    const json = sequential(
      'tm',
      sequential('t', ...TRUNK, layer('GlobalAveragePooling2D', { name: 'gap' })),
      layer('Dense', { name: 'd', units: 3, activation: 'softmax' }),
    );
    await keras.saveModel(new keras.KerasModel(json), at('keras_model.h5'));
    await writeFile(
      at('tm.zip'),
      zipSync({
        'keras_model.h5': await readFile(at('keras_model.h5')),
        'labels.txt': new TextEncoder().encode('0 red\n1 blue\n2 green\n'),
      }),
    );
    const before = await outputs(at('tm.zip'));
    await finetune({ photos, model: at('tm.zip'), out: at('tm-run'), epochs: 1, lr: 1e-12 });
    const { classes, transforms } = await openModel(at('tm-run'));
    expect(classes).toEqual(['blue', 'green', 'red']);
    expect(transforms.toJSON().transforms).toMatchObject([{}, {}, {}, { mean: [0.5, 0.5, 0.5] }]);
    expect(await outputs(at('tm-run'))).toEqual(
      [before[1], before[2], before[0]].map((value) => expect.closeTo(value!, 4)),
    );
  });

  test('the shards of a TF.js model count when a run goes on', async () => {
    const model = await saved('shards/model.json', classifier(2));
    const { model: first } = await run({ model: at('shards') });
    await keras.saveModel(new keras.KerasModel(classifier(2)), model);
    const { model: second } = await run({ model: at('shards') });
    expect(first.weights!.sha256).not.toBe(second.weights!.sha256);
  });

  test('the range of the images has to be told where the file does not', async () => {
    const model = await saved('untold.keras', classifier(2));
    await expect(run({ model, inputRange: undefined })).rejects.toThrow(
      `${model}: does not tell how its images were scaled. Say it as the input range (--input-range): 0..255, 0..1, -1..1, caffe or torch.`,
    );
  });
});

describe('heads of Keras models', () => {
  const features = sequential('features', ...TRUNK);

  test('of features: pooling and a dense layer are put on, the weights stay', async () => {
    const base = new keras.KerasModel(features);
    const whole = withHead(base);
    expect(headOf(base)).toBeUndefined();
    expect(headOf(whole)).toBe('predictions');
    expect(whole.layers.map(({ type }) => type)).toEqual(['Sequential', 'GlobalAveragePooling2D', 'Dense']);
    expect(whole.getLayer('features').module).toBe(base);
    await run({ model: await saved('features.keras', features), out: at('features-run'), freezeUntil: 'none' });
    expect(await outputs(at('features-run'))).toHaveLength(3);
  });

  test('of one sigmoid: scores of classes that exclude each other', async () => {
    const json = sequential(
      'binary',
      ...TRUNK,
      layer('Flatten', { name: 'f' }),
      layer('Dense', { name: 'd', units: 1, activation: 'sigmoid' }),
    );
    await run({ model: await saved('binary.h5', json), out: at('binary-run') });
    const { topology } = JSON.parse(await readFile(at('binary-run/model.json'), 'utf8'));
    expect(topology.config.layers.at(-1).config).toMatchObject({ units: 3, activation: 'softmax' });
  });

  test('stages are the layers with weights, the head last; maps are the last of them that are images', async () => {
    const { stages, head, maps, inputSize } = await entryOf({ model: 'x', topology: classifier(2) });
    expect({ stages, head, maps, inputSize }).toEqual({
      stages: ['trunk_1_00.conv', 'trunk_1_00.bn', 'conv_preds'],
      head: 'conv_preds',
      maps: 'conv_preds',
      inputSize: 8,
    });
    await expect(entryOf({ model: 'x', topology: features })).rejects.toThrow(
      'keras: features has no layer that makes classes.',
    );
  });

  test('what a file had frozen is trained when the run says so', async () => {
    const frozen = sequential(
      'frozen',
      ...TRUNK.map(({ class_name, config }) => layer(class_name, { ...config, trainable: false })),
      layer('GlobalAveragePooling2D', { name: 'gap' }),
      layer('Dense', { name: 'd', units: 2, activation: 'softmax' }),
    );
    const { phases } = await run({ model: await saved('frozen.keras', frozen), freezeUntil: 'none', headEpochs: 0 });
    expect(phases.map(({ trainableParameters }) => trainableParameters)).toEqual([3 * 3 * 3 * 4 + 4 + 8 + 3 * 5]);
  });

  test('a model whose layer was replaced is saved as it is now', async () => {
    const model = new keras.KerasModel(classifier(2));
    const { transforms } = await openModel(at('binary-run'));
    await saveModel(at('by-hand'), { model, name: 'keras.small', classes: ['a', 'b'], transforms });
    expect((await openModel(at('by-hand'))).name).toBe('keras.small');
    expect((await readWeightFile(at('by-hand/model.safetensors'))).metadata.model_config).toContain('conv_preds');
  });
});
