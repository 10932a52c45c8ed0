/** Two looks at an image: the mean of what was found, as probabilities by hand say. */
import { beforeAll, expect, test } from 'vitest';
import { init, noGrad, type Tensor, tensor } from '../../src/index.ts';
import { evaluateFolder } from '../../src/runs/classify.ts';
import { openModel } from '../../src/runs/open-model.ts';
import { predictImages } from '../../src/runs/predict-images.ts';
import { Mirrored, meanOfClasses, meanOfLabels, meanOfValues } from '../../src/tasks/mirrored.ts';
import { finishedRun } from '../runs/finished-run.ts';
import { made, Plain } from '../train/nets.ts';

beforeAll(async () => {
  await init();
});

const [a, b] = [
  [1, -2, 0.5, 90, 0, -90],
  [0, 3, -1, 0, 95, 2],
];
const rows = (values: readonly number[]) => tensor([...values], [2, 3]);
const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
const softmax = (x: readonly number[]) => {
  const most = Math.max(...x);
  const parts = x.map((v) => Math.exp(v - most));
  return parts.map((v) => v / parts.reduce((n, w) => n + w));
};

test('the probabilities are means, and no logit is lost', async () => {
  const classes = [...(await meanOfClasses(rows(a!), rows(b!)).data())];
  const labels = [...(await meanOfLabels(rows(a!), rows(b!)).data())];
  for (const k of [0, 3]) {
    const [p, q] = [softmax(a!.slice(k, k + 3)), softmax(b!.slice(k, k + 3))];
    for (const [c, found] of softmax(classes.slice(k, k + 3)).entries())
      expect(found).toBeCloseTo((p[c]! + q[c]!) / 2, 5);
  }
  for (const [k, logit] of labels.entries())
    expect(sigmoid(logit)).toBeCloseTo((sigmoid(a![k]!) + sigmoid(b![k]!)) / 2, 5);
  expect([...classes, ...labels].every(Number.isFinite)).toBe(true);
  expect([...(await meanOfValues(rows(a!), rows(b!)).data())]).toEqual(a!.map((x, k) => (x + b![k]!) / 2));
});

test('an image and its mirror image get one answer; a model alone is as it was', async () => {
  const model = made(() => new Plain());
  const both = new Mirrored(model, meanOfClasses);
  const pixels = Float32Array.from({ length: 192 }, (_, i) => Math.sin(i * i));
  const image = tensor(pixels, [1, 3, 8, 8]);
  const logits = (x: Tensor) => noGrad(() => both.forward(x)).data();
  const [one, other] = [await logits(image), await logits(image.flip([3]))];
  for (const [c, logit] of one.entries()) expect(other[c]).toBeCloseTo(logit, 5);
});

test('predict and evaluate take it', async () => {
  const { finished, photos } = await finishedRun();
  const classifier = await openModel(finished);
  const file = `${photos}/val/red/0.jpg`;
  const [plain, flipped] = [
    await predictImages(classifier, [file]),
    await predictImages(classifier, [file], { flip: true }),
  ];
  expect(flipped.predictions[0]!.top[0]!.label).toBe(plain.predictions[0]!.top[0]!.label);
  const evaluation = await evaluateFolder(classifier, photos, { flip: true });
  expect(evaluation.images).toBe(6);
  expect(evaluation.loss).not.toBeNull();
}, 240_000);
