/** Training on mixed batches: the loss of shares and ten steps against PyTorch's, repeatability, what is told of the trunk cache. */
import { beforeAll, describe, expect, test } from 'vitest';
import { ArrayDataset } from '../../src/data/array-dataset.ts';
import { CutMix, DataLoader, MixUp, RandomChoice } from '../../src/data/index.ts';
import { init, tensor } from '../../src/index.ts';
import { CrossEntropyLoss, type CrossEntropyOptions, crossEntropy, Linear } from '../../src/nn/index.ts';
import { SGD } from '../../src/optim/index.ts';
import { multiLabel } from '../../src/tasks/multi-label/task.ts';
import { fit } from '../../src/train/fit.ts';
import type { FitOptions } from '../../src/train/fit-options.ts';
import fixtures from '../fixtures/augment/mix.json' with { type: 'json' };
import { fill, type Kind } from '../ops/inputs.ts';
import { images, made, Plain } from './nets.ts';

beforeAll(async () => {
  await init();
});

const values = (kind: Kind, shape: number[], seed: number, scale = 1) =>
  fill({ kind, shape, scale }, seed) as Float32Array;

const [{ shares }, ...losses] = fixtures.losses as unknown as [
  { shares: number[] },
  ...{ options: { reduction?: 'sum'; label_smoothing?: number; weight?: number[] }; loss: number[]; grad: number[] }[],
];

describe('cross-entropy of shares is PyTorch’s', () => {
  test.each(losses.map((row) => [JSON.stringify(row.options), row] as const))(
    '%s',
    async (_, { options, loss, grad }) => {
      const { label_smoothing: labelSmoothing, weight, ...rest } = options;
      const logits = tensor(values('uniform', [7, 5], 41, 4), [7, 5], { requires_grad: true });
      const module = new CrossEntropyLoss({
        ...rest,
        ...(labelSmoothing && { labelSmoothing }),
        ...(weight && { weight }),
      });
      const value = module.forward(logits, tensor(Float32Array.from(shares), [7, 5]));
      (value.rank > 0 ? value.sum() : value).backward();
      const close = (got: Float32Array, wanted: readonly number[]) =>
        wanted.forEach((w, i) => {
          expect(Math.abs(got[i]! - w)).toBeLessThan(1e-5 * Math.max(1, Math.abs(w)));
        });
      close((await value.data()) as Float32Array, loss);
      close((await logits.grad!.data()) as Float32Array, grad);
    },
  );

  test('ignoreIndex belongs to classes', () => {
    const rows = tensor(new Float32Array(6), [2, 3]);
    const options: CrossEntropyOptions = { ignoreIndex: 0 };
    expect(() => crossEntropy(rows, rows, options)).toThrow(
      'crossEntropy: expected no ignoreIndex beside probabilities, got one. Give such rows zeros.',
    );
    expect(() => crossEntropy(rows, rows, { labelSmoothing: 2 })).toThrow(
      'crossEntropy: labelSmoothing must be between 0 and 1, got 2.',
    );
  });
});

describe('ten steps are PyTorch’s', () => {
  test.each(['mixup', 'cutmix'] as const)('%s', async (kind) => {
    const model = new Plain();
    model.fc = new Linear(4, 3);
    for (const [k, p] of model.parameters().entries()) p.set(values('uniform', [...p.shape], 7 + k, 0.3));
    const labels = Int32Array.from({ length: 17 }, (_, i) => (i * 5) % 3);
    const data = new ArrayDataset(values('uniform', [17, 3, 8, 8], 3), [17, 3, 8, 8], labels);
    const optimizer = new SGD(model.parameters(), { lr: 0.1, momentum: 0.9 });
    let step = 0;
    const mix: FitOptions['mix'] = {
      name: kind,
      apply(batch) {
        const k = step++;
        if (kind === 'mixup') return new MixUp({ numClasses: 3 }).blend(batch, fixtures.shares[k]!);
        const [x, y, right, bottom] = fixtures.boxes[k]! as [number, number, number, number];
        return new CutMix({ numClasses: 3 }).paste(batch, { x, y, width: right - x, height: bottom - y });
      },
    };
    const train = new DataLoader(data, { batchSize: 17 });
    const { stepLosses, history } = await fit(model, { train, epochs: 10, optimizer, mix });
    const wanted = fixtures.training[kind];
    for (const [k, { loss }] of stepLosses.entries())
      expect(Math.abs(loss! / wanted.losses[k]! - 1)).toBeLessThan(1e-4);
    const bias = await model.fc.bias!.data();
    for (const [k, b] of wanted.bias.entries()) expect(Math.abs(bias[k]! - b)).toBeLessThan(1e-4);
    expect(history[0]!.trainAccuracy).toBeNull();
  });
});

const both = () => new RandomChoice([new MixUp({ alpha: 0.4, numClasses: 3 }), new CutMix({ numClasses: 3 })]);

async function run(options: Partial<FitOptions>, ...frozen: string[]) {
  const model = made(() => new Plain(), ...frozen);
  const notes: string[] = [];
  const result = await fit(model, {
    ...{ train: images(11), batchSize: 4, epochs: 3, optimizer: new SGD(model.parameters(), { lr: 0.1 }) },
    progress: { start() {}, update() {}, end() {}, note: (text) => notes.push(text) },
    ...options,
  });
  return { ...result, notes, losses: result.stepLosses.map(({ loss }) => loss) };
}

describe('fit', () => {
  test('the same run gives the same losses; each epoch and each seed mixes anew', async () => {
    const [one, again, other, plain] = [
      await run({ mix: both() }),
      await run({ mix: both() }),
      await run({ mix: both(), seed: 1 }),
      await run({}),
    ];
    expect(one.losses).toEqual(again.losses);
    expect(one.losses).not.toEqual(other.losses);
    expect(one.losses).not.toEqual(plain.losses);
    const still = await run({
      mix: both(),
      train: new DataLoader(images(4), { batchSize: 4 }),
      epochs: 4,
      optimizer: undefined,
    });
    expect(new Set(still.losses).size).toBe(4);
  });

  test('a run that goes on mixes as one that never stopped', async () => {
    const whole = await run({ mix: both(), epochs: 4 });
    const model = made(() => new Plain());
    const optimizer = new SGD(model.parameters(), { lr: 0.1 });
    const options = { train: images(11), batchSize: 4, optimizer };
    const half = await fit(model, { ...options, epochs: 2, mix: both() });
    const { stepLosses } = await fit(model, { ...options, epochs: 4, from: half, mix: both() });
    expect(stepLosses.map(({ loss }) => loss)).toEqual(whole.losses);
  });

  test('validation is not mixed: its accuracy is there', async () => {
    const { history } = await run({ mix: both(), validation: images(7, 5) });
    expect(history.every((r) => r.trainAccuracy === null && r.validationAccuracy !== null)).toBe(true);
  });

  test('a frozen trunk is not cached for training images, and that is told once', async () => {
    const told =
      'MixUp mixes the training images anew in every epoch: what is frozen runs in each, none of it is cached.';
    const mix = new MixUp({ numClasses: 3 });
    const mixed = await run({ mix }, 'conv');
    expect(mixed.history.map((r) => r.cached)).toEqual([false, false, false]);
    expect(mixed.notes).toEqual([told]);
    expect((await run({ mix, cache: false }, 'conv')).losses).toEqual(mixed.losses);
    expect((await run({ mix, cache: false }, 'conv')).notes).toEqual([]);
    expect((await run({ mix })).notes).toEqual([]);
  });

  test('several labels an image are mixed too', async () => {
    const rows = values('mask', [11, 3], 21);
    const train = new ArrayDataset(values('uniform', [11, 3, 8, 8], 3), [11, 3, 8, 8], rows);
    const { losses } = await run({ task: multiLabel(), train, mix: new MixUp() });
    expect(losses.every((loss) => loss !== null && loss > 0)).toBe(true);
  });

  test('what is no transform of batches, and classes of another number than outputs', async () => {
    await expect(run({ mix: 0.2 as never })).rejects.toThrow(
      'fit: expected mix as a transform of batches, got 0.2. Pass new MixUp({ numClasses: 10 }).',
    );
    await expect(run({ mix: new MixUp({ numClasses: 4 }) })).rejects.toThrow(
      'fit: cross-entropy expected a class for each sample, or shares of 3 classes that add up to 1, got float targets [4, 4]. Pass a loss for those, as in { loss: mseLoss }.',
    );
  });
});
