/** How results of segmentation are told: lines, JSON, a report's sections, the shares of an image's classes. */
import { beforeAll, expect, test } from 'vitest';
import { init, tensor } from '../../../src/index.ts';
import { SEGMENTATION } from '../../../src/tasks/segmentation/image-task.ts';
import { SegmentationMetric } from '../../../src/tasks/segmentation/metrics.ts';

const CLASSES = ['road', 'tree', 'sky'];
// Of ten pixels, four of six roads and three of four trees are found; the sky is nowhere.
const metric = new SegmentationMetric(3).add([0, 0, 0, 0, 1, 1, 1, 1, 1, 0], [0, 0, 0, 0, 0, 0, 1, 1, 1, 1]);
const evaluation = { ...metric.evaluate(), images: 2 };

beforeAll(async () => {
  await init();
});

test('lines, a sentence and JSON', () => {
  expect(SEGMENTATION.sentence(evaluation, '2 validation images')).toBe(
    'The mean IoU is 53.6\u00a0%, and 70.0\u00a0% of the pixels are right, on 2 validation images',
  );
  expect(SEGMENTATION.headline('2 images')).toBe('mean IoU on 2 images');
  expect(SEGMENTATION.lines(evaluation, CLASSES).join('\n')).toMatch(
    /1 of the 3 classes are neither there nor found, and left out\.\n\nclass +IoU +Dice +pixels found\nroad +57\.1\s% +72\.7\s% +66\.7\s%\ntree +50\.0\s% +66\.7\s% +75\.0\s%\nsky/,
  );
  expect(SEGMENTATION.json(evaluation, CLASSES)).toMatchObject({
    ...{ pixelAccuracy: 0.7, pixels: 10, images: 2 },
    perClass: [
      { label: 'road', support: 6 },
      { label: 'tree', iou: 0.5 },
      { label: 'sky', iou: null, dice: null },
    ],
  });
  expect(JSON.parse(JSON.stringify(SEGMENTATION.stored(evaluation)))).toMatchObject({
    confusion: [4, 2, 0, 1, 3, 0, 0, 0, 0],
  });
  const sections = SEGMENTATION.sections(
    evaluation,
    [{ ...SEGMENTATION.named({ index: 1, meanIoU: 0.25 }, CLASSES), path: 'a.png', thumbnail: null }],
    CLASSES,
  );
  expect(sections.map(({ id }) => id)).toEqual(['classes', 'mistakes']);
  expect(JSON.stringify(sections[1]!.content)).toContain('mean IoU <b>25.0');
});

test('an image’s answer is the share of each class', () => {
  const answer = SEGMENTATION.answer([1, 0, 0, 5, 0, 2, 2, 0, 0, 0, 0, 0], CLASSES, {});
  expect(answer).toEqual({ classes: { road: 0.5, tree: 0.5, sky: 0 } });
  expect(SEGMENTATION.told(answer).map(({ label }) => label)).toEqual(['road', 'tree']);
  expect(SEGMENTATION.csv.row(answer)).toEqual([0.5, 0.5, 0]);
});

test('two views are one: the second is of the mirrored image', async () => {
  const logits = tensor([3, -1, 0, 2, 1, 0, 1, 0], [1, 2, 2, 2]);
  const mean = await SEGMENTATION.mean(logits, logits.flip([3]))
    .softmax(1)
    .data();
  const alone = await logits.softmax(1).data();
  mean.forEach((share, i) => {
    expect(share).toBeCloseTo(alone[i]!, 6);
  });
  const one = tensor([3, -1, 0, 2], [1, 1, 2, 2]);
  const found = await SEGMENTATION.mean(one, one.flip([3])).data();
  (await one.data()).forEach((logit, i) => {
    expect(found[i]).toBeCloseTo(logit, 5);
  });
});

test('a run’s settings make the task; balanced weights are refused', () => {
  const settings = { labelSmoothing: 0, classWeights: null, focalGamma: null, loss: null };
  expect(SEGMENTATION.create({ ...settings, loss: 'focal', focalGamma: 3 }, { classes: CLASSES }).name).toBe(
    'segmentation',
  );
  expect(() => SEGMENTATION.create({ ...settings, classWeights: 'balanced' }, { classes: CLASSES })).toThrow(
    'finetune: classWeights of masks must be numbers, one a class, got balanced. The Dice loss balances classes by itself.',
  );
  expect(() => SEGMENTATION.create({ ...settings, classWeights: [1, 2] }, { classes: CLASSES })).toThrow(
    'finetune: classWeights has 2 numbers, but there are 3 classes (road, tree, sky). Give one a class, in this order.',
  );
});
