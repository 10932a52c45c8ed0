/** The frozen-trunk cache: the same training with and without it, what makes it stale, and where it keeps things. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DataLoader } from '../../src/data/data-loader.ts';
import type { Dataset } from '../../src/data/dataset.ts';
import { init, manualSeed, type Tensor } from '../../src/index.ts';
import { BatchNorm2d, Conv2d, type Module, Parameter } from '../../src/nn/index.ts';
import { SGD } from '../../src/optim/index.ts';
import { fit } from '../../src/train/fit.ts';
import type { FitOptions, FitResult } from '../../src/train/fit-options.ts';
import { expectClose, tolerances } from '../tolerances.ts';
import { augmented, counted, Dropped, damaged, images, made, Normed, Plain, Residual, Skipped } from './nets.ts';

let folder: string;
beforeAll(async () => {
  await init();
  folder = await mkdtemp(join(tmpdir(), 'regraft-test-'));
});
afterAll(() => rm(folder, { recursive: true }));

interface Run {
  readonly result: FitResult;
  readonly weights: readonly Float32Array[];
}

type Change = (model: Module, epoch: number) => void;

/** Three epochs of ten images in batches of four. `change` is called after each. */
async function run(make: () => Module, options: Partial<FitOptions> = {}, change: Change = () => {}): Promise<Run> {
  const model = make();
  manualSeed(3);
  const optimizer = new SGD(model.parameters(), { lr: 0.1, momentum: 0.9 });
  const base = { train: images(10), epochs: 3, batchSize: 4, optimizer };
  const onEpoch = (record: { epoch: number }): void => change(model, record.epoch);
  const result = await fit(model, { ...base, onEpoch, ...options });
  const weights = await Promise.all([...model.parameters(), ...model.buffers()].map((t) => t.data()));
  return { result, weights };
}

const cachedOf = ({ result }: Run): boolean[] => result.history.map((record) => record.cached);

function expectSame(a: Run, b: Run): void {
  const losses = ({ result }: Run) => result.stepLosses.map((s) => s.loss!);
  expectClose('step losses', losses(a), losses(b), tolerances.composed);
  for (const key of ['trainLoss', 'trainAccuracy', 'validationLoss', 'validationAccuracy'] as const)
    expectClose(
      key,
      a.result.history.map((r) => r[key] ?? -1),
      b.result.history.map((r) => r[key] ?? -1),
      tolerances.composed,
    );
  for (const [k, w] of a.weights.entries()) expectClose(`tensor ${k}`, w, b.weights[k]!, tolerances.training);
  expect(a.result.skipped).toEqual(b.result.skipped);
}

/** Trains with and without the cache; gives which epochs came from it. */
async function both(make: () => Module, options: Partial<FitOptions> = {}, change?: Change): Promise<boolean[]> {
  const [withCache, without] = [
    await run(make, options, change),
    await run(make, { ...options, cache: false }, change),
  ];
  expectSame(withCache, without);
  expect(cachedOf(without)).not.toContain(true);
  return cachedOf(withCache);
}

describe('trains the same with it as without', () => {
  test('a frozen convolution and a linear head, the last batch not full', async () => {
    expect(await both(() => made(() => new Plain(), 'conv'))).toEqual([false, true, true]);
  });

  test('a residual network frozen up to a middle stage: a cut with two consumers', async () => {
    expect(await both(() => made(() => new Residual()).freezeUntil('layer2'))).toEqual([false, true, true]);
  });

  test('a residual network frozen but for its head, with validation', async () => {
    const make = () => made(() => new Residual()).freezeUntil('fc');
    expect(await both(make, { validation: images(5, 9) })).toEqual([false, true, true]);
  });

  test('stochastic depth: off in the frozen block, drawn in the trained one', async () => {
    expect(await both(() => made(() => new Residual(0.5)).freezeUntil('layer2'))).toEqual([false, true, true]);
  });

  test('dropout in the head', async () => {
    expect(await both(() => made(() => new Dropped(), 'conv'))).toEqual([false, true, true]);
  });

  test('a batch norm that trains after a frozen convolution', async () => {
    const validation = images(5, 9);
    expect(await both(() => made(() => new Normed(), 'conv'), { validation })).toEqual([false, true, true]);
  });

  test('a batch norm with frozen parameters and moving statistics', async () => {
    const make = () => made(() => new Normed(new BatchNorm2d(4, { frozenStats: 'update' })), 'conv', 'bn');
    expect(await both(make, { validation: images(5, 9) })).toEqual([false, true, true]);
  });

  test('a skip connection: two cuts', async () => {
    expect(await both(() => made(() => new Skipped(), 'conv*'))).toEqual([false, true, true]);
  });

  test('two augmented views of each image', async () => {
    const options = () => ({
      train: new DataLoader(augmented(images(10)), { batchSize: 4, shuffle: true, views: 2 }),
      epochs: 4,
    });
    const make = () => made(() => new Plain(), 'conv');
    const [withCache, without] = [await run(make, options()), await run(make, { ...options(), cache: false })];
    expectSame(withCache, without);
    expect(cachedOf(withCache)).toEqual([false, false, true, true]);
  });

  test('images that cannot be read', async () => {
    const train = damaged(images(10), [2, 5]);
    expect(await both(() => made(() => new Plain(), 'conv'), { train })).toEqual([false, true, true]);
    const { result } = await run(() => made(() => new Plain(), 'conv'), { train });
    expect(result.skipped.map((s) => s.index).sort()).toEqual([2, 5]);
  });

  test('a whole batch that cannot be read, under gradient accumulation', async () => {
    const train = new DataLoader(damaged(images(10), [4, 5, 6, 7]), { batchSize: 4 });
    expect(await both(() => made(() => new Plain(), 'conv'), { train, accumulate: 2 })).toEqual([false, true, true]);
  });

  test('nothing frozen: there is nothing to cache', async () => {
    expect(await both(() => made(() => new Plain()))).toEqual([false, false, false]);
  });

  test('a network whose first layer trains', async () => {
    expect(await both(() => made(() => new Residual(), 'layer1', 'layer2'))).toEqual([false, false, false]);
  });
});

describe('goes stale', () => {
  const plain = () => made(() => new Plain(), 'conv');

  test('when weights are loaded into the trunk between epochs', async () => {
    const change: Change = (model, epoch) => {
      if (epoch === 2) (model as Plain).conv.weight.set(new Float32Array(108).fill(0.02));
    };
    expect(await both(plain, { epochs: 4 }, change)).toEqual([false, true, false, true]);
  });

  test('when a layer of it is unfrozen between epochs', async () => {
    const unfreeze: Change = (model, epoch) => {
      if (epoch === 2) model.unfreeze('layer1');
    };
    const make = () => made(() => new Residual()).freezeUntil('layer2');
    expect(await both(make, { epochs: 4, validation: images(5, 9) }, unfreeze)).toEqual([false, true, false, true]);
  });

  test('when everything is unfrozen between epochs', async () => {
    const unfreeze: Change = (model, epoch) => {
      if (epoch === 2) model.unfreeze();
    };
    expect(await both(plain, { epochs: 4 }, unfreeze)).toEqual([false, true, false, false]);
  });

  test('when a layer is frozen between epochs: the trunk grows', async () => {
    const freeze: Change = (model, epoch) => {
      if (epoch === 2) model.freeze('layer2');
    };
    const make = () => made(() => new Residual()).freezeUntil('layer2');
    expect(await both(make, { epochs: 4 }, freeze)).toEqual([false, true, false, true]);
  });

  test('when a layer of it is replaced between epochs, dropout or not', async () => {
    const replace: Change = (model, epoch) => {
      if (epoch !== 2) return;
      const conv = new Conv2d(3, 4, 3, { padding: 1, bias: false });
      conv.weight.set(new Float32Array(108).fill(-0.03));
      (model as Dropped).conv = conv;
      model.freeze('conv');
    };
    expect(await both(() => made(() => new Dropped(), 'conv'), { epochs: 4 }, replace)).toEqual([
      false,
      true,
      false,
      true,
    ]);
  });

  test('when a frozen parameter is exchanged for another object: noticed in the forward pass', async () => {
    const exchange: Change = (model, epoch) => {
      if (epoch === 2)
        (model as Plain).conv.weight = new Parameter([4, 3, 3, 3], new Float32Array(108).fill(0.05), false);
    };
    expect(await both(plain, { epochs: 4 }, exchange)).toEqual([false, true, false, true]);
  });

  test('in mid-epoch too', async () => {
    let batch = 0;
    const loss = (logits: Tensor, labels: Tensor): Tensor => {
      // In the second batch of the second epoch, before the third.
      if (++batch === 5) queueMicrotask(() => model!.conv.weight.set(new Float32Array(108).fill(0.04)));
      return logits.crossEntropy(labels);
    };
    let model: Plain | undefined;
    const make = () => {
      batch = 0;
      return (model = plain());
    };
    expect(await both(make, { epochs: 4, loss })).toEqual([false, false, false, true]);
  });
});

test('a hook inside the trunk sees the same activations from the cache', async () => {
  const seen: Tensor[][] = [];
  const make = () => {
    const model = made(() => new Residual()).freezeUntil('layer2');
    const tensors: Tensor[] = [];
    seen.push(tensors);
    model.conv1.onForward((output) => tensors.push(output));
    return model;
  };
  const train = new DataLoader(images(10), { batchSize: 5 });
  expect(await both(make, { train })).toEqual([false, true, true]);
  const [withCache, without] = seen as [Tensor[], Tensor[]];
  expect(withCache).toHaveLength(6);
  for (const [k, tensor] of withCache.entries())
    expectClose(`output ${k}`, await tensor.data(), await without[k]!.data(), tolerances.accumulated);
});

describe('reads each image once', () => {
  test('for training and for validation', async () => {
    const [train, validation] = [counted(images(10)), counted(images(5, 9))];
    await run(() => made(() => new Plain(), 'conv'), { train: train.data, validation: validation.data });
    expect(train.reads.sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(validation.reads).toEqual([0, 1, 2, 3, 4]);
  });

  test('not where augmentation never shows the same image again', async () => {
    const train = counted(augmented(images(10)));
    const result = await run(() => made(() => new Plain(), 'conv'), { train: train.data });
    expect(cachedOf(result)).toEqual([false, false, false]);
    expect(train.reads).toHaveLength(30);
  });

  test('a data set without keys is not cached', async () => {
    const { length, get } = images(10);
    const data = images(10);
    const train: Dataset = { length, get: get.bind(data) };
    expect(await both(() => made(() => new Plain(), 'conv'), { train })).toEqual([false, false, false]);
  });
});

describe('on disk', () => {
  const disk = () => ({ memoryBytes: 0, folder });
  const make = () => made(() => new Skipped(), 'conv*');

  test('gives what memory gives, bit for bit', async () => {
    const [onDisk, inMemory] = [await run(make, { cache: disk() }), await run(make)];
    expect(onDisk.result.stepLosses).toEqual(inMemory.result.stepLosses);
    expect(onDisk.weights).toEqual(inMemory.weights);
    expect(cachedOf(onDisk)).toEqual([false, true, true]);
    expect(await readdir(folder)).toEqual([]);
  });

  test('leaves no file behind after an error, nor when it goes stale', async () => {
    const onEpoch = () => {
      throw new Error('enough');
    };
    await expect(run(make, { cache: disk(), onEpoch })).rejects.toThrow('enough');
    expect(await readdir(folder)).toEqual([]);
    const unfreeze: Change = (model, epoch) => {
      if (epoch === 1) model.unfreeze('conv2');
    };
    await run(make, { cache: disk() }, unfreeze);
    expect(await readdir(folder)).toEqual([]);
  });
});
