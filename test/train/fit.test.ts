/** The training loop: what one epoch does, when it stops, which weights are left, and that phases join up. */
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { DataLoader } from '../../src/data/data-loader.ts';
import { init, manualSeed, step, type Tensor, tensor } from '../../src/index.ts';
import { BatchNorm2d, Linear, type Module } from '../../src/nn/index.ts';
import { CosineAnnealingLR, clipGradNorm, ReduceLROnPlateau, SGD, StepLR } from '../../src/optim/index.ts';
import { predictLogits } from '../../src/train/evaluate.ts';
import { fit } from '../../src/train/fit.ts';
import type { FitOptions, FitResult } from '../../src/train/fit-options.ts';
import { expectClose, tolerances } from '../tolerances.ts';
import { damaged, images, made, Normed, Plain, Residual } from './nets.ts';

const plain = (): Plain => made(() => new Plain(), 'conv');
const sgd = (model: Module, lr = 0.1): SGD => new SGD(model.parameters(), { lr, momentum: 0.9 });
const weightsOf = (model: Module): Promise<Float32Array[]> =>
  Promise.all([...model.parameters(), ...model.buffers()].map((t) => t.data()));

/** Ten images in batches of four, in the data set's order. */
const loader = (options: { batchSize?: number } = {}): DataLoader =>
  new DataLoader(images(10), { batchSize: 4, ...options });

/** Trains a new Plain whose head is set to `bias` after every epoch, so that each epoch's validation loss is known to be another. */
function scripted(biases: readonly number[], options: Partial<FitOptions> = {}) {
  const model = plain();
  let epoch = 0;
  const train = loader();
  const optimizer = new SGD(model.parameters(), { lr: 0 });
  // With no learning rate, the bias that the schedule sets is the only thing that changes.
  const setBias = (k: number) => {
    model.fc.weight.set(new Float32Array(12));
    model.fc.bias!.set(Float32Array.of(biases[k]!, 0, 0));
  };
  setBias(0);
  const onEpoch = () => {
    if (++epoch < biases.length) setBias(epoch);
  };
  return { model, run: () => fit(model, { train, epochs: biases.length, optimizer, onEpoch, ...options }) };
}

beforeAll(async () => {
  await init();
});

describe('an epoch', () => {
  test('is what the same loop by hand does', async () => {
    const [model, byHand] = [made(() => new Residual()), made(() => new Residual())];
    const { history } = await fit(model, { train: loader(), epochs: 2, optimizer: sgd(model), clipGradNorm: 0.5 });
    const optimizer = sgd(byHand);
    let lossSum = 0;
    let correct = 0;
    for (const batch of [...loader().batches(0), ...loader().batches(1)]) {
      const samples = await Promise.all(batch.map((i) => images(10).get(i)));
      const x = tensor(Float32Array.from(samples.flatMap((s) => [...s.image])), [batch.length, 3, 8, 8]);
      const labels = tensor(Int32Array.from(samples, (s) => s.label as number));
      const { loss, hits } = step(() => {
        const logits = byHand.forward(x);
        const loss = logits.crossEntropy(labels);
        loss.backward();
        clipGradNorm(byHand.parameters(), 0.5);
        optimizer.step();
        optimizer.zeroGrad();
        return { loss, hits: logits.argmax(1).eq(labels).sum() };
      });
      lossSum += (await loss.item()) * batch.length;
      correct += await hits.item();
    }
    const [ours, theirs] = [await weightsOf(model), await weightsOf(byHand)];
    for (const [k, w] of ours.entries()) expectClose(`tensor ${k}`, w, theirs[k]!, tolerances.training);
    expect((history[0]!.trainLoss! + history[1]!.trainLoss!) * 10).toBeCloseTo(lossSum, 3);
    expect((history[0]!.trainAccuracy! + history[1]!.trainAccuracy!) * 10).toBeCloseTo(correct, 6);
  });

  test('learns', async () => {
    const model = made(() => new Residual());
    const validation = images(24, 100);
    const { history } = await fit(model, {
      train: images(48),
      validation,
      epochs: 6,
      batchSize: 8,
      optimizer: sgd(model, 0.05),
    });
    expect(history.at(-1)!.trainLoss!).toBeLessThan(0.7 * history[0]!.trainLoss!);
    expect(history.at(-1)!.validationAccuracy!).toBeGreaterThan(0.6);
  });

  test('drops gradients that were there before', async () => {
    const [fresh, used] = [plain(), plain()];
    used
      .forward(tensor(new Float32Array(192).fill(9), [1, 3, 8, 8]))
      .sum()
      .backward();
    for (const model of [fresh, used]) await fit(model, { train: loader(), epochs: 1, optimizer: sgd(model) });
    expect(await weightsOf(used)).toEqual(await weightsOf(fresh));
    expect(used.parameters().every((p) => p.grad === null)).toBe(true);
  });

  test('with the default optimizer and loss trains only what is not frozen', async () => {
    const model = plain();
    const before = await weightsOf(model);
    const { history } = await fit(model, { train: images(10), epochs: 1, labelSmoothing: 0.1 });
    const after = await weightsOf(model);
    expect(after[0]).toEqual(before[0]);
    expect(after[1]).not.toEqual(before[1]);
    expect(history[0]).toMatchObject({ epoch: 1, phase: 0, learningRate: 1e-3, validationLoss: null, cached: false });
  });
});

describe('gradient accumulation', () => {
  test.each([
    ['batches of equal size', 10, 5, 2],
    ['a last batch that is not full', 10, 4, 3],
  ])('equals the big batch: %s', async (_, count, batchSize, accumulate) => {
    const [parts, whole] = [plain(), plain()];
    const train = images(count);
    const run = (model: Module, size: number, options: Partial<FitOptions>) =>
      fit(model, { train: new DataLoader(train, { batchSize: size }), epochs: 3, optimizer: sgd(model), ...options });
    const results = [await run(parts, batchSize, { accumulate }), await run(whole, count, {})];
    const [a, b] = [await weightsOf(parts), await weightsOf(whole)];
    for (const [k, w] of a.entries()) expectClose(`tensor ${k}`, w, b[k]!, tolerances.composed);
    const losses = results.map((r) => r.history.map((h) => h.trainLoss!));
    expectClose('loss', losses[0]!, losses[1]!, tolerances.composed);
  });

  test('a last group that is not full makes an update too, of its own images', async () => {
    const model = plain();
    const optimizer = sgd(model);
    const updates = vi.spyOn(optimizer, 'step');
    await fit(model, { train: new DataLoader(images(10), { batchSize: 2 }), epochs: 2, optimizer, accumulate: 3 });
    // Five batches: three, and two.
    expect(updates).toHaveBeenCalledTimes(4);
    expect(model.fc.weight.grad).toBeNull();
  });

  test('no gradient is left over when the last batch cannot be read', async () => {
    const model = plain();
    const optimizer = sgd(model);
    const updates = vi.spyOn(optimizer, 'step');
    const train = new DataLoader(damaged(images(6), [4, 5]), { batchSize: 2 });
    const schedule = { step: vi.fn() };
    await fit(model, { train, epochs: 2, optimizer, accumulate: 3, schedule, scheduleEvery: 'batch' });
    expect(updates).toHaveBeenCalledTimes(2);
    expect(schedule.step).toHaveBeenCalledTimes(2);
    expect(model.fc.weight.grad).toBeNull();
  });
});

describe('schedules', () => {
  test('after every epoch', async () => {
    const model = plain();
    const optimizer = sgd(model);
    const schedule = new StepLR(optimizer, 1, { gamma: 0.5 });
    const { history } = await fit(model, { train: loader(), epochs: 3, optimizer, schedule });
    expect(history.map((r) => r.learningRate)).toEqual([0.1, 0.05, 0.025]);
  });

  test('after every batch', async () => {
    const model = plain();
    const optimizer = sgd(model);
    const schedule = new CosineAnnealingLR(optimizer, 6);
    const { history } = await fit(model, { train: loader(), epochs: 2, optimizer, schedule, scheduleEvery: 'batch' });
    expect(history[0]!.learningRate).toBe(0.1);
    // Half of the way down after three of six batches.
    expect(history[1]!.learningRate).toBeCloseTo(0.05, 10);
    expect(optimizer.paramGroups[0]!.lr).toBeCloseTo(0, 10);
  });

  test('a plateau of the validation loss', async () => {
    const model = plain();
    const optimizer = sgd(model);
    const schedule = new ReduceLROnPlateau(optimizer, { patience: 0, factor: 0.1 });
    // Without a gradient nothing changes, so that the loss stays where it is.
    const loss = (logits: Tensor) => logits.mean().mul(0);
    const options = { train: loader(), validation: images(6, 4), epochs: 3, optimizer, schedule, loss };
    const { history } = await fit(model, options);
    expect(history[1]!.validationLoss).toBe(history[0]!.validationLoss);
    expect(history.map((r) => r.learningRate)).toEqual([0.1, 0.1, expect.closeTo(0.01, 9)]);
  });
});

describe('the best epoch', () => {
  const validation = images(12, 50);

  test('its weights are put back, its number is told', async () => {
    const { model, run } = scripted([5, 0, -5, 8], { validation });
    const { bestEpoch, history } = await run();
    const scores = history.map((r) => [r.validationAccuracy!, -r.validationLoss!] as const);
    const best = [...scores].sort((a, b) => b[0] - a[0] || b[1] - a[1])[0]!;
    expect(bestEpoch).toBe(scores.indexOf(best) + 1);
    expect(bestEpoch).toBeLessThan(4);
    expect((await model.fc.bias!.data())[0]).toBe([5, 0, -5, 8][bestEpoch - 1]);
  });

  test('the last weights stay without validation, and with { keepBest: false }', async () => {
    for (const options of [{}, { validation, keepBest: false }]) {
      const { model, run } = scripted([0, 5, 9], options);
      await run();
      expect((await model.fc.bias!.data())[0]).toBe(9);
    }
  });

  test('running statistics go back with the weights', async () => {
    const model = made(() => new Normed());
    const optimizer = sgd(model, 0.3);
    const states: Float32Array[] = [];
    const onEpoch = async () => void states.push(await model.bn.running_mean!.data());
    const { bestEpoch } = await fit(model, { train: loader(), validation, epochs: 4, optimizer, onEpoch });
    expect(await model.bn.running_mean!.data()).toEqual(states[bestEpoch - 1]);
    expect((await model.bn.num_batches_tracked!.data())[0]).toBe(3 * bestEpoch);
  });

  test('also where it lies in an earlier phase, with the layers that only the later one trained', async () => {
    const model = made(() => new Residual()).freezeUntil('fc');
    const first = await fit(model, { train: loader(), validation, epochs: 1, optimizer: sgd(model) });
    const before = await weightsOf(model);
    model.freezeUntil('layer2');
    // A rate that ruins the model: the best epoch stays the first.
    const optimizer = new SGD(model.parameters(), { lr: 3 });
    const second = await fit(model, {
      train: loader(),
      validation,
      epochs: 2,
      optimizer,
      clipGradNorm: 1,
      from: withScore(first),
      phase: 1,
    });
    expect(second.bestEpoch).toBe(1);
    expect(second.history.map((r) => [r.epoch, r.phase])).toEqual([
      [1, 0],
      [2, 1],
      [3, 1],
    ]);
    expect(await weightsOf(model)).toEqual(before);
  });

  /** The result, with a score that no epoch can beat. */
  const withScore = (result: FitResult): FitResult => ({ ...result, best: { ...result.best!, score: 2 } });
});

describe('stopping early', () => {
  const stopping = (biases: readonly number[], patience: number, minDelta = 0) => {
    const losses: number[] = [];
    const loss = (logits: Tensor, _: Tensor) =>
      logits
        .mean()
        .mul(0)
        .add(biases[Math.floor(losses.length / 3)] ?? 0);
    const model = plain();
    const counted = (logits: Tensor, labels: Tensor) => {
      const value = loss(logits, labels);
      losses.push(0);
      return value;
    };
    return fit(model, {
      train: loader(),
      epochs: biases.length,
      loss: counted,
      optimizer: new SGD(model.parameters(), { lr: 0 }),
      earlyStopping: { patience, minDelta },
    });
  };

  test('after `patience` epochs without a lower loss', async () => {
    expect((await stopping([3, 2, 2.5, 2, 1], 2)).history).toHaveLength(4);
    expect((await stopping([3, 2, 2.5, 1, 0.5], 2)).history).toHaveLength(5);
  });

  test('small gains add up to `minDelta`', async () => {
    expect((await stopping([3, 2.9, 2.8, 2.7, 2.6, 2.5], 3, 0.25)).history).toHaveLength(6);
    expect((await stopping([3, 2.9, 2.8, 2.7, 2.6, 2.5], 2, 0.25)).history).toHaveLength(3);
  });

  test('a new phase begins its own count', async () => {
    const first = await stopping([1, 1, 1], 1);
    expect(first.history).toHaveLength(2);
    const model = plain();
    const options = { train: loader(), epochs: 2, optimizer: sgd(model), earlyStopping: { patience: 1 } };
    expect((await fit(model, { ...options, from: first, phase: 1 })).history.length).toBeGreaterThan(2);
  });

  test('when onEpoch says so', async () => {
    const model = plain();
    const seen: number[] = [];
    const onEpoch = ({ epoch }: { epoch: number }) => {
      seen.push(epoch);
      return epoch < 2;
    };
    const { history } = await fit(model, { train: loader(), epochs: 5, optimizer: sgd(model), onEpoch });
    expect(seen).toEqual([1, 2]);
    expect(history).toHaveLength(2);
  });

  test('when it is aborted', async () => {
    const model = plain();
    const abort = new AbortController();
    const onEpoch = () => abort.abort(new Error('interrupted'));
    const run = fit(model, { train: loader(), epochs: 5, optimizer: sgd(model), onEpoch, signal: abort.signal });
    await expect(run).rejects.toThrow('interrupted');
  });
});

describe('going on from an earlier epoch', () => {
  test('gives the run that was never interrupted, shuffled order included', async () => {
    const options = { batchSize: 4, seed: 5, cache: false } as const;
    const whole = made(() => new Residual());
    const wholeResult = await fit(whole, { ...options, train: images(10), epochs: 4, optimizer: sgd(whole) });

    const half = made(() => new Residual());
    const optimizer = sgd(half);
    const first = await fit(half, { ...options, train: images(10), epochs: 2, optimizer });
    const resumed = made(() => new Residual());
    resumed.loadStateDict(await half.stateDict());
    const again = sgd(resumed);
    again.loadStateDict(await optimizer.stateDict());
    const { history, stepLosses } = await fit(resumed, {
      ...options,
      train: images(10),
      epochs: 4,
      optimizer: again,
      from: first,
    });
    expect(stepLosses).toEqual(wholeResult.stepLosses);
    expect(history.map((r) => r.trainLoss)).toEqual(wholeResult.history.map((r) => r.trainLoss));
    expect(await weightsOf(resumed)).toEqual(await weightsOf(whole));
  });
});

describe('errors', () => {
  test('everything is frozen', async () => {
    await expect(fit(plain().freeze(), { train: loader(), epochs: 1 })).rejects.toThrow(
      'fit: every parameter is frozen. Unfreeze some, or graft a new head.',
    );
  });

  test('an optimizer that was made before the head', async () => {
    const model = plain();
    const optimizer = sgd(model);
    model.fc = new Linear(4, 3);
    await expect(fit(model, { train: loader(), epochs: 1, optimizer })).rejects.toThrow(
      'fit: expected every trainable parameter in a group of an optimizer, got fc.weight [3, 4], fc.bias [3] in none. ' +
        'Make the optimizer after grafting, or set requires_grad = false on what is to stay as it is.',
    );
  });

  test('no image can be read', async () => {
    const train = damaged(images(3), [0, 1, 2]);
    await expect(fit(plain(), { train, epochs: 1 })).rejects.toThrow('None of the 3 images could be read');
  });

  test('training diverges', async () => {
    const model = plain();
    const loss = (logits: Tensor) => logits.mean().mul(3e38).mul(3e38);
    const optimizer = sgd(model);
    await expect(fit(model, { train: loader(), epochs: 1, optimizer, loss })).rejects.toThrow(
      'fit: the loss is no longer a number in epoch 1: training has diverged.',
    );
  });
});

describe('predicting', () => {
  test('gives logits in the order of the images, and leaves each module in its mode', async () => {
    const model = made(() => new Normed(new BatchNorm2d(4)));
    model.bn.eval();
    const { logits, labels, indices, classes } = await predictLogits(model, damaged(images(7), [3]), { batchSize: 4 });
    expect([model.training, model.conv.training, model.bn.training]).toEqual([true, true, false]);
    expect(classes).toBe(3);
    expect(indices).toEqual([0, 1, 2, 4, 5, 6]);
    expect([...labels]).toEqual(indices.map((i) => images(7).label(i)));
    model.eval();
    manualSeed(0);
    const { image } = await images(7).get(4);
    const row = await model.forward(tensor(image, [1, 3, 8, 8])).data();
    expectClose('logits of image 4', logits.slice(9, 12), row, tolerances.composed);
  });
});
