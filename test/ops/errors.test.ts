/** The full text of every error that an op raises, at the line that made the mistake. */
import { beforeAll, describe, expect, test } from 'vitest';
import { ArgumentError, RegraftError, ShapeError } from '../../src/core/errors.ts';
import type { Shape } from '../../src/core/shape.ts';
import { cat, init, noGrad, ones, step, type Tensor, tensor, zeros } from '../../src/index.ts';

/** An input of ones; nothing here gets far enough to look at it. */
const t = (...shape: number[]): Tensor => ones(shape);
const parameter = (...shape: number[]): Tensor =>
  tensor(new Float32Array(shape.reduce((a, b) => a * b, 1)), shape, { requires_grad: true });
const int = (...shape: number[]): Tensor => tensor(new Int32Array(shape.reduce((a, b) => a * b, 1)), shape);

const shapeErrors: [() => unknown, string][] = [
  [() => t(2, 3).add(t(4)), ''],
  [() => t(2, 3).sub(t(3, 2)), ''],
  [() => t(2, 3).mul(t(2, 4)), ''],
  [() => t(2, 1, 3).maximum(t(4, 5)), ''],
  [() => t(5).lt(t(3)), ''],
  [() => t(5).where(t(5), t(4)), ''],
  [() => t(5).pow(t(4)), ''],
  [() => t(5).mseLoss(t(4)), ''],
  [() => int(5).exp(), ''],
  [() => t(2, 3).sum(2), ''],
  [() => t(2, 3).mean([0, -3]), ''],
  [() => t(2, 3).max(0.5), ''],
  [() => t(2, 3).variance(5), ''],
  [() => t(2, 3).argmax(2), ''],
  [() => t(2, 3).softmax(2), ''],
  [() => t(2, 3).logSoftmax(-3), ''],
  [() => t(32, 2048).matmul(t(1000, 512)), ''],
  [() => t(17).matmul(t(16)), ''],
  [() => t(2, 3, 4).matmul(t(3, 4, 5)), ''],
  [() => t().matmul(t(3)), ''],
  [() => t(2, 3).transpose(0, 2), ''],
  [() => t(2, 3).permute([0]), ''],
  [() => t(2, 3).permute([0, 0]), ''],
  [() => t(2, 3).reshape([4, 2]), ''],
  [() => t(2, 3).reshape([-1, 4]), ''],
  [() => t(2, 3).reshape([-1, -1]), ''],
  [() => t(2, 3).flatten(1, 0), ''],
  [() => t(2, 3).expand([2, 4]), ''],
  [() => t(2, 3).expand([3]), ''],
  [() => t(2, 3).unsqueeze(4), ''],
  [() => t(2, 3).squeeze(2), ''],
  [() => t(2, 3).slice(2, 0, 1), ''],
  [() => t(2, 3).slice(1, 2, 2), ''],
  [() => t(2, 3).pad([1]), ''],
  [() => t(2, 3).pad([1, 1, 1, 1, 1, 1]), ''],
  [() => t(2, 3).pad([-2, -2]), ''],
  [() => cat([]), ''],
  [() => cat([t(2, 3), t(2, 4)]), ''],
  [() => cat([t(2, 3), t(2)]), ''],
  [() => cat([t(2, 3), t(2, 3)], 2), ''],
  [() => t(3, 8, 8).conv2d(t(4, 3, 3, 3), null), ''],
  [() => t(1, 512, 7, 7).conv2d(t(512, 1024, 1, 1), null), ''],
  [() => t(1, 4, 7, 7).conv2d(t(64, 3, 7, 7), null, { padding: 3 }), ''],
  [() => t(1, 4, 7, 7).conv2d(t(6, 2, 3, 3), null, { groups: 3 }), ''],
  [() => t(1, 4, 7, 7).conv2d(t(5, 2, 3, 3), null, { groups: 2 }), ''],
  [() => t(1, 3, 8, 8).conv2d(t(4, 3, 3), null), ''],
  [() => t(1, 3, 8, 8).conv2d(t(4, 3, 3, 3), t(3)), ''],
  [() => t(1, 3, 2, 8).conv2d(t(4, 3, 3, 3), null), ''],
  [() => t(1, 3, 8, 8).conv2d(t(4, 3, 3, 3), null, { stride: 0 }), ''],
  [() => t(1, 3, 8, 8).conv2d(t(4, 3, 3, 3), null, { padding: -1 }), ''],
  [() => t(1, 3, 8, 8).convTranspose2d(t(4, 3, 3, 3), null), ''],
  [() => t(1, 3, 8, 8).convTranspose2d(t(3, 4, 3, 3), t(3)), ''],
  [() => t(1, 3, 8, 8).convTranspose2d(t(3, 4, 3, 3), null, { outputPadding: 1 }), ''],
  [() => t(3, 8).batchNorm2d(null, null, null, null, { training: true }), ''],
  [() => t(2, 3, 4, 4).batchNorm2d(t(4), t(4), null, null, { training: true }), ''],
  [() => t(2, 3, 4, 4).batchNorm2d(null, null, t(3), t(4), { training: false }), ''],
  [() => t(2, 3, 4, 4).batchNorm2d(null, null, null, null, { training: false }), ''],
  [() => t(1, 3, 1, 1).batchNorm2d(null, null, null, null, { training: true }), ''],
  [() => t(3, 8).maxPool2d(2), ''],
  [() => t(1, 3, 2, 2).maxPool2d(3), ''],
  [() => t(1, 3, 8, 8).maxPool2d(2, { padding: 2 }), ''],
  [() => t(1, 3, 2, 2).avgPool2d(3), ''],
  [() => t(1, 3, 8, 8).avgPool2d(3, { padding: 2 }), ''],
  [() => t(3, 8).adaptiveAvgPool2d(1), ''],
  [() => t(1, 3, 8, 8).adaptiveAvgPool2d(0), ''],
  [() => t(5, 7).crossEntropy(t(5)), ''],
  [() => t(5, 7).crossEntropy(int(4)), ''],
  [() => t(2, 3, 4, 5).crossEntropy(int(2, 5, 4)), ''],
  [() => t(5, 7).crossEntropy(int(5), { weight: t(5) }), ''],
];

const argumentErrors: [() => unknown, string][] = [
  [() => t(5, 7).crossEntropy(int(5), { labelSmoothing: 1.5 }), ''],
  [() => t(5).dropout(1.5), ''],
  [() => t(5).dropout(-0.1), ''],
  [() => t(5).clamp(), ''],
  [() => tensor([[1, 2], [3]]), ''],
  [() => tensor([1, 2, 3], [2, 2]), ''],
  [() => tensor(new Float32Array(3), [4]), ''],
  [() => zeros([2, -1]), ''],
  [() => t(5).backward(), ''],
  [() => parameter(5).mul(2).backward(), ''],
  [() => parameter(5).mul(2).backward(t(4)), ''],
  [() => noGrad(() => Promise.resolve(1)), ''],
  [() => step(() => Promise.resolve(1)), ''],
  [
    () => {
      const y = parameter(5).square().sum();
      y.backward();
      y.backward();
    },
    '',
  ],
];

function thrown(fn: () => unknown): unknown {
  try {
    fn();
  } catch (error) {
    return error;
  }
  throw new Error(`${source(fn)} raised nothing.`);
}

const source = (fn: () => unknown): string =>
  String(fn)
    .replace(/^\(\)\s*=>\s*/, '')
    .replace(/\s+/g, ' ');

beforeAll(async () => {
  await init();
});

describe('a ShapeError says what was expected, what came, and the fix', () => {
  test.each(shapeErrors.map(([fn, text]) => [source(fn), fn, text] as const))('%s', (_, fn, text) => {
    const error = thrown(fn);
    expect(error).toBeInstanceOf(ShapeError);
    expect((error as Error).message).toBe(text);
  });
});

describe('an ArgumentError says what was expected, what came, and the fix', () => {
  test.each(argumentErrors.map(([fn, text]) => [source(fn), fn, text] as const))('%s', (_, fn, text) => {
    const error = thrown(fn);
    expect(error).toBeInstanceOf(ArgumentError);
    expect((error as Error).message).toBe(text);
  });
});

test('ShapeError carries the op and the shapes', () => {
  const error = thrown(() => t(2, 3).add(t(4))) as ShapeError & { shapes: Shape[] };
  expect(error).toBeInstanceOf(RegraftError);
  expect([error.op, error.shapes]).toEqual(['add', [[2, 3], [4]]]);
});

test('item() of more than one element', async () => {
  await expect(t(2, 3).item()).rejects.toThrow('');
});
