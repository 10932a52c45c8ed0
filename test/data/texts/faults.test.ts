/** Texts that cannot be used: what is left out and told, and every error's text. */
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ArgumentError, DataError } from '../../../src/core/errors.ts';
import { filesOfBlobs, openTextFiles, openTexts, TextDataset } from '../../../src/data/index.ts';
import { faultOf } from '../photos.ts';
import { files, rows } from '../tables/made.ts';

/** The error of opening a table, or of opening it with options. */
async function faultIn(
  lines: readonly string[] | string | Uint8Array,
  name = 't.csv',
  options: object = {},
): Promise<string> {
  const root = files({ [name]: lines });
  return faultOf(() => openTexts(join(root, name), options), root);
}

test('rows that cannot be used are told by reason; more than a share is an error', async () => {
  const lines = [
    'text,label',
    ...rows(8, (i) => `text ${i},${i % 2 ? 'a' : 'b'}`),
    ',a',
    '"  ",b',
    'no label,',
    'too,many,cells',
  ];
  const root = files({ 't.csv': lines });
  const { train, leftOut } = await openTexts(join(root, 't.csv'), { maxLeftOut: 0.4, validation: 0 });
  expect(train.length).toBe(8);
  expect(leftOut).toEqual([
    { reason: 'more cells than columns', paths: ['t.csv:13'] },
    { reason: 'no text', paths: ['t.csv:10', 't.csv:11'] },
    { reason: 'an empty cell', paths: ['t.csv:12'] },
  ]);
  expect(await faultIn(lines)).toBe(
    'DataError: ROOT/t.csv: 4 of 12 rows cannot be used: more cells than columns (1, the first t.csv:13), no text (2, the first t.csv:10), an empty cell (1, the first t.csv:12). Mend them, or let more go: { maxLeftOut: 0.34 }.',
  );
});

const OPTIONS = 'ArgumentError: openTexts: expected text as a column or two, got';

test.each([
  [['text,label'], {}, 'has no rows. Expected a row for each sample, below a row of column names.'],
  [
    ['text', 'one text', 'two texts'],
    {},
    "has no column of labels beside 'text'. Add one, with a label for each text.",
  ],
  [['a,b', '1,2', '3,4'], {}, "has no column of texts: 'a', 'b'. Name it: { text: '…' }."],
  [
    ['text,label', 'one text,a', 'two texts,a'],
    {},
    "column 'label' has one class only ('a'); a classifier needs two or more.",
  ],
  [['text,label', 'one text,a', 'two texts,b'], { text: 'texts' }, "has no column 'texts'. There are 'text', 'label'."],
  [
    ['text,first,second', ...rows(8, (i) => `text of ${i},${i % 2},${i % 3}`)],
    {},
    "has 2 columns that may be labels: 'first', 'second'. Name those to learn: { labels: ['first'] }.",
  ],
  [
    'text,label\n"one text,a\n',
    {},
    'row 2 has a quote that is not closed. Close it, or write "" for a quote in a cell.',
  ],
  [Uint8Array.of(0x74, 0x2c, 0xff, 0x0a), {}, 'is not UTF-8. Save it as UTF-8; a spreadsheet asks for it on saving.'],
  [['text,label', 'one,a'], { table: 'other.csv' }, "has no table 'other.csv'. Name it by its path from the folder."],
])('the error of %j with %j', async (lines, options, message) => {
  expect(await faultIn(lines as string[], 't.csv', options)).toBe(`DataError: ROOT/t.csv: ${message}`);
});

test.each([
  ['t.json', '[{"text": 1},', 'is no valid JSON. It is truncated or damaged: get it again.'],
  ['t.jsonl', 'no\nnothing\n', 'has no rows. Expected a row for each sample, below a row of column names.'],
])('%s of %j', async (name, text, message) => {
  expect(await faultIn(text, name)).toBe(`DataError: ROOT/${name}: ${message}`);
});

test('Parquet that is damaged', async () => {
  expect(await faultIn('PAR1 nothing PAR1', 't.parquet')).toMatch(
    /^DataError: ROOT\/t\.parquet: is no Parquet that can be read \(.*\)\. Get it again, or save it as CSV\.$/,
  );
});

test('folders: nothing there, two tables to train on, a validation part alone, text files without class folders', async () => {
  const table = ['text,label', 'one text,a', 'two texts,b'];
  const fault = (tree: Readonly<Record<string, readonly string[] | string>>) => {
    const root = files(tree);
    return faultOf(() => openTexts(root), root);
  };
  expect(await faultOf(() => openTexts('/nowhere/t.csv'))).toBe(
    'DataError: /nowhere/t.csv: does not exist. Expected a table of texts, as .csv, .tsv, .jsonl or .parquet, or a folder.',
  );
  expect(await fault({ 'a.csv': table, 'b.csv': table })).toBe(
    "DataError: ROOT: has 2 tables ('a.csv', 'b.csv'), two or more to train on. Name the one to use: { table: 'a.csv' }.",
  );
  expect(await fault({ 'dev.csv': table, 'test.csv': table })).toBe(
    "DataError: ROOT: has 2 tables ('dev.csv', 'test.csv'), none to train on. Name the one to use: { table: 'dev.csv' }.",
  );
  expect(await fault({ 'a.txt': 'one', 'b.txt': 'two' })).toBe(
    'DataError: ROOT: has 2 texts but no class folders. Put the texts of each class into a sub-folder of its own. Or put them into a table: a .csv with a column of texts and one of labels.',
  );
});

test.each([
  [{ text: 7 }, `${OPTIONS} 7. Write { text: 'review' }, or { text: ['premise', 'hypothesis'] }.`],
  [{ text: ['a'] }, `${OPTIONS} ['a']. Write { text: 'review' }, or { text: ['premise', 'hypothesis'] }.`],
  [
    { labels: [] },
    "ArgumentError: openTexts: expected labels as one column or more, got none. Write { labels: ['…'] }.",
  ],
  [{ column: 'a' }, "ArgumentError: openTexts: expected options that exist, got 'column'. There are table, text,"],
  [
    { maxLeftOut: 2 },
    'ArgumentError: openTexts: expected maxLeftOut as a share from 0 to 1, got 2. 0.1 lets a tenth of the rows go.',
  ],
])('options %j', async (options, message) => {
  expect(await faultIn(['text,label', 'one text,a', 'two texts,b'], 't.csv', options)).toContain(message);
});

test('a text that is not there', async () => {
  const texts = new TextDataset('reviews', ['a'], [{ path: '1', text: 'one', label: 0 }]);
  expect(await faultOf(() => texts.get(1))).toBe('DataError: reviews: has no text 1: indices go from 0 to 0.');
});

test('whatever a table holds, it opens or there is a DataError', async () => {
  const cell = fc.oneof(
    fc.string(),
    fc.constantFrom('', '0', '1', 'text', 'label', 'a b c', '"', '\t', ',', '\n', '\0', '漢字', '[1]'),
  );
  const table = fc.array(fc.array(cell, { maxLength: 4 }), { maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(table, fc.constantFrom('t.csv', 't.tsv', 't.jsonl', 't.json', 't.txt'), async (lines, name) => {
      const text = lines.map((row) => row.join(name === 't.tsv' ? '\t' : ',')).join('\n');
      const made = filesOfBlobs('made', new Map([[name, new Blob([text])]]));
      const opened = await openTextFiles(made, { table: name }).catch((error: unknown) => {
        expect(error).toBeInstanceOf(error instanceof ArgumentError ? ArgumentError : DataError);
        return null;
      });
      if (opened) expect(opened.train.length).toBeGreaterThan(0);
    }),
    { numRuns: 400 },
  );
});

test('a text of a megabyte, and 30,000 rows', async () => {
  const long = 'word '.repeat(200_000);
  const root = files({
    't.csv': ['text,label', `${long},a`, ...rows(30_000, (i) => `text of ${i},${i % 2 ? 'a' : 'b'}`)],
  });
  const { train, validation } = await openTexts(join(root, 't.csv'));
  expect(train.length + validation.length).toBe(30_001);
});
