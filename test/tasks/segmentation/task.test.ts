/** The task of segmentation in `fit`: batches, loss, scores, an auxiliary head, and what it refuses. */
import { beforeAll, expect, test } from 'vitest';
import type { Dataset, MaskedImage } from '../../../src/data/index.ts';
import { init, type Tensor } from '../../../src/index.ts';
import { Conv2d, Module, ReLU, Sequential } from '../../../src/nn/index.ts';
import { AdamW } from '../../../src/optim/index.ts';
import { evaluate, fit, segmentation } from '../../../src/runs/index.ts';
import { labelsOf } from '../../../src/tasks/segmentation/task.ts';

const SIDE = 16;

/** Bright squares on a dark ground; the outermost pixels are ignored. */
class Squares implements Dataset<MaskedImage> {
  readonly length: number;
  readonly classes = ['ground', 'square'];

  constructor(length: number) {
    this.length = length;
  }

  async get(index: number): Promise<MaskedImage> {
    const [left, top, side] = [2 + (index % 5), 2 + ((3 * index) % 4), 6 + (index % 4)];
    const isIn = (x: number, y: number) => x >= left && x < left + side && y >= top && y < top + side;
    const image = new Float32Array(3 * SIDE * SIDE);
    const mask = new Uint8Array(SIDE * SIDE);
    for (let i = 0; i < mask.length; i++) {
      const [x, y] = [i % SIDE, Math.floor(i / SIDE)];
      for (let c = 0; c < 3; c++) image[c * mask.length + i] = (isIn(x, y) ? 1 : -1) + 0.1 * Math.sin(i + c + index);
      const isEdge = x === 0 || y === 0 || x === SIDE - 1 || y === SIDE - 1;
      mask[i] = isEdge ? 255 : isIn(x, y) ? 1 : 0;
    }
    return { index, path: `square ${index}`, image, shape: [3, SIDE, SIDE], mask };
  }
}

beforeAll(async () => {
  await init();
});

test('a small network learns squares; scores and the worst images are told', async () => {
  const model = new Sequential(new Conv2d(3, 8, 3, { padding: 1 }), new ReLU(), new Conv2d(8, 2, 1));
  const task = segmentation();
  const { history, best } = await fit(model, {
    ...{ task, train: new Squares(24), validation: new Squares(7), epochs: 4, batchSize: 8 },
    optimizer: new AdamW(model.parameters(), { lr: 0.05 }),
  });
  const last = history.at(-1)! as unknown as Record<string, number>;
  expect(last.trainLoss!).toBeLessThan((history[0] as unknown as Record<string, number>).trainLoss!);
  expect(last.validationMeanIoU!).toBeGreaterThan(0.8);
  expect(last.validationPixelAccuracy!).toBeGreaterThan(0.9);
  const { evaluation, mistakes } = best!.values as ReturnType<ReturnType<typeof task.metric>['values']> & object;
  expect([evaluation.images, evaluation.pixels]).toEqual([7, 7 * 14 * 14]);
  expect(evaluation.perClass.map(({ support }) => support).reduce((a, b) => a + b)).toBe(evaluation.pixels);
  expect(mistakes.map(({ meanIoU }) => meanIoU)).toEqual(mistakes.map(({ meanIoU }) => meanIoU).sort((a, b) => a - b));
});

/** An output and an auxiliary one, as torchvision's networks give them. */
class Two extends Module<[Tensor], { out: Tensor; aux: Tensor }> {
  main = new Conv2d(3, 1, 1);
  early = new Conv2d(3, 1, 1);

  override forward(x: Tensor): { out: Tensor; aux: Tensor } {
    return { out: this.main.forward(x), aux: this.early.forward(x) };
  }
}

test('an auxiliary head is trained too, and one output is a foreground', async () => {
  const model = new Two();
  const before = await model.early.weight.data();
  const first = before.slice();
  const { history } = await fit(model, {
    ...{
      task: segmentation({ loss: 'bce+dice' }),
      train: new Squares(16),
      validation: new Squares(4),
      epochs: 3,
      batchSize: 8,
    },
    optimizer: new AdamW(model.parameters(), { lr: 0.3 }),
  });
  expect((history.at(-1) as unknown as Record<string, number>).validationMeanIoU!).toBeGreaterThan(0.9);
  expect(await model.early.weight.data()).not.toEqual(first);
});

test('the classes of pixels are those of the highest scores; of equal ones the first', () => {
  expect([...labelsOf([1, 2, 3, 4, 0, 2, 5, 4], 2)]).toEqual([0, 0, 1, 0]);
  expect([...labelsOf([-1, 0, 0.5], 1)]).toEqual([0, 0, 1]);
});

test('errors say what was expected', async () => {
  const train = new Squares(4);
  const run = (model: Module, data: Dataset<MaskedImage> = train) =>
    fit(model, { task: segmentation(), train: data, epochs: 1, batchSize: 4 });
  await expect(run(new Conv2d(3, 2, 3))).rejects.toThrow(
    'segmentation: expected outputs [4, classes, 16, 16] for masks [4, 16, 16], got [4, 2, 14, 14]. Choose a network that segments, as unet.',
  );
  const three = Object.assign(new Squares(4), { classes: ['a', 'b', 'c'] });
  await expect(run(new Conv2d(3, 2, 1), three)).rejects.toThrow(
    'segmentation: expected an output for each of the 3 classes, got a model with 2. Build it with { numClasses: 3 }.',
  );
  const high = Object.assign(new Squares(4), {
    get: async (index: number) => ({ ...(await train.get(index)), mask: new Uint8Array(256).fill(7) }),
  });
  await expect(run(new Conv2d(3, 2, 1), high)).rejects.toThrow(
    /segmentation: expected labels from 0 to 1, or 255, got 7 in square \d\./,
  );
  const uneven = Object.assign(new Squares(4), {
    get: async (index: number) => ({
      ...(await train.get(index)),
      ...(index === 2 && { shape: [3, 8, 32] as const }),
    }),
  });
  await expect(run(new Conv2d(3, 2, 1), uneven)).rejects.toThrow(
    /images of a batch must have one shape, .* Give the transform a crop, or resize to \[height, width\]\./,
  );
  expect(() => segmentation({ loss: 'hinge' })).toThrow('segmentation: expected loss as cross-entropy, bce, dice');
});

test('evaluate scores a trained model', async () => {
  const model = new Conv2d(3, 2, 1);
  model.weight.set(Float32Array.of(-1, 0, 0, 1, 0, 0));
  model.bias!.set(Float32Array.of(0, 0));
  const { scores } = await evaluate(model, new Squares(5), { task: segmentation(), batchSize: 2 });
  expect(scores).toEqual({ meanIoU: 1, meanDice: 1, pixelAccuracy: 1 });
});
