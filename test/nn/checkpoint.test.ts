/** Activation checkpointing: the same numbers bit by bit, less memory, and everything that happens in forward happens once. */
import { beforeAll, describe, expect, test } from 'vitest';
import { checkpoint, explain, init, manualSeed, noGrad, randn, step, type Tensor, tensor } from '../../src/index.ts';
import { resnet18 } from '../../src/models/index.ts';
import {
  BatchNorm2d,
  Conv2d,
  crossEntropy,
  Dropout,
  type Module,
  Parameter,
  ReLU,
  Sequential,
} from '../../src/nn/index.ts';
import { SGD } from '../../src/optim/index.ts';

beforeAll(async () => {
  await init();
});

/** Two blocks with everything that must not happen twice: statistics, counters, draws. */
function net(): Sequential {
  manualSeed(3);
  const block = (from: number) => [
    new Conv2d(from, 8, 3, { padding: 1 }),
    new BatchNorm2d(8, { momentum: null }),
    new ReLU(),
    new Dropout(0.3),
  ];
  return new Sequential(new Sequential(...block(3)), new Sequential(...block(8), new Dropout(0.4, { seed: 5 })));
}

async function train(model: Module, x: Tensor): Promise<{ gradients: Float32Array[]; buffers: Float32Array[] }> {
  manualSeed(7);
  for (let i = 0; i < 3; i++)
    step(() => {
      const y = model.forward(x);
      y.mul(y).mean().backward();
    });
  return {
    gradients: await Promise.all(model.parameters().map((p) => p.grad!.data())),
    buffers: await Promise.all(model.buffers().map((b) => b.data())),
  };
}

describe('checkpointing', () => {
  test('changes no gradient, statistic, counter or draw by a bit', async () => {
    const x = randn([4, 3, 9, 7], { seed: 1 });
    const plain = await train(net(), x);
    for (const nested of [false, true]) {
      const model = net();
      model.checkpointing = true;
      if (nested) for (const block of model) (block as Sequential).checkpointing = true;
      expect(await train(model, x)).toEqual(plain);
    }
  });

  test('passes the gradient on, and leaves frozen parameters without one', async () => {
    const x = randn([2, 3, 5, 5], { seed: 1 });
    x.requires_grad = true;
    const model = net();
    model.freeze('0.*');
    model.checkpointing = true;
    model.forward(x).sum().backward();
    expect(x.grad!.shape).toEqual(x.shape);
    expect(model.namedParameters().flatMap(([name, p]) => (p.grad ? [name] : []))).toEqual([
      '1.0.weight',
      '1.0.bias',
      '1.1.weight',
      '1.1.bias',
    ]);
  });

  test('a training step of ResNet-18 needs less memory', async () => {
    const labels = tensor(new Int32Array(32));
    const x = randn([32, 3, 128, 128], { seed: 1 });
    const peak = async (checkpointing: boolean) => {
      const model = await resnet18({ seed: 1 });
      for (const stage of [model.layer1, model.layer2, model.layer3, model.layer4]) stage.checkpointing = checkpointing;
      const optimizer = new SGD(model.parameters(), { lr: 0.1 });
      return explain(() => {
        optimizer.zeroGrad();
        crossEntropy(model.forward(x), labels).backward();
        optimizer.step();
      }).peakBytes;
    };
    // The stem, the inputs of the eight blocks, the parameters and their gradients stay.
    expect(await peak(true)).toBeLessThan(0.82 * (await peak(false)));
  });

  test('is nothing without gradients, and for a part that has none', async () => {
    const x = randn([2], { seed: 1 });
    expect(await noGrad(() => checkpoint((t) => t.mul(2), x)).data()).toEqual((await x.data()).map((v) => v * 2));
    expect(checkpoint((t) => t.mul(2), x).requires_grad).toBe(false);
    expect(checkpoint((t) => t, x)).toBe(x);
  });

  test('a part that reaches for a computed tensor outside is refused', () => {
    const w = new Parameter([2], Float32Array.of(2, 3));
    const outside = w.mul(2);
    expect(() => checkpoint((t) => t.mul(outside), tensor([1, 1], [2]))).toThrow(
      'checkpoint: the part uses a tensor that was computed outside of it. Pass it as the input, or compute it inside.',
    );
    outside.sum().backward();
    expect(w.grad!.shape).toEqual([2]);
  });

  test('a leaf changed between forward and backward is found out', () => {
    const w = new Parameter([2], Float32Array.of(2, 3));
    const y = checkpoint((t) => t.mul(w), tensor([1, 1], [2])).sum();
    w.set(Float32Array.of(4, 5));
    expect(() => y.backward()).toThrow(
      "backward: an input of 'checkpoint' was changed in place since it was used. Call backward() before optimizer.step().",
    );
  });
});
