/** Calls: paths in shape errors, hooks, batch norm's three states, dropout, summaries. */
import { beforeAll, expect, test, vi } from 'vitest';
import { ShapeError } from '../../src/core/errors.ts';
import { init } from '../../src/graph/init.ts';
import {
  BatchNorm2d,
  Conv2d,
  CrossEntropyLoss,
  crossEntropy,
  Dropout,
  Flatten,
  Identity,
  Linear,
  Module,
  ModuleList,
  mseLoss,
  ReLU,
  Sequential,
} from '../../src/nn/index.ts';
import { noGrad } from '../../src/tensor/autograd.ts';
import { tensor } from '../../src/tensor/factory.ts';
import type { Tensor } from '../../src/tensor/tensor.ts';

beforeAll(async () => {
  await init();
});

const ramp = (shape: number[]) => {
  const n = shape.reduce((a, b) => a * b, 1);
  return tensor(
    Float32Array.from({ length: n }, (_, i) => Math.sin(i)),
    shape,
  );
};

class Nested extends Module {
  layers = new ModuleList([new Sequential(new Conv2d(3, 8, 3), new Conv2d(6, 8, 1))]);
  forward(x: Tensor): Tensor {
    return this.layers[0]!.forward(x);
  }
}

test('a shape error names the module it comes from', () => {
  try {
    new Nested().forward(ramp([1, 3, 8, 8]));
    expect.unreachable();
  } catch (error) {
    expect(error).toBeInstanceOf(ShapeError);
    const { message, path, op, stack } = error as ShapeError;
    expect(path).toBe('layers.0.1');
    expect(op).toBe('conv2d');
    expect(message).toMatch(/^layers\.0\.1: conv2d: input has 8 channels, but weight \[8, 6, 1, 1\] expects 6/);
    expect(stack).toContain('layers.0.1: conv2d:');
  }
  expect(() => new Conv2d(3, 8, 3).forward(ramp([1, 4, 8, 8]))).toThrow(/^conv2d: input has 4 channels/);
  expect(() => new Sequential(new Linear(4, 2)).forward(ramp([1, 3]))).toThrow(/^0: linear: input has 3 features/);
  expect(() => new BatchNorm2d(3).forward(ramp([1, 4, 2, 2]))).toThrow(
    'batchNorm2d: input must be [N, 3, H, W], got [1, 4, 2, 2].',
  );
});

test('a hook reads an intermediate activation, inside noGrad too, until it is removed', async () => {
  const net = new Sequential(new Linear(4, 3), new ReLU(), new Linear(3, 2));
  const seen: Tensor[] = [];
  const inputs: number[] = [];
  const remove = net[1]!.onForward((output, given) => {
    seen.push(output);
    inputs.push(given.length);
  });
  const x = ramp([2, 4]);
  noGrad(() => net.forward(x));
  const expected = noGrad(() => net[0]!.forward(x).relu());
  expect(inputs).toEqual([1]);
  expect(await seen[0]!.data()).toEqual(await expected.data());
  net.forward(x);
  expect(seen.length).toBe(2);
  expect(await seen[1]!.data()).toEqual(await expected.data());
  remove();
  net.forward(x);
  expect(seen.length).toBe(2);
});

test('an inherited forward can be extended with super.forward', async () => {
  class Doubled extends Linear {
    override forward(x: Tensor): Tensor {
      return super.forward(x).mul(2);
    }
  }
  const layer = new Doubled(2, 1, { bias: false });
  layer.weight.set(Float32Array.of(1, 2));
  expect(await layer.forward(tensor([[3, 4]])).data()).toEqual(Float32Array.of(22));
});

test('batch norm: training updates the running statistics, evaluation uses them', async () => {
  const bn = new BatchNorm2d(1, { momentum: 0.5 });
  const x = tensor([1, 2, 3, 6], undefined).reshape([1, 1, 2, 2]);
  const y = await noGrad(() => bn.forward(x)).data();
  expect(await bn.running_mean!.data()).toEqual(Float32Array.of(1.5));
  const [variance] = await bn.running_var!.data();
  expect(variance).toBeCloseTo(0.5 * 1 + 0.5 * (14 / 3), 6);
  expect(bn.num_batches_tracked!.count).toBe(1);
  expect(y[0]).toBeCloseTo((1 - 3) / Math.sqrt(3.5 + 1e-5), 5);
  bn.eval();
  const z = await noGrad(() => bn.forward(x)).data();
  expect(z[0]).toBeCloseTo((1 - 1.5) / Math.sqrt(variance! + 1e-5), 5);
  expect(bn.num_batches_tracked!.count).toBe(1);
});

test('batch norm: frozen keeps its statistics in training, bit for bit; frozenStats update moves them', async () => {
  const x = ramp([2, 3, 4, 4]);
  const kept = new BatchNorm2d(3).freeze();
  const before = await kept.stateDict();
  const y = await noGrad(() => kept.forward(x)).data();
  expect(await kept.stateDict()).toEqual(before);
  expect(await noGrad(() => kept.eval().forward(x)).data()).toEqual(y);
  const literal = new BatchNorm2d(3, { frozenStats: 'update' }).freeze();
  await noGrad(() => literal.forward(x)).data();
  expect(literal.num_batches_tracked!.count).toBe(1);
  expect(await literal.running_mean!.data()).not.toEqual(new Float32Array(3));
});

test('batch norm: momentum null averages over all batches', async () => {
  const bn = new BatchNorm2d(1, { momentum: null });
  for (const value of [1, 2, 6]) noGrad(() => bn.forward(tensor(new Float32Array(4).fill(value), [1, 1, 2, 2])));
  expect((await bn.running_mean!.data())[0]).toBeCloseTo(3, 6);
});

test('batch norm: half frozen warns, once', () => {
  const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
  const bn = new BatchNorm2d(2);
  bn.weight!.requires_grad = false;
  noGrad(() => bn.forward(ramp([1, 2, 2, 2])));
  noGrad(() => bn.forward(ramp([1, 2, 2, 2])));
  expect(warn.mock.calls).toEqual([
    [
      'BatchNorm2d(2): weight is frozen and bias is not, so its running statistics keep changing. Freeze both to freeze the layer.',
    ],
  ]);
  warn.mockRestore();
});

test('frozen parameters get no gradient', async () => {
  const net = new Sequential(new Linear(3, 3), new ReLU(), new Linear(3, 2)).freeze('0');
  net
    .forward(ramp([2, 3]))
    .sum()
    .backward();
  expect(net.parameters().map((p) => p.grad !== null)).toEqual([false, false, true, true]);
  expect(await net.parameters()[3]!.grad!.data()).toEqual(Float32Array.of(2, 2));
  net.zeroGrad();
  expect(net.parameters().every((p) => p.grad === null)).toBe(true);
});

test('dropout: seeded, scaled, off in evaluation', async () => {
  const x = tensor(new Float32Array(4096).fill(1), [4096]);
  const values = async (layer: Dropout) => (await noGrad(() => layer.forward(x)).data()) as Float32Array;
  const a = await values(new Dropout(0.25, { seed: 3 }));
  expect(await values(new Dropout(0.25, { seed: 3 }))).toEqual(a);
  expect(new Set(a)).toEqual(new Set([0, Math.fround(1 / 0.75)]));
  const kept = a.reduce((n, v) => n + Number(v !== 0), 0) / a.length;
  expect(kept).toBeGreaterThan(0.7);
  expect(kept).toBeLessThan(0.8);
  const layer = new Dropout(0.25, { seed: 3 });
  expect(await values(layer)).not.toEqual(await values(layer));
  expect(layer.eval().forward(x)).toBe(x);
  expect(() => new Dropout(2)).toThrow('Dropout: p must be a probability from 0 to 1, got 2.');
});

test('losses as functions and as modules agree', async () => {
  const logits = ramp([3, 4]);
  const labels = tensor(Int32Array.of(1, 0, 3));
  const options = { labelSmoothing: 0.1 };
  const loss = await crossEntropy(logits, labels, options).item();
  expect(await new CrossEntropyLoss(options).forward(logits, labels).item()).toBe(loss);
  const weighted = new CrossEntropyLoss({ weight: [1, 2, 3, 4] });
  expect((await weighted.stateDict()).has('weight')).toBe(true);
  expect(await weighted.forward(logits, labels).item()).not.toBe(loss);
  expect(await mseLoss(tensor([1, 2]), tensor([3, 2])).item()).toBe(2);
});

test('flatten and identity', () => {
  expect(new Flatten().forward(ramp([2, 3, 4])).shape).toEqual([2, 12]);
  const x = ramp([2]);
  expect(new Identity().forward(x)).toBe(x);
});

test('summary: a table with shapes and what is frozen, and nothing is computed or changed', async () => {
  class Small extends Module {
    conv = new Conv2d(3, 4, 3, { padding: 1, bias: false });
    bn = new BatchNorm2d(4);
    fc = new Linear(4, 1000);
    forward(x: Tensor): Tensor {
      return this.fc.forward(this.bn.forward(this.conv.forward(x)).mean([2, 3]));
    }
  }
  const net = new Small().freezeUntil('fc');
  const before = await net.stateDict();
  expect(net.summary({ inputShape: [2, 3, 8, 8] })).toBe(
    [
      'layer  type         output        parameters',
      '-----  -----------  ------------  ----------  -------------',
      '       Small        [2, 1000]          5,116  partly frozen',
      'conv   Conv2d       [2, 4, 8, 8]         108  frozen',
      'bn     BatchNorm2d  [2, 4, 8, 8]           8  frozen',
      'fc     Linear       [2, 1000]          5,000  trainable',
      '',
      'total              5,116 parameters in 5 tensors',
      'trainable          5,000 parameters in 2 tensors',
      'frozen               116 parameters in 3 tensors',
    ].join('\n'),
  );
  expect(net.summary()).not.toContain('[2, 1000]');
  expect(net.summary({ depth: 0 }).split('\n').length).toBe(7);
  expect(net.training).toBe(true);
  expect(await net.stateDict()).toEqual(before);
});
