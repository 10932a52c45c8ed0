/** Tables of photos as they come: Kaggle's, Hugging Face's, Roboflow's, spreadsheets', and what is taken for what. */
import { relative, sep } from 'node:path';
import { expect, test } from 'vitest';
import { type ImageDataset, type ImageTable, openImageTable } from '../../../src/data/index.ts';
import type { Label } from '../../../src/data/labels.ts';
import { files, rows } from './made.ts';

/** A part as `path: label`. */
const shown = (root: string, part: ImageDataset<Label>): string[] =>
  part.samples.map(({ path, label }) => `${relative(root, path).replaceAll(sep, '/')}: ${label}`);

const both = (root: string, { train, validation }: ImageTable): string[] =>
  [...shown(root, train), ...shown(root, validation)].sort();

test("Kaggle's: ids without endings in train.csv, photos in train and test, an example of a submission", async () => {
  const root = files(
    rows(7, (i) => `train/a${i}.jpg`),
    ['test/t0.jpg', 'test/a0.jpg'],
    {
      'train.csv': ['id,label', ...rows(7, (i) => `a${i},${i % 2 ? 'cat' : 'Dog'}`)],
      'test.csv': ['id', 't0', 'a0'],
      'sample_submission.csv': ['id,label', 't0,cat', 'a0,cat'],
    },
  );
  const table = await openImageTable(root, { validation: 0.3, seed: 1 });
  expect(table.how).toBe(
    "train.csv: 'id' names the images, 'label' tells the class (2 classes); 5 to train on, 2 held out, class by class (seed 1)",
  );
  expect([table.kind, table.names, table.train.classes]).toEqual(['classes', ['Dog', 'cat'], ['Dog', 'cat']]);
  expect(both(root, table)).toEqual(rows(7, (i) => `train/a${i}.jpg: ${i % 2}`));
  expect(table.train.classCounts().map((n, c) => n + table.validation.classCounts()[c]!)).toEqual([4, 3]);
  expect(table.validation.classCounts()).toEqual([1, 1]);
  expect(table.validationFrom).toEqual({ kind: 'held out', seed: 1 });
  expect(table.notes).toEqual([]);
  expect(table.leftOut).toEqual([
    { reason: "a table without the column 'label'", paths: ['test.csv'] },
    { reason: 'an example of a submission', paths: ['sample_submission.csv'] },
    { reason: 'no row in train.csv', paths: ['test/a0.jpg', 'test/t0.jpg'] },
  ]);
});

test('the table may lie beside the folder of photos, and cells may have other folders, of another machine too', async () => {
  const root = files(['photos/one/1.jpg', 'photos/two/1.jpg', 'photos/two/2.v1.jpg', 'photos/é.png'], {
    'labels.csv': [
      'label,width,path',
      'b,640,one\\1.jpg',
      'a,640,/content/photos/two/1.jpg',
      'b,640,./two/2.v1',
      'a,640,C:\\data\\e\u0301.png',
    ],
  });
  const table = await openImageTable(`${root}/photos`, { validation: 0 });
  expect(table.how).toBe(
    "../labels.csv: 'path' names the images, 'label' tells the class (2 classes); 4 to train on, none held out",
  );
  expect(shown(`${root}/photos`, table.train)).toEqual(['one/1.jpg: 1', 'two/1.jpg: 0', 'two/2.v1.jpg: 1', 'é.png: 0']);
  expect(table.validation.length).toBe(0);
  expect(table.validationFrom).toEqual({ kind: 'none' });
});

test("Hugging Face's: metadata.jsonl beside the photos of each split; other records of a line are no labels", async () => {
  const line = (i: number) =>
    JSON.stringify({ file_name: `${i}.png`, label: i % 3, objects: { bbox: [[i, 2, 3, 4]] } });
  const root = files(
    rows(6, (i) => `train/${i}.png`),
    rows(3, (i) => `validation/${i}.png`),
    { 'train/metadata.jsonl': rows(6, line), 'validation/metadata.jsonl': rows(3, line) },
  );
  const table = await openImageTable(root);
  expect(table.how).toBe(
    "train/metadata.jsonl: 'file_name' names the images, 'label' tells the class (3 classes); 6 to train on, 3 to validate, of validation/metadata.jsonl",
  );
  expect(shown(root, table.train)).toEqual(rows(6, (i) => `train/${i}.png: ${i % 3}`));
  expect(shown(root, table.validation)).toEqual(rows(3, (i) => `validation/${i}.png: ${i % 3}`));
  expect(table.validationFrom).toEqual({ kind: 'table', table: 'validation/metadata.jsonl' });
  expect(table.leftOut).toEqual([]);
});

test("Roboflow's: a column of 0 and 1 for each label in _classes.csv, which a photo may have none of", async () => {
  const head = 'filename, cat, dog, red car';
  const root = files(['train/1.jpg', 'train/2.jpg', 'train/3.jpg', 'valid/4.jpg', 'test/5.jpg'], {
    'train/_classes.csv': [head, '1.jpg, 1, 0, 0', '2.jpg, 0, 0, 0', '3.jpg, 1, 1, 0'],
    'valid/_classes.csv': ['filename,dog,cat,red car', '4.jpg,1,0,1'],
    'test/_classes.csv': [head, '5.jpg, 1, 0, 0'],
  });
  const table = await openImageTable(root);
  expect(table.how).toBe(
    "train/_classes.csv: 'filename' names the images, 'cat', 'dog', 'red car' tell the labels (3 labels); 3 to train on, 1 to validate, of valid/_classes.csv",
  );
  expect(table.names).toEqual(['cat', 'dog', 'red car']);
  expect(shown(root, table.train)).toEqual(['train/1.jpg: 1,0,0', 'train/2.jpg: 0,0,0', 'train/3.jpg: 1,1,0']);
  expect(shown(root, table.validation)).toEqual(['valid/4.jpg: 0,1,1']);
  expect(table.train.classCounts()).toEqual([2, 1, 0]);
  expect(table.leftOut).toEqual([
    { reason: 'a table that is not used', paths: ['test/_classes.csv'] },
    { reason: 'no row in train/_classes.csv or valid/_classes.csv', paths: ['test/5.jpg'] },
  ]);
});

test('columns of 0 and 1 of which each photo has one are labels, with a note, or classes where that is said', async () => {
  const root = files(
    rows(4, (i) => `${i}.jpg`),
    { 'truth.csv': ['image,MEL,NV', ...rows(4, (i) => `${i},${i % 2}.0,${1 - (i % 2)}.0`)] },
  );
  const labels = await openImageTable(root, { validation: 0 });
  expect(labels.notes).toEqual([
    "Each sample has one of the 2 labels; { kind: 'classes' } takes them as classes, of which just one is right.",
  ]);
  const classes = await openImageTable(root, { validation: 0, kind: 'classes' });
  expect(classes.notes).toEqual([]);
  expect([classes.names, shown(root, classes.train)]).toEqual([
    ['MEL', 'NV'],
    rows(4, (i) => `${i}.jpg: ${1 - (i % 2)}`),
  ]);
});

test("a spreadsheet's: semicolons, decimal commas, a byte order mark, CRLF, quotes; whatever its encoding", async () => {
  const lines = ['Datei;Höhe;"Breite; außen"', ...rows(5, (i) => `"${i}.jpg";${i},5;"-${i}"`), '', ''].join('\r\n');
  const utf16 = Buffer.from(`\ufeff${lines}`, 'utf16le');
  for (const content of [`\ufeff${lines}`, utf16]) {
    const root = files(
      rows(5, (i) => `${i}.jpg`),
      { 'größen.csv': content },
    );
    const table = await openImageTable(root, { validation: 0 });
    expect(table.how).toBe(
      "größen.csv: 'Datei' names the images, 'Höhe', 'Breite; außen' are the numbers to learn; 5 to train on, none held out",
    );
    expect([table.kind, table.train.classes]).toEqual(['values', []]);
    expect(table.train.samples.map(({ label }) => label)).toEqual(rows(5, (i) => Float32Array.of(i + 0.5, -i)));
    expect(table.leftOut).toEqual([]);
  }
});

test('a column of splits is followed, with tabs; test validates only where nothing else does', async () => {
  const lines = (splits: readonly string[]) => [
    'path\tage\tset',
    ...splits.map((s, i) => `images/${i}.jpg\t${i / 4}\t${s}`),
  ];
  const root = files(
    rows(6, (i) => `${i}.jpg`),
    { 'l.tsv': lines(['train', 'Train', 'val', 'test', '', 'train']) },
  );
  const table = await openImageTable(root);
  expect(table.how).toBe(
    "l.tsv: 'path' names the images, 'age' is the number to learn; 3 to train on, 1 to validate, by 'set'",
  );
  expect(shown(root, table.validation)).toEqual(['2.jpg: 0.5']);
  expect(table.validationFrom).toEqual({ kind: 'column', column: 'set' });
  expect(table.leftOut).toEqual([
    { reason: "in split 'test', which is not used", paths: ['l.tsv:5'] },
    { reason: "in split '', which is not used", paths: ['l.tsv:6'] },
  ]);
  const tested = files(
    rows(3, (i) => `${i}.jpg`),
    { 'l.tsv': lines(['train', 'test', 'train']) },
  );
  expect(shown(tested, (await openImageTable(tested)).validation)).toEqual(['1.jpg: 0.25']);
});

test('one table of photos in folders that are splits: the folders are the parts', async () => {
  const paths = ['train/0.jpg', 'train/1.jpg', 'valid/2.jpg', 'test/3.jpg', 'train/4.jpg'];
  const line = (path: string, i: number) => `${path},${i / 4}`;
  const root = files(paths, { 'metadata.csv': ['file_name,age', ...paths.map(line)] });
  const table = await openImageTable(root);
  expect(table.how).toBe(
    "metadata.csv: 'file_name' names the images, 'age' is the number to learn; 3 to train on, 1 to validate, in valid",
  );
  expect(table.validationFrom).toEqual({ kind: 'folder', folder: 'valid' });
  expect(shown(root, table.validation)).toEqual(['valid/2.jpg: 0.5']);
  expect(table.leftOut).toEqual([{ reason: "in split 'test', which is not used", paths: ['metadata.csv:5'] }]);
  const loose = files([...paths, 'more/5.jpg'], { 'l.csv': ['file_name,age', ...[...paths, 'more/5.jpg'].map(line)] });
  expect((await openImageTable(loose)).validationFrom).toEqual({ kind: 'held out', seed: 0 });
});

test('a column of splits that names no validation: rows without one are left out, and some are held out', async () => {
  const root = files(
    rows(6, (i) => `${i}.jpg`),
    {
      'l.csv': ['f,age,set', ...rows(6, (i) => `${i}.jpg,${i / 4},${['train', 'unlabelled', ''][Math.max(0, i - 3)]}`)],
    },
  );
  const table = await openImageTable(root);
  expect([table.train.length, table.validation.length, table.validationFrom]).toEqual([
    3,
    1,
    { kind: 'held out', seed: 0 },
  ]);
  expect(table.leftOut).toEqual([
    { reason: "in split 'unlabelled', which is not used", paths: ['l.csv:6'] },
    { reason: "in split '', which is not used", paths: ['l.csv:7'] },
  ]);
});

test.each<[string, string, string[], string[]]>([
  ['bars', 'tags', ['cat|dog', 'dog', 'bird | dog'], ['bird', 'cat', 'dog']],
  ['semicolons', 'x', ['cat; dog', 'dog', 'cat'], ['cat', 'dog']],
  ['lists of JSON', 'x', ['"[""cat"", ""a, b""]"', '[]', '"[""cat""]"'], ['a, b', 'cat']],
  ['lists of Python', 'x', ["\"['cat', 'dog']\"", '[]', "['cat']"], ['cat', 'dog']],
  ['numbers with spaces between', 'Target', ['16 0', '2', '16'], ['0', '2', '16']],
  [
    'words under a plural',
    'tags',
    ['haze primary', 'clear', 'primary clear', 'haze', 'haze clear'],
    ['clear', 'haze', 'primary'],
  ],
  ['commas under a plural', 'labels', ['"a,b"', 'a', '"b,a,a"', 'b'], ['a', 'b']],
])('several labels in a cell: %s', async (_, column, cells, names) => {
  const root = files(
    rows(cells.length, (i) => `${i}.jpg`),
    { 'l.csv': [`file,${column}`, ...cells.map((cell, i) => `${i}.jpg,${cell}`)] },
  );
  const table = await openImageTable(root, { validation: 0 });
  expect([table.kind, table.names]).toEqual(['labels', names]);
  const wanted = cells.map((cell) =>
    Float32Array.from(names, (name) => Number(new RegExp(`(?<!\\w)${name}(?!\\w)`).test(cell))),
  );
  expect(table.train.samples.map(({ label }) => label)).toEqual(wanted);
});

test.each<[string, string, string[], string, string[]]>([
  [
    'text with spaces and commas',
    'breed',
    ['golden cat', 'cat', '"cat, golden"', 'cat'],
    'classes',
    ['cat', 'cat, golden', 'golden cat'],
  ],
  ['whole numbers by size, as floats too', 'class_id', ['10.0', '9', '10', '9'], 'classes', ['9', '10']],
  ['true and false', 'ill', ['true', 'false', 'true', 'true'], 'classes', ['false', 'true']],
  ['whole numbers that seldom come twice', 'age', ['30', '41', '52', '30'], 'values', ['age']],
  ['numbers below 0', 'shift', ['-1', '1', '-1', '1'], 'values', ['shift']],
  ['fractions', 'label', ['1.5', '2', '1.5', '2'], 'values', ['label']],
])('one column: %s', async (_, column, cells, kind, names) => {
  const root = files(
    rows(cells.length, (i) => `${i}.jpg`),
    { 'l.csv': [`,file,${column}`, ...cells.map((cell, i) => `${i},${i}.jpg,${cell}`)] },
  );
  const table = await openImageTable(root, { validation: 0 });
  expect([table.kind, table.names]).toEqual([kind, names]);
});

test('a kind that may be meant otherwise is noted, and can be said', async () => {
  const root = files(
    rows(9, (i) => `${i}.jpg`),
    { 'l.csv': ['file,stars', ...rows(9, (i) => `${i}.jpg,${(i % 3) + 1}`)] },
  );
  const guessed = await openImageTable(root);
  expect([guessed.kind, guessed.notes]).toEqual([
    'classes',
    ["The 3 whole numbers in 'stars' are taken as classes; { kind: 'values' } takes them as amounts."],
  ]);
  const said = await openImageTable(root, { kind: 'values', validation: 0 });
  expect([said.kind, said.notes, shown(root, said.train)[2]]).toEqual(['values', [], '2.jpg: 3']);
});

test('a photo may have a row for each of its labels, where that is said', async () => {
  const root = files(['0.jpg', '1.jpg', '2.jpg'], {
    'l.csv': ['file,label', '0.jpg,b', '0.jpg,a', '1.jpg,a', '2.jpg,c', '2.jpg,b'],
  });
  const { names, train } = await openImageTable(root, { kind: 'labels', validation: 0 });
  expect([names, shown(root, train)]).toEqual([
    ['a', 'b', 'c'],
    ['0.jpg: 1,1,0', '1.jpg: 1,0,0', '2.jpg: 0,1,1'],
  ]);
});

test('a table without a header is read, and noted; columns can be named', async () => {
  const root = files(['0.jpg', '1.jpg', '2.jpg'], { 'l.csv': ['0.jpg,a,3', '1.jpg,b,4', '2.jpg,a,5'] });
  const { how, notes, train } = await openImageTable(root, { labels: ['column 2'], validation: 0 });
  expect(how).toContain("'column 1' names the images, 'column 2' tells the class (2 classes)");
  expect(notes).toEqual(['l.csv has no header: its first row names an image.']);
  expect(shown(root, train)).toEqual(['0.jpg: 0', '1.jpg: 1', '2.jpg: 0']);
});

test('30,000 rows', async () => {
  const n = 30_000;
  const root = files(
    rows(n, (i) => `photos/${i % 300}/${i}.jpg`),
    { 'l.csv': ['path,tags,score', ...rows(n, (i) => `${i % 300}/${i}.jpg,t${i % 7}|u${i % 11},${i / 8}`)] },
  );
  const table = await openImageTable(root, { labels: ['tags'] });
  expect([table.kind, table.names.length, table.leftOut]).toEqual(['labels', 18, []]);
  const [train, validation] = [table.train.classCounts(), table.validation.classCounts()];
  expect(table.train.length + table.validation.length).toBe(n);
  // A fifth of each label, as of each set of labels.
  for (const [c, held] of validation.entries()) expect(held / (held + train[c]!)).toBeCloseTo(0.2, 2);
  const scores = await openImageTable(root, { labels: ['score'] });
  expect([scores.kind, scores.validation.length]).toEqual(['values', n / 5]);
});
