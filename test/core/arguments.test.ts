/** Arguments of the wrong kind, as a caller without a compiler gives them: each is one line with the fix. */
import { beforeAll, describe, expect, test } from 'vitest';
import { checkpoint, explain, init, noGrad, randn, step, tensor, tune } from '../../src/index.ts';
import { fetchPretrained, readWeights, writeWeights } from '../../src/io/index.ts';
import { resnet50, smallResnet } from '../../src/models/index.ts';
import { crossEntropy, init as initialize, Linear, mseLoss } from '../../src/nn/index.ts';
import { clipGradNorm, clipGradValue } from '../../src/optim/index.ts';
import { gradCam, loadCheckpoint, openModel, predictImages, saveCheckpoint, saveModel } from '../../src/runs/index.ts';

/** As a caller without a compiler. */
// biome-ignore lint/suspicious/noExplicitAny: that is what it is about
const js = (value: unknown): any => value;
const layer = new Linear(3, 2);
const floats = new Float32Array(3);

beforeAll(async () => {
  await init();
});

async function messageOf(run: () => unknown): Promise<string> {
  return Promise.resolve()
    .then(run)
    .then(
      () => 'nothing was thrown',
      (error: Error) => error.message,
    );
}

describe('a tensor is wanted', () => {
  const got = (op: string) => `${op}: expected a tensor, got an object of type Float32Array. Write tensor(…).`;
  test.each<[string, () => unknown, string]>([
    ['model', async () => (await smallResnet({ numClasses: 2 })).forward(js(floats)), got('SmallResNet.forward')],
    ['layer', () => layer.forward(js(floats)), got('Linear.forward')],
    ['layer, nothing', () => js(layer).forward(), 'Linear.forward: expected an input, got none. Pass a tensor.'],
    [
      'layer, an array',
      () => layer.forward(js([[1, 2, 3]])),
      'Linear.forward: expected a tensor, got [[1, 2, 3]]. Write tensor(…).',
    ],
    ['loss', () => crossEntropy(js(floats), tensor([1])), got('crossEntropy')],
    ['mseLoss', () => mseLoss(js(floats), tensor([1])), got('mseLoss')],
    ['op', () => tensor([1]).add(js('a')), "add: expected a tensor or a number, got 'a'."],
    ['gradCam', () => gradCam(layer, js(floats), { layer, target: 0 }), got('gradCam')],
  ])('%s', async (_, run, message) => expect(await messageOf(run)).toBe(message));
});

describe('a function is wanted', () => {
  test.each<[string, () => unknown, string]>([
    ['step', () => step(js(3)), 'step: expected what it runs as a function, got 3. Write step(() => …).'],
    ['noGrad', () => noGrad(js(3)), 'noGrad: expected what it runs as a function, got 3. Write noGrad(() => …).'],
    [
      'explain',
      () => explain(js(layer)),
      'explain: expected what it plans as a function, got an object of type Linear. Write explain(() => model.forward(images)).',
    ],
    [
      'tune',
      () => tune(js(undefined)),
      'tune: expected what it tunes as a function, got undefined. Write tune(() => model.forward(images)).',
    ],
    [
      'checkpoint',
      () => checkpoint(js(layer), randn([3])),
      'checkpoint: expected its part as a function, got an object of type Linear. Write checkpoint((x) => block.forward(x), x).',
    ],
  ])('%s', async (_, run, message) => expect(await messageOf(run)).toBe(message));
});

const classifier = 'expected { model, name, classes, transforms }, got';
const fix = 'Pass what openModel or finetune gives, or name all four.';
const parameter = 'expected a parameter or a buffer, got';

test.each<[string, () => unknown, string]>([
  [
    'saveModel(model, folder)',
    () => saveModel(js(layer), js('out')),
    "saveModel: expected where to save as a path, got an object of type Linear. Write saveModel('runs/mine', { model, name, classes, transforms }).",
  ],
  ['saveModel(folder)', () => saveModel('out', js(undefined)), `saveModel: ${classifier} undefined. ${fix}`],
  [
    'saveModel(folder, model)',
    () => saveModel('out', js(layer)),
    `saveModel: ${classifier} an object of type Linear. ${fix}`,
  ],
  [
    'saveModel(folder, {})',
    () => saveModel('out', js({})),
    `saveModel: expected model as a module, got undefined. ${fix}`,
  ],
  [
    'saveModel without a name',
    () => saveModel('out', js({ model: layer })),
    "saveModel: expected name as a network's name, got undefined. Write name: 'resnet18', say.",
  ],
  ['predictImages()', () => predictImages(js(undefined), []), `predict: ${classifier} undefined. ${fix}`],
  [
    'gradCam of nothing',
    () => gradCam(js(undefined), randn([1]), js(undefined)),
    'gradCam: expected model as a module, got undefined. Write gradCam(model, image, { layer, target }).',
  ],
  [
    'gradCam without options',
    () => gradCam(layer, randn([1]), js(undefined)),
    'gradCam: expected options as an object, got undefined. Write { layer: … }.',
  ],
  [
    'gradCam of a name',
    () => gradCam(layer, randn([1]), js({ layer: 'layer4', target: 0 })),
    "gradCam: expected layer as a module, got 'layer4'. Write { layer: model.layer4, target }, say.",
  ],
  [
    'writeWeights(object)',
    () => writeWeights(js({ a: floats }), js(undefined)),
    "writeWeights: expected where to write as a path, got an object of type Object. Write writeWeights('tuned.safetensors', model.stateDict()).",
  ],
  [
    'writeWeights(path, object)',
    () => writeWeights('none.safetensors', js({ a: floats })),
    'writeWeights: expected a state dict, a Map, got an object of type Object. Pass model.stateDict(), or await readWeights(file).',
  ],
  [
    'readWeights()',
    () => readWeights(js(undefined)),
    'open: expected a path, a URL, a File, a Blob or bytes, got undefined. Pass the path of a file, say.',
  ],
  [
    'openModel()',
    () => openModel(js(undefined)),
    'openModel: expected the model as a path, got undefined. Pass the folder that regraft finetune --out wrote.',
  ],
  [
    'weights: true',
    () => resnet50(js({ weights: true })),
    "resnet50: expected weights by name (IMAGENET1K_V1, IMAGENET1K_V2, DEFAULT) or a path, got true. Write { weights: 'IMAGENET1K_V1' }.",
  ],
  [
    'fetchPretrained(name)',
    () => fetchPretrained(js('resnet50')),
    "fetchPretrained: expected a record { url, sha256 }, got 'resnet50'. Pass one of regraft/models: ResNet50Weights.DEFAULT, say.",
  ],
  [
    'saveCheckpoint of a BigInt',
    () => saveCheckpoint('none.safetensors', { model: layer, extra: { b: 1n } }),
    'saveCheckpoint: expected extra as JSON, got a value that is none (Do not know how to serialize a BigInt). Convert it first, as in Number(…).',
  ],
  [
    'saveCheckpoint of a function',
    () => saveCheckpoint('none.safetensors', { model: layer, extra: () => 1 }),
    'saveCheckpoint: expected extra as JSON, got a function or a symbol. Leave it out.',
  ],
  [
    'saveCheckpoint(state)',
    () => saveCheckpoint(js({ model: layer }), js(undefined)),
    "saveCheckpoint: expected where to save as a path, got an object of type Object. Write saveCheckpoint('epoch.safetensors', { model }).",
  ],
  [
    'loadCheckpoint without a model',
    () => loadCheckpoint('none.safetensors', js({})),
    'loadCheckpoint: expected model as a module, got undefined. Write { model }.',
  ],
  [
    'kaimingNormal of a tensor',
    () => initialize.kaimingNormal(js(randn([2, 2]))),
    `kaimingNormal: ${parameter} an object of type Tensor. Pass layer.weight, say.`,
  ],
  [
    'constant of nothing',
    () => initialize.constant(js(null), 0),
    `constant: ${parameter} null. Pass layer.weight, say.`,
  ],
  [
    'clipGradNorm of a model',
    () => clipGradNorm(js(layer), 1),
    'clipGradNorm: expected parameters, got an object of type Linear. Pass model.parameters().',
  ],
  [
    'clipGradValue of a string',
    () => clipGradValue(js('weight'), 1),
    "clipGradValue: expected parameters, got 'weight'. Pass model.parameters().",
  ],
  [
    'a label that no network has',
    () => crossEntropy(randn([1, 2]), tensor(Int32Array.of(2147483647))),
    'crossEntropy: expected labels from 0 to 1 for logits [1, 2], got 2147483647 at 0. Number the classes from 0, or name rows to leave out by ignoreIndex.',
  ],
])('%s', async (_, run, message) => expect(await messageOf(run)).toBe(message));
