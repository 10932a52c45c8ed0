/** Fine-tuning of ONNX graphs: from any classifier's file to folders that describe themselves. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { convert } from '../../src/convert/index.ts';
import { Generator } from '../../src/core/random.ts';
import { init } from '../../src/graph/init.ts';
import { onnx } from '../../src/models/index.ts';
import { entryOf } from '../../src/models/topology.ts';
import {
  evaluateFolder,
  type FinetuneOptions,
  finetune,
  openClassifier,
  openModel,
  predictImages,
} from '../../src/runs/index.ts';
import { groupsOf } from '../../src/runs/recipe.ts';
import { noGrad } from '../../src/tensor/autograd.ts';
import { ones } from '../../src/tensor/factory.ts';
import type { Tensor } from '../../src/tensor/tensor.ts';
import { photoFolder } from '../data/photos.ts';
import { floats, modelOf, node } from '../io/onnx-build.ts';
import { mobileNetV2 } from '../models/tfjs-graph-cases.ts';

let folder: string;
let photos: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'regraft-onnx-finetune-'));
  await init();
  photos = await photosOf('blue', 'green', 'red');
});
afterAll(() => rm(folder, { recursive: true }));

const at = (name: string): string => join(folder, name);
const photosOf = (...classes: string[]): Promise<string> =>
  photoFolder(
    Object.fromEntries(
      classes.flatMap((name, k) => Array.from({ length: 6 }, (_, i) => [`${name}/${i}.jpg`, 50 * k + i])),
    ),
  );

const random = new Generator(0);
const weight = (name: string, ...dims: number[]) =>
  floats(
    name,
    dims,
    Array.from({ length: dims.reduce((n, d) => n * d) }, () => random.normal() / 2),
  );
const port = (name: string, ...dims: (number | string)[]) => ({
  name,
  type: {
    tensorType: {
      elemType: 1,
      shape: { dim: dims.map((d) => (typeof d === 'number' ? { dimValue: d } : { dimParam: d })) },
    },
  },
});

const NODES = [
  node('Conv', ['x', 'stem.weight', 'stem.bias'], ['c'], '/stem/Conv'),
  node('BatchNormalization', ['c', 'bn.weight', 'bn.bias', 'bn.running_mean', 'bn.running_var'], ['n'], '/bn/Norm'),
  node('Clip', ['n', 'zero', 'six'], ['r']),
  node('GlobalAveragePool', ['r'], ['p']),
  node('Flatten', ['p'], ['f']),
];
const WEIGHTS = [
  weight('stem.weight', 4, 3, 3, 3),
  weight('stem.bias', 4),
  floats('bn.weight', [4], [1, 1, 1, 1]),
  floats('bn.bias', [4]),
  floats('bn.running_mean', [4]),
  floats('bn.running_var', [4], [1, 1, 1, 1]),
  floats('zero', [], [0]),
  floats('six', [], [6]),
];
/** By a MatMul whose weight has a name that its exporter made up, and a softmax. */
const HEAD = [
  node('MatMul', ['f', 'onnx::MatMul_9'], ['m'], '/fc/MatMul'),
  node('Add', ['m', 'fc.bias'], ['l'], '/fc/Add'),
  node('Softmax', ['l'], ['y']),
];
const graph = (side: number | string, nodes: object[] = [...NODES, ...HEAD], output = 'y') =>
  modelOf({
    name: 'main_graph',
    node: nodes,
    initializer: [...WEIGHTS, weight('onnx::MatMul_9', 4, 5), weight('fc.bias', 5)],
    input: [port('x', 'batch', 3, side, side)],
    output: [{ name: output }],
  });
const saved = async (name: string, bytes: Uint8Array): Promise<string> => {
  await writeFile(at(name), bytes);
  return at(name);
};

const run = (options: Omit<FinetuneOptions, 'photos'>) => finetune({ photos, epochs: 2, batchSize: 4, ...options });
const told = () => {
  const notes: string[] = [];
  return { notes, progress: { start() {}, update() {}, end() {}, note: (text: string) => void notes.push(text) } };
};
const outputs = async (path: string): Promise<number[]> => {
  const { model } = await openModel(path);
  return [...(await noGrad(() => model.forward(ones([1, 3, 8, 8]).mul(0.5))).data())];
};

describe('a run from an ONNX file', () => {
  test('trained, kept with its graph, taken by everything', async () => {
    const model = await saved('small.onnx', graph(8));
    const out = at('run');
    const { notes, progress } = told();
    const { model: known, history, frozen } = await run({ model, out, freezeUntil: 'none', headEpochs: 1, progress });
    expect(known.name).toBe('onnx.small');
    expect(history.map(({ phase }) => phase)).toEqual([0, 1]);
    expect(frozen.changedBytes).toBe(0);
    expect(notes).toContain(
      "The file does not tell how its images were scaled: ImageNet's mean and deviation are taken where --mean, --std or --input-range say nothing else.",
    );

    const { topology, ...description } = JSON.parse(await readFile(join(out, 'model.json'), 'utf8'));
    expect(description).toMatchObject({ model: 'onnx.small', classes: ['blue', 'green', 'red'], head: 'fc_' });
    expect(description.transforms.transforms).toMatchObject([
      { size: 9 },
      { size: 8 },
      {},
      { mean: [0.485, 0.456, 0.406] },
    ]);
    expect(topology).toMatchObject({ format: 'onnx', newHead: true, opset: 17 });
    const expected = await outputs(out);
    expect(expected).toHaveLength(3);
    // The file of weights alone is the whole model, as is the graph that it is converted to.
    expect(await outputs(join(out, 'model.safetensors'))).toEqual(expected);
    await convert(join(out, 'model.safetensors'), at('again.onnx'));
    expect(await outputs(at('again.onnx'))).toEqual(expected.map((value) => expect.closeTo(value, 5)));
    expect((await onnx.loadModel(at('again.onnx'))).graph.head).toBe('fc_');

    const classifier = await openModel(out);
    const { predictions } = await predictImages(classifier, [join(photos, 'red/0.jpg')], { topK: 3 });
    expect(predictions[0]!.top.map(({ label }) => label).sort()).toEqual(['blue', 'green', 'red']);
    expect((await evaluateFolder(classifier, photos)).accuracy).toBeGreaterThanOrEqual(0);
  });

  test('goes on after the end, by its own checkpoint, and ends with the best so far', async () => {
    const model = await saved('resume.onnx', graph(8));
    const options = { cache: false, freezeUntil: 'bn', patience: 0 };
    await run({ ...options, model, epochs: 2, headEpochs: 1, out: at('resumed') });
    const { history } = await run({ out: at('resumed'), resume: true, epochs: 4 });
    expect(history.map(({ epoch }) => epoch)).toEqual([1, 2, 3, 4]);
    const finished = await run({ out: at('resumed'), finish: true, epochs: undefined });
    expect(finished.history).toHaveLength(4);
  });

  test('another run starts from its folder: rows of known classes are kept, and how it wants its images', async () => {
    const out = at('first');
    await run({ model: await saved('first.onnx', graph('side')), out, imageSize: 8, mean: [0.5], std: [0.5, 0.25, 1] });
    const { notes, progress } = told();
    const more = await photosOf('green', 'red', 'yellow');
    await finetune({ photos: more, model: out, out: at('second'), epochs: 1, lr: 1e-12, progress });
    expect(notes).toContain(`Starts from ${out}, with its head for green, red; new: yellow.`);
    expect(notes.join()).not.toContain('ImageNet');
    const { transforms } = await openModel(at('second'));
    expect(transforms.toJSON().transforms).toMatchObject([
      { size: 9 },
      { size: 8 },
      {},
      { mean: [0.5, 0.5, 0.5], std: [0.5, 0.25, 1] },
    ]);
    const [before, after] = await Promise.all([outputs(out), outputs(at('second'))]);
    expect(after.slice(0, 2)).toEqual([before[1], before[2]].map((value) => expect.closeTo(value!, 4)));
  });

  test("stages have rates of their own, also where weights' names tell no layers", async () => {
    const model = await onnx.loadModel(await saved('rates.onnx', graph(8)));
    const { stages } = model.graph;
    expect(stages).toEqual(['stem', 'fc_']);
    const settings = { layerDecay: 0.5 };
    const rates = groupsOf(model, { stages, learningRate: 1 }, settings).map(({ lr, params }) => [lr, params.length]);
    expect(rates).toEqual([
      [1, 2],
      [0.5, 4],
    ]);
  });

  test('is frozen until a layer or a parameter by its name', async () => {
    const model = await saved('frozen.onnx', graph(8));
    const trainable = async (freezeUntil: string) =>
      (await run({ model, epochs: 1, headEpochs: 0, freezeUntil })).phases.map((phase) => phase.trainableParameters);
    expect(await trainable('bn.bias')).toEqual([8 + 15]);
    expect(await trainable('bn')).toEqual([8 + 15]);
    await expect(trainable('layer4')).rejects.toThrow("OnnxModel has no 'layer4'. Close names: stem, bn, fc.");
  });
});

/** A TF.js graph model in a folder of its own. */
async function savedTf(name: string): Promise<string> {
  const { json, shard } = mobileNetV2(0.1, 5, 32, 1).files;
  await mkdir(at(name));
  await saved(`${name}/group1-shard1of1.bin`, shard);
  return saved(`${name}/model.json`, new TextEncoder().encode(json));
}

describe('other graphs', () => {
  test('a TF.js graph model is fine-tuned by its model.json, kept as a graph, and converted to ONNX', async () => {
    const model = await savedTf('mobile');
    const out = at('tf-run');
    const { model: known } = await run({
      model,
      out,
      epochs: 1,
      freezeUntil: 'mobilenetv2.Conv_1',
      inputRange: '-1..1',
    });
    expect(known.name).toBe('onnx.mobile');
    const opened = await openModel(out);
    expect(opened.transforms.toJSON().transforms).toMatchObject([{}, { size: 32 }, {}, { mean: [0.5, 0.5, 0.5] }]);
    await convert(join(out, 'model.safetensors'), at('tf.onnx'));
    const x = ones([1, 3, 32, 32]).mul(0.5);
    const logits = async (path: string) => {
      const { model } = await openModel(path);
      return [...(await (noGrad(() => model.forward(x)) as Tensor).data())];
    };
    expect(await logits(at('tf.onnx'))).toEqual((await logits(out)).map((value) => expect.closeTo(value, 4)));
  });

  test('one that turns its images itself takes them channels first', async () => {
    const turn = { ...node('Transpose', ['x'], ['first']), attribute: [{ name: 'perm', type: 7, ints: [0, 3, 1, 2] }] };
    const [conv, ...rest] = [...NODES, ...HEAD] as { input: string[] }[];
    const bytes = modelOf({
      node: [turn, { ...conv, input: ['first', ...conv!.input.slice(1)] }, ...rest],
      initializer: [...WEIGHTS, weight('onnx::MatMul_9', 4, 5), weight('fc.bias', 5)],
      input: [port('x', 'batch', 8, 8, 3)],
      output: [{ name: 'y' }],
    });
    const path = await saved('channels-last.onnx', bytes);
    expect((await run({ model: path, epochs: 1 })).model.name).toBe('onnx.channels-last');
    const { model } = await openModel(path);
    expect((model as onnx.OnnxModel).graph.inputs[0]!.shape).toEqual(['batch', 3, 8, 8]);
  });

  test('predict by themselves: labels of a file, or numbers', async () => {
    const model = await saved('predict.onnx', graph(8));
    await writeFile(at('labels.txt'), 'a\nb\nc\nd\ne\n');
    const { notes, progress } = told();
    const named = await openClassifier(model, { labels: at('labels.txt'), progress });
    expect(named).toMatchObject({ name: 'onnx.predict', classes: ['a', 'b', 'c', 'd', 'e'] });
    expect(notes).toEqual([
      `${model}: does not tell how its images were scaled: ImageNet's mean and deviation are taken. --input-range says another.`,
    ]);
    const plain = await openClassifier(await savedTf('plain'), { inputRange: '0..1' });
    expect(plain.classes).toEqual([0, 1, 2, 3, 4].map((i) => `class ${i}`));
    const { predictions } = await predictImages(plain, [join(photos, 'red/0.jpg')], { topK: 5 });
    expect(predictions[0]!.top).toHaveLength(5);
  });

  test('random weights are none of a file', async () => {
    const model = await saved('random.onnx', graph(8));
    await expect(run({ model, weights: null })).rejects.toThrow(
      `finetune: ${model} is a model with weights of its own, which a run starts from. Leave the weights out, or name a network to start from random ones.`,
    );
  });
});

describe('what a graph cannot do is one line', () => {
  const refused = async (name: string, bytes: Uint8Array, options = {}) =>
    run({ model: await saved(name, bytes), ...options }).then(
      () => undefined,
      (error: Error) => error.message.replace(folder, ''),
    );

  test.each([
    [{ imageSize: 16 }, 'finetune: imageSize must be 8, the only size that it takes, got 16.'],
    [
      { compareFromScratch: true },
      'finetune: a graph does not tell how its weights are initialised; leave compareFromScratch out.',
    ],
    [{ std: [0] }, 'finetune: std must be a number above 0, or three, got [0].'],
  ])('%j', async (options, message) => {
    expect(await refused('options.onnx', graph(8), options)).toBe(message);
  });

  test('inputs and outputs that are no classifier of images', async () => {
    const of = (input: object[], output: string[], nodes: object[] = [...NODES, ...HEAD]) =>
      modelOf({
        node: nodes,
        initializer: [...WEIGHTS, weight('onnx::MatMul_9', 4, 5), weight('fc.bias', 5)],
        input,
        output: output.map((name) => ({ name })),
      });
    const x = port('x', 1, 3, 8, 8);
    expect(await refused('last.onnx', of([port('x', 1, 8, 8, 3)], ['y']))).toBe(
      '/last.onnx: takes [1, 8, 8, 3]; expected square images of three channels, [batch, 3, side, side].',
    );
    expect(await refused('two.onnx', of([x], ['y', 'r']))).toBe(
      "/two.onnx: gives 'y', 'r'; expected one output, the scores of classes.",
    );
    expect(await refused('maps.onnx', of([x], ['r'], NODES))).toBe(
      "/maps.onnx: gives [2, 4, 6, 6] of two images, and its last layer 'stem' has 4 outputs; expected the scores of these, [2, 4].",
    );
    expect(await refused('unknown.onnx', of([x], ['y'], [node('Secret', ['x'], ['y'], 's')]))).toBe(
      "/unknown.onnx: has 1 node whose operators are not computed here: Secret (node 's').",
    );
  });

  test('a topology out of a damaged file', async () => {
    const entry = (topology: object) =>
      expect(entryOf({ model: 'onnx.x', topology: { format: 'onnx', ...topology } })).rejects;
    await entry({}).toThrow('onnx: the topology of the model is damaged: it is not as regraft writes it.');
    const whole = { name: 'x', opset: 17, inputs: [], outputs: [], steps: [], constants: [], statistics: [] };
    await entry({ ...whole, parameters: [{ name: 'w', shape: [2 ** 31] }] }).toThrow('more weights than any network');
    const step = { op: 'constructor', name: '', inputs: [], outputs: [], attributes: [] };
    await entry({ ...whole, parameters: [], steps: [step] }).toThrow(
      'operator constructor, which is not computed here',
    );
  });
});
