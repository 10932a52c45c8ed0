/** What counts as the frozen trunk: per image, from frozen parameters alone, and no deeper. */
import { beforeAll, describe, expect, test } from 'vitest';
import { findTrunk } from '../../src/graph/frozen.ts';
import { cat, init, step, type Tensor, tensor } from '../../src/index.ts';
import { BatchNorm2d, Linear, Module, Parameter } from '../../src/nn/index.ts';
import { Dropped, made, Normed, Plain, Residual, Skipped } from '../train/nets.ts';

interface Found {
  /** Elements per image of each cut. */
  readonly cuts: number[];
  readonly slots: number;
  readonly text: string;
}

/** The trunk of `forward` over `batch` images of `shape`. */
function trunkOf(forward: (x: Tensor) => unknown, trainable: readonly Tensor[], batch = 4, shape = [3, 8, 8]): Found {
  let found: Found | undefined;
  step(() => {
    const x = tensor(new Float32Array(batch * shape.reduce((n, d) => n * d, 1)).fill(0.5), [batch, ...shape]);
    forward(x);
    const { cuts, slots, text } = findTrunk([x.value.data], new Set(trainable.map((p) => p.value.data)));
    found = { cuts: cuts.map((d) => d.count / batch), slots: slots.length, text };
  });
  return found!;
}

const trunkOfModel = (model: Module, batch = 4): Found =>
  trunkOf(
    (x) => model.forward(x),
    model.parameters().filter((p) => p.requires_grad),
    batch,
  );

beforeAll(async () => {
  await init();
});

describe('of a model', () => {
  test('a frozen convolution and a linear head: the pooled features', () => {
    expect(trunkOfModel(made(() => new Plain(), 'conv'))).toMatchObject({ cuts: [4], slots: 1 });
  });

  test('frozen up to a middle stage: the stage before it, once for its two consumers', () => {
    const model = made(() => new Residual()).freezeUntil('layer2');
    // Two convolutions, two batch norms of four slots each.
    expect(trunkOfModel(model)).toMatchObject({ cuts: [4 * 4 * 4], slots: 10 });
  });

  test('dropout ends it while training, and not in evaluation', () => {
    const model = made(() => new Dropped(), 'conv');
    expect(trunkOfModel(model).cuts).toEqual([4]);
    expect(trunkOf((x) => model.dropout.forward(model.conv.forward(x)).mean([2, 3]), []).cuts).toEqual([4 * 8 * 8]);
    model.eval();
    expect(
      trunkOf((x) => model.fc.forward(model.dropout.forward(model.conv.forward(x)).mean([2, 3])), [model.fc.weight])
        .cuts,
    ).toEqual([4]);
  });

  test('a batch norm that trains ends it before the batch statistics', () => {
    expect(trunkOfModel(made(() => new Normed(), 'conv'))).toMatchObject({ cuts: [4 * 8 * 8], slots: 1 });
  });

  test('so does one whose statistics move though its parameters are frozen', () => {
    const moving = made(() => new Normed(new BatchNorm2d(4, { frozenStats: 'update' })), 'conv', 'bn');
    expect(trunkOfModel(moving)).toMatchObject({ cuts: [4 * 8 * 8], slots: 1 });
    const still = made(() => new Normed(), 'conv', 'bn');
    expect(trunkOfModel(still)).toMatchObject({ cuts: [4], slots: 5 });
  });

  test('two cuts where the trainable part takes it up twice', () => {
    expect(trunkOfModel(made(() => new Skipped(), 'conv*')).cuts.sort((a, b) => a - b)).toEqual([4, 4 * 8 * 8]);
  });

  test('nothing where the first layer trains, or everything does', () => {
    expect(trunkOfModel(made(() => new Plain(), 'fc')).cuts).toEqual([]);
    expect(trunkOfModel(made(() => new Plain())).cuts).toEqual([]);
  });

  test('is the same for a partial batch, of one image too', () => {
    const model = made(() => new Residual()).freezeUntil('layer2');
    const { text } = trunkOfModel(model, 4);
    expect(trunkOfModel(model, 3).text).toBe(text);
    expect(trunkOfModel(model, 1).text).toBe(text);
  });

  test('tells strides, kernels and activations apart', () => {
    const weight = new Parameter([4, 3, 3, 3], new Float32Array(108).fill(0.1), false);
    const head = new Parameter([4, 2], new Float32Array(8));
    const variants: ((x: Tensor) => Tensor)[] = [
      (x) => x.conv2d(weight, null, { padding: 1 }).relu(),
      (x) => x.conv2d(weight, null, { padding: 1 }).gelu(),
      (x) => x.conv2d(weight, null, { padding: 1 }).leakyRelu(0.1),
      (x) => x.conv2d(weight, null, { padding: 1 }).leakyRelu(0.2),
      (x) => x.conv2d(weight, null, { stride: 2 }).relu(),
      (x) => x.conv2d(weight, null, { padding: 1 }).relu().maxPool2d(2),
      (x) => x.conv2d(weight, null, { padding: 1 }).relu().avgPool2d(2),
    ];
    const texts = variants.map((f) => trunkOf((x) => f(x).mean([2, 3]).matmul(head), [head]).text);
    expect(new Set(texts).size).toBe(variants.length);
  });
});

describe('what mixes images ends it', () => {
  const square = new Parameter([4, 4], new Float32Array(16).fill(0.1), false);
  const frozen = new Parameter([12, 4], new Float32Array(48).fill(0.1), false);
  const head = new Parameter([4, 4], new Float32Array(16).fill(0.1));
  /** Names of the nodes of the trunk of `f` over features [4, 4], the first dimension being images. */
  const nodesOf = (f: (features: Tensor) => Tensor): string[] => {
    const forward = (x: Tensor) => f(x.reshape([4, -1]).matmul(frozen)).matmul(head);
    return trunkOf(forward, [head], 4, [3, 2, 2])
      .text.split('\n')
      .map((line) => line.split('(')[0]!)
      .sort();
  };

  test.each<[string, (f: Tensor) => Tensor, string[]]>([
    ['not a second frozen layer', (f) => f.matmul(square).sigmoid(), ['matmul', 'matmul', 'sigmoid']],
    ['not a constant vector', (f) => f.add(new Parameter([4], new Float32Array(4), false)), ['add', 'matmul']],
    ['not a mean over features', (f) => f.sub(f.mean(1, { keepdim: true })), ['matmul', 'mean', 'sub']],
    ['similarities between images', (f) => f.matmul(f.transpose(0, 1)), ['matmul']],
    ['a product with the images on the right', (f) => square.matmul(f), ['matmul']],
    ['centring by the batch mean', (f) => f.sub(f.mean(0, { keepdim: true })), ['matmul']],
    ['a softmax over the batch', (f) => f.softmax(0), ['matmul']],
    ['a transpose', (f) => f.transpose(0, 1), ['matmul']],
    ['a number an image, added along the other axis', (f) => f.add(f.square().sum(1)), ['matmul', 'square', 'sum']],
    ['rows of another length', (f) => f.reshape([2, 8]).softmax(1).reshape([4, 4]), ['matmul']],
    ['a constant that differs from row to row', (f) => f.add(square), ['matmul']],
    [
      'a constant joined to the rows',
      (f) => cat([f, square], 1).matmul(new Parameter([8, 4], new Float32Array(32), false)),
      ['matmul'],
    ],
  ])('%s', (_, f, names) => {
    expect(nodesOf(f)).toEqual(names);
  });
});

test('an activation that a hook shows is a cut of its own', () => {
  const model = made(() => new Residual()).freezeUntil('layer2');
  model.conv1.onForward(() => {});
  expect(trunkOfModel(model).cuts.sort((a, b) => a - b)).toEqual([4 * 4 * 4, 4 * 8 * 8]);
});

test('of a module with nothing frozen but a linear layer at its start: after it', () => {
  class Two extends Module {
    first = new Linear(12, 4);
    second = new Linear(4, 3);
    forward(x: Tensor): Tensor {
      return this.second.forward(this.first.forward(x.flatten(1)).relu());
    }
  }
  const model = new Two().freeze('first');
  expect(trunkOf((x) => model.forward(x), [...model.second.parameters()], 4, [3, 2, 2])).toMatchObject({
    cuts: [4],
    slots: 2,
  });
});
