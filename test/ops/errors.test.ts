/** The full text of every error that an op raises, at the line that made the mistake. */
import { beforeAll, describe, expect, test } from 'vitest';
import { DisposedError, RegraftError, ShapeError } from '../../src/core/errors.ts';
import { sizeOf } from '../../src/core/shape.ts';
import { cat, init, noGrad, ones, step, type Tensor, tensor, zeros } from '../../src/index.ts';
import { interpolate } from '../../src/nn/index.ts';

/** An input of ones; nothing here gets far enough to look at it. */
const t = (...shape: number[]): Tensor => ones(shape);
const leaf = (...shape: number[]): Tensor => ones(shape, { requires_grad: true });
const int = (...shape: number[]): Tensor => tensor(new Int32Array(sizeOf(shape)), shape);

function backwardTwice(): void {
  const y = leaf(5).square().sum();
  y.backward();
  y.backward();
}

/** Running statistics move between forward and backward of an op that reads them. */
function backwardAfterChange(): void {
  const mean = t(3);
  const y = leaf(3).mul(mean).sum();
  t(2, 3, 4, 4).batchNorm2d(null, null, mean, t(3), { training: true });
  y.backward();
}

/** What is thrown, as `name: message`, and by what. */
const rows: [string, () => unknown][] = [
  ['ShapeError: add: cannot broadcast [2, 3] with [4] (3 vs 4).', () => t(2, 3).add(t(4))],
  ['ShapeError: sub: cannot broadcast [2, 3] with [3, 2] (2 vs 3).', () => t(2, 3).sub(t(3, 2))],
  ['ShapeError: mul: cannot broadcast [2, 3] with [2, 4] (3 vs 4).', () => t(2, 3).mul(t(2, 4))],
  ['ShapeError: div: cannot broadcast [2, 3] with [2, 4] (3 vs 4).', () => t(2, 3).div(t(2, 4))],
  ['ShapeError: pow: cannot broadcast [5] with [4] (5 vs 4).', () => t(5).pow(t(4))],
  ['ShapeError: maximum: cannot broadcast [2, 1, 3] with [4, 5] (3 vs 5).', () => t(2, 1, 3).maximum(t(4, 5))],
  ['ShapeError: minimum: cannot broadcast [2, 1, 3] with [4, 5] (3 vs 5).', () => t(2, 1, 3).minimum(t(4, 5))],
  ['ShapeError: eq: cannot broadcast [5] with [3] (5 vs 3).', () => t(5).eq(t(3))],
  ['ShapeError: ne: cannot broadcast [5] with [3] (5 vs 3).', () => t(5).ne(t(3))],
  ['ShapeError: lt: cannot broadcast [5] with [3] (5 vs 3).', () => t(5).lt(t(3))],
  ['ShapeError: le: cannot broadcast [5] with [3] (5 vs 3).', () => t(5).le(t(3))],
  ['ShapeError: gt: cannot broadcast [5] with [3] (5 vs 3).', () => t(5).gt(t(3))],
  ['ShapeError: ge: cannot broadcast [5] with [3] (5 vs 3).', () => t(5).ge(t(3))],
  ['ShapeError: where: cannot broadcast [5] with [4] (5 vs 4).', () => t(5).where(t(5), t(4))],
  ['ShapeError: sum: axis 2 is out of range for a tensor of rank 2.', () => t(2, 3).sum(2)],
  ['ShapeError: mean: axis -3 is out of range for a tensor of rank 2.', () => t(2, 3).mean([0, -3])],
  ['ShapeError: max: axis 0.5 is out of range for a tensor of rank 2.', () => t(2, 3).max(0.5)],
  ['ShapeError: min: axis 2 is out of range for a tensor of rank 2.', () => t(2, 3).min(2)],
  ['ShapeError: max: expected at least one element, got shape [0].', () => t(0).max()],
  ['ShapeError: variance: axis 5 is out of range for a tensor of rank 2.', () => t(2, 3).variance(5)],
  ['ShapeError: argmax: axis 2 is out of range for a tensor of rank 2.', () => t(2, 3).argmax(2)],
  ['ShapeError: softmax: axis 2 is out of range for a tensor of rank 2.', () => t(2, 3).softmax(2)],
  ['ShapeError: logSoftmax: axis -3 is out of range for a tensor of rank 2.', () => t(2, 3).logSoftmax(-3)],
  [
    'ShapeError: matmul: inner dimensions must match, got [32, 2048] and [1000, 512] (2048 vs 1000).',
    () => t(32, 2048).matmul(t(1000, 512)),
  ],
  ['ShapeError: matmul: inner dimensions must match, got [17] and [16] (17 vs 16).', () => t(17).matmul(t(16))],
  ['ShapeError: matmul: cannot broadcast [2] with [3] (2 vs 3).', () => t(2, 3, 4).matmul(t(3, 4, 5))],
  ['ShapeError: matmul: both operands must have 1 dimension or more, got [] and [3].', () => t().matmul(t(3))],
  ['ShapeError: linear: input has 17 features, but weight [9, 16] expects 16.', () => t(8, 17).linear(t(9, 16))],
  ['ShapeError: transpose: axis 2 is out of range for a tensor of rank 2.', () => t(2, 3).transpose(0, 2)],
  ['ShapeError: permute: expected each of 2 axes once, got [0].', () => t(2, 3).permute([0])],
  ['ShapeError: permute: expected each of 2 axes once, got [0, 0].', () => t(2, 3).permute([0, 0])],
  ['ShapeError: reshape: cannot view 6 elements of shape [2, 3] as [4, 2].', () => t(2, 3).reshape([4, 2])],
  ['ShapeError: reshape: cannot view 6 elements of shape [2, 3] as [-1, 4].', () => t(2, 3).reshape([-1, 4])],
  ['ShapeError: reshape: cannot view 6 elements of shape [2, 3] as [-1, -1].', () => t(2, 3).reshape([-1, -1])],
  ['ShapeError: flatten: axis 2 is out of range for a tensor of rank 2.', () => t(2, 3).flatten(2)],
  ['ShapeError: flatten: the range of axes 1 to 0 of [2, 3] is empty.', () => t(2, 3).flatten(1, 0)],
  ['ShapeError: expand: cannot expand [2, 3] to [2, 4].', () => t(2, 3).expand([2, 4])],
  ['ShapeError: expand: cannot expand [2, 3] to [3].', () => t(2, 3).expand([3])],
  ['ShapeError: unsqueeze: axis 4 is out of range for a tensor of rank 2.', () => t(2, 3).unsqueeze(4)],
  ['ShapeError: squeeze: axis 2 is out of range for a tensor of rank 2.', () => t(2, 3).squeeze(2)],
  ['ShapeError: flip: expected each axis once, got [0, 0].', () => t(2, 3).flip([0, 0])],
  ['ShapeError: flip: axis 2 is out of range for a tensor of rank 2.', () => t(2, 3).flip([2])],
  ['ShapeError: slice: axis 2 is out of range for a tensor of rank 2.', () => t(2, 3).slice(2, 0, 1)],
  ['ShapeError: slice: the range 2 to 1 of axis 1 (size 3) is empty.', () => t(2, 3).slice(1, 2, 1)],
  ['ShapeError: slice: step must be a positive integer, got 0.', () => t(2, 3).slice(1, 0, 3, 0)],
  ['ShapeError: pad: expected up to 2 pairs, from the last axis backwards, got [1].', () => t(2, 3).pad([1])],
  [
    'ShapeError: pad: expected up to 2 pairs, from the last axis backwards, got [1, 1, 1, 1, 1, 1].',
    () => t(2, 3).pad([1, 1, 1, 1, 1, 1]),
  ],
  ['ShapeError: pad: padding [-2, -2] leaves nothing of [2, 3].', () => t(2, 3).pad([-2, -2])],
  ['ShapeError: cat: expected one tensor or more, got none.', () => cat([])],
  ['ShapeError: cat: shapes must agree except along axis 0, got [2, 3] and [2, 4].', () => cat([t(2, 3), t(2, 4)])],
  ['ShapeError: cat: shapes must agree except along axis 0, got [2, 3] and [2].', () => cat([t(2, 3), t(2)])],
  ['ShapeError: cat: axis 2 is out of range for a tensor of rank 2.', () => cat([t(2, 3), t(2, 3)], 2)],
  [
    'ShapeError: conv2d: the input must have 4 dimensions [N, C, H, W], got [3, 8, 8].',
    () => t(3, 8, 8).conv2d(t(4, 3, 3, 3)),
  ],
  [
    'ShapeError: conv2d: the weight must have 4 dimensions [K, C / groups, R, S], got [4, 3, 3].',
    () => t(1, 3, 8, 8).conv2d(t(4, 3, 3)),
  ],
  [
    'ShapeError: conv2d: input has 512 channels, but weight [512, 1024, 1, 1] expects 1024 (groups = 1).',
    () => t(1, 512, 7, 7).conv2d(t(512, 1024, 1, 1)),
  ],
  [
    'ShapeError: conv2d: input has 4 channels, but weight [6, 2, 3, 3] expects 6 (groups = 3).',
    () => t(1, 4, 7, 7).conv2d(t(6, 2, 3, 3), null, { groups: 3 }),
  ],
  [
    'ShapeError: conv2d: 5 output channels do not divide into 2 groups.',
    () => t(1, 4, 7, 7).conv2d(t(5, 2, 3, 3), null, { groups: 2 }),
  ],
  ['ShapeError: conv2d: bias must be [4], got [3].', () => t(1, 3, 8, 8).conv2d(t(4, 3, 3, 3), t(3))],
  [
    'ShapeError: conv2d: the kernel 3x3 (dilation 1x1) is larger than the padded input 2x8. Use larger images or a smaller kernel.',
    () => t(1, 3, 2, 8).conv2d(t(4, 3, 3, 3)),
  ],
  [
    'ArgumentError: conv2d: stride must be a positive integer, got 0.',
    () => t(1, 3, 8, 8).conv2d(t(4, 3, 3, 3), null, { stride: 0 }),
  ],
  [
    'ArgumentError: conv2d: padding must be zero or a positive integer, got [1, -1].',
    () => t(1, 3, 8, 8).conv2d(t(4, 3, 3, 3), null, { padding: [1, -1] }),
  ],
  [
    'ArgumentError: conv2d: dilation must be a positive integer, got 1.5.',
    () => t(1, 3, 8, 8).conv2d(t(4, 3, 3, 3), null, { dilation: 1.5 }),
  ],
  [
    'ShapeError: convTranspose2d: input has 3 channels, but weight [4, 3, 3, 3] expects 4.',
    () => t(1, 3, 8, 8).convTranspose2d(t(4, 3, 3, 3)),
  ],
  [
    'ShapeError: convTranspose2d: 4 input channels do not divide into 3 groups.',
    () => t(1, 4, 8, 8).convTranspose2d(t(4, 3, 3, 3), null, { groups: 3 }),
  ],
  ['ShapeError: convTranspose2d: bias must be [4], got [3].', () => t(1, 3, 8, 8).convTranspose2d(t(3, 4, 3, 3), t(3))],
  [
    'ArgumentError: convTranspose2d: outputPadding must be smaller than stride or dilation, got [1, 1].',
    () => t(1, 3, 8, 8).convTranspose2d(t(3, 4, 3, 3), null, { outputPadding: 1 }),
  ],
  [
    'ShapeError: convTranspose2d: the padding leaves nothing of the output (-1x-1).',
    () => t(1, 3, 1, 1).convTranspose2d(t(3, 4, 3, 3), null, { padding: 2 }),
  ],
  [
    'ShapeError: batchNorm2d: the input must have 4 dimensions [N, C, H, W], got [3, 8].',
    () => t(3, 8).batchNorm2d(null, null, null, null, { training: true }),
  ],
  [
    'ShapeError: batchNorm2d: weight must be [3] for input [2, 3, 4, 4], got [4].',
    () => t(2, 3, 4, 4).batchNorm2d(t(4), t(4), null, null, { training: true }),
  ],
  [
    'ShapeError: batchNorm2d: runningVar must be [3] for input [2, 3, 4, 4], got [4].',
    () => t(2, 3, 4, 4).batchNorm2d(null, null, t(3), t(4), { training: false }),
  ],
  [
    'ArgumentError: batchNorm2d: running statistics are needed unless training. Pass both.',
    () => t(2, 3, 4, 4).batchNorm2d(null, null, null, null, { training: false }),
  ],
  [
    'ShapeError: batchNorm2d: expected more than 1 value per channel when training, got input [1, 3, 1, 1]. Use larger batches or images, or evaluation mode.',
    () => t(1, 3, 1, 1).batchNorm2d(null, null, null, null, { training: true }),
  ],
  [
    'ShapeError: layerNorm: input must end in [4], the shape to normalise over, got [2, 3].',
    () => t(2, 3).layerNorm([4]),
  ],
  [
    'ShapeError: layerNorm: input must end in [2, 3, 4], the shape to normalise over, got [3, 4].',
    () => t(3, 4).layerNorm([2, 3, 4]),
  ],
  [
    'ShapeError: layerNorm: input must have from axis 1 on [4], the shape to normalise over, got [2, 3, 4].',
    () => t(2, 3, 4).layerNorm([4], null, null, { axis: 1 }),
  ],
  [
    'ShapeError: layerNorm: axis 3 is out of range for a tensor of rank 2.',
    () => t(2, 3).layerNorm([3], null, null, { axis: 3 }),
  ],
  [
    'ShapeError: layerNorm: weight must be [3], as what is normalised over, got [1, 3].',
    () => t(2, 3).layerNorm([3], t(1, 3)),
  ],
  [
    'ShapeError: layerNorm: bias must be [3], as what is normalised over, got [2].',
    () => t(2, 3).layerNorm([3], t(3), t(2)),
  ],
  ['ShapeError: maxPool2d: the input must have 4 dimensions [N, C, H, W], got [3, 8].', () => t(3, 8).maxPool2d(2)],
  [
    'ShapeError: maxPool2d: the window 3x3 is larger than the padded input [1, 3, 2, 2]. Use larger images or a smaller window.',
    () => t(1, 3, 2, 2).maxPool2d(3),
  ],
  [
    'ArgumentError: maxPool2d: padding must be at most half of the kernel, got padding 2x2 for kernel 2x2.',
    () => t(1, 3, 8, 8).maxPool2d(2, { padding: 2 }),
  ],
  [
    'ArgumentError: maxPool2d: stride must be a positive integer, got 0x0.',
    () => t(1, 3, 8, 8).maxPool2d(2, { stride: 0 }),
  ],
  [
    'ShapeError: avgPool2d: the window 3x3 is larger than the padded input [1, 3, 2, 2]. Use larger images or a smaller window.',
    () => t(1, 3, 2, 2).avgPool2d(3),
  ],
  [
    'ArgumentError: avgPool2d: padding must be at most half of the kernel, got padding 2x2 for kernel 3x3.',
    () => t(1, 3, 8, 8).avgPool2d(3, { padding: 2 }),
  ],
  [
    'ShapeError: adaptiveAvgPool2d: the input must have 4 dimensions [N, C, H, W], got [3, 8].',
    () => t(3, 8).adaptiveAvgPool2d(1),
  ],
  [
    'ArgumentError: adaptiveAvgPool2d: the output size must be positive integers, got 0.',
    () => t(1, 3, 8, 8).adaptiveAvgPool2d(0),
  ],
  [
    'ShapeError: interpolate: the input must have 4 dimensions [N, C, H, W], got [3, 8].',
    () => interpolate(t(3, 8), { size: 4 }),
  ],
  ['ArgumentError: interpolate: expected size or scaleFactor, got neither.', () => interpolate(t(1, 3, 8, 8), {})],
  [
    'ArgumentError: interpolate: expected size or scaleFactor, got both.',
    () => interpolate(t(1, 3, 8, 8), { size: 4, scaleFactor: 2 }),
  ],
  [
    "ArgumentError: interpolate: mode must be nearest, nearest-exact, bilinear or bicubic, got 'linear'.",
    () => interpolate(t(1, 3, 8, 8), { size: 4, mode: 'linear' as 'bilinear' }),
  ],
  [
    "ArgumentError: interpolate: alignCorners is for bilinear and bicubic, got mode 'nearest'.",
    () => interpolate(t(1, 3, 8, 8), { size: 4, alignCorners: true }),
  ],
  [
    'ArgumentError: interpolate: size must be a positive integer, got [4, 0].',
    () => interpolate(t(1, 3, 8, 8), { size: [4, 0] }),
  ],
  [
    'ArgumentError: interpolate: scaleFactor must be above 0, got -1.',
    () => interpolate(t(1, 3, 8, 8), { scaleFactor: -1 }),
  ],
  [
    'ArgumentError: interpolate: scaleFactor 0.1x0.1 leaves nothing of 8x8.',
    () => interpolate(t(1, 3, 8, 8), { scaleFactor: 0.1 }),
  ],
  [
    'ShapeError: crossEntropy: logits must have 2 dimensions or more [N, C, …], got [5].',
    () => t(5).crossEntropy(int(5)),
  ],
  [
    "ShapeError: crossEntropy: labels must be int32 class indices, got float32. Pass an Int32Array, or { dtype: 'int32' }.",
    () => t(5, 7).crossEntropy(t(5)),
  ],
  [
    'ShapeError: crossEntropy: labels must be one class per row, [5] for logits [5, 7], got [4].',
    () => t(5, 7).crossEntropy(int(4)),
  ],
  [
    'ShapeError: crossEntropy: labels must be one class per row, [2, 4, 5] for logits [2, 3, 4, 5], got [2, 5, 4].',
    () => t(2, 3, 4, 5).crossEntropy(int(2, 5, 4)),
  ],
  [
    'ShapeError: crossEntropy: weight must be [7], one per class, got [5].',
    () => t(5, 7).crossEntropy(int(5), { weight: t(5) }),
  ],
  [
    'ArgumentError: crossEntropy: labelSmoothing must be from 0 to 1, got 1.5.',
    () => t(5, 7).crossEntropy(int(5), { labelSmoothing: 1.5 }),
  ],
  ['ShapeError: mseLoss: prediction and target must have one shape, got [5] and [4].', () => t(5).mseLoss(t(4))],
  ['ArgumentError: dropout: p must be a probability from 0 to 1, got 1.5.', () => t(5).dropout(1.5)],
  ['ArgumentError: dropout: p must be a probability from 0 to 1, got -0.1.', () => t(5).dropout(-0.1)],
  [
    'ShapeError: tensor: nested arrays must be of equal length, got [2] and [1] side by side.',
    () => tensor([[1, 2], [3]]),
  ],
  ['ShapeError: tensor: shape [2, 2] needs 4 elements, got 3.', () => tensor([1, 2, 3], [2, 2])],
  [
    'ShapeError: tensor: sizes must be whole numbers of 0 or more, got [-2, -3].',
    () => tensor(new Float32Array(6), [-2, -3]),
  ],
  ['ShapeError: zeros: sizes must be whole numbers of 0 or more, got [2, -1].', () => zeros([2, -1])],
  [
    'ShapeError: backward: expected a scalar, got [5]. Reduce it, or pass the gradient of the output.',
    () => leaf(5).mul(2).backward(),
  ],
  [
    'ShapeError: backward: the gradient must have the shape of the output [5], got [4].',
    () => leaf(5).mul(2).backward(t(4)),
  ],
  [
    'RegraftError: backward: this tensor does not depend on any that requires a gradient. Set requires_grad = true on one, outside of noGrad().',
    () => t(5).sum().backward(),
  ],
  [
    "RegraftError: backward: the graph of 'sum' was freed by an earlier backward(). Pass { retainGraph: true } to the first.",
    () => backwardTwice(),
  ],
  [
    "RegraftError: backward: an input of 'mul' was changed in place since it was used. Call backward() before optimizer.step().",
    () => backwardAfterChange(),
  ],
  [
    'RegraftError: requires_grad: only float32 and float16 tensors have gradients, this one is int32.',
    () => (int(5).requires_grad = true),
  ],
  [
    'RegraftError: requires_grad: only float32 and float16 tensors have gradients, this one is int32.',
    () => tensor(Int32Array.of(1), [1], { requires_grad: true }),
  ],
  [
    'RegraftError: requires_grad: only leaves can be frozen; this tensor is the result of an op. Use detach().',
    () => (leaf(5).mul(2).requires_grad = false),
  ],
  [
    'ArgumentError: step, noGrad: the function must be synchronous, got one that returns a promise. Await outside of it.',
    () => noGrad(() => Promise.resolve(1)),
  ],
  [
    'ArgumentError: step, noGrad: the function must be synchronous, got one that returns a promise. Await outside of it.',
    () => step(() => Promise.resolve(1)),
  ],
];

function thrown(fn: () => unknown): unknown {
  try {
    fn();
  } catch (error) {
    return error;
  }
  return 'nothing was thrown';
}

beforeAll(async () => {
  await init();
});

describe('an error says what was expected, what came, and the fix', () => {
  test.each(rows)('%s', (text, fn) => {
    const error = thrown(fn);
    expect(String(error)).toBe(text);
    expect(error).toBeInstanceOf(RegraftError);
  });

  test('item() of more than one element', async () => {
    await expect(t(2, 3).item()).rejects.toThrow('item: expected one element, got shape [2, 3]. Use data().');
  });

  test('a tensor that was disposed of cannot be used or read', async () => {
    const x = t(3).mul(2);
    await x.data();
    x.dispose();
    const used = thrown(() => x.add(1));
    expect(used).toBeInstanceOf(DisposedError);
    expect(String(used)).toBe('DisposedError: addScalar: an input was freed: dispose() was called on it.');
    await expect(x.data()).rejects.toThrow('tensor [3]: it was freed: dispose() was called on it.');
  });
});

test('a ShapeError carries the op and the shapes', () => {
  const error = thrown(() => t(2, 3).add(t(4)));
  expect(error).toBeInstanceOf(ShapeError);
  expect((error as ShapeError).op).toBe('add');
  expect((error as ShapeError).shapes).toEqual([[2, 3], [4]]);
});
