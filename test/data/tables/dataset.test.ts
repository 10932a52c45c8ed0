/** Image data sets with float labels, as tables give them: splits, threads, keys, verification, training with the trunk's cache. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import type { LabelledImage } from '../../../src/data/dataset.ts';
import { Compose, closeLoaders, DataLoader, openImageTable, Resize, ToTensor } from '../../../src/data/index.ts';
import { strataOf } from '../../../src/data/labels.ts';
import { init } from '../../../src/index.ts';
import { Linear } from '../../../src/nn/index.ts';
import { SGD } from '../../../src/optim/index.ts';
import { imageRegression } from '../../../src/tasks/image-regression/task.ts';
import { multiLabel } from '../../../src/tasks/multi-label/task.ts';
import type { Task } from '../../../src/tasks/task.ts';
import { evaluate } from '../../../src/train/evaluate.ts';
import { fit } from '../../../src/train/fit.ts';
import { Plain } from '../../train/nets.ts';
import { faultOf, photoFolder } from '../photos.ts';
import { rows } from './made.ts';

afterAll(() => closeLoaders());

const transform = new Compose([new Resize([8, 8]), new ToTensor()]);
const photos = (n: number) => Object.fromEntries(rows(n, (i) => [`${i}.jpg`, i]));

/** Twelve photos, with numbers and labels. */
const folder = () =>
  photoFolder({
    ...photos(12),
    'l.csv': ['file,age,tags', ...rows(12, (i) => `${i}.jpg,${i / 8},a|${i % 3 ? 'b' : 'c'}`)].join('\n'),
  });

test('threads load the same samples as the calling thread, labels and keys included', async () => {
  const { train } = await openImageTable(await folder(), { labels: ['tags'], transform, validation: 0 });
  const [here, there] = [0, 2].map((workers) => new DataLoader(train, { batchSize: 5, workers }));
  const batches = async (loader: typeof here) => {
    const found = [];
    for await (const { inputs, targets } of loader!.hostBatches()) found.push({ inputs, targets });
    return found;
  };
  const [first, second] = [await batches(here), await batches(there)];
  expect(second).toEqual(first);
  expect(first[0]!.targets.labels).toEqual({
    data: Float32Array.from(rows(5, (i) => [1, i % 3 ? 1 : 0, i % 3 ? 0 : 1]).flat()),
    shape: [5, 3],
  });
  expect(await train.key(3)).not.toBe(await train.key(4));
  expect(await train.subset([3]).key(0)).toBe(await train.key(3));
  expect([String(train).replace(train.root, 'ROOT'), train.label(1)]).toEqual([
    'ROOT: 12 images, 3 classes (a 12, b 8, c 4)',
    Float32Array.of(1, 1, 0),
  ]);
});

test('a photo that cannot be read is left out; where a label, or all, have none left, that is an error', async () => {
  const root = await folder();
  writeFileSync(join(root, '3.jpg'), 'no photo');
  const [values, labels] = await Promise.all(
    ['age', 'tags'].map((name) => openImageTable(root, { labels: [name], validation: 0 })),
  );
  const { good, bad } = await values!.train.verify();
  expect([good.length, bad.map(({ path }) => path)]).toEqual([11, [join(root, '3.jpg')]]);
  for (const i of [0, 6, 9]) writeFileSync(join(root, `${i}.jpg`), 'no photo');
  expect(await faultOf(() => labels!.train.verify(), root)).toContain(
    `DataError: ROOT: class 'c' has no readable image: all 4 files, the first ROOT/0.jpg`,
  );
  for (let i = 0; i < 12; i++) writeFileSync(join(root, `${i}.jpg`), 'no photo');
  expect(await faultOf(() => values!.train.verify(), root)).toContain(
    'DataError: ROOT: no image is readable: all 12 files, the first ROOT/0.jpg',
  );
});

test('strata: classes; sets of labels where the share of one is an image or more, else their rarest label', () => {
  const row = (...c: number[]) => Float32Array.from([0, 1, 2], (k) => Number(c.includes(k)));
  expect(strataOf([2, 0, 2], 3, 0.5)).toEqual([2, 0, 2]);
  expect(strataOf([Float32Array.of(3), Float32Array.of(4)], 0, 0.5)).toEqual(strataOf([row(), row()], 3, 0.5));
  const sets = [row(0), row(0, 1), row(0, 1), row(0, 2), row(1, 2), row(0, 1, 2)];
  // {0} and those with label 2 come once; {0, 1} twice.
  expect(strataOf(sets, 3, 0.5)).toEqual([0, 1, 1, 2, 2, 2]);
});

test('numbers and labels of a table train, from the cache after the first epoch, and are evaluated', async () => {
  await init();
  const root = await folder();
  const check = async (labels: string, task: Task<LabelledImage>) => {
    const { names, train, validation } = await openImageTable(root, { labels: [labels], transform, validation: 0.25 });
    const model = new Plain();
    model.freeze();
    model.fc = new Linear(4, names.length);
    const optimizer = new SGD(model.parameters(), { lr: 0.1 });
    const { history } = await fit(model, { task, train, validation, optimizer, epochs: 3, batchSize: 4 });
    expect(history.map(({ cached }) => cached)).toEqual([false, true, true]);
    const losses = history.map(({ trainLoss }) => trainLoss!);
    expect(losses[2]).toBeLessThan(losses[0]!);
    const { loss, scores } = await evaluate(model, validation, { task });
    expect([loss, ...Object.values(scores)].every(Number.isFinite)).toBe(true);
  };
  await check('age', imageRegression());
  await check('tags', multiLabel());
});
