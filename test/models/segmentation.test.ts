/** Networks that segment, against their originals in PyTorch: names, order, outputs, loss and gradients of a training step. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { formatShape } from '../../src/core/shape.ts';
import { trial } from '../../src/graph/scope.ts';
import { cat, init, noGrad, type Tensor, tensor, zeros } from '../../src/index.ts';
import { readWeights, safetensorsChunks } from '../../src/io/index.ts';
import {
  encoderUnet,
  MODELS,
  modelEntry,
  onnx,
  SEGMENTATION_MODELS,
  smpUnet,
  squeezenet1_1,
  unet,
} from '../../src/models/index.ts';
import { networkEntry, SEGMENTATION_NAMES, segmentationEntries } from '../../src/models/registry.ts';
import {
  BatchNorm2d,
  Conv2d,
  ConvTranspose2d,
  Counter,
  crossEntropy,
  Dropout,
  MaxPool2d,
  Module,
  ReLU,
  Sequential,
  StochasticDepth,
} from '../../src/nn/index.ts';
import { sharedData } from '../shared-data.ts';
import { hashInput, hashWeights, stateEntries, unpacked } from './hash-weights.ts';

interface Samples {
  readonly norm: number;
  readonly values: string;
}

interface Case {
  readonly network: string;
  readonly options?: Readonly<Record<string, unknown>> & { readonly channels?: number; readonly encoder?: string };
  readonly classes: number;
  readonly batch: number;
  readonly size: readonly [number, number];
  readonly gain?: number;
  /** Batch norms by their running statistics: those of a batch of few pixels take leave of float32. */
  readonly frozenNorms?: boolean;
  readonly state: string;
  readonly parameters: number;
  /** Absent of networks that differ from another in width or depth alone. */
  readonly outputs?: Readonly<Record<string, Samples & { readonly shape: readonly number[] }>>;
  readonly shifts?: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly loss?: number;
  readonly gradients?: Readonly<Record<string, Samples>>;
}

const file = new URL('../fixtures/models/segmentation.json', import.meta.url);
const { cases }: { cases: readonly Case[] } = JSON.parse(readFileSync(file, 'utf8'));
const titled = cases.map((c) => [`${c.network} ${JSON.stringify(c.options ?? {})}`, c] as const);
/** Steps of more than five seconds on two cores. */
const SLOW = [
  'fcn_resnet50',
  'deeplabv3_mobilenet_v3_large',
  'smpUnet {"encoder":"mobilenet_v2"}',
  'smpUnet {"encoder":"efficientnet-b0"}',
];
const runsStep = (title: string, c: Case): boolean =>
  c.loss !== undefined && (process.env.REGRAFT_SLOW === '1' || !SLOW.some((slow) => title.startsWith(slow)));
const count = (list: readonly { size: number }[]) => list.reduce((sum, p) => sum + p.size, 0);

beforeAll(async () => {
  await init();
});

/** A case's network: options that are of its own go to it as they are. */
async function create({ network, options = {}, classes }: Case): Promise<Module> {
  const { encoder, ...own } = options;
  if (encoder !== undefined) return smpUnet(encoder, { numClasses: classes });
  return (await networkEntry(network)).create({ numClasses: classes, ...own });
}

const build = async (c: Case): Promise<Module> => hashWeights(await create(c), c.gain);

const inputOf = ({ batch, size, options }: Case): Tensor => {
  const shape = [batch, options?.channels ?? 3, ...size];
  return tensor(hashInput(shape), shape);
};

/** Blocks of classes, and a border of pixels that do not count. */
function labelsOf({ batch, classes, size: [height, width] }: Case): Tensor {
  const at = (i: number) => [Math.floor(i / (height * width)), Math.floor(i / width) % height, i % width] as const;
  const labels = Int32Array.from({ length: batch * height * width }, (_, i) => {
    const [n, y, x] = at(i);
    return y < 2 ? 255 : (n + Math.floor(y / 7) + 2 * Math.floor(x / 5)) % classes;
  });
  return tensor(labels, [batch, height, width]);
}

/** What a network puts out, by name; one tensor is `out`. */
const outputsOf = (y: unknown): Readonly<Record<string, Tensor>> =>
  (typeof y === 'object' && y !== null && 'data' in y ? { out: y } : y) as Readonly<Record<string, Tensor>>;

const samplesOf = (values: ArrayLike<number>, samples: number): number[] =>
  Array.from({ length: samples }, (_, k) => values[Math.floor((k * values.length) / samples)]!);

const normOf = (values: ArrayLike<number>): number => Math.sqrt(Array.from(values).reduce((sum, v) => sum + v * v, 0));

const largest = (values: ArrayLike<number>): number => Array.from(values).reduce((m, v) => Math.max(m, Math.abs(v)), 0);

function errorOf(found: readonly number[], expected: ArrayLike<number>, scale: number): number {
  return found.reduce((worst, v, k) => Math.max(worst, Math.abs(v - expected[k]!)), 0) / scale;
}

describe.each(titled)('%s', (title, c) => {
  test('names, order, shapes and counts are those of the original', async () => {
    const model = await create(c);
    const lines = stateEntries(model).map(
      ([n, t]) => `${n} ${formatShape(t.shape)} ${t instanceof Counter ? 'int64' : 'float32'}`,
    );
    expect(createHash('sha256').update(lines.join('\n')).digest('hex')).toBe(c.state);
    expect(count(model.parameters())).toBe(c.parameters);
  });

  test.runIf(c.outputs)('outputs in evaluation are the same to 1e-4', async () => {
    const model = (await build(c)).eval();
    const outputs = outputsOf(noGrad(() => model.forward(inputOf(c))));
    expect(Object.keys(outputs)).toEqual(Object.keys(c.outputs!));
    for (const [name, { shape, norm, values }] of Object.entries(c.outputs!)) {
      expect(outputs[name]!.shape).toEqual(shape);
      const found = await outputs[name]!.data();
      expect(errorOf(samplesOf(found, 200), unpacked(values), largest(found)), name).toBeLessThan(1e-4);
      expect(Math.abs(normOf(found) / norm - 1), name).toBeLessThan(1e-4);
    }
  });

  test.runIf(runsStep(title, c))('loss and gradients of a training step are the same to 1e-3', async () => {
    const model = await build(c);
    const parameters = new Map(model.namedParameters());
    for (const [name, shifts] of Object.entries(c.shifts ?? {})) {
      const bias = await parameters.get(name)!.data();
      parameters.get(name)!.set(bias.map((v, channel) => v + (shifts[channel] ?? 0)));
    }
    model.train();
    for (const module of model.modules())
      if (
        module instanceof Dropout ||
        module instanceof StochasticDepth ||
        (c.frozenNorms && module instanceof BatchNorm2d)
      )
        module.eval();
    const { out, aux } = outputsOf(model.forward(inputOf(c)));
    const labels = labelsOf(c);
    const of = (logits: Tensor) => crossEntropy(logits, labels, { ignoreIndex: 255 });
    const loss = aux ? of(out!).add(of(aux).mul(0.5)) : of(out!);
    loss.backward();
    expect(Math.abs((await loss.item()) / c.loss! - 1)).toBeLessThan(1e-4);
    const most = Math.max(...Object.values(c.gradients!).map(({ norm }) => norm));
    const trained = [...parameters].flatMap(([name, p]) => (p.grad ? [name] : []));
    expect(trained).toEqual(Object.keys(c.gradients!));
    for (const [name, { norm, values }] of Object.entries(c.gradients!)) {
      const g = await parameters.get(name)!.grad!.data();
      // A gradient of zero is one of rounding in float32: of a bias that a batch norm takes off again.
      const scale = Math.max(norm, 1e-4 * most);
      expect(Math.abs(normOf(g) - norm) / scale, name).toBeLessThan(1e-3);
      expect(errorOf(samplesOf(g, 4), unpacked(values), scale / Math.sqrt(g.length)), name).toBeLessThan(2e-3);
    }
  });
});

test('the registry has them beside the networks that classify', async () => {
  expect(SEGMENTATION_NAMES).toEqual(Object.keys(SEGMENTATION_MODELS));
  expect(await segmentationEntries()).toEqual(Object.values(SEGMENTATION_MODELS));
  expect(await networkEntry('unet')).toBe(unet);
  expect(modelEntry('unet')).toBe(unet);
  for (const [name, entry] of Object.entries(SEGMENTATION_MODELS)) {
    expect([entry.name, entry.task, MODELS[name]]).toEqual([name, 'segmentation', undefined]);
    const model = await entry.create();
    expect(count(model.parameters())).toBe(entry.parameters);
    for (const path of [...entry.stages, ...entry.heads, entry.maps]) expect(model.getSubmodule(path)).toBeDefined();
    for (const record of Object.values(entry.weights ?? {})) expect(record.numParams).toBe(entry.parameters);
  }
});

test('a U-Net is found by the name of its encoder, which keeps the names of its weights', async () => {
  const entry = await networkEntry('unet-squeezenet1_1');
  expect([entry.title, entry.task, entry.head]).toEqual([
    'U-Net on SqueezeNet 1.1',
    'segmentation',
    'segmentation_head.0',
  ]);
  expect(entry.stages).toEqual([
    'encoder.features',
    'encoder.features.3',
    'encoder.features.6',
    'encoder.features.9',
    'decoder',
    'segmentation_head',
  ]);
  const trunk = await squeezenet1_1({ seed: 3 });
  const state = await trunk.stateDict();
  const model = await encoderUnet(squeezenet1_1, {
    numClasses: 4,
    encoderWeights: new Blob([...safetensorsChunks(state)] as BlobPart[]),
  });
  const own = await model.stateDict();
  for (const [name, { data }] of state)
    if (name.startsWith('features')) expect(own.get(`encoder.${name}`)!.data).toEqual(data);
  expect([...own.keys()].filter((name) => name.includes('classifier'))).toEqual([]);
  const y = noGrad(() => model.eval().forward(tensor(hashInput([1, 3, 61, 90]), [1, 3, 61, 90])));
  expect(y.shape).toEqual([1, 4, 61, 90]);
});

test('networks of every kind of trunk are encoders; Inception is none', async () => {
  const names = [
    'vgg11_bn',
    'densenet121',
    'efficientnet_b0',
    'mobilenet_v3_small',
    'convnext_tiny',
    'resnext50_32x4d',
  ];
  for (const name of names) {
    const entry = await networkEntry(`unet-${name}`);
    const model = (await entry.create({ numClasses: 3 })).eval();
    const shape = trial(
      () => model.forward(zeros([1, 3, 64, 70])).shape,
      (found) => found,
    );
    expect(shape).toEqual([1, 3, 64, 70]);
    for (const path of [...entry.stages, entry.head]) expect(model.getSubmodule(path)).toBeDefined();
  }
  await expect(networkEntry('unet-inception_v3')).rejects.toThrow(
    'unet: Inception3 is no sequence of modules, and so no encoder. Choose another, as resnet18, squeezenet1_1 or mobilenet_v3_large.',
  );
});

/** A U-Net of another form (Sentinel-2 clouds): blocks of 7x7 and 3x3 convolutions, pools of 3, transposed convolutions of 3. */
class CloudUnet extends Module {
  conv1 = contract(4, 32, 7);
  conv2 = contract(32, 64, 3);
  conv3 = contract(64, 128, 3);
  upconv3 = expand(128, 64);
  upconv2 = expand(128, 32);
  upconv1 = expand(64, 1);

  override forward(x: Tensor): Tensor {
    const one = this.conv1.forward(x);
    const two = this.conv2.forward(one);
    const up = this.upconv3.forward(this.conv3.forward(two));
    return this.upconv1.forward(cat([this.upconv2.forward(cat([up, two], 1)), one], 1));
  }
}

const convolutions = (channels: number, out: number, kernel: number): Module[] =>
  [channels, out].flatMap((c) => [
    new Conv2d(c, out, kernel, { padding: kernel >> 1 }),
    new BatchNorm2d(out),
    new ReLU(),
  ]);
const contract = (channels: number, out: number, kernel: number) =>
  new Sequential(...convolutions(channels, out, kernel), new MaxPool2d(3, { stride: 2, padding: 1 }));
const expand = (channels: number, out: number) =>
  new Sequential(
    ...convolutions(channels, out, 3),
    new ConvTranspose2d(out, out, 3, { stride: 2, padding: 1, outputPadding: 1 }),
  );

test.skipIf(!sharedData)('a trained U-Net of another form gives what its ONNX file gives', async () => {
  const folder = join(sharedData!, 'segmentation/unet-sentinel');
  const model = new CloudUnet();
  model.loadStateDict(await readWeights(join(folder, 'unet.pth')));
  const graph = await onnx.loadModel(join(folder, 'unet.onnx'));
  const side = 64;
  const x = tensor(hashInput([1, 4, side, side]), [1, 4, side, side]);
  const [ours, theirs] = [model.eval(), graph.eval()].map((m) => noGrad(() => m.forward(x) as Tensor));
  const [found, expected] = [await ours!.data(), await theirs!.data()];
  expect(errorOf([...found], expected, largest(expected))).toBeLessThan(1e-4);
});
