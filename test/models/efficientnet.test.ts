/** EfficientNets: what differs between the variants, published weights as data, and the draws of frozen blocks. */
import { beforeAll, expect, test } from 'vitest';
import { init, manualSeed, randn } from '../../src/index.ts';
import {
  EfficientNet_B1Weights,
  EfficientNet_V2_LWeights,
  efficientnet_b0,
  efficientnet_b1,
  MODELS,
} from '../../src/models/index.ts';
import { BatchNorm2d, Dropout, StochasticDepth } from '../../src/nn/index.ts';

beforeAll(async () => {
  await init();
});

const NAMES = Object.keys(MODELS).filter((name) => name.startsWith('efficientnet_'));

test('batch norms, dropout, input size, filter and last stage of each variant', async () => {
  const found: Record<string, unknown[]> = {};
  for (const name of NAMES) {
    const { create, input, stages } = MODELS[name]!;
    const modules = (await create()).modules();
    const { eps, momentum } = modules.find((m) => m instanceof BatchNorm2d)!;
    const { p } = modules.find((m) => m instanceof Dropout)!;
    found[name] = [eps, momentum, p, input.resize, input.crop, input.interpolation, stages.at(-2)];
  }
  expect(found).toEqual({
    efficientnet_b0: [1e-5, 0.1, 0.2, 256, 224, 'bicubic', 'features.8'],
    efficientnet_b1: [1e-5, 0.1, 0.2, 255, 240, 'bilinear', 'features.8'],
    efficientnet_b2: [1e-5, 0.1, 0.3, 288, 288, 'bicubic', 'features.8'],
    efficientnet_b3: [1e-5, 0.1, 0.3, 320, 300, 'bicubic', 'features.8'],
    efficientnet_b4: [1e-5, 0.1, 0.4, 384, 380, 'bicubic', 'features.8'],
    efficientnet_b5: [1e-3, 0.01, 0.4, 456, 456, 'bicubic', 'features.8'],
    efficientnet_b6: [1e-3, 0.01, 0.5, 528, 528, 'bicubic', 'features.8'],
    efficientnet_b7: [1e-3, 0.01, 0.5, 600, 600, 'bicubic', 'features.8'],
    efficientnet_v2_s: [1e-3, 0.1, 0.2, 384, 384, 'bilinear', 'features.7'],
    efficientnet_v2_m: [1e-3, 0.1, 0.3, 480, 480, 'bilinear', 'features.8'],
    efficientnet_v2_l: [1e-3, 0.1, 0.4, 480, 480, 'bicubic', 'features.8'],
  });
});

test('published weights say how they want their images: B1 has two kinds, V2 L a mean of its own', () => {
  expect(EfficientNet_B1Weights.DEFAULT).toBe(EfficientNet_B1Weights.IMAGENET1K_V2);
  expect(efficientnet_b1.input).toEqual(EfficientNet_B1Weights.IMAGENET1K_V2.transforms());
  const { resize, crop, interpolation } = EfficientNet_B1Weights.IMAGENET1K_V1.transforms();
  expect([resize, crop, interpolation]).toEqual([256, 240, 'bicubic']);
  const { sha256, minSize, transforms } = EfficientNet_V2_LWeights.IMAGENET1K_V1;
  expect([sha256, minSize]).toEqual(['59c71312', [33, 33]]);
  expect(transforms()).toEqual({
    resize: 480,
    crop: 480,
    mean: [0.5, 0.5, 0.5],
    std: [0.5, 0.5, 0.5],
    interpolation: 'bicubic',
  });
});

test('stochastic depth grows from 0 at the first block, and is off where all is frozen but the head', async () => {
  const model = await efficientnet_b0({ numClasses: 3, seed: 0 });
  const layers = model.modules().filter((m) => m instanceof StochasticDepth);
  expect(layers.map((m) => m.p)).toEqual(Array.from({ length: 16 }, (_, i) => (0.2 * i) / 16));
  model.freezeUntil('classifier');
  expect(layers.every((m) => m.frozen)).toBe(true);
  model.freezeUntil('features.7');
  expect(layers.map((m) => m.frozen)).toEqual([...Array(15).fill(true), false]);
});

test('initial values follow torchvision: Kaiming over fan-out, the head uniform by its outputs, biases 0', async () => {
  manualSeed(1);
  const model = await efficientnet_b0({ numClasses: 25 });
  const parameters = new Map(model.namedParameters());
  const values = async (name: string) => [...(await parameters.get(name)!.data())];
  const squares = (list: readonly number[]) => list.reduce((sum, v) => sum + v * v, 0) / list.length;
  // Of a depthwise convolution the fan counts all outputs, as in PyTorch.
  expect(squares(await values('features.6.1.block.1.0.weight'))).toBeCloseTo(2 / (1152 * 25), 5);
  expect(squares(await values('features.8.0.weight'))).toBeCloseTo(2 / 1280, 4);
  const head = (await values('classifier.1.weight')).map(Math.abs);
  expect(Math.max(...head)).toBeLessThanOrEqual(0.2);
  expect(Math.max(...head)).toBeGreaterThan(0.199);
  for (const name of ['features.1.0.block.1.fc1.bias', 'classifier.1.bias'])
    expect((await values(name)).every((v) => v === 0)).toBe(true);
});

test('takes images of any size, in training too', async () => {
  const model = await efficientnet_b0({ numClasses: 3, seed: 0 });
  const logits = model.forward(randn([2, 3, 33, 47], { seed: 1 }));
  expect(logits.shape).toEqual([2, 3]);
  expect((await logits.data()).every(Number.isFinite)).toBe(true);
});
