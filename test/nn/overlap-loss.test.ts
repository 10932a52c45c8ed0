/** Losses of masks: values and gradients of segmentation-models-pytorch, finite differences, the same bits twice, errors. */
import { readFileSync } from 'node:fs';
import { beforeAll, expect, test } from 'vitest';
import { init, noGrad, type Tensor, tensor } from '../../src/index.ts';
import { crossEntropy, diceLoss, focalLoss, jaccardLoss, tverskyLoss } from '../../src/nn/index.ts';
import { maskLoss } from '../../src/tasks/segmentation/losses.ts';

interface Case {
  readonly classes: number;
  readonly ignored: boolean;
  readonly absent: boolean;
  readonly loss: number;
  readonly gradient: string;
}

const file = new URL('../fixtures/mask-losses.json', import.meta.url);
const { cases }: { cases: Record<string, Case> } = JSON.parse(readFileSync(file, 'utf8'));

const NONE = { ignoreIndex: -100 };
const LOSSES: Readonly<Record<string, (logits: Tensor, labels: Tensor) => Tensor>> = {
  'cross-entropy': maskLoss('cross-entropy'),
  'cross-entropy, weights': maskLoss('cross-entropy', { classWeights: [0.5, 2, 1.25] }),
  bce: maskLoss('bce'),
  focal: maskLoss('focal'),
  dice: maskLoss('dice'),
  'dice, a class absent': (x, y) => diceLoss(x, y, NONE),
  'dice, smooth': (x, y) => diceLoss(x, y, { smooth: 1 }),
  'dice, log': (x, y) => diceLoss(x, y, { logLoss: true }),
  'dice, one class': maskLoss('dice'),
  jaccard: maskLoss('jaccard'),
  'jaccard, one class, smooth': (x, y) => jaccardLoss(x, y, { smooth: 0.5 }),
  tversky: maskLoss('tversky'),
  'tversky, gamma': (x, y) => tverskyLoss(x, y, { alpha: 0.3, beta: 0.7, gamma: 1.5 }),
  'bce + dice': maskLoss('bce+dice'),
  'cross-entropy + dice': maskLoss('cross-entropy + dice'),
};

beforeAll(async () => {
  await init();
});

const logitsOf = ({ classes }: Case): Float32Array =>
  Float32Array.from({ length: 2 * classes * 35 }, (_, i) => 2 * Math.sin(0.7 * i + 0.1) + Math.cos(2.3 * i));

function labelsOf({ classes, ignored, absent }: Case): Tensor {
  const most = classes === 1 ? 2 : classes - (absent ? 1 : 0);
  const label = (i: number) => (ignored && i % 11 === 4 ? 255 : (Math.floor(i / 3) + Math.floor(i / 35)) % most);
  return tensor(
    Int32Array.from({ length: 70 }, (_, i) => label(i)),
    [2, 5, 7],
  );
}

test('every recorded loss has a row', () => {
  expect(Object.keys(LOSSES)).toEqual(Object.keys(cases));
});

test.each(Object.entries(cases))('%s', async (name, c) => {
  const [values, labels] = [logitsOf(c), labelsOf(c)];
  const shape = [2, c.classes, 5, 7];
  const run = async () => {
    const logits = tensor(values, shape, { requires_grad: true });
    const loss = LOSSES[name]!(logits, labels);
    loss.backward();
    return [await loss.item(), (await logits.grad!.data()) as Float32Array] as const;
  };
  const [loss, gradient] = await run();
  expect(Math.abs(loss / c.loss - 1)).toBeLessThan(2e-6);
  const expected = new Float32Array(new Uint8Array(Buffer.from(c.gradient, 'base64')).buffer);
  const largest = expected.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
  gradient.forEach((g, i) => {
    expect(Math.abs(g - expected[i]!)).toBeLessThan(5e-6 * largest + 1e-9);
  });
  expect(await run()).toEqual([loss, gradient]);
  // Finite differences along one direction through all logits.
  const along = gradient.map((_, i) => Math.cos(1.7 * i));
  const at = async (step: number) => {
    const moved = tensor(
      values.map((v, i) => v + step * along[i]!),
      shape,
    );
    return noGrad(() => LOSSES[name]!(moved, labels)).item();
  };
  const slope = ((await at(2 ** -6)) - (await at(-(2 ** -6)))) / 2 ** -5;
  const found = gradient.reduce((sum, g, i) => sum + g * along[i]!, 0);
  const norm = gradient.reduce((sum, g, i) => sum + Math.abs(g * along[i]!), 0);
  expect(Math.abs(slope - found)).toBeLessThan(5e-3 * norm);
});

test('pixels that are ignored have no gradient', async () => {
  const c = cases.dice!;
  for (const name of ['cross-entropy', 'bce', 'dice', 'jaccard', 'focal', 'tversky']) {
    const logits = tensor(logitsOf({ ...c, classes: 3 }), [2, 3, 5, 7], { requires_grad: true });
    maskLoss(name)(logits, labelsOf({ ...c, classes: 3, ignored: true })).backward();
    const g = await logits.grad!.data();
    for (const i of [4, 15, 26]) for (let k = 0; k < 3; k++) expect(Math.abs(g[k * 35 + i]!), name).toBe(0);
  }
});

test('errors say what was expected', () => {
  const logits = tensor(new Float32Array(12), [1, 3, 2, 2]);
  const wrong = tensor(new Int32Array(2), [1, 2]);
  expect(() => diceLoss(logits, wrong)).toThrow(
    'diceLoss: expected logits [N, classes, H, W] and labels [N, H, W], got [1, 3, 2, 2] and [1, 2].',
  );
  expect(() => jaccardLoss(logits, tensor(new Float32Array(4), [1, 2, 2]))).toThrow(
    "jaccardLoss: labels must be int32 class indices, got float32. Pass an Int32Array, or { dtype: 'int32' }.",
  );
  expect(() => tverskyLoss(logits, tensor(new Int32Array(4), [1, 2, 2]), { alpha: -1 })).toThrow(
    'tverskyLoss: alpha must be 0 or more, got -1.',
  );
  expect(() => maskLoss('dice+lovasz')).toThrow(
    "segmentation: expected loss as cross-entropy, bce, dice, jaccard, focal, tversky, or a sum as cross-entropy+dice, got 'dice+lovasz'.",
  );
  expect(() => crossEntropy(logits, wrong)).toThrow('labels must be one class per row, [1, 2, 2]');
  expect(focalLoss(logits, tensor(new Int32Array(4), [1, 2, 2]), { gamma: 2 }).shape).toEqual([]);
});
