/** Where in-place updates run: as early as their operands allow, with the same results. */
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Group } from '../../src/graph/group.ts';
import { updatesFirst } from '../../src/graph/order.ts';
import { Data } from '../../src/graph/value.ts';
import { explain, init, noGrad, type Tensor, tensor } from '../../src/index.ts';
import { Conv2d, Linear, Module } from '../../src/nn/index.ts';
import { SGD } from '../../src/optim/index.ts';

const SLOTS = 4;

/** What each slot and each result holds once the groups have run, told as the history that made it. */
function histories(groups: readonly Group[]): Map<Data, string> {
  const holds = new Map<Data, string>();
  for (const { key, reads, writes, inPlace } of groups) {
    const told = [...reads, ...(inPlace ? writes : [])].map((data) => holds.get(data) ?? '-').join();
    for (const data of writes) holds.set(data, `${key}(${told})`);
  }
  return holds;
}

/** A graph: every group reads slots and earlier results, and makes a result or updates a slot. */
const graph = fc
  .array(fc.record({ update: fc.boolean(), slot: fc.nat(SLOTS - 1), from: fc.array(fc.nat(30), { maxLength: 3 }) }), {
    maxLength: 25,
  })
  .map((list) => {
    const slots = Array.from({ length: SLOTS }, () => new Data(4, 'float32'));
    const known = [...slots];
    return list.map(({ update, slot, from }, k): Group => {
      const reads = from.map((f) => known[f % known.length]!);
      const result = new Data(4, 'float32');
      if (!update) known.push(result);
      return { key: `g${k}`, reads, writes: [update ? slots[slot]! : result], inPlace: update } as unknown as Group;
    });
  });

describe('updatesFirst', () => {
  test('changes no result', () => {
    fc.assert(
      fc.property(graph, (groups) => {
        const ordered = updatesFirst(groups);
        expect(new Set(ordered)).toEqual(new Set(groups));
        expect(ordered).toHaveLength(groups.length);
        expect(histories(ordered)).toEqual(histories(groups));
      }),
    );
  });

  test('an update runs right after the last of what it reads, and not before its slot was read', () => {
    const [slot, a, b, c] = Array.from({ length: 4 }, () => new Data(4, 'float32')) as [Data, Data, Data, Data];
    const group = (key: string, reads: Data[], writes: Data[], inPlace = false) =>
      ({ key, reads, writes, inPlace }) as unknown as Group;
    const groups = [
      group('a', [slot], [a]),
      group('b', [a], [b]),
      group('c', [slot], [c]),
      group('u', [a], [slot], true),
    ];
    const keys = (list: readonly Group[]) => list.map(({ key }) => key).join('');
    expect(keys(updatesFirst(groups))).toBe('abcu');
    expect(keys(updatesFirst([groups[0]!, groups[1]!, groups[3]!]))).toBe('aub');
  });
});

/** Eight convolutions of equal weights, each far larger than the images. */
class Deep extends Module {
  layers = Array.from({ length: 8 }, (_, k) => {
    const layer = new Conv2d(32, 32, 3, { padding: 1 });
    Object.assign(this, { [`conv${k}`]: layer });
    return layer;
  });
  fc = new Linear(32, 2);

  forward(x: Tensor): Tensor {
    const y = this.layers.reduce((z, layer) => layer.forward(z).relu(), x);
    return this.fc.forward(y.mean([2, 3]));
  }
}

describe('memory of a training step', () => {
  beforeAll(async () => {
    await init();
  });

  test('gradients that nobody reads after the step are not all alive at once', () => {
    const model = new Deep();
    const optimizer = new SGD(model.parameters(), { lr: 0.1, momentum: 0.9 });
    const x = tensor(new Float32Array(32 * 4 * 4).fill(0.5), [1, 32, 4, 4]);
    const train = (drop: boolean) => () => {
      optimizer.zeroGrad();
      const loss = model.forward(x).crossEntropy(tensor(Int32Array.of(1)));
      loss.backward();
      optimizer.step();
      if (drop) optimizer.zeroGrad();
      return loss;
    };
    const weight = 32 * 32 * 9 * 4;
    const [kept, dropped] = [explain(train(false)), explain(train(true))];
    expect(kept.peakBytes - dropped.peakBytes).toBeGreaterThan(5 * weight);
    // Where nobody reads a gradient, the kernel that computes it takes the optimizer's step: here for all weights.
    const fused = (kernels: readonly string[]) => kernels.filter((name) => name.endsWith('+sgd.momentum')).length;
    expect([fused(kept.kernels), fused(dropped.kernels)]).toEqual([0, model.layers.length + 1]);
    expect(dropped.kernels.length).toBe(kept.kernels.length - model.layers.length - 1);
  });

  test('max pooling notes where its maxima were only for backward', () => {
    const x = tensor(new Float32Array(64).fill(1), [1, 1, 8, 8]);
    expect(explain(() => noGrad(() => x.maxPool2d(2))).kernels).toEqual(['maxPool2d']);
    const w = tensor(new Float32Array(64).fill(1), [1, 1, 8, 8], { requires_grad: true });
    const kernels = explain(() => {
      const y = w.maxPool2d(2).sum();
      y.backward();
      return w.grad;
    }).kernels;
    expect(kernels).toContain('maxPool2d.indices');
  });
});
