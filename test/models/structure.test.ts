/** Names, order, shapes, counts and printed text of every model, against torchvision. Nothing here needs a GPU. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { formatShape } from '../../src/core/shape.ts';
import {
  cifarResnet20,
  graftHead,
  MODELS,
  type ModelEntry,
  modelEntry,
  ResNet50Weights,
  resnet18,
  resnet50,
  squeezenet1_1,
} from '../../src/models/index.ts';
import { KERAS_NETWORKS } from '../../src/models/keras/networks.ts';
import { NETWORK_NAMES, networkEntries, networkEntry } from '../../src/models/registry.ts';
import { Counter, Linear } from '../../src/nn/index.ts';
import { stateEntries } from './hash-weights.ts';

interface Structure {
  parameters: number;
  parameterTensors: number;
  entries: number;
  modules: number;
  state: string;
  namedParameters: string;
  namedModules: string;
  printed: string;
}

const fixture = (name: string) => readFileSync(new URL(`../fixtures/models/${name}`, import.meta.url), 'utf8');
const structures: Record<string, Structure> = JSON.parse(fixture('structure.json'));
const digest = (text: string) => createHash('sha256').update(text).digest('hex');
const count = (list: readonly { size: number }[]) => list.reduce((sum, p) => sum + p.size, 0);

/** Keras's trees are recorded by test/models/keras-networks.test.ts. */
const ofKeras = ({ name }: ModelEntry) => !Object.hasOwn(structures, name) && name.startsWith('keras.');

test('the registry names exactly the recorded models', () => {
  const known = Object.values(MODELS).filter((entry) => !ofKeras(entry));
  expect(known.map(({ name }) => name).sort()).toEqual(Object.keys(structures).sort());
  const others = Object.values(MODELS).filter(ofKeras);
  expect(others.length).toBe(29);
  for (const { name } of others) expect(KERAS_NETWORKS).toHaveProperty([name]);
});

test.each(Object.entries(structures))(
  '%s: names, order, shapes, counts and printed text are those of PyTorch',
  async (name, expected) => {
    const model = await MODELS[name]!.create();
    const entries = stateEntries(model);
    const lines = entries.map(([n, t]) => `${n} ${formatShape(t.shape)} ${t instanceof Counter ? 'int64' : 'float32'}`);
    const found: Structure = {
      parameters: count(model.parameters()),
      parameterTensors: model.parameters().length,
      entries: entries.length,
      modules: model.modules().length,
      state: digest(lines.join('\n')),
      namedParameters: digest(
        model
          .namedParameters()
          .map(([n]) => n)
          .join('\n'),
      ),
      namedModules: digest(
        model
          .namedModules()
          .map(([n]) => n)
          .join('\n'),
      ),
      printed: digest(String(model)),
    };
    expect(found).toEqual(expected);
  },
);

test.each([
  'resnet18',
  'resnet50',
  'squeezenet1_1',
  'convnext_tiny',
  'cifarResnet20',
  'efficientnet_b0',
  'efficientnet_v2_s',
  'vgg11_bn',
  'mobilenet_v2',
  'mobilenet_v3_small',
])('%s prints as in PyTorch', async (name) => {
  expect(`${await MODELS[name]!.create()}\n`).toBe(fixture(`${name}.txt`));
});

test('a network is a function and its own entry', async () => {
  for (const [name, entry] of Object.entries(MODELS)) {
    expect(entry).toBeTypeOf('function');
    expect(entry.name).toBe(name);
    expect([entry.head, entry.inputSize]).toEqual([entry.heads[0], entry.input.crop]);
    if (!ofKeras(entry)) expect(entry.parameters).toBe(structures[name]!.parameters);
  }
  expect(MODELS.resnet50).toBe(resnet50);
  expect(modelEntry('resnet50')).toBe(resnet50);
  expect(resnet50.weights).toBe(ResNet50Weights);
  expect([resnet50.title, resnet50.task, resnet50.maps]).toEqual(['ResNet-50', 'image-classification', 'layer4']);
  const made = await Promise.all(
    [cifarResnet20, cifarResnet20.create].map((create) => create({ numClasses: 3, seed: 1 })),
  );
  const [one, other] = await Promise.all(made.map((model) => model.linear.weight.data()));
  expect(one).toEqual(other);
});

test('the rows of the guide’s table of networks say what the registry says', () => {
  const guide = readFileSync(new URL('../../docs/guide/load.md', import.meta.url), 'utf8');
  const rows = guide.match(/^\| `\w+` \|( [\d.]+ \|){4}$/gm)!;
  expect(rows.length).toBeGreaterThan(20);
  for (const row of rows) {
    const { name, parameters, multiplyAdds, inputSize, weights } = modelEntry(row.split('`')[1]!);
    const top1 = weights!.DEFAULT.metrics.top1;
    const millions = (parameters / 1e6).toFixed(1);
    expect(row).toBe(`| \`${name}\` | ${millions} | ${multiplyAdds} | ${inputSize} | ${top1.toFixed(1)} |`);
  }
});

test('a network that is chosen by name is that of MODELS, and every name has one', async () => {
  expect(NETWORK_NAMES).toEqual(Object.keys(MODELS));
  expect(await networkEntries()).toEqual(Object.values(MODELS));
  for (const name of NETWORK_NAMES) expect(await networkEntry(name)).toBe(MODELS[name]);
});

test('a network answers to the name that it had in earlier versions', () => {
  expect(modelEntry('kerasResnet50')).toBe(MODELS['keras.ResNet50']);
  expect(() => modelEntry('keras.resnet50')).toThrow(
    "model: there is no network 'keras.resnet50'. Close names: keras.ResNet50",
  );
});

test('stages and head of every registry entry exist, and the published counts are right', async () => {
  for (const [name, entry] of Object.entries(MODELS)) {
    const model = await entry.create();
    for (const path of [...entry.stages, entry.head, entry.maps]) expect(model.getSubmodule(path)).toBeDefined();
    const order = model.namedModules().map(([path]) => path);
    expect(entry.stages).toEqual([...entry.stages].sort((a, b) => order.indexOf(a) - order.indexOf(b)));
    if (ofKeras(entry)) expect(count(model.parameters())).toBe(entry.parameters);
    for (const record of Object.values(entry.weights ?? {})) {
      expect(record.model).toBe(name);
      expect(record.numParams).toBe(structures[name]!.parameters);
      expect(record.sha256).toMatch(/^[0-9a-f]{8}$/);
    }
  }
});

test('ResNet-50: freeze all, graft a head of 10, unfreeze layer4: 14,985,226 of 23,528,522 are trainable', async () => {
  const model = await resnet50();
  expect(count(model.parameters())).toBe(25_557_032);
  for (const p of model.parameters()) p.requires_grad = false;
  model.fc = new Linear(model.fc.inFeatures, 10);
  for (const [name, p] of model.namedParameters()) if (name.includes('layer4')) p.requires_grad = true;
  expect(count(model.parameters().filter((p) => p.requires_grad))).toBe(14_985_226);
  expect(count(model.parameters())).toBe(23_528_522);
  expect(String(model)).toBe(fixture('resnet50.txt').trimEnd().replace('out_features=1000', 'out_features=10'));
});

test('freezeUntil cuts where the loop over names does', async () => {
  const model = await resnet50();
  model.fc = new Linear(2048, 10);
  model.freezeUntil('layer4');
  expect(count(model.parameters().filter((p) => p.requires_grad))).toBe(14_985_226);
  model.freezeUntil('fc');
  expect(model.parameters().filter((p) => p.requires_grad)).toEqual([model.fc.weight, model.fc.bias]);
  model.freezeUntil('avgpool');
  expect(model.parameters().filter((p) => p.requires_grad)).toEqual([model.fc.weight, model.fc.bias]);
  model.freezeUntil('conv1');
  expect(model.parameters().every((p) => p.requires_grad)).toBe(true);
  model.freezeUntil('layer4.2');
  expect(model.layer4[1]!.parameters().some((p) => p.requires_grad)).toBe(false);
  expect(model.layer4[2]!.parameters().every((p) => p.requires_grad)).toBe(true);
});

test('graftHead replaces a Linear and a 1x1 convolution by fresh, trainable ones', async () => {
  const resnet = (await resnet18()).freeze();
  graftHead(resnet, 'fc', 5);
  expect(String(resnet.fc)).toBe('Linear(in_features=512, out_features=5, bias=True)');
  const squeezenet = (await squeezenet1_1()).freeze();
  graftHead(squeezenet, 'classifier.1', 2);
  expect(String(squeezenet.classifier[1])).toBe('Conv2d(512, 2, kernel_size=(1, 1), stride=(1, 1))');
  expect(squeezenet.parameters().filter((p) => p.requires_grad).length).toBe(2);
  expect(() => graftHead(resnet, 'relu', 5)).toThrow("graftHead: 'relu' must be a Linear or a Conv2d, got ReLU.");
});

test('the same seed gives the same weights, and leaves the default generator alone', async () => {
  const a = await resnet18({ seed: 1 });
  const b = await resnet18({ seed: 1 });
  const c = await resnet18({ seed: 2 });
  const first = await a.conv1.weight.data();
  expect(await b.conv1.weight.data()).toEqual(first);
  expect(await c.conv1.weight.data()).not.toEqual(first);
});

test('initial values follow torchvision: Kaiming over fan-out, batch norms at one and zero, running variance one', async () => {
  const model = await resnet18({ seed: 0 });
  const values = (await model.layer1.getSubmodule('0.conv1').parameters()[0]!.data()) as Float32Array;
  const variance = values.reduce((sum, v) => sum + v * v, 0) / values.length;
  expect(variance).toBeCloseTo(2 / (64 * 9), 4);
  expect(await model.bn1.weight!.data()).toEqual(new Float32Array(64).fill(1));
  expect(await model.bn1.running_mean!.data()).toEqual(new Float32Array(64));
  const bias = (await model.fc.bias!.data()) as Float32Array;
  expect(Math.max(...bias.map(Math.abs))).toBeLessThanOrEqual(1 / Math.sqrt(512));
});

test('weights records: transforms are plain data, names are checked', async () => {
  expect(ResNet50Weights.DEFAULT).toBe(ResNet50Weights.IMAGENET1K_V2);
  expect(ResNet50Weights.IMAGENET1K_V2.transforms()).toEqual({
    resize: 232,
    crop: 224,
    mean: [0.485, 0.456, 0.406],
    std: [0.229, 0.224, 0.225],
    interpolation: 'bilinear',
  });
  await expect(resnet50({ weights: 'IMAGENET1K_V3' })).rejects.toThrow(
    "resnet50: expected weights by name (IMAGENET1K_V1, IMAGENET1K_V2, DEFAULT) or a path, got 'IMAGENET1K_V3'. Write './IMAGENET1K_V3' for a file.",
  );
  await expect(resnet18({ weights: ResNet50Weights.IMAGENET1K_V2 })).rejects.toThrow(
    'resnet18: expected its own weights, got IMAGENET1K_V2 of resnet50.',
  );
  await expect(resnet50({ weights: 'DEFAULT', numClasses: 10 })).rejects.toThrow(
    'resnet50: IMAGENET1K_V2 has 1000 classes, numClasses asks for 10.',
  );
});
