/** `fit` with a task of one's own: several named inputs, one of them int32, outputs in a record, a metric that sees every batch once. */
import { beforeAll, describe, expect, test } from 'vitest';
import type { HostBatch } from '../../src/data/collate.ts';
import type { Dataset, Sample } from '../../src/data/dataset.ts';
import { init, manualSeed, type Tensor } from '../../src/index.ts';
import { Linear, Module, mseLoss } from '../../src/nn/index.ts';
import { SGD } from '../../src/optim/index.ts';
import type { Metric, Task, Tensors } from '../../src/tasks/task.ts';
import { evaluate } from '../../src/train/evaluate.ts';
import { fit } from '../../src/train/fit.ts';

beforeAll(async () => {
  await init();
});

interface Reading extends Sample {
  readonly values: readonly number[];
  readonly mask: readonly number[];
  readonly wanted: number;
}

interface Inputs {
  readonly values: Tensor;
  readonly mask: Tensor;
}

/** Readings of three numbers, of which a mask hides some; what is wanted is the sum of the others. */
class Readings implements Dataset<Reading> {
  readonly length: number;
  loaded = 0;

  constructor(length: number) {
    this.length = length;
  }

  async get(index: number): Promise<Reading> {
    this.loaded++;
    return this.#reading(index);
  }

  #reading(index: number): Reading {
    const values = [0, 1, 2].map((k) => Math.sin(3 * index + k));
    const mask = [1, Number(index % 2 === 0), 1];
    const wanted = values.reduce((sum, value, k) => sum + value * mask[k]!, 0);
    return { values, mask, wanted, index, path: `reading ${index}` };
  }

  wanted(index: number): number {
    return this.#reading(index).wanted;
  }

  async key(index: number): Promise<string> {
    return String(index);
  }
}

class Masked extends Module<[Inputs], { readonly sum: Tensor }> {
  trunk = new Linear(3, 4);
  head = new Linear(4, 1);

  forward({ values, mask }: Inputs) {
    return { sum: this.head.forward(this.trunk.forward(values.mul(mask.to('float32'))).relu()) };
  }
}

const column = (values: readonly number[]) => ({ data: Float32Array.from(values), shape: [values.length, 1] });

class LargestError implements Metric<{ readonly seen: readonly number[] }> {
  #largest = 0;
  readonly #seen: number[] = [];

  update({ sum }: Parameters<Metric['update']>[0], { targets, indices }: Parameters<Metric['update']>[1]): void {
    this.#seen.push(...indices);
    for (const [k, value] of sum!.data.entries())
      this.#largest = Math.max(this.#largest, Math.abs(value - targets.wanted!.data[k]!));
  }

  scores() {
    return { largestError: this.#largest };
  }

  values() {
    return { seen: this.#seen };
  }
}

const task: Task<Reading, { readonly seen: readonly number[] }> = {
  name: 'masked-sum',
  scores: [{ name: 'largestError', title: 'largest error', better: 'lower', format: 'value' }],
  collate: (samples): HostBatch => ({
    inputs: {
      values: { data: Float32Array.from(samples.flatMap((s) => s.values)), shape: [samples.length, 3] },
      mask: { data: Int32Array.from(samples.flatMap((s) => s.mask)), shape: [samples.length, 3] },
    },
    targets: { wanted: column(samples.map((s) => s.wanted)) },
    indices: samples.map((s) => s.index),
    paths: samples.map((s) => s.path),
  }),
  targetsOf: (data, indices) => ({ wanted: column(indices.map((i) => (data as Readings).wanted(i))) }),
  forward: (model, inputs) => model.forward(inputs) as Tensors,
  loss: ({ sum }, { wanted }) => mseLoss(sum!, wanted!),
  metric: () => new LargestError(),
};

const made = () => {
  manualSeed(3);
  const model = new Masked();
  return { model, optimizer: new SGD(model.parameters(), { lr: 0.05 }) };
};

describe('a task of one’s own', () => {
  test('trains, and its first score, of which less is better, decides the best epoch', async () => {
    const { model, optimizer } = made();
    const { history, best } = await fit(model, {
      ...{ task, train: new Readings(11), validation: new Readings(7), batchSize: 4, epochs: 6, optimizer },
    });
    expect(history.at(-1)!.validationLoss!).toBeLessThan(history[0]!.validationLoss!);
    const errors = history.map((record) => record.validationLargestError!);
    expect(best!.epoch).toBe(errors.indexOf(Math.min(...errors)) + 1);
    expect(history[0]!.trainLargestError).toBeNull();
    expect(history[0]).not.toHaveProperty('validationAccuracy');
    expect(best!.values).toEqual({ seen: [0, 1, 2, 3, 4, 5, 6] });
  });

  test('a frozen trunk of two inputs is cached: the samples are loaded once, the numbers are the same', async () => {
    const run = async (cache: boolean) => {
      const { model, optimizer } = made();
      for (const p of model.trunk.parameters()) p.requires_grad = false;
      const train = new Readings(11);
      const { history } = await fit(model, { task, train, batchSize: 4, epochs: 3, optimizer, cache });
      return { loaded: train.loaded, cached: history.map((r) => r.cached), losses: history.map((r) => r.trainLoss) };
    };
    const [cached, plain] = [await run(true), await run(false)];
    expect(cached.cached).toEqual([false, true, true]);
    expect([cached.loaded, plain.loaded]).toEqual([11, 33]);
    expect(cached.losses).toEqual(plain.losses);
  });

  test('hooks see the records that go in and come out', async () => {
    const { model } = made();
    const seen: string[][] = [];
    model.onForward((outputs, [inputs]) => seen.push([...Object.keys(inputs), ...Object.keys(outputs)]));
    const { loss, scores } = await evaluate(model, new Readings(5), { task });
    expect(seen).toEqual([['values', 'mask', 'sum']]);
    expect(loss).toBeGreaterThan(0);
    expect(scores.largestError).toBeGreaterThan(0);
  });

  test('a score to go by is one that there is', async () => {
    const { model, optimizer } = made();
    await expect(
      fit(model, { task, train: new Readings(4), epochs: 1, optimizer, monitor: 'accuracy' }),
    ).rejects.toThrow(
      "fit: expected monitor as a score of masked-sum, got 'accuracy'. There are 'loss', 'largestError'.",
    );
  });
});
