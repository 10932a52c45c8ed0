/** The account of a run's photos, as data and as the lines that are printed. */
import { copyFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { expect, test } from 'vitest';
import {
  accountFor,
  describePhotos,
  openImageFolders,
  openImageTable,
  type PhotoAccount,
} from '../../src/data/index.ts';
import { photoFolder } from './photos.ts';

const none = { acrossClasses: [], acrossParts: [], withinClass: [] };

test('classes, left out, equal photos', async () => {
  const root = await photoFolder({
    'train/ants/1.jpg': 1,
    'train/ants/2.jpg': 2,
    'train/ants/bad.jpg': 'hello',
    'train/bees/1.jpg': 3,
    'train/bees/IMG_1.HEIC': 'x',
    'train/bees/IMG_2.HEIC': 'x',
    'train/cats/1.jpg': 4,
    'val/ants/9.jpg': 5,
    'val/bees/9.jpg': 6,
    'notes.txt': 'x',
  });
  const copy = (from: string, to: string) => copyFileSync(join(root, from), join(root, to));
  copy('train/ants/1.jpg', 'train/ants/again.jpg');
  copy('train/ants/2.jpg', 'val/ants/2.jpg');
  copy('train/bees/1.jpg', 'train/cats/3.jpg');
  copy('train/bees/1.jpg', 'train/bees/11.jpg');
  const found = openImageFolders(root);
  const train = await found.train.verify();
  const validation = await found.validation.verify();
  const parts = { ...found, train: train.good, validation: validation.good };
  const account = await accountFor(parts, (path) => relative(root, path), [...train.bad, ...validation.bad]);
  expect(account).toEqual({
    ...{ kind: 'classes', train: 7, validation: 3 },
    classes: [
      { name: 'ants', train: 3, validation: 2 },
      { name: 'bees', train: 2, validation: 1 },
      { name: 'cats', train: 2, validation: 0 },
    ],
    validationFrom: { kind: 'folder', folder: join(root, 'val') },
    leftOut: [
      { reason: 'no images (.txt)', paths: ['notes.txt'] },
      {
        reason: 'HEIC, which is not read: save as JPEG',
        paths: ['train/bees/IMG_1.HEIC', 'train/bees/IMG_2.HEIC'],
      },
      { reason: 'not readable', paths: ['train/ants/bad.jpg'] },
    ],
    notes: [],
    equal: {
      acrossClasses: [['train/bees/1.jpg', 'train/cats/3.jpg', 'train/bees/11.jpg']],
      acrossParts: [['train/ants/2.jpg', 'val/ants/2.jpg']],
      withinClass: [['train/ants/1.jpg', 'train/ants/again.jpg']],
    },
  });
  expect(describePhotos(account).join('\n').replaceAll(root, 'ROOT')).toBe(
    `
           training  validation
ants              3           2
bees              2           1
cats              2           0
3 classes         7           3
Validation: the photos in ROOT/val.
No photos to validate: cats.
Left out:
  1  no images (.txt) (notes.txt)
  2  HEIC, which is not read: save as JPEG (train/bees/IMG_1.HEIC …)
  1  not readable (train/ants/bad.jpg)
Equal photos:
  1  in two or more classes: one label is wrong (train/bees/1.jpg = train/cats/3.jpg)
  1  in training and validation, which flatters the accuracy (train/ants/2.jpg = val/ants/2.jpg)
  1  twice or more in one class (train/ants/1.jpg = train/ants/again.jpg)`.slice(1),
  );
});

test('many classes are summed up', () => {
  const classes = Array.from({ length: 1000 }, (_, i) => ({ name: `n${i}`, train: 1300 - i, validation: 50 }));
  const account: PhotoAccount = {
    ...{ kind: 'classes', train: 800_500, validation: 50_000 },
    classes,
    validationFrom: { kind: 'held out', seed: 7 },
    leftOut: [],
    notes: [],
    equal: none,
  };
  expect(describePhotos(account)).toEqual([
    '1,000 classes: 800,500 photos to train on, 50,000 to validate.',
    'To train on, a class has 301 (n999) to 1,300 (n0), the median 801.',
    'Validation: 50,000 of 850,500 photos, held out class by class (seed 7).',
  ]);
  const even = { ...account, classes: classes.map((of) => ({ ...of, train: 2 })) };
  expect(describePhotos(even)[1]).toBe('To train on, every class has 2.');
});

test('without a validation part', async () => {
  const root = await photoFolder({ 'a/1.jpg': 1, 'b/1.jpg': 2 });
  const found = openImageFolders(root, { validation: 0 });
  expect(found.how).toBe(`${root}: 2 images to train on, none held out`);
  expect(describePhotos(await accountFor(found, (path) => relative(root, path)))).toEqual([
    '           training  validation',
    'a                 1           0',
    'b                 1           0',
    '2 classes         2           0',
    'Validation: none.',
  ]);
});

test('three photos a class: the counts of what is held out, and folders that may be the classes', async () => {
  const photos = Object.fromEntries(
    ['fold1', 'fold2'].flatMap((fold, f) => ['a', 'b'].map((name, c) => [`${fold}/${name}/1.jpg`, 2 * f + c] as const)),
  );
  const root = await photoFolder({ ...photos, 'fold1/a/2.jpg': 8, 'fold2/a/2.jpg': 9 });
  const found = openImageFolders(root);
  expect(describePhotos(await accountFor(found, (path) => relative(root, path)))).toEqual([
    '           training  validation',
    'fold1             2           1',
    'fold2             2           1',
    '2 classes         4           2',
    'Validation: 2 of 6 photos, held out class by class (seed 0).',
    "The same folders ('a', 'b') are in every class, so 'fold1' is told from 'fold2', whichever of them a photo is in. If they are the classes, put all photos of each into one folder.",
  ]);
});

test('photos of a table: where the validation part comes from', async () => {
  const row = (i: number, part: string) => `${i}.jpg,${i % 2 ? 'ants' : 'bees'}${part}`;
  const photos = { '0.jpg': 0, '1.jpg': 1, '2.jpg': 2, '3.jpg': 3 };
  const columns = ['file,label,part', row(0, ',train'), row(1, ',train'), row(2, ',val'), row(3, ',val')];
  const lines = async (tables: Record<string, string>) => {
    const root = await photoFolder({ ...photos, ...tables });
    const found = await openImageTable(root);
    if (found.kind !== 'classes') throw new Error(found.kind);
    return describePhotos(await accountFor(found, (path) => relative(root, path)));
  };
  const counts = [
    '           training  validation',
    'ants              1           1',
    'bees              1           1',
    '2 classes         2           2',
  ];
  expect(await lines({ 'l.csv': columns.join('\n') })).toEqual([
    ...counts,
    "Validation: the photos that the column 'part' puts there.",
  ]);
  const tables = {
    'train.csv': ['file,label', row(0, ''), row(1, '')].join('\n'),
    'val.csv': ['file,label', row(2, ''), row(3, '')].join('\n'),
  };
  expect(await lines(tables)).toEqual([...counts, 'Validation: the photos of val.csv.']);
});
