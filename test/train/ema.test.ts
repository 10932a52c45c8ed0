/** Averages of weights in training: validation, the best epoch and the end are of them, and a run goes on bit for bit. */
import { beforeAll, describe, expect, test } from 'vitest';
import { DataLoader } from '../../src/data/index.ts';
import { init } from '../../src/index.ts';
import type { Module } from '../../src/nn/index.ts';
import { EMA, SGD } from '../../src/optim/index.ts';
import { imageClassification } from '../../src/tasks/image-classification/task.ts';
import { evaluate } from '../../src/train/evaluate.ts';
import { fit } from '../../src/train/fit.ts';
import { images, made, Plain, Residual } from './nets.ts';

beforeAll(async () => {
  await init();
});

const sgd = (model: Module, lr = 0.1) => new SGD(model.parameters(), { lr, momentum: 0.9 });
const weightsOf = (model: Module): Promise<Float32Array[]> => Promise.all(model.parameters().map((t) => t.data()));
/** One update an epoch. */
const train = () => new DataLoader(images(8), { batchSize: 8 });
const validation = images(8, 5);
const task = imageClassification();

describe('fit with an average', () => {
  test('validates, keeps and ends with the average; training is what it is without', async () => {
    const [model, plain, judged] = [made(() => new Plain()), made(() => new Plain()), made(() => new Plain())];
    const averages: Float32Array[][] = [];
    const onEpoch = async () => {
      const last = averages.at(-1);
      const now = await weightsOf(model);
      averages.push(last ? now.map((w, k) => w.map((x, i) => last[k]![i]! + (x - last[k]![i]!) * 0.5)) : now);
    };
    const ema = new EMA(model, { decay: 0.5 });
    const options = { train: train(), epochs: 4, validation, batchSize: 8, monitor: 'loss' } as const;
    const found = await fit(model, { ...options, optimizer: sgd(model), ema, onEpoch });
    const without = await fit(plain, { ...options, optimizer: sgd(plain) });
    expect(found.history.map((r) => r.trainLoss)).toEqual(without.history.map((r) => r.trainLoss));
    for (const [epoch, weights] of averages.entries()) {
      for (const [k, p] of judged.parameters().entries()) p.set(weights[k]!);
      const { loss } = await evaluate(judged, validation, { task });
      expect(found.history[epoch]!.validationLoss).toBeCloseTo(loss, 5);
    }
    expect(found.history[3]!.validationLoss).not.toBe(without.history[3]!.validationLoss);
    const kept = await weightsOf(model);
    for (const [k, weights] of averages[found.bestEpoch - 1]!.entries())
      for (const [i, x] of weights.entries()) expect(kept[k]![i]).toBeCloseTo(x, 5);
  });

  test('ends with the average where no epoch is kept', async () => {
    const [model, other] = [made(() => new Residual()), made(() => new Residual())];
    const ema = new EMA(other, { decay: 0.9, useBuffers: true, warmUp: true });
    await fit(model, { train: train(), epochs: 3, optimizer: sgd(model), ema: 0.9 });
    await fit(other, { train: train(), epochs: 3, optimizer: sgd(other), ema });
    ema.swap();
    const own = await weightsOf(other);
    ema.swap();
    expect(await weightsOf(other)).toEqual(await weightsOf(model));
    expect(own).not.toEqual(await weightsOf(other));
  });

  test('a decay that is none is refused', async () => {
    const model = made(() => new Plain());
    await expect(fit(model, { train: train(), epochs: 1, ema: 1.5 })).rejects.toThrow(
      'fit: ema must be from 0 to below 1, got 1.5. 0.999 is usual.',
    );
  });
});
