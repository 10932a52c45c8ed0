/** Losses of one's own, targets that are no classes, labels without an output, and numbers that are none. */
import { beforeAll, describe, expect, test } from 'vitest';
import { ArrayDataset, DataLoader } from '../../src/data/index.ts';
import { init, type Tensor } from '../../src/index.ts';
import { crossEntropy, Linear, type Module, mseLoss } from '../../src/nn/index.ts';
import { ReduceLROnPlateau, SGD } from '../../src/optim/index.ts';
import { fit } from '../../src/train/fit.ts';
import { fill } from '../ops/inputs.ts';
import { images, made, Plain } from './nets.ts';

beforeAll(async () => {
  await init();
});

/** The network of nets.ts with so many outputs. */
const net = (outputs: number): Plain =>
  made(() => {
    const model = new Plain();
    model.fc = new Linear(4, outputs);
    return model;
  });
const sgd = (model: Module, lr = 0.1): SGD => new SGD(model.parameters(), { lr });
const pixels = (count: number, seed = 3) => fill({ shape: [count, 3, 8, 8], kind: 'uniform' }, seed) as Float32Array;

/** Ten images with the means of their channels as targets: `targets` of them. */
function measured(targets: number): ArrayDataset {
  const data = pixels(10);
  const means = Float32Array.from({ length: 10 * targets }, (_, k) => {
    const at = Math.floor(k / targets) * 192 + (k % targets) * 64;
    return data.subarray(at, at + 64).reduce((a, b) => a + b, 0) / 64;
  });
  return new ArrayDataset(data, [10, 3, 8, 8], means);
}

describe('a loss of one’s own', () => {
  test('is what validation tells, and what early stopping and a plateau follow', async () => {
    const model = net(3);
    const optimizer = sgd(model, 0.1);
    // Falls in training, and rises by one with each validation.
    let passes = 0;
    const loss = (logits: Tensor) => (model.training ? logits.square().mean() : logits.mul(0).mean().add(passes++));
    const schedule = new ReduceLROnPlateau(optimizer, { patience: 0, factor: 0.5 });
    const { history } = await fit(model, {
      train: images(8),
      validation: images(8, 5),
      batchSize: 8,
      epochs: 9,
      optimizer,
      loss,
      schedule,
      earlyStopping: { patience: 3 },
    });
    expect(history.map((r) => r.validationLoss)).toEqual([0, 1, 2, 3]);
    expect(history.map((r) => r.learningRate)).toEqual([0.1, 0.1, 0.05, 0.025]);
    // The outputs still are scores for classes.
    expect(history.every((r) => r.validationAccuracy !== null && r.trainAccuracy !== null)).toBe(true);
  });

  test.each([1, 3])(
    'regression: %i float targets an image, no accuracy, the best epoch by its loss',
    async (targets) => {
      const model = net(targets);
      const train = measured(targets);
      const { history, bestEpoch } = await fit(model, {
        train,
        validation: train,
        batchSize: 4,
        epochs: 4,
        optimizer: sgd(model),
        loss: mseLoss,
      });
      expect(history.map((r) => [r.trainAccuracy, r.validationAccuracy])).toEqual(Array(4).fill([null, null]));
      const losses = history.map((r) => r.validationLoss!);
      expect(losses[3]).toBeLessThan(losses[0]!);
      expect(bestEpoch).toBe(1 + losses.indexOf(Math.min(...losses)));
      // The mean over images, not over batches of 4, 4 and 2.
      const x = new DataLoader(train, { batchSize: 10 });
      model.eval();
      for await (const { images, labels } of x)
        expect(await mseLoss(model.forward(images), labels).item()).toBeCloseTo(Math.min(...losses), 5);
    },
  );

  test('one sigmoid output against classes 0 and 1', async () => {
    const model = net(1);
    const data = new ArrayDataset(pixels(6), [6, 3, 8, 8], [0, 1, 0, 1, 1, 0]);
    const loss = (x: Tensor, labels: Tensor) => {
      const p = x.reshape([labels.size]).sigmoid();
      const y = labels.float();
      return p
        .log()
        .mul(y)
        .add(p.neg().add(1).log().mul(y.neg().add(1)))
        .mean()
        .neg();
    };
    const { history } = await fit(model, { train: data, validation: data, epochs: 2, optimizer: sgd(model), loss });
    expect(history[1]).toMatchObject({ trainAccuracy: null, validationAccuracy: null });
    expect(history[1]!.validationLoss).toBeGreaterThan(0);
  });

  test('label smoothing is not for it', async () => {
    const options = { train: images(4), epochs: 1, loss: crossEntropy, labelSmoothing: 0.1 };
    await expect(fit(net(3), options)).rejects.toThrow(
      'fit: labelSmoothing belongs to the default loss, got a loss as well. Smooth inside of that.',
    );
  });
});

describe('labels that the model has no output for', () => {
  const eight = new ArrayDataset(pixels(8), [8, 3, 8, 8], [0, 1, 2, 3, 0, 1, 2, 7], { name: 'insects' });
  // As a data set of one's own, which knows no classes.
  const unnamed = { length: 8, get: eight.get.bind(eight), label: eight.label.bind(eight) };

  test.each([undefined, crossEntropy])('more classes than outputs (loss %o)', async (loss) => {
    await expect(fit(net(4), { train: eight, epochs: 1, loss })).rejects.toThrow(
      'fit: expected an output for each of the 8 classes, got a model with 4. Graft a head of 8.',
    );
  });

  test('a label, named with its sample', async () => {
    await expect(fit(net(4), { train: unnamed, epochs: 1 })).rejects.toThrow(
      'fit: expected labels from 0 to 3, one for each output of the model, got 7 in insects[7]. Graft a head of 8.',
    );
    await expect(fit(net(3), { train: images(4), validation: unnamed, epochs: 1 })).rejects.toThrow(
      'fit: expected labels from 0 to 2, one for each output of the model, got 3 in insects[3]. Graft a head of 8.',
    );
  });

  test('negative ones', async () => {
    const get: typeof unnamed.get = async (k) => ({ ...(await eight.get(k)), label: k - 1 });
    await expect(fit(net(7), { train: { length: 8, get }, epochs: 1 })).rejects.toThrow(
      /got -1 in insects\[0\]. Number the classes from 0.$/,
    );
  });

  test('float targets for cross-entropy', async () => {
    await expect(fit(net(3), { train: measured(3), epochs: 1 })).rejects.toThrow(
      'fit: cross-entropy expected a class for each sample, or shares of 3 classes that add up to 1, got float targets [10, 3]. Pass a loss for those, as in { loss: mseLoss }.',
    );
  });
});

describe('a number that is none', () => {
  test('validation: the run ends as with a training loss', async () => {
    const model = net(3);
    const options = {
      train: images(4),
      batchSize: 4,
      epochs: 3,
      optimizer: sgd(model, 1e38),
      validation: images(4, 1),
    };
    await expect(fit(model, options)).rejects.toThrow(
      'fit: the validation loss is no longer a number in epoch 1: training has diverged. Lower the learning rate (now 1e+38), or clip the gradients.',
    );
  });

  test('without validation: the weights are looked at', async () => {
    const model = net(3);
    const loss = (logits: Tensor) => logits.square().mean().mul(1e30);
    const options = { train: images(4), batchSize: 4, epochs: 1, optimizer: sgd(model, 1e38), loss };
    await expect(fit(model, options)).rejects.toThrow(
      'fit: the weights are no longer numbers in epoch 1: training has diverged. Lower the learning rate (now 1e+38), or clip the gradients.',
    );
  });
});

describe('ArrayDataset', () => {
  const make =
    (labels: ArrayLike<number>, options = {}) =>
    () =>
      new ArrayDataset(new Float32Array(2 * 4), [2, 1, 2, 2], labels, options);

  test('keeps float targets, integers stay classes', async () => {
    const data = make(Float32Array.of(3.27, 1, -2, 4))();
    expect(data.label(1)).toEqual(Float32Array.of(-2, 4));
    expect(data.classes).toEqual([]);
    const [first] = data.split(0.5);
    expect(first.length).toBe(1);
    for await (const { labels } of new DataLoader(data, { batchSize: 2 })) {
      expect([labels.dtype, labels.shape]).toEqual(['float32', [2, 2]]);
      expect([...(await labels.data())]).toEqual([Math.fround(3.27), 1, -2, 4]);
    }
    expect(make(Uint8Array.of(0, 1))().label(1)).toBe(1);
    expect(make(new Float64Array(2))().labels).toEqual(new Float32Array(2));
  });

  test.each([
    [
      [0, 3.27],
      "ArrayDataset: label 1: a label must be a class's index, a whole number, got 3.27. Give targets as a Float32Array, in every sample.",
    ],
    [new Float32Array(3), 'ArrayDataset: expected as many float targets for each of the 2 images, got 3 in all.'],
    [Float32Array.of(1, Number.NaN), 'ArrayDataset: targets must be numbers, got NaN at 1.'],
    [[0, 2 ** 32], /label 1: a label must be a class's index, a whole number, got 4294967296\./],
    [['a', 'b'] as unknown as number[], /label 0: a label must be a class's index, a whole number, got a\./],
  ])('refuses %o', (labels, message) => {
    expect(make(labels)).toThrow(message);
  });
});
