/** Tables that are wrong somewhere: what is left out and told, and every error's text. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DataError } from '../../../src/core/errors.ts';
import { openImageTable } from '../../../src/data/index.ts';
import { readTable } from '../../../src/data/tables/read-table.ts';
import { faultOf } from '../photos.ts';
import { files, rows } from './made.ts';

const photos = rows(12, (i) => `${i}.jpg`);
const good = rows(10, (i) => `${i}.jpg,${i % 2 ? 'ant' : 'bee'}`);

test('rows and files that cannot be used are told by reason; more than a share is an error', async () => {
  const root = files([...photos, 'a/x.jpg', 'b/x.jpg', 'c/unnamed.png', 'notes.txt'], {
    'l.csv': [
      'file,label',
      ...good,
      'gone.jpg,ant',
      'x.jpg,ant',
      ',ant',
      '10.jpg,',
      '11.jpg,NaN',
      '0.jpg,bee',
      '1.jpg,bee',
      '2.jpg,bee,,',
      '3.jpg,ant,too,many',
    ],
  });
  const { train, validation, leftOut } = await openImageTable(root, { maxLeftOut: 0.5 });
  expect(train.length + validation.length).toBe(9);
  expect(leftOut).toEqual([
    { reason: 'an empty cell', paths: ['l.csv:15', 'l.csv:16'] },
    { reason: 'rows of one image that contradict each other', paths: ['l.csv:3', 'l.csv:18'] },
    { reason: 'more cells than columns', paths: ['l.csv:20'] },
    { reason: 'its image is not there', paths: ['l.csv:12'] },
    { reason: 'its name fits two images or more', paths: ['l.csv:13'] },
    { reason: 'no name of an image', paths: ['l.csv:14'] },
    { reason: 'a second row of the same image', paths: ['l.csv:17', 'l.csv:19'] },
    { reason: 'no row in l.csv', paths: ['a/x.jpg', 'b/x.jpg', 'c/unnamed.png'] },
    { reason: 'no images (.txt)', paths: ['notes.txt'] },
  ]);
  expect(await faultOf(() => openImageTable(root), root)).toBe(
    'DataError: ROOT/l.csv: 8 of 19 rows cannot be used: an empty cell (2, the first l.csv:15), rows of one image that contradict each ' +
      'other (2, the first l.csv:3), more cells than columns (1, the first l.csv:20), its image is not there (1, the first l.csv:12), its name ' +
      'fits two images or more (1, the first l.csv:13), no name of an image (1, the first l.csv:14). Mend them, or let more go: { maxLeftOut: ' +
      "0.43 }. Where an image has a row for each of its labels, write { kind: 'labels' }.",
  );
});

test('numbers that are none, flags that are neither, lines that are no JSON', async () => {
  const root = files(photos, {
    'l.csv': ['file,age', ...rows(11, (i) => `${i}.jpg,${i}.25`), '11.jpg,1e999'],
  });
  const options = { validation: 0, maxLeftOut: 0.1 };
  expect((await openImageTable(root, options)).leftOut).toEqual([{ reason: 'no number', paths: ['l.csv:13'] }]);
  const flags = files(photos, { 'l.csv': ['f,a,b', ...rows(11, (i) => `${i}.jpg,${i % 2},0`), '11.jpg,1,?'] });
  expect((await openImageTable(flags, options)).leftOut).toEqual([{ reason: 'neither 0 nor 1', paths: ['l.csv:13'] }]);
  const lines = files(photos, {
    'l.jsonl': [...rows(11, (i) => `{"f":"${i}","label":"${i % 2}"}`), '{"f": 11,', ''],
  });
  expect((await openImageTable(lines, options)).leftOut).toEqual([
    { reason: 'no JSON object', paths: ['l.jsonl:12'] },
    { reason: 'no row in l.jsonl', paths: ['11.jpg'] },
  ]);
});

test('what validation has and training lacks, or has too, is left out', async () => {
  const root = files(photos, {
    'train.csv': ['file,label', ...good],
    'val.csv': ['file,label', '10.jpg,ant', '11.jpg,wasp', '0.jpg,bee'],
  });
  const { validation, leftOut } = await openImageTable(root);
  expect(validation.samples.map(({ label }) => label)).toEqual([0]);
  expect(leftOut).toEqual([
    { reason: 'a label that no training row has', paths: ['val.csv:3'] },
    { reason: 'in training too', paths: ['val.csv:4'] },
  ]);
});

test.each<[string, Record<string, readonly string[] | string | Uint8Array>, object, string]>([
  [
    'no table',
    {},
    {},
    "ROOT/photos: has no table, nor has the folder around it. Expected a .csv, .tsv or .jsonl with a row for each photo, as '0.jpg,label'.",
  ],
  [
    'a table of other photos',
    { 'photos/l.csv': ['file,label', 'z.jpg,ant'] },
    {},
    "ROOT/photos: no cell of 'l.csv' names one of its 12 images, as '0.jpg'. Put the table beside its photos.",
  ],
  [
    'two tables',
    { 'photos/a.csv': ['file,label', ...good], 'photos/b.csv': ['file,label', ...good] },
    {},
    "ROOT/photos: has 2 tables ('a.csv', 'b.csv'), two or more to train on. Name the one to use: { table: 'a.csv' }.",
  ],
  [
    'two tables, none to train on',
    { 'photos/val.csv': ['file,label', ...good], 'photos/test.csv': ['file,label', ...good] },
    {},
    "ROOT/photos: has 2 tables ('test.csv', 'val.csv'), none to train on. Name the one to use: { table: 'test.csv' }.",
  ],
  [
    'a table for each photo',
    Object.fromEntries(rows(51, (i) => [`photos/${i}.csv`, ['x,y', '1,2']])),
    {},
    "ROOT/photos: has 51 tables. Name one of all photos: { table: '0.csv' }.",
  ],
  [
    'an empty table',
    { 'photos/l.csv': '' },
    {},
    'ROOT/photos/l.csv: has no rows. Expected a row for each sample, below a row of column names.',
  ],
  [
    'a quote that is not closed',
    { 'photos/l.csv': ['file,label', '0.jpg,ant', '1.jpg,"bee', '2.jpg,ant'] },
    {},
    'ROOT/photos/l.csv: row 3 has a quote that is not closed. Close it, or write "" for a quote in a cell.',
  ],
  [
    'another encoding',
    { 'photos/l.csv': Buffer.from('file,label\n0.jpg,höh\n', 'latin1') },
    {},
    'ROOT/photos/l.csv: is not UTF-8. Save it as UTF-8; a spreadsheet asks for it on saving.',
  ],
  [
    'a table that is not there',
    {},
    { table: 'train.csv' },
    'ROOT/photos/train.csv: there is no such file. Check the path.',
  ],
  [
    'a column that is not there',
    { 'photos/l.csv': ['file,label', ...good] },
    { labels: ['class'] },
    "ROOT/photos/l.csv: has no column 'class'. There are 'file', 'label'.",
  ],
  [
    'no labels',
    { 'photos/l.csv': ['file', '0.jpg', '1.jpg'] },
    {},
    "ROOT/photos/l.csv: has no column of labels beside 'file', which names the images. Add one, with a label for each.",
  ],
  [
    'many columns',
    { 'photos/l.csv': ['file,age,city', ...rows(4, (i) => `${i}.jpg,${i}.5,c${i % 2}`)] },
    {},
    "ROOT/photos/l.csv: has 2 columns that may be labels: 'age', 'city'. Name those to learn: { labels: ['age'] }.",
  ],
  [
    'columns that do not go together',
    { 'photos/l.csv': ['file,age,city', ...rows(4, (i) => `${i}.jpg,${i}.5,c${i % 2}`)] },
    { labels: ['age', 'city'] },
    "ROOT/photos/l.csv: columns 'age', 'city' cannot be learned together: one of text, or several of 0 and 1 or of numbers, can. Name those: { labels: ['age'] }.",
  ],
  [
    'no numbers',
    { 'photos/l.csv': ['file,label', ...good] },
    { kind: 'values' },
    "ROOT/photos/l.csv: column 'label' has no numbers ('bee'). Name columns of numbers, or another kind.",
  ],
  [
    'one class',
    { 'photos/l.csv': ['file,label', '0.jpg,ant', '1.jpg,ant'] },
    {},
    "ROOT/photos/l.csv: column 'label' has one class only ('ant'); a classifier needs two or more.",
  ],
  [
    'no labels in lists',
    { 'photos/l.csv': ['file,label', '0.jpg,[]', '1.jpg,[]'] },
    {},
    "ROOT/photos/l.csv: column 'label' has no labels. Name another: { labels: ['…'] }.",
  ],
])('%s', async (_, tables, options, message) => {
  const root = files(
    photos.map((name) => `photos/${name}`),
    tables,
  );
  expect(await faultOf(() => openImageTable(`${root}/photos`, options), root)).toBe(`DataError: ${message}`);
});

test('captions are no classes, and a folder without images is told', async () => {
  const root = files(
    rows(30, (i) => `${i}.jpg`),
    {
      'l.csv': ['file,text', ...rows(30, (i) => `${i}.jpg,photo number ${i}`)],
    },
  );
  expect(await faultOf(() => openImageTable(root), root)).toBe(
    "DataError: ROOT/l.csv: column 'text' has 30 texts in 30 rows, which are no classes ('photo number 0'). Name the column to learn: { labels: ['…'] }.",
  );
  const empty = files({ 'l.csv': ['file,label', 'a.jpg,b'] });
  expect(await faultOf(() => openImageTable(empty), empty)).toContain(
    'DataError: ROOT: has no images. Name the folder of the photos. Read are .jpg',
  );
});

test.each<[object, string]>([
  [{ label: ['a'] }, "openImageTable: expected options that exist, got 'label'. Write labels."],
  [{ labels: 'a' }, "openImageTable: expected labels as an array, got 'a'."],
  [{ labels: [] }, "openImageTable: expected labels as one column or more, got none. Write { labels: ['…'] }."],
  [{ kind: 'class' }, "openImageTable: expected kind as one of classes, labels, values, got 'class'."],
  [
    { maxLeftOut: 2 },
    'openImageTable: expected maxLeftOut as a share from 0 to 1, got 2. 0.1 lets a tenth of the rows go.',
  ],
])('options are checked: %j', async (options, message) => {
  expect(await faultOf(() => openImageTable('photos', options))).toBe(`ArgumentError: ${message}`);
});

test('a few bytes that stand for more cells than memory holds are refused', async () => {
  const bytes = (text: string) => new TextEncoder().encode(text);
  const wide = `${'a,'.repeat(99_999)}a\n${'x\n'.repeat(1000)}`;
  expect(await faultOf(() => readTable(bytes(wide), 'l.csv'))).toBe(
    'DataError: l.csv: has 100,000 columns in 1,001 rows; at most 50,000,000 cells are read. Leave columns out that are not learned.',
  );
  const keys = rows(10_000, (i) => `{"k${i}":1}`).join('\n');
  expect(await faultOf(() => readTable(bytes(keys), 'l.jsonl'))).toContain(
    'has 10,000 columns in 10,000 rows; at most',
  );
});

test('whatever a table holds, it opens or there is a DataError', async () => {
  const cell = fc.oneof(
    fc.constantFrom(
      '0.jpg',
      '1.jpg',
      '2',
      'x/0',
      'a',
      'b',
      'a|b',
      '',
      '1',
      '0',
      '1.5',
      '-1',
      'nan',
      '[1, 2]',
      '"',
      "['a']",
      'train',
      'val',
      '__proto__',
      'constructor',
    ),
    fc.string({ maxLength: 6 }),
  );
  const line = fc
    .tuple(fc.array(cell, { maxLength: 5 }), fc.constantFrom(',', ';', '\t', '|'))
    .map(([cells, sign]) => cells.join(sign));
  const object = fc
    .dictionary(cell, fc.oneof(cell, fc.double(), fc.constant(null), fc.array(cell, { maxLength: 3 })))
    .map((o) => JSON.stringify(o));
  const names = rows(4, (i) => `${i}.jpg`);
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.oneof(line, object), { maxLength: 12 }),
      fc.constantFrom('l.csv', 'l.tsv', 'l.jsonl'),
      fc.constantFrom('classes', 'labels', 'values', undefined),
      async (lines, name, kind) => {
        const table = await openImageTable(files(names, { [name]: lines }), {
          maxLeftOut: 1,
          ...(kind && { kind }),
        }).catch((error: unknown) => error);
        expect(table instanceof DataError || typeof table === 'object').toBe(true);
        if (table instanceof Error) expect(table).toBeInstanceOf(DataError);
      },
    ),
    { numRuns: 300, seed: 1 },
  );
});
