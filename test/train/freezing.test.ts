/** Freezing, exactly: what a frozen batch norm does, PyTorch's literal behaviour on request, and the proof that nothing changed. */
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { explain } from '../../src/graph/run.ts';
import { init, step, tensor } from '../../src/index.ts';
import { frozenTensors } from '../../src/nn/frozen-tensors.ts';
import { BatchNorm2d, Linear, type Module, Sequential } from '../../src/nn/index.ts';
import { AdamW, SGD } from '../../src/optim/index.ts';
import { fit } from '../../src/train/fit.ts';
import { FrozenSnapshot } from '../../src/train/freezing-proof.ts';
import { fill } from '../ops/inputs.ts';
import { expectClose, tolerances } from '../tolerances.ts';
import { images, made, Normed, Plain, Residual } from './nets.ts';

interface Fixture {
  readonly frozenStats: Readonly<Record<'images' | 'output' | 'running_mean' | 'running_var', readonly number[]>>;
}
const { frozenStats } = JSON.parse(readFileSync(new URL('../fixtures/optim.json', import.meta.url), 'utf8')) as Fixture;

const batch = (seed: number, shape = [4, 3, 8, 8]) => tensor(fill({ shape, kind: 'uniform' }, seed), shape);
const labels = tensor(Int32Array.of(0, 1, 2, 0));

/** Steps of training with everything that could touch a parameter: momentum, weight decay, a large rate. */
async function train(model: Module, steps = 2): Promise<void> {
  const optimizer = new AdamW(model.parameters(), { lr: 0.1, weightDecay: 0.5 });
  for (let k = 0; k < steps; k++)
    await step(() => {
      optimizer.zeroGrad();
      const loss = model.forward(batch(k)).crossEntropy(labels);
      loss.backward();
      optimizer.step();
      return loss;
    }).item();
}

beforeAll(async () => {
  await init();
});

describe('a frozen batch norm', () => {
  const statistics = async (norm: BatchNorm2d) => [
    ...(await norm.running_mean!.data()),
    ...(await norm.running_var!.data()),
    ...(await norm.num_batches_tracked!.data()),
  ];

  test('uses its running statistics in train() as in eval()', async () => {
    const norm = made(() => new Residual()).bn1.freeze();
    const x = batch(1, [4, 4, 8, 8]);
    const training = await norm.train().forward(x).data();
    expect(training).toEqual(await norm.eval().forward(x).data());
    expect(training).not.toEqual(await norm.unfreeze().train().forward(x).data());
  });

  test('never changes them while the rest trains; one that is not frozen does', async () => {
    const model = made(() => new Residual(), 'bn1', 'layer1');
    const before = [
      await statistics(model.bn1),
      await statistics(model.layer1.bn1),
      await statistics(model.layer2.bn1),
    ];
    await train(model);
    expect(await statistics(model.bn1)).toEqual(before[0]);
    expect(await statistics(model.layer1.bn1)).toEqual(before[1]);
    expect(await statistics(model.layer2.bn1)).not.toEqual(before[2]);
    expect(model.layer2.bn1.num_batches_tracked!.count).toBe(2);
  });

  test("with frozenStats: 'update' it does what PyTorch does", async () => {
    const norm = new BatchNorm2d(2, { frozenStats: 'update' }).freeze();
    const y = norm.forward(tensor(Float32Array.from(frozenStats.images), [3, 2, 2, 2]));
    expectClose('output', await y.data(), frozenStats.output, tolerances.normalised);
    expectClose('running_mean', await norm.running_mean!.data(), frozenStats.running_mean, tolerances.normalised);
    expectClose('running_var', await norm.running_var!.data(), frozenStats.running_var, tolerances.normalised);
    expect(norm.num_batches_tracked!.count).toBe(1);
    expect(norm.frozen).toBe(false);
  });

  test('half frozen it goes on, and says so once', async () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
    const model = made(() => new Normed(), 'bn.bias');
    await train(model);
    await train(model);
    expect(warn.mock.calls).toEqual([
      [
        'BatchNorm2d(4): bias is frozen and weight is not, so its running statistics keep changing. Freeze both to freeze the layer.',
      ],
    ]);
    warn.mockRestore();
    expect(model.bn.num_batches_tracked!.count).toBe(4);
  });

  test('unfrozen again it takes up batch statistics', async () => {
    const model = made(() => new Normed(), 'bn');
    await train(model);
    expect(model.bn.num_batches_tracked!.count).toBe(0);
    model.unfreeze('bn');
    await train(model);
    expect(model.bn.num_batches_tracked!.count).toBe(2);
  });
});

describe('what is frozen costs nothing', () => {
  const kernelsOf = (model: Module) =>
    explain(() => {
      model.forward(batch(1)).crossEntropy(labels).backward();
      return model.parameters().map((p) => p.grad);
    }).kernels;

  test('backward stops at the freeze boundary', () => {
    expect(
      kernelsOf(made(() => new Residual())).filter((name) => /inputGrad|weightGrad/i.test(name)).length,
    ).toBeGreaterThan(3);
    const frozen = kernelsOf(made(() => new Residual()).freezeUntil('fc'));
    expect(frozen.filter((name) => /inputGrad|weightGrad|stats/i.test(name))).toEqual([]);
  });

  test('and keeps no activations for it', () => {
    const bytes = (model: Module) =>
      explain(() => void model.forward(batch(1)).crossEntropy(labels).backward()).lowerBoundBytes;
    expect(bytes(made(() => new Residual()).freezeUntil('fc'))).toBeLessThan(bytes(made(() => new Residual())));
  });

  test('freezing drops the gradient, and a later backward makes none', () => {
    const model = made(() => new Plain());
    model.forward(batch(1)).crossEntropy(labels).backward();
    model.freeze('conv');
    expect(model.conv.weight.grad).toBeNull();
    model.forward(batch(1)).crossEntropy(labels).backward();
    expect(model.conv.weight.grad).toBeNull();
    expect(model.fc.weight.grad).not.toBeNull();
  });
});

describe('the proof', () => {
  test('says 0 bytes changed after training', async () => {
    const model = made(() => new Residual()).freezeUntil('layer2');
    const before = await FrozenSnapshot.of(model);
    await fit(model, {
      train: images(10),
      epochs: 2,
      batchSize: 4,
      optimizer: new SGD(model.parameters(), { lr: 0.1, momentum: 0.9, weightDecay: 0.1 }),
    });
    const proof = await before.proof(model);
    expect(proof).toMatchObject({ changedBytes: 0, digestAfter: proof.digestBefore });
    // conv1, bn1 (weight, bias, two statistics, a counter) and the same of layer1.
    expect(proof.tensors).toBe(12);
    expect(proof.bytes).toBe(4 * (108 + 17 + 144 + 17));
    expect(proof.digestBefore).toMatch(/^[0-9a-f]{64}$/);
  });

  test.each<[string, (model: Residual) => void, string[]]>([
    ['a weight', (m) => m.conv1.weight.set(new Float32Array(108)), ['conv1.weight']],
    ['the sign of a zero', (m) => m.bn1.bias!.set(Float32Array.of(0, -0, 0, 0)), ['bn1.bias']],
    [
      'running statistics',
      (m) => m.layer1.bn1.running_var!.set(Float32Array.of(1, 1, 1, 1)),
      ['layer1.bn1.running_var'],
    ],
    ['a counter', (m) => void m.bn1.num_batches_tracked!.increment(), ['bn1.num_batches_tracked']],
  ])('says what changed: %s', async (_, tamper, changed) => {
    const model = made(() => new Residual()).freezeUntil('layer2');
    model.bn1.bias!.set(new Float32Array(4));
    const before = await FrozenSnapshot.of(model);
    tamper(model);
    const proof = await before.proof(model);
    expect(proof.changed).toEqual(changed);
    expect(proof.changedBytes).toBeGreaterThan(0);
    expect(proof.digestAfter).not.toBe(proof.digestBefore);
  });

  test('leaves out what trains: a moving batch norm with its statistics, and what was unfrozen since', async () => {
    const moving = made(() => new Normed(new BatchNorm2d(4, { frozenStats: 'update' })), 'conv', 'bn');
    expect(frozenTensors(moving).map(([name]) => name)).toEqual(['conv.weight', 'bn.weight', 'bn.bias']);
    const model = made(() => new Plain());
    model.freeze();
    const before = await FrozenSnapshot.of(model);
    model.unfreeze('fc');
    await train(model);
    expect(await before.proof(model)).toMatchObject({ tensors: 1, bytes: 432, changedBytes: 0 });
  });

  test('nothing frozen: nothing to prove', async () => {
    const model = new Sequential(new Linear(2, 2));
    expect(await (await FrozenSnapshot.of(model)).proof(model)).toMatchObject({
      tensors: 0,
      bytes: 0,
      changedBytes: 0,
    });
  });
});
