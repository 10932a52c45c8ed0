/** An optimizer's step in the kernel that computes the gradient: the same numbers as a step by itself, and only where nobody else looks. */
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { init } from '../../src/graph/init.ts';
import { graphOptions } from '../../src/graph/options.ts';
import { explain } from '../../src/graph/run.ts';
import { manualSeed, step, type Tensor, tensor } from '../../src/index.ts';
import { Conv2d, crossEntropy, Linear, Module } from '../../src/nn/index.ts';
import { Adam, AdamW, type AnyOptimizer, clipGradNorm, SGD } from '../../src/optim/index.ts';
import { fill } from '../ops/inputs.ts';

/** A convolution whose tiles are cut, one whose tiles are not, one of groups, one that runs twice, and a dense layer. */
class Net extends Module {
  cut = new Conv2d(3, 32, 3, { padding: 1 });
  even = new Conv2d(32, 32, 1, { bias: false });
  grouped = new Conv2d(32, 32, 3, { stride: 2, padding: 1, groups: 4 });
  twice = new Conv2d(32, 32, 3, { padding: 1, bias: false });
  fc = new Linear(32, 5);

  forward(x: Tensor): Tensor {
    const y = this.grouped.forward(this.even.forward(this.cut.forward(x).relu()).relu()).relu();
    return this.fc.forward(this.twice.forward(this.twice.forward(y).relu()).relu().mean([2, 3]));
  }
}

const OPTIMIZERS: readonly (readonly [string, (params: Iterable<Tensor>) => AnyOptimizer])[] = [
  ['SGD', (p) => new SGD(p, { lr: 0.05, weightDecay: 0.01 })],
  ['SGD with momentum', (p) => new SGD(p, { lr: 0.05, momentum: 0.9, weightDecay: 0.01 })],
  ['SGD with Nesterov momentum', (p) => new SGD(p, { lr: 0.05, momentum: 0.9, nesterov: true })],
  ['SGD with dampening', (p) => new SGD(p, { lr: 0.05, momentum: 0.9, dampening: 0.5 })],
  ['Adam', (p) => new Adam(p, { lr: 0.01, weightDecay: 0.01 })],
  ['AdamW', (p) => new AdamW(p, { lr: 0.01 })],
];

const images = (k: number): Tensor => tensor(fill({ shape: [4, 3, 8, 8], kind: 'uniform' }, k), [4, 3, 8, 8]);
const labels = (): Tensor => tensor(Int32Array.of(0, 1, 2, 3));

/** Records a step that drops its gradients; gives the loss, and the logits after it. */
function train(net: Net, optimizer: AnyOptimizer, k: number, before: (net: Net) => void = () => {}): Tensor[] {
  const loss = crossEntropy(net.forward(images(k)), labels());
  loss.backward();
  before(net);
  optimizer.step();
  optimizer.zeroGrad();
  return [loss, net.forward(images(k))];
}

/** Names of the kernels of a step that take the optimizer's. */
const taken = (record: () => unknown): string[] => explain(record).kernels.filter((name) => name.includes('+'));

function newNet(): Net {
  manualSeed(1);
  return new Net();
}

beforeAll(async () => {
  await init();
});
afterEach(() => {
  graphOptions.fusion = true;
});

describe.each(OPTIMIZERS)('%s', (_, optimizerOf) => {
  test('three steps end where they end without fusion, and what is recorded after a step sees it', async () => {
    const results: Float32Array[][] = [];
    for (const fusion of [true, false]) {
      graphOptions.fusion = fusion;
      const net = newNet();
      const optimizer = optimizerOf(net.parameters());
      const values: Float32Array[] = [];
      for (let k = 0; k < 3; k++)
        for (const result of step(() => train(net, optimizer, k))) values.push((await result.data()) as Float32Array);
      for (const p of net.parameters()) values.push((await p.data()) as Float32Array);
      const { state } = await optimizer.stateDict();
      for (const { data } of state.values()) values.push(data as Float32Array);
      results.push(values);
    }
    const [fused, apart] = results as [Float32Array[], Float32Array[]];
    expect(fused.length).toBe(apart.length);
    for (const [n, values] of apart.entries()) {
      const bound = 1e-5 * values.reduce((most, v) => Math.max(most, Math.abs(v)), 1e-3);
      const worst = values.reduce((most, v, i) => Math.max(most, Math.abs(v - fused[n]![i]!)), 0);
      expect(worst, `result ${n}`).toBeLessThanOrEqual(bound);
    }
  });

  test('runs in the kernel of every weight that one product has the gradient of', () => {
    const net = newNet();
    const optimizer = optimizerOf(net.parameters());
    expect(taken(() => train(net, optimizer, 0))).toHaveLength(4);
  });
});

describe('runs by itself', () => {
  const kernels = (before?: (net: Net) => void, keep = false) => {
    const net = newNet();
    const optimizer = new SGD(net.parameters(), { lr: 0.05, momentum: 0.9 });
    return taken(() => {
      const results = train(net, optimizer, 0, before);
      return keep ? results : [];
    });
  };

  test('where gradients are clipped', () => {
    expect(kernels((net) => void clipGradNorm(net.parameters(), 1))).toEqual([]);
  });

  test('where a gradient is read', () => {
    const read: (Tensor | null)[] = [];
    const net = newNet();
    const optimizer = new SGD(net.parameters(), { lr: 0.05, momentum: 0.9 });
    const names = taken(() => {
      train(net, optimizer, 0, () => read.push(net.even.weight.grad));
      return read;
    });
    expect(names).toHaveLength(3);
  });

  test('where two optimizers take the same gradient', () => {
    const net = newNet();
    for (const p of net.parameters()) p.requires_grad = p === net.even.weight;
    const [one, other] = [new SGD([net.even.weight], { lr: 0.1 }), new SGD([net.even.weight], { lr: 0.2 })];
    expect(taken(() => train(net, one, 0, () => other.step()))).toEqual([]);
  });

  test('without fusion', () => {
    graphOptions.fusion = false;
    expect(kernels()).toEqual([]);
  });
});
