/** Networks with an auxiliary head in training: its loss counts 0.4, and nothing where nothing that it depends on is trained. */
import { beforeAll, expect, test } from 'vitest';
import { ArrayDataset } from '../../src/data/index.ts';
import { init, type Tensor } from '../../src/index.ts';
import { Linear, Module, mseLoss } from '../../src/nn/index.ts';
import { SGD } from '../../src/optim/index.ts';
import { imageRegression } from '../../src/tasks/image-regression/task.ts';
import { multiLabel } from '../../src/tasks/multi-label/task.ts';
import { fit } from '../../src/train/fit.ts';
import type { FitOptions } from '../../src/train/fit-options.ts';
import { images, made } from './nets.ts';

beforeAll(async () => {
  await init();
});

/** Two heads with the same weights. */
class TwoHeads extends Module<[Tensor], Tensor | { logits: Tensor; auxLogits: Tensor }> {
  trunk = new Linear(3, 4);
  auxiliary = new Linear(4, 3);
  fc = new Linear(4, 3);

  forward(x: Tensor) {
    const y = this.trunk.forward(x.mean([2, 3])).relu();
    const logits = this.fc.forward(y);
    return this.training ? { logits, auxLogits: this.auxiliary.forward(y) } : logits;
  }
}

/** The loss of training over that of validation, on the same images, of a network that learns nothing. */
async function ratio(frozen: readonly string[], options: Partial<FitOptions> = {}): Promise<number> {
  const model = made(() => new TwoHeads());
  model.auxiliary.loadStateDict(await model.fc.stateDict());
  if (frozen.length > 0) model.freeze(...frozen);
  const optimizer = new SGD(model.parameters(), { lr: 0 });
  const data = (options.train ?? images(8)) as ArrayDataset;
  const { history } = await fit(model, {
    train: data,
    validation: data,
    batchSize: 4,
    epochs: 2,
    optimizer,
    ...options,
  });
  const [first, second] = history.map(({ trainLoss, validationLoss }) => trainLoss! / validationLoss!);
  expect(second).toBeCloseTo(first!, 5);
  // The means of the channels, at least, do not change.
  expect(history[1]!.cached).toBe(true);
  return second!;
}

const { images: pixels, shape } = images(8);
const numbers = new ArrayDataset(
  pixels,
  shape,
  Float32Array.from({ length: 24 }, (_, i) => (i * 7) % 2),
);

test.each([
  ['image classification', {}],
  ['a loss of one’s own', { train: numbers, loss: mseLoss }],
  ['numbers', { train: numbers, task: imageRegression() }],
  ['several labels', { train: numbers, task: multiLabel() }],
] satisfies [string, Partial<FitOptions>][])(
  '%s: 0.4 of the auxiliary loss is added in training',
  async (_, options) => {
    expect(await ratio([], options)).toBeCloseTo(1.4, 4);
    expect(await ratio(['trunk'], options)).toBeCloseTo(1.4, 4);
  },
);

test('an auxiliary head counts nothing where it and all before it are frozen', async () => {
  expect(await ratio(['trunk', 'auxiliary'])).toBeCloseTo(1, 4);
  expect(await ratio(['auxiliary'])).toBeCloseTo(1.4, 4);
});
