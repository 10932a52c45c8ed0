/** What JavaScript callers get wrong: each is one clear error, or works as in PyTorch. */
import { beforeAll, describe, expect, test } from 'vitest';
import { arange, full, init, ones, rand, randn, type Tensor, tensor, zeros } from '../../src/index.ts';
import { crossEntropy, Linear, mseLoss, Parameter } from '../../src/nn/index.ts';

beforeAll(async () => {
  await init();
});

/** As a caller without a compiler. */
// biome-ignore lint/suspicious/noExplicitAny: that is what it is about
const js = (value: unknown): any => value;

function messageOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return (error as Error).message;
  }
  return 'nothing was thrown';
}

describe('works as in PyTorch', () => {
  test.each([
    ['booleans', () => tensor([[true, false]]), [1, 0], [1, 2]],
    ['one of them', () => tensor(true), [1], []],
    ['as int32', () => tensor([true, false], { dtype: 'int32' }), [1, 0], [2]],
    ['int32 of fractions', () => tensor([1.9, -1.9, -0, -(2 ** 31)], { dtype: 'int32' }), [1, -1, 0, -(2 ** 31)], [4]],
    ['options in second place', () => tensor([1, 2], { requires_grad: true }), [1, 2], [2]],
    ['other typed arrays', () => tensor(js(Uint8Array.of(1, 255))), [1, 255], [2]],
    ['nothing', () => tensor([]), [], [0]],
    ['a parameter of a tensor', () => new Parameter(tensor([[1], [2]])), [1, 2], [2, 1]],
    ['of a result', () => new Parameter(tensor([1, 2]).mul(3)), [3, 6], [2]],
  ])('%s', async (_, make, values, shape) => {
    const made = make();
    expect([...(await made.data())]).toEqual(values);
    expect(made.shape).toEqual(shape);
  });

  test('a parameter of a tensor is its own, and trainable', async () => {
    const from = tensor([1, 2]);
    const parameter = new Parameter(from);
    parameter.set(Float32Array.of(5, 6));
    expect([...(await from.data())]).toEqual([1, 2]);
    expect([parameter.requires_grad, new Parameter(from, false).requires_grad]).toEqual([true, false]);
  });
});

test.each<[() => unknown, string]>([
  [
    () => tensor([1, 2], js({ requiresGrad: true })),
    "tensor: expected options that exist, got 'requiresGrad'. Write requires_grad.",
  ],
  [
    () => tensor(js('abc')),
    "tensor: expected numbers or booleans, nested arrays of them, or a typed array, got 'abc'.",
  ],
  [
    () => tensor(js([1, 'a'])),
    "tensor: expected numbers or booleans, nested arrays of them, or a typed array, got 'a' inside.",
  ],
  [
    () => tensor(js(undefined)),
    'tensor: expected numbers or booleans, nested arrays of them, or a typed array, got undefined.',
  ],
  [
    () => tensor(js([null])),
    'tensor: expected numbers or booleans, nested arrays of them, or a typed array, got null inside.',
  ],
  [
    () => tensor(js(BigInt64Array.of(1n))),
    'tensor: expected a typed array of numbers, got a BigInt64Array. Convert it, as in Float32Array.from(data, Number).',
  ],
  [() => tensor([1, 2], js(2)), 'tensor: expected options as an object, got 2. Write { dtype: … }.'],
  [() => tensor([1, 2], { dtype: js('float64') }), "tensor: expected float32 or float16 or int32, got 'float64'."],
  [
    () => tensor([1, Number.NaN], { dtype: 'int32' }),
    'tensor: expected numbers from -2147483648 to 2147483647 for int32, got NaN. Leave dtype out for float32.',
  ],
  [
    () => tensor(Float32Array.of(-1, 2 ** 32), { dtype: 'int32' }),
    'tensor: expected numbers from -2147483648 to 2147483647 for int32, got 4294967296. Leave dtype out for float32.',
  ],
  [
    () => full([2], 2 ** 31, { dtype: 'int32' }),
    'full: expected numbers from -2147483648 to 2147483647 for int32, got 2147483648. Leave dtype out for float32.',
  ],
  [
    () => arange(2 ** 31 - 2, 2 ** 31 + 1, 1, { dtype: 'int32' }),
    'arange: expected numbers from -2147483648 to 2147483647 for int32, got 2147483648. Leave dtype out for float32.',
  ],
  [
    () => tensor([1]).to(js('cuda')),
    "to: expected float32 or float16 or int32, got 'cuda'. Nothing has to be moved: init() opens the device that all tensors are on.",
  ],
  [
    () => new Linear(2, 2).to(js('cuda:0')),
    "to: expected float32 or float16, got 'cuda:0'. Nothing has to be moved: init() opens the device that all tensors are on.",
  ],
  [() => tensor([[1, 2]]).sum([1], js(true)), 'sum: expected options as an object, got true. Write { keepdim: … }.'],
  [
    () => tensor([[1, 2]]).mean(1, js({ keepDim: true })),
    "mean: expected options that exist, got 'keepDim'. Write keepdim.",
  ],
  [
    () => tensor([[1, 2]]).variance(1, js({ unbiased: true })),
    "variance: expected options that exist, got 'unbiased'. There are keepdim, correction.",
  ],
  [
    () => randn([2 ** 20, 2 ** 20]),
    'randn: expected at most 2,147,483,648 elements, got 1,099,511,627,776 for [1048576, 1048576]. Make it smaller.',
  ],
  [() => zeros([2]).add(js([1, 2])), 'add: expected a tensor or a number, got [1, 2]. Write tensor(…).'],
  [() => zeros([2]).mul(js(null)), 'mul: expected a tensor or a number, got null.'],
  [() => zeros([2, 2]).matmul(js('a')), "matmul: expected a tensor, got 'a'."],
  [() => zeros([2, 3]).reshape(js(3)), 'reshape: expected a shape as an array, got 3. Write [3, …].'],
  [() => zeros([2, 3]).flip(js(1)), 'flip: expected the axes as an array, got 1. Write [1, …].'],
  [() => zeros([2, 3]).permute(js(1)), 'permute: expected the axes as an array, got 1. Write [1, …].'],
  [
    () => zeros([2, 3]).mean(js({ dim: 1 })),
    'mean: axis an object of type Object is out of range for a tensor of rank 2.',
  ],
  [() => zeros([2, 3]).clamp(js({ min: 1 })), 'clamp: expected min as a number, got an object of type Object.'],
  [
    () => zeros([1, 1, 4, 4]).conv2d(ones([1, 1, 2, 2]), null, js({ strides: 2 })),
    "conv2d: expected options that exist, got 'strides'. Write stride.",
  ],
  [
    () => zeros([1, 1, 4, 4]).maxPool2d(2, js({ strides: 2 })),
    "maxPool2d: expected options that exist, got 'strides'. Write stride.",
  ],
  [
    () =>
      zeros([1])
        .sum()
        .backward(undefined, js({ retain_graph: true })),
    "backward: expected options that exist, got 'retain_graph'. Write retainGraph.",
  ],
  [() => full([2], js(undefined)), 'full: expected value as a number, got undefined.'],
  [() => zeros(js(3)), 'zeros: expected a shape, an array of sizes as in [2, 3], got 3.'],
  [
    () => ones([2], js({ device: 'cuda' })),
    "ones: expected options that exist, got 'device'. There are dtype, requires_grad.",
  ],
  [() => rand([2], js({ sead: 1 })), "rand: expected options that exist, got 'sead'. Write seed."],
  [() => arange(3, 5, 1, js('int32')), "arange: expected options as an object, got 'int32'. Write { dtype: … }."],
  [
    () => new Parameter(js(5), new Float32Array(5)),
    'Parameter: expected a shape, an array of sizes as in [2, 3], got 5.',
  ],
  [
    () => new Parameter([1], js(undefined)),
    'Parameter: expected the elements as a typed array, or a function that makes one, got undefined.',
  ],
  [
    () => new Parameter(tensor(Int32Array.of(1))),
    'Parameter: expected a float tensor, got int32. Write tensor.float().',
  ],
  [
    () => new Linear(2 ** 20, 2 ** 20),
    'Parameter: expected at most 2,147,483,648 elements, got 1,099,511,627,776 for [1048576, 1048576]. Make it smaller.',
  ],
])('%s', (run, message) => {
  expect(messageOf(run)).toBe(message);
});

describe('losses', () => {
  const logits = (): Tensor => zeros([2, 4]);
  test.each<[() => unknown, string]>([
    [
      () => crossEntropy(logits(), tensor(Int32Array.of(0, 7))),
      'crossEntropy: expected labels from 0 to 3 for logits [2, 4], got 7 at 1. Use a network with 8 outputs, or name rows to leave out by ignoreIndex.',
    ],
    [
      () => crossEntropy(logits(), tensor(Int32Array.of(-1, 0))),
      'crossEntropy: expected labels from 0 to 3 for logits [2, 4], got -1 at 0. Number the classes from 0, or name rows to leave out by ignoreIndex.',
    ],
    [
      () => crossEntropy(logits(), tensor(Int32Array.of(1, 0)), js({ label_smoothing: 0.1 })),
      "crossEntropy: expected options that exist, got 'label_smoothing'. Write labelSmoothing.",
    ],
    [
      () => mseLoss(logits(), logits(), js({ reduction: 'avg' })),
      "mseLoss: expected reduction 'mean', 'sum' or 'none', got 'avg'.",
    ],
    [
      () => mseLoss(logits(), logits(), js('sum')),
      "mseLoss: expected options as an object, got 'sum'. Write { reduction: … }.",
    ],
  ])('%s', (run, message) => {
    expect(messageOf(run)).toBe(message);
  });

  test('rows that are left out may have any label', async () => {
    const labels = () => tensor(Int32Array.of(1, -100));
    expect(await crossEntropy(logits(), labels()).item()).toBeCloseTo(Math.log(4), 5);
    const other = { ignoreIndex: 255 };
    expect(await crossEntropy(logits(), tensor(Int32Array.of(1, 255)), other).item()).toBeCloseTo(Math.log(4), 5);
  });
});
