/** Runs of several labels an image and of numbers, from a table of photos to predictions and scores. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { convert } from '../../src/convert/index.ts';
import { openPhotos, writeImage } from '../../src/data/index.ts';
import { init, tensor } from '../../src/index.ts';
import { Linear } from '../../src/nn/index.ts';
import {
  evaluateFolder,
  type FinetuneOptions,
  finetune,
  metricsJSON,
  openModel,
  predictImages,
  renderReport,
} from '../../src/runs/index.ts';
import { foldUnits, fromUnits, startAtMean, unitsOf } from '../../src/tasks/image-regression/units.ts';
import type { TaskName } from '../../src/tasks/kinds.ts';
import { faultOf, temporaryFolder } from '../data/photos.ts';

beforeAll(async () => {
  await init();
});

const COUNT = 24;

/** Photos whose red is as strong as their number says and whose green and blue are there or not, with a table. */
async function tablePhotos(head: string, row: (i: number, name: string) => string): Promise<string> {
  const folder = temporaryFolder();
  for (let i = 0; i < COUNT; i++) {
    const data = new Uint8Array(40 * 40 * 3);
    for (let p = 0; p < 40 * 40; p++) data.set([i * 10, i % 2 ? 220 : 20, i % 3 ? 20 : 220], 3 * p);
    await writeImage(join(folder, `${i}.png`), { data, width: 40, height: 40 });
  }
  writeFileSync(
    join(folder, 'train.csv'),
    [head, ...Array.from({ length: COUNT }, (_, i) => row(i, `${i}.png`))].join('\n'),
  );
  return folder;
}

const tags = () => tablePhotos('image,green,blue', (i, name) => `${name},${i % 2},${Number(i % 3 === 0)}`);

const ages = () => tablePhotos('id,age', (i) => `${i},${i / 2 + 0.25}`);

const short = { model: 'cifarResnet20', weights: null, epochs: 2, batchSize: 8, imageSize: 32, augment: 0 } as const;

const lines = () => {
  const notes: string[] = [];
  const progress = { start: () => {}, update: () => {}, end: () => {}, note: (text: string) => notes.push(text) };
  return { notes, progress };
};

describe('several labels an image', () => {
  test('from a table to a report, predictions and scores', async () => {
    const photos = await tags();
    const out = join(temporaryFolder(), 'run');
    const { notes, progress } = lines();
    const options: FinetuneOptions<'multi-label'> = {
      ...short,
      photos,
      out,
      progress,
      task: 'multi-label',
      classWeights: 'balanced',
    };
    const result = await finetune(options);
    expect(notes[0]).toMatch(
      /^Task: multi-label, by train.csv: 'image' names the images, 'green', 'blue' tell the labels \(2 labels\); \d+ to train on, \d+ held out, by sets of labels \(seed 0\)\.$/,
    );
    expect(result).toMatchObject({
      task: 'multi-label',
      data: { classes: ['green', 'blue'] },
      hyperparameters: { classWeights: 'balanced' },
    });
    expect(result.hyperparameters).not.toHaveProperty('labelSmoothing');
    expect(result.reproduce).toContain(' --task multi-label ');
    const best = result.history.find(({ epoch }) => epoch === result.bestEpoch)!;
    expect(result.evaluation!.mAP).toBe(best.validationMAP);
    expect(result.evaluation!.perLabel).toHaveLength(2);
    expect(JSON.parse(metricsJSON(result)).evaluation.mAP).toBe(result.evaluation!.mAP);
    const report = renderReport(result);
    expect(report).toContain('mean average precision on');
    expect(report).toContain('Scores by label');
    expect(JSON.parse(readFileSync(join(out, 'model.json'), 'utf8'))).toMatchObject({
      task: 'multi-label',
      classes: ['green', 'blue'],
    });

    const model = await openModel(out, { task: 'multi-label' });
    const files = [0, 1].map((i) => join(photos, `${i}.png`));
    const all = (await predictImages(model, files, { topK: 2 })).predictions;
    expect(all.map(({ labels }) => labels.map(({ label }) => label).sort())).toEqual([
      ['blue', 'green'],
      ['blue', 'green'],
    ]);
    const none = (await predictImages(model, files, { threshold: 1 })).predictions;
    expect(none).toEqual(files.map((file) => ({ file, labels: [] })));
    const scores = await evaluateFolder(model, photos);
    expect(scores).toMatchObject({ images: COUNT, classes: ['green', 'blue'] });
    expect(await faultOf(() => openModel(out), out)).toBe(
      "ArgumentError: ROOT: is a model of multi-label, not of image-classification. Say so: { task: 'multi-label' }, or 'auto' for whatever it is.",
    );
  });
});

describe('numbers', () => {
  test('from a table to a report, predictions and scores; interrupted, it goes on to the same', async () => {
    const photos = await ages();
    const out = join(temporaryFolder(), 'run');
    const options: FinetuneOptions<'image-regression'> = { ...short, photos, task: 'image-regression', loss: 'huber' };
    const whole = await finetune(options);
    let stopped = false;
    await finetune({ ...options, out, onEpoch: () => Promise.reject(new Error('cut')) }).catch(() => {
      stopped = true;
    });
    expect(stopped).toBe(true);
    const result = await finetune({ ...options, out, resume: true });
    expect(
      result.history.map(({ trainLoss, validationLoss, validationR2 }) => [trainLoss, validationLoss, validationR2]),
    ).toEqual(
      whole.history.map(({ trainLoss, validationLoss, validationR2 }) => [trainLoss, validationLoss, validationR2]),
    );
    expect(result).toMatchObject({
      task: 'image-regression',
      data: { classes: ['age'] },
      hyperparameters: { loss: 'huber' },
    });
    expect(result.evaluation!.perValue).toHaveLength(1);
    const report = renderReport(result);
    expect(report).toContain('R² on');
    expect(report).toContain('Largest errors');

    const model = await openModel(out, { task: 'image-regression' });
    const [worst] = result.worstMistakes;
    const { predictions } = await predictImages(model, [join(photos, worst!.path)]);
    expect(predictions[0]!.values.age).toBeCloseTo(worst!.predicted.age!, 3);
    const scores = await evaluateFolder(model, photos);
    expect(scores.images).toBe(COUNT);
    expect(scores.r2).toBeLessThanOrEqual(1);

    // A head that is known goes on from where it was.
    const again = await finetune({
      ...options,
      weights: out,
      epochs: 1,
      lr: 1e-30,
      optimizer: 'sgd',
      momentum: 0,
      weightDecay: 0,
    });
    expect(again.evaluation!.mae).toBeCloseTo(result.evaluation!.mae!, 3);
  });

  test('the task of a table has to be said where the program counts on classes', async () => {
    const photos = await ages();
    expect(await faultOf(() => finetune({ ...short, photos }), photos)).toMatch(
      /^ArgumentError: finetune: the labels of ROOT are those of image-regression \(train\.csv: .*\)\. Say so: \{ task: 'image-regression' \}, or 'auto' for whatever they are\.$/,
    );
    const result = await finetune({ ...short, photos, task: 'auto', epochs: 1 });
    expect(result.task).toBe('image-regression');
  });

  test('options of other tasks are refused', async () => {
    const photos = await ages();
    const fault = (options: Partial<FinetuneOptions<'image-regression'>>) =>
      faultOf(() => finetune({ ...short, photos, task: 'image-regression', ...options }));
    expect(await fault({ labelSmoothing: 0.1 })).toBe(
      'ArgumentError: finetune: labelSmoothing is an option of image-classification, got one for image-regression. Leave it out.',
    );
    expect(await fault({ monitor: 'accuracy' })).toBe(
      "ArgumentError: finetune: monitor must be loss or r2 or mae or rmse for image-regression, got 'accuracy'.",
    );
  });
});

test('classes in a table: numbers taken for them where the task says so', async () => {
  const photos = await tablePhotos('id,kind', (i) => `${i},${['even', 'odd'][i % 2]}`);
  const result = await finetune({ ...short, photos, epochs: 1 });
  expect(result.data.classes).toEqual(['even', 'odd']);
  rmSync(join(photos, 'train.csv'));
  expect(await faultOf(() => openPhotos(photos), photos)).toMatch(/^DataError: ROOT/);
});

describe('a network whose classes come out of a ReLU', () => {
  test.each(['multi-label', 'image-regression'] as const)(
    '%s: its outputs take either sign, opened again too',
    async (task) => {
      const photos = await (task === 'multi-label' ? tags() : ages());
      const out = join(temporaryFolder(), 'run');
      const { evaluation } = await finetune({
        ...short,
        photos,
        out,
        task,
        model: 'squeezenet1_1',
        lr: 1e-3,
        epochs: 1,
      });
      const { model } = await openModel(out, { task });
      expect(String(model)).toContain('(2): Identity()');
      expect(evaluation!.images).toBeGreaterThan(0);
      const onnx = join(out, '..', 'model.onnx');
      await convert(join(out, 'model.safetensors'), onnx, { model: 'squeezenet1_1' });
      const files = [join(photos, '3.png')];
      const [here, there] = await Promise.all(
        [out, onnx].map(async (path) =>
          predictImages(await openModel<TaskName>(path, { task: 'auto' }), files, { topK: 2 }),
        ),
      );
      expect(there!.predictions).toEqual(here!.predictions);
      expect(String((await openModel(out, { task: 'auto' })).task)).toBe(task);
    },
  );
});

test('units: folded into a layer, its outputs are as measured; folded back, as they were', async () => {
  const layer = new Linear(4, 2);
  const x = tensor(
    Float32Array.from({ length: 12 }, (_, i) => Math.sin(i)),
    [3, 4],
  );
  const before = await layer.forward(x).data();
  const labels = [3, 100, 5, 300, 10, 200];
  const images = {
    classes: ['a', 'b'],
    length: 3,
    label: (i: number) => Float32Array.from(labels.slice(2 * i, 2 * i + 2)),
  };
  const units = unitsOf(images);
  expect(units.mean).toEqual([6, 200]);
  expect(units.deviation[1]).toBeCloseTo(Math.sqrt(20_000 / 3), 9);
  await foldUnits(layer, units);
  const after = await layer.forward(x).data();
  for (const [i, value] of fromUnits(before as Float32Array, units).entries()) expect(after[i]).toBeCloseTo(value, 3);
  await foldUnits(layer, units, { inverse: true });
  for (const [i, value] of (await layer.forward(x).data()).entries()) expect(value).toBeCloseTo(before[i]!, 5);
  await startAtMean(layer, [true, false]);
  for (const [i, value] of (await layer.forward(x).data()).entries())
    expect(value).toBeCloseTo(i % 2 ? before[i]! : 0, 5);
  expect(await faultOf(() => foldUnits(new Linear(4, 2, { bias: false }), units))).toBe(
    'ArgumentError: image-regression: expected a head with a bias, got one without. Replace it by one that has.',
  );
});
