/** Conv2dNormActivation and SqueezeExcitation: what they compute, and what they say. Their printed text: print.test.ts; in networks: test/models. */
import { beforeAll, expect, test } from 'vitest';
import { init } from '../../src/graph/init.ts';
import * as nn from '../../src/nn/index.ts';
import { noGrad } from '../../src/tensor/autograd.ts';
import { tensor } from '../../src/tensor/factory.ts';
import { hashInput, hashWeights } from '../models/hash-weights.ts';

beforeAll(async () => {
  await init();
});

test('Conv2dNormActivation keeps the size of the map at stride 1 and halves it, rounded up, at stride 2', async () => {
  for (const [kernel, stride, dilation, expected] of [
    [3, 1, 1, [7, 5]],
    [5, 2, 1, [4, 3]],
    [[5, 3], 1, 2, [7, 5]],
  ] as const) {
    const block = new nn.Conv2dNormActivation(3, 4, kernel, { stride, dilation });
    expect(block.forward(tensor(hashInput([1, 3, 7, 5]), [1, 3, 7, 5])).shape).toEqual([1, 4, ...expected]);
  }
});

test('SqueezeExcitation scales each channel by what the means of all of them give', async () => {
  const block = hashWeights(new nn.SqueezeExcitation(3, 2));
  const x = hashInput([2, 3, 3, 5]);
  const y = await noGrad(() => block.forward(tensor(x, [2, 3, 3, 5]))).data();
  const [w1, b1, w2, b2] = await Promise.all(block.parameters().map((p) => p.data()));
  const layer = (input: number[], w: ArrayLike<number>, b: ArrayLike<number>) =>
    Array.from(b, (bias, row) => input.reduce((sum, v, i) => sum + v * w[row * input.length + i]!, bias));
  const expected = [0, 1].flatMap((image) => {
    const channels = [0, 1, 2].map((c) => x.subarray(15 * (3 * image + c), 15 * (3 * image + c + 1)));
    const means = channels.map((channel) => channel.reduce((sum, v) => sum + v, 0) / 15);
    const scales = layer(
      layer(means, w1!, b1!).map((v) => Math.max(v, 0)),
      w2!,
      b2!,
    ).map((v) => 1 / (1 + Math.exp(-v)));
    return channels.flatMap((channel, c) => Array.from(channel, (v) => v * scales[c]!));
  });
  for (const [i, v] of expected.entries()) expect(y[i]).toBeCloseTo(v, 5);
});

test('options that the blocks do not have, and kernels of no size, are refused', () => {
  expect(() => new nn.Conv2dNormActivation(3, 4, 3, { inplace: true } as object)).toThrow(
    "Conv2dNormActivation: expected options that exist, got 'inplace'. There are stride, padding, dilation, groups, bias, normLayer, activationLayer.",
  );
  expect(() => new nn.SqueezeExcitation(4, 2, { scale_activation: () => new nn.ReLU() } as object)).toThrow(
    "SqueezeExcitation: expected options that exist, got 'scale_activation'. Write scaleActivation.",
  );
  expect(() => new nn.Conv2dNormActivation(3, 4, 0)).toThrow(
    'Conv2dNormActivation: expected kernelSize as a whole number of 1 or more or [height, width], got 0.',
  );
});
