/** Tensors and models in float16: what is kept, what is refused, and mixed precision. The ops themselves: rows `in float16` of test/ops. */
import { beforeAll, describe, expect, test } from 'vitest';
import { floatToHalf, halfToFloat } from '../../src/core/dtype.ts';
import { hasFloat16 } from '../../src/device/adapter.ts';
import { currentDevice } from '../../src/device/current.ts';
import {
  autocast,
  cat,
  checkpoint,
  explain,
  init,
  manualSeed,
  noGrad,
  ones,
  step,
  type Tensor,
  tensor,
} from '../../src/index.ts';
import {
  binaryCrossEntropyWithLogits,
  crossEntropy,
  huberLoss,
  Linear,
  l1Loss,
  sigmoidFocalLoss,
} from '../../src/nn/index.ts';
import { SGD } from '../../src/optim/index.ts';
import { newTraining, SmallNet } from '../graph/small-net.ts';
import { fill, labels } from '../ops/inputs.ts';
import { poisonBuffers } from '../poison.ts';
import { expectClose, tolerances } from '../tolerances.ts';

const supported = hasFloat16(await init());
const half = (value: number): number => halfToFloat(floatToHalf(value));
const uniform = (shape: number[], seed = 1) => fill({ shape, kind: 'uniform' }, seed) as Float32Array;
const targets = () => tensor(fill(labels([4], 5), 0), [4]);

/** Without ReLU and maximum, on whose other side a rounded activation may fall. */
class SmoothNet extends SmallNet {
  override forward(x: Tensor): Tensor {
    const y = this.bn1.forward(this.conv1.forward(x)).tanh().avgPool2d(2);
    const z = this.bn2.forward(this.conv2.forward(y)).add(y).sigmoid();
    return this.fc.forward(z.mean([2, 3]));
  }
}

beforeAll(() => poisonBuffers(currentDevice()));

describe.skipIf(!supported)('float16 (needs an adapter with shader-f16)', () => {
  test.each([1, 2, 3, 7, 64, 1021])('keeps %i elements, rounded to nearest', async (count) => {
    const values = Float32Array.from({ length: count }, (_, i) => (i - count / 3) * 10 ** (1 - (i % 9)));
    const want = values.map(half);
    expect(await tensor(values, [count], { dtype: 'float16' }).data()).toEqual(want);
    expect(await tensor(values, [count]).half().data()).toEqual(want);
    expect(await tensor(values, [count]).half().float().mul(2).data()).toEqual(want.map((v) => v * 2));
  });

  test('keeps subnormals, infinities and NaN; what is too large becomes infinite', async () => {
    const values = [6e-8, -1e-6, 65504, 65519, 65520, -1e9, Number.NaN, Number.POSITIVE_INFINITY];
    expect([...(await tensor(values).half().data())]).toEqual(values.map(half));
  });

  test('goes on as its bits from a Uint16Array', async () => {
    const t = tensor(Uint16Array.of(0x3c00, 0xc000, 0x7bff), [3], { dtype: 'float16' });
    expect([...(await t.data())]).toEqual([1, -2, 65504]);
    expect(await t.slice(0, 1, 2).item()).toBe(-2);
  });

  test('promotes as PyTorch: the widest wins, a scalar widens nothing', () => {
    const [a, b] = [ones([3]).half(), ones([3])];
    expect(
      [a.add(a), a.add(b), b.mul(a), a.mul(ones([])), ones([]).half().mul(b), cat([a, b])].map((t) => t.dtype),
    ).toEqual(['float16', 'float32', 'float32', 'float16', 'float32', 'float32']);
  });

  test('takes half the memory', () => {
    const bytes = (dtype: 'float32' | 'float16') =>
      explain(() =>
        ones([1 << 16], { dtype })
          .slice(0, 1)
          .pad([1, 0]),
      ).peakBytes;
    expect(bytes('float16')).toBe(bytes('float32') / 2);
  });

  test('products refuse operands of two types', () => {
    const word = (op: string) =>
      `${op}: the operands must be floats of one type, got float16 and float32. Convert with to(), or compute in autocast().`;
    expect(() =>
      ones([2, 3])
        .half()
        .matmul(ones([3, 2])),
    ).toThrow(word('matmul'));
    expect(() =>
      ones([1, 1, 3, 3])
        .half()
        .conv2d(ones([1, 1, 2, 2])),
    ).toThrow(word('conv2d'));
  });

  test('gradients come back through the casts in the type of their leaf', async () => {
    const x = tensor(uniform([3, 4]), [3, 4], { requires_grad: true });
    const h = tensor(uniform([4, 2], 2), [4, 2], { dtype: 'float16', requires_grad: true });
    x.half().matmul(h).float().square().sum().backward();
    expect([x.grad!.dtype, h.grad!.dtype]).toEqual(['float32', 'float16']);
    const y = tensor(uniform([3, 4]), [3, 4], { requires_grad: true });
    y.matmul(tensor(await h.data(), [4, 2]))
      .square()
      .sum()
      .backward();
    expectClose('gradient', await x.grad!.data(), await y.grad!.data(), tolerances.half);
  });

  test('a model in float16 keeps its batch norms, saves what it keeps, and computes what it did', async () => {
    const { model, images } = newTraining();
    model.eval();
    const before = await model.stateDict();
    const want = await noGrad(() => model.forward(images(0))).data();
    model.half();
    const state = await model.stateDict();
    expect(state.get('conv1.weight')!.dtype).toBe('float16');
    expect(state.get('bn1.running_var')!.dtype).toBe('float32');
    const y = noGrad(() => model.forward(images(0).half()));
    expect(y.dtype).toBe('float16');
    expectClose('logits', await y.data(), want, tolerances.half);
    const fresh = new SmallNet().half().eval();
    fresh.loadStateDict(before);
    expect(await noGrad(() => fresh.forward(images(0).half())).data()).toEqual(await y.data());
    expect((await model.float().stateDict()).get('conv1.weight')!.dtype).toBe('float32');
    expectClose('logits', await noGrad(() => model.forward(images(0))).data(), want, tolerances.half);
  });

  test('optimizers refuse parameters in float16', () => {
    const layer = new Linear(2, 2).half();
    const optimizer = new SGD(layer.parameters(), { lr: 0.1 });
    layer.weight.grad = ones([2, 2]).half();
    expect(() => optimizer.step()).toThrow(
      'optimizer: a parameter of [2, 2] is float16. Keep parameters in float32, and compute in autocast().',
    );
  });
});

describe.skipIf(!supported)('autocast (needs an adapter with shader-f16)', () => {
  test('chooses the types that torch.autocast does', () => {
    const types: Record<string, string> = {};
    autocast(() => {
      const y = ones([1, 2, 4, 4]).conv2d(ones([2, 2, 3, 3]));
      const flat = y.relu().maxPool2d(2).flatten(1);
      const z = flat.linear(ones([3, 2]));
      const norm = y.batchNorm2d(ones([2]), ones([2]), null, null, { training: true });
      const results: Record<string, Tensor> = { y, flat, z, norm, mean: z.mean(), sum: z.sum(), exp: z.exp() };
      Object.assign(results, {
        softmax: z.softmax(1),
        loss: crossEntropy(z, tensor(Int32Array.of(1))),
        square: z.square(),
        bce: binaryCrossEntropyWithLogits(z, ones([1, 3]), { reduction: 'none' }),
        focal: sigmoidFocalLoss(z, ones([1, 3]), { reduction: 'none' }),
        l1: l1Loss(z, ones([1, 3])),
        huber: huberLoss(z, ones([1, 3])),
      });
      results.off = autocast({ enabled: false }, () => ones([2, 2]).matmul(ones([2, 2])));
      for (const [name, t] of Object.entries(results)) types[name] = t.dtype;
    });
    const [f16, f32] = ['float16', 'float32'];
    expect(types).toEqual({
      ...{ y: f16, flat: f16, z: f16, norm: f16, mean: f16, sum: f32, exp: f32 },
      ...{ softmax: f32, loss: f32, square: f32, bce: f32, focal: f32, l1: f32, huber: f32, off: f32 },
    });
    expect(ones([2, 2]).matmul(ones([2, 2])).dtype).toBe('float32');
  });

  test('a squared error beyond float16 is told whole', async () => {
    const loss = autocast(() =>
      huberLoss(ones([1, 1]).linear(tensor([60000], [1, 1])), tensor([-60000], [1, 1]), { delta: 1e6 }),
    );
    expect(await loss.item()).toBe(0.5 * 120_000 ** 2);
  });

  test('gives the gradients of float32, in float32, with and without checkpointing', async () => {
    const run = async (forward: (model: SmallNet, x: Tensor) => Tensor) => {
      const { images } = newTraining();
      manualSeed(1);
      const model = new SmoothNet();
      const loss = step(() => {
        const loss = forward(model, images(0));
        loss.backward();
        return loss;
      });
      const grads = await Promise.all(model.parameters().map((p) => p.grad!.data()));
      expect(model.parameters().every((p) => p.grad!.dtype === 'float32')).toBe(true);
      return { loss: await loss.item(), grads };
    };
    const want = await run((model, x) => crossEntropy(model.forward(x), targets()));
    const mixed = await run((model, x) => autocast(() => crossEntropy(model.forward(x), targets())));
    const replayed = await run((model, x) =>
      autocast(() =>
        crossEntropy(
          checkpoint((t) => model.forward(t), x),
          targets(),
        ),
      ),
    );
    expect(mixed.loss).not.toBe(want.loss);
    expect(mixed.loss).toBeCloseTo(want.loss, 2);
    const distance = (a: Float32Array, b: Float32Array) => Math.hypot(...a.map((v, i) => v - b[i]!)) / Math.hypot(...b);
    mixed.grads.forEach((g, k) => {
      expect(distance(g, want.grads[k]!)).toBeLessThan(0.02);
      expect(distance(replayed.grads[k]!, g)).toBeLessThan(0.01);
    });
  });

  test('a weight is converted as it is packed, a frozen one once', () => {
    const kernels = (frozen: boolean) => {
      const { model, images, optimizer } = newTraining();
      if (frozen) model.freeze('conv1', 'conv2');
      const run = explain(() => {
        autocast(() => crossEntropy(model.forward(images(0)), targets())).backward();
        optimizer.step();
      });
      return run.kernels.filter((name) => /pack|weights/.test(name)).length;
    };
    expect(kernels(true)).toBe(0);
    expect(kernels(false)).toBeGreaterThanOrEqual(2);
  });

  test('a frozen weight is converted once, not in every step; a trained one in each', () => {
    const casts = (...frozen: string[]) => {
      const { model, images, optimizer } = newTraining();
      if (frozen.length) model.freeze(...frozen);
      const { kernels } = explain(() => {
        autocast(() => crossEntropy(model.forward(images(0)), targets())).backward();
        optimizer.step();
      });
      return kernels.filter((name) => name === 'to.float16').length;
    };
    // Convolutions convert as they pack; of the dense layer both parameters are converted by themselves.
    expect(casts('fc')).toBe(casts() - 2);
  });

  test('learns as float32 does', async () => {
    const losses = async (mixed: boolean) => {
      const { model, images, optimizer } = newTraining();
      const all: number[] = [];
      for (let k = 0; k < 8; k++) {
        const loss = step(() => {
          optimizer.zeroGrad();
          const loss = autocast({ enabled: mixed }, () => crossEntropy(model.forward(images(0)), targets()));
          loss.backward();
          optimizer.step();
          return loss;
        });
        all.push(await loss.item());
      }
      return all;
    };
    const [single, mixed] = [await losses(false), await losses(true)];
    expect(mixed.at(-1)!).toBeLessThan(mixed[0]! / 2);
    mixed.forEach((loss, k) => {
      expect(loss).toBeCloseTo(single[k]!, 1);
    });
  });

  test('refuses a function that returns a promise', () => {
    expect(() => autocast(async () => 1)).toThrow(
      'autocast: the function must be synchronous, got one that returns a promise.',
    );
  });
});

test('an adapter without 16-bit floats refuses them in one line, and computes what needs none', async () => {
  const { info } = currentDevice();
  const { features } = info;
  (info as { features: readonly string[] }).features = features.filter((f) => f !== 'shader-f16');
  try {
    const rest = `: this adapter (${info.description}) has no 16-bit floats (shader-f16). Keep to float32, or take another adapter.`;
    expect(() => ones([2]).half()).toThrow(`to${rest}`);
    expect(() => ones([2], { dtype: 'float16' })).toThrow(`ones${rest}`);
    expect(() => autocast(() => 1)).toThrow(`autocast${rest}`);
    expect(() => new Linear(1, 1).half()).toThrow(`to${rest}`);
    expect(autocast({ enabled: false }, () => ones([2, 2]).matmul(ones([2, 2]))).dtype).toBe('float32');
    expect(await ones([2]).add(1).data()).toEqual(Float32Array.of(2, 2));
  } finally {
    (info as { features: readonly string[] }).features = features;
  }
});
