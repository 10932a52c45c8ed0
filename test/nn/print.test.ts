/** Printed text of every layer, against PyTorch. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import * as nn from '../../src/nn/index.ts';
import { pythonFloat } from '../../src/nn/print.ts';

const expected: Record<string, string> = JSON.parse(
  readFileSync(new URL('../fixtures/models/layers.json', import.meta.url), 'utf8'),
);

const layers: Record<string, () => nn.Module> = {
  linear: () => new nn.Linear(3, 4),
  linearNoBias: () => new nn.Linear(3, 4, { bias: false }),
  conv: () => new nn.Conv2d(3, 4, 3),
  convAll: () => new nn.Conv2d(4, 8, [3, 5], { stride: 2, padding: [1, 2], dilation: 2, groups: 2, bias: false }),
  convTranspose: () => new nn.ConvTranspose2d(4, 8, 3, { stride: 2, padding: 1, outputPadding: 1 }),
  convTransposeAll: () => new nn.ConvTranspose2d(4, 8, 3, { groups: 2, dilation: 2, bias: false }),
  batchNorm: () => new nn.BatchNorm2d(4),
  batchNormBare: () =>
    new nn.BatchNorm2d(4, { eps: 1.001e-5, momentum: 0.01, affine: false, trackRunningStats: false }),
  batchNormCumulative: () => new nn.BatchNorm2d(4, { eps: 1e-3, momentum: null }),
  batchNormOne: () => new nn.BatchNorm2d(4, { momentum: 1 }),
  embedding: () => new nn.Embedding(5, 3),
  embeddingPadding: () => new nn.Embedding(5, 3, { paddingIdx: -1 }),
  layerNorm: () => new nn.LayerNorm(4),
  layerNormAll: () => new nn.LayerNorm([2, 3], { eps: 1e-3, elementwiseAffine: false }),
  layerNorm2d: () => new nn.LayerNorm2d(4, { eps: 1e-6 }),
  relu: () => new nn.ReLU(),
  reluInplace: () => new nn.ReLU({ inplace: true }),
  relu6: () => new nn.ReLU6(),
  relu6Inplace: () => new nn.ReLU6({ inplace: true }),
  leakyRelu: () => new nn.LeakyReLU(),
  leakyReluAll: () => new nn.LeakyReLU(0.2, { inplace: true }),
  sigmoid: () => new nn.Sigmoid(),
  tanh: () => new nn.Tanh(),
  silu: () => new nn.SiLU(),
  siluInplace: () => new nn.SiLU({ inplace: true }),
  gelu: () => new nn.GELU(),
  geluTanh: () => new nn.GELU({ approximate: 'tanh' }),
  hardswish: () => new nn.Hardswish(),
  hardsigmoid: () => new nn.Hardsigmoid(),
  softmax: () => new nn.Softmax(1),
  logSoftmax: () => new nn.LogSoftmax(-1),
  maxPool: () => new nn.MaxPool2d(3, { stride: 2, padding: 1 }),
  maxPoolDefault: () => new nn.MaxPool2d(2),
  maxPoolAll: () => new nn.MaxPool2d([3, 2], { stride: [2, 1], padding: [1, 0], dilation: [1, 2], ceilMode: true }),
  avgPool: () => new nn.AvgPool2d(2),
  avgPoolAll: () => new nn.AvgPool2d([3, 2], { stride: 2, padding: 1 }),
  adaptive: () => new nn.AdaptiveAvgPool2d(1),
  adaptivePair: () => new nn.AdaptiveAvgPool2d([1, 1]),
  adaptiveNone: () => new nn.AdaptiveAvgPool2d([null, 3]),
  upsample: () => new nn.Upsample({ scaleFactor: 2 }),
  upsampleSize: () => new nn.Upsample({ size: [4, 5], mode: 'bicubic' }),
  upsampleBilinear: () => new nn.Upsample({ scaleFactor: [2, 1.5], mode: 'bilinear', alignCorners: true }),
  dropout: () => new nn.Dropout(),
  dropoutAll: () => new nn.Dropout(0.2, { inplace: true }),
  stochasticDepth: () => new nn.StochasticDepth(0.2 * (3 / 16), 'row'),
  stochasticDepthBatch: () => new nn.StochasticDepth(1, 'batch'),
  flatten: () => new nn.Flatten(),
  flattenAll: () => new nn.Flatten(0, 2),
  permute: () => new nn.Permute([0, 2, 3, 1]),
  identity: () => new nn.Identity(),
  sequential: () => new nn.Sequential(),
  nested: () => new nn.Sequential(new nn.Sequential(new nn.ReLU())),
  moduleList: () => new nn.ModuleList([new nn.ReLU(), new nn.Linear(2, 2)]),
  convNormActivation: () => new nn.Conv2dNormActivation(3, 8),
  convNormActivationAll: () =>
    new nn.Conv2dNormActivation(4, 8, [5, 3], {
      stride: 2,
      dilation: [1, 2],
      groups: 4,
      normLayer: (channels) => new nn.BatchNorm2d(channels, { eps: 0.001, momentum: 0.01 }),
      activationLayer: () => new nn.Hardswish(),
    }),
  convNormActivationBare: () => new nn.Conv2dNormActivation(4, 8, 1, { normLayer: null, activationLayer: null }),
  squeezeExcitation: () => new nn.SqueezeExcitation(8, 2),
  squeezeExcitationAll: () =>
    new nn.SqueezeExcitation(8, 2, {
      activation: () => new nn.SiLU({ inplace: true }),
      scaleActivation: () => new nn.Hardsigmoid(),
    }),
  crossEntropy: () => new nn.CrossEntropyLoss(),
  mse: () => new nn.MSELoss(),
};

test('every recorded layer has a row', () => {
  expect(Object.keys(layers)).toEqual(Object.keys(expected));
});

test.each(Object.keys(expected))('%s prints as in PyTorch', (name) => {
  expect(String(layers[name]!())).toBe(expected[name]);
});

test('a list prints runs of equal elements on one line, as PyTorch 2 does', () => {
  const list = new nn.ModuleList([new nn.Linear(2, 2), new nn.Linear(2, 2), new nn.ReLU()]);
  expect(String(list)).toBe(
    'ModuleList(\n  (0-1): 2 x Linear(in_features=2, out_features=2, bias=True)\n  (2): ReLU()\n)',
  );
});

test('numbers print as Python prints them', () => {
  const cases: [number, string][] = [
    [1, '1.0'],
    [0, '0.0'],
    [-2.5, '-2.5'],
    [0.1, '0.1'],
    [1e-5, '1e-05'],
    [1.001e-5, '1.001e-05'],
    [1e-4, '0.0001'],
    [1e16, '1e+16'],
    [123456789, '123456789.0'],
    [Number.POSITIVE_INFINITY, 'inf'],
  ];
  for (const [value, text] of cases) expect(pythonFloat(value)).toBe(text);
});
