/** Tasks of images: scores against scikit-learn's, training against PyTorch's, what is refused. */
import { beforeAll, describe, expect, test } from 'vitest';
import { ArrayDataset, DataLoader } from '../../src/data/index.ts';
import { init, type Tensor, tensor } from '../../src/index.ts';
import {
  BCEWithLogitsLoss,
  CrossEntropyLoss,
  FocalLoss,
  focalLoss,
  Linear,
  l1Loss,
  SigmoidFocalLoss,
  sigmoidFocalLoss,
} from '../../src/nn/index.ts';
import { SGD } from '../../src/optim/index.ts';
import { imageClassification } from '../../src/tasks/image-classification/task.ts';
import { evaluateRegression } from '../../src/tasks/image-regression/metrics.ts';
import { imageRegression, type RegressionLoss } from '../../src/tasks/image-regression/task.ts';
import { averagePrecision, evaluateLabels } from '../../src/tasks/multi-label/metrics.ts';
import { multiLabel } from '../../src/tasks/multi-label/task.ts';
import { evaluate } from '../../src/train/evaluate.ts';
import { fit } from '../../src/train/fit.ts';
import fixtures from '../fixtures/tasks.json' with { type: 'json' };
import { fill } from '../ops/inputs.ts';
import { Plain } from '../train/nets.ts';

beforeAll(async () => {
  await init();
});

const values = (kind: 'uniform' | 'mask', shape: number[], seed: number, scale = 1) =>
  fill({ kind, shape, scale }, seed) as Float32Array;

describe('scores are scikit-learn’s', () => {
  test.each(fixtures.multiLabel)('multi-label, $images images of $labels labels', (of) => {
    const { images, labels, seed } = of;
    const shape = [images, labels];
    const scores = values('uniform', shape, seed).map((x) => roundHalfEven(x * 8) / 8 - 0.0625);
    const targets = values('uniform', shape, seed + 100).map((x, i) =>
      Number(i < labels || x / 4 + 0.5 < ((i % labels) + 1) / (labels + 1)),
    );
    const { perLabel, mAP, macroF1, microF1 } = evaluateLabels(scores, targets, labels);
    for (const [k, { ap }] of perLabel.entries()) expect(ap).toBeCloseTo(of.ap[k]!, 9);
    expect(mAP).toBeCloseTo(of.mAP, 9);
    expect(macroF1).toBeCloseTo(of.macroF1, 9);
    expect(microF1).toBeCloseTo(of.microF1, 9);
  });

  test.each(fixtures.regression)('regression, $images images of $values values', (of) => {
    const shape = [of.images, of.values];
    const found = evaluateRegression(
      values('uniform', shape, of.seed, 10),
      values('uniform', shape, of.seed + 100, 10),
      of.values,
    );
    for (const [k, { r2 }] of found.perValue.entries()) expect(r2).toBeCloseTo(of.r2[k]!, 9);
    expect(found.r2).toBeCloseTo(of.meanR2, 9);
    expect(found.mae).toBeCloseTo(of.mae, 9);
    expect(found.rmse).toBeCloseTo(of.rmse, 9);
  });

  test('what has nothing to divide by is null', () => {
    expect(averagePrecision([1, 2], [0, 0])).toBeNull();
    expect(evaluateLabels([1, -1, 1, -1], [1, 0, 1, 0], 2)).toMatchObject({ mAP: 1, macroF1: 1, exactMatch: 1 });
    expect(evaluateRegression([1, 2], [3, 3], 1)).toMatchObject({ r2: null, mae: 1.5 });
    expect(evaluateRegression([1], [3], 1)).toMatchObject({ r2: null, mae: 2, rmse: 2 });
  });
});

/** As NumPy rounds. */
function roundHalfEven(x: number): number {
  const floor = Math.floor(x);
  if (x - floor !== 0.5) return Math.round(x);
  return floor % 2 === 0 ? floor : floor + 1;
}

const pixels = values('uniform', [17, 3, 8, 8], 3);
const labelled = (targets: Float32Array | Int32Array) => new ArrayDataset(pixels, [17, 3, 8, 8], targets);

function net(outputs: number): Plain {
  const model = new Plain();
  model.fc = new Linear(4, outputs);
  for (const [k, p] of model.parameters().entries()) p.set(values('uniform', [...p.shape], 7 + k, 0.3));
  return model;
}

describe('ten steps are PyTorch’s', () => {
  const ones = values('mask', [17, 3], 21);
  const numbers = values('uniform', [17, 2], 22);
  const classes = fill({ kind: 'labels', shape: [17], classes: 3 }, 23) as Int32Array;
  test.each([
    ['multi-label', multiLabel(), ones, 3],
    ['multi-label, posWeight', multiLabel({ posWeight: [1, 2, 4] }), ones, 3],
    ['multi-label, focal', multiLabel({ focalGamma: 2 }), ones, 3],
    ['classes, focal', imageClassification({ focalGamma: 2 }), classes, 3],
    ...(['mse', 'l1', 'huber'] as const).map(
      (loss) => [loss, imageRegression({ loss: loss as RegressionLoss }), numbers, 2] as const,
    ),
  ] as const)('%s', async (name, task, targets, outputs) => {
    const model = net(outputs);
    const train = new DataLoader(labelled(targets), { batchSize: 17 });
    const optimizer = new SGD(model.parameters(), { lr: 0.1, momentum: 0.9 });
    const { stepLosses } = await fit(model, { task, train, epochs: 10, optimizer });
    const wanted = fixtures.training[name];
    for (const [k, { loss }] of stepLosses.entries())
      expect(Math.abs(loss! / wanted.losses[k]! - 1)).toBeLessThan(1e-4);
    const bias = await model.fc.bias!.data();
    for (const [k, b] of wanted.bias.entries()) expect(Math.abs(bias[k]! - b)).toBeLessThan(1e-4);
  });
});

describe('focal losses', () => {
  const logits = () => tensor([40, -40, 0, 3, 2, 1], [2, 3], { requires_grad: true });
  const [labels, targets] = [tensor([0, 2], [2], { dtype: 'int32' }), tensor([1, 0, 1, 0, 1, 1], [2, 3])];

  test.each([0.5, 1, 2])(
    'of logits that are told to the last bit have no NaN in their gradients, gamma %s',
    async (gamma) => {
      for (const run of [
        (x: Tensor) => focalLoss(x, labels, { gamma }),
        (x: Tensor) => sigmoidFocalLoss(x, targets, { gamma }),
      ]) {
        const x = logits();
        run(x).backward();
        expect([...(await x.grad!.data())].every(Number.isFinite)).toBe(true);
      }
    },
  );

  test('of gamma 0 are the plain losses; factors are buffers of the modules', async () => {
    const [x, alpha] = [logits(), [1, 2, 3]];
    const focal = new FocalLoss({ gamma: 0, alpha, reduction: 'sum' });
    const plain = new CrossEntropyLoss({ weight: alpha, reduction: 'sum' });
    expect(await focal.forward(x, labels).item()).toBeCloseTo(await plain.forward(x, labels).item(), 6);
    expect(focal.namedBuffers().map(([name]) => name)).toEqual(['alpha']);
    const several = new SigmoidFocalLoss({ gamma: 0, posWeight: alpha });
    const binary = new BCEWithLogitsLoss({ posWeight: alpha });
    expect(await several.forward(x, targets).item()).toBeCloseTo(await binary.forward(x, targets).item(), 6);
    expect(several.namedBuffers().map(([name]) => name)).toEqual(['pos_weight']);
  });
});

describe('with validation', () => {
  test('multi-label: the scores of an epoch are those of the whole set, whatever the batches', async () => {
    const model = net(3);
    const data = labelled(values('mask', [17, 3], 21));
    const optimizer = new SGD(model.parameters(), { lr: 0.1 });
    const options = { task: multiLabel(), train: data, validation: data, batchSize: 5, epochs: 2, optimizer };
    const { history, best } = await fit(model, { ...options, keepBest: false });
    const whole = await evaluate(model, data, { task: multiLabel(), batchSize: 17 });
    expect(history[1]!.validationMAP).toBe(whole.scores.mAP);
    expect(history[1]!.validationMacroF1).toBe(whole.scores.macroF1);
    expect(history[1]!.validationLoss).toBeCloseTo(whole.loss, 5);
    expect(best!.values).toMatchObject({ evaluation: { images: 17, perLabel: [{ support: 10 }, {}, {}] } });
  });

  test('the focal loss that trains is the one that validates', async () => {
    const model = net(3);
    const labels = fill({ kind: 'labels', shape: [17], classes: 3 }, 23) as Int32Array;
    const data = labelled(labels);
    const optimizer = new SGD(model.parameters(), { lr: 0.1 });
    const task = imageClassification({ focalGamma: 2 });
    const options = { task, train: data, validation: data, batchSize: 17, epochs: 2, optimizer, keepBest: false };
    const { history } = await fit(model, options);
    model.eval();
    const loss = focalLoss(model.forward(tensor(pixels, [17, 3, 8, 8])), tensor(labels, [17]));
    expect(history[1]!.validationLoss).toBeCloseTo(await loss.item(), 6);
    expect(history[1]!.validationLoss).toBeLessThan(history[1]!.trainLoss!);
    expect(history[1]!.validationAccuracy).not.toBeNull();
  });

  test('regression: a given loss replaces the task’s', async () => {
    const model = net(2);
    const data = labelled(values('uniform', [17, 2], 22));
    const optimizer = new SGD(model.parameters(), { lr: 0 });
    const loss = (outputs: Tensor, targets: Tensor) => outputs.sub(targets).abs().sum();
    const { history } = await fit(model, {
      ...{ task: imageRegression(), train: data, validation: data, batchSize: 17, epochs: 1, optimizer, loss },
    });
    const { perValue } = (await evaluate(model, data, { task: imageRegression() })).values!.evaluation;
    expect(history[0]!.validationLoss! / 17).toBeCloseTo(perValue[0]!.mae! + perValue[1]!.mae!, 4);
    expect(history[0]!.validationR2).toBeLessThan(1);
  });
});

describe('refused', () => {
  const classes = new ArrayDataset(pixels, [17, 3, 8, 8], new Int32Array(17));
  test.each([
    [
      () => fit(net(3), { task: multiLabel(), train: classes, epochs: 1 }),
      'multi-label: expected a float target for each label, got a class for each sample. Give targets as a Float32Array, in every sample.',
    ],
    [
      () => fit(net(2), { task: multiLabel(), train: labelled(new Float32Array(51)), epochs: 1 }),
      'multi-label: expected an output for each of the 3 labels, got a model with 2. Graft a head of 3.',
    ],
    [
      () => fit(net(3), { task: multiLabel(), train: labelled(new Float32Array(51).fill(2)), epochs: 1 }),
      'multi-label: expected targets from 0 to 1, got 2 in array[',
    ],
    [
      () => fit(net(3), { task: multiLabel({ posWeight: [1] }), train: labelled(new Float32Array(51)), epochs: 1 }),
      'multi-label: posWeight has 1 numbers, but there are 3 labels. Give one a label.',
    ],
    [
      () => fit(net(3), { task: imageRegression(), train: labelled(new Float32Array(17)), epochs: 1 }),
      'image-regression: expected an output for each of the 1 values, got a model with 3. Graft a head of 1.',
    ],
    [
      async () => imageRegression({ loss: 'mae' as never }),
      "imageRegression: expected loss as one of mse, l1, huber, got 'mae'. For one of your own give fit the function.",
    ],
    [async () => imageClassification({ focalGamma: 0 }), 'imageClassification: focalGamma must be above 0, got 0.'],
    [
      async () => imageClassification({ focalGamma: 2, labelSmoothing: 0.1 }),
      'imageClassification: expected labelSmoothing or focalGamma, got both. The focal loss is of whole labels: leave one out.',
    ],
    [async () => multiLabel({ focalGamma: -1 }), 'multiLabel: focalGamma must be above 0, got -1.'],
    [
      async () => focalLoss(tensor([1, 2], [1, 2]), tensor([0.5, 0.5], [1, 2])),
      'focalLoss: expected int32 classes, got targets of float32. Leave out MixUp and CutMix, or take crossEntropy.',
    ],
    [async () => new FocalLoss({ gamma: -1 }), 'FocalLoss: gamma must be 0 or more, got -1.'],
    [
      async () => sigmoidFocalLoss(tensor([1]), tensor([1]), { alpha: 2 }),
      'sigmoidFocalLoss: alpha must be a probability from 0 to 1, got 2.',
    ],
    [
      async () => l1Loss(tensor([1]), tensor([1]), { reduction: 'avg' as never }),
      "l1Loss: reduction must be mean, sum or none, got 'avg'.",
    ],
    [
      async () => multiLabel({ posWeight: [0, 1] }),
      'multiLabel: posWeight must be numbers above 0, one a label, got [0,1].',
    ],
  ])('%#', async (run, message) => {
    await expect(run()).rejects.toThrow(message);
  });
});
