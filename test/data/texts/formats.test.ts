/** Tables and folders of texts as they come: GLUE's, Kaggle's, Hugging Face's, spreadsheets', and what is taken for what. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { zipSync } from 'fflate';
import { expect, test } from 'vitest';
import {
  DataLoader,
  filesOfBlobs,
  openTextFiles,
  openTexts,
  type TextDataset,
  type TextSample,
  type Texts,
} from '../../../src/data/index.ts';
import { files, rows } from '../tables/made.ts';

const TABLES = fileURLToPath(new URL('../../fixtures/data/tables/', import.meta.url));

/** All samples as `path: text | pair = label`, in the order of the file. */
const shown = ({ train, validation, test: rest }: Texts): string[] =>
  [train, validation, rest]
    .flatMap(({ samples }): readonly TextSample[] => samples)
    .map(({ path, text, pair, label }) => `${path}: ${text}${pair === undefined ? '' : ` | ${pair}`} = ${label}`)
    .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));

const open = async (lines: readonly string[] | string | Uint8Array, name = 't.csv', options: object = {}) =>
  openTexts(join(files({ [name]: lines }), name), { validation: 0, ...options });

test("a spreadsheet's CSV: quotes, commas and line ends in cells, labels with spaces, a mark of UTF-8", async () => {
  const table = await open(
    '\ufeffid;Review;Sentiment\r\n1;"Good; ""very"" good,\r\nreally";very good\r\n2;Bad;so so\r\n3;Meh;so so\r\n4;Bad again;very good\r\n',
  );
  expect(table.how).toBe(
    "t.csv: 'Review' is the text, 'Sentiment' to learn (2 classes); 4 texts to train on, none held out",
  );
  expect(table.columns).toEqual({ text: ['Review'], labels: ['Sentiment'] });
  expect(table.names).toEqual(['so so', 'very good']);
  expect(shown(table)).toEqual([
    't.csv:2: Good; "very" good,\r\nreally = 1',
    't.csv:3: Bad = 0',
    't.csv:4: Meh = 0',
    't.csv:5: Bad again = 1',
  ]);
  expect([table.notes, table.leftOut]).toEqual([[], []]);
});

test('UTF-16 as Windows saves it, and NUL among the letters', async () => {
  const text = '\ufefftext\tlabel\nfünf Äpfel\tja\nnull\0bytes\tnein\nmehr Text\tja\n';
  const bytes = new Uint8Array(Uint16Array.from(text, (c) => c.charCodeAt(0)).buffer);
  expect(shown(await open(bytes, 't.tsv'))).toEqual([
    't.tsv:2: fünf Äpfel = 0',
    't.tsv:3: null\0bytes = 1',
    't.tsv:4: mehr Text = 0',
  ]);
});

test("GLUE's tables: quotes are signs of the text, pairs are found by their names, a test part without labels is left out", async () => {
  const row = (i: number) => `${i % 2}\t${i}\t${i + 9}\t"He said ${i} , he came .\tAnd " she " went ${i} .`;
  const head = 'Quality\t#1 ID\t#2 ID\t#1 String\t#2 String';
  const root = files({
    'train.tsv': [head, ...rows(6, row)],
    'dev.tsv': [head, ...rows(3, (i) => row(i + 6))],
    'test.tsv': ['index\t#1 ID\t#2 ID\t#1 String\t#2 String', '0\t1\t2\tA\tB'],
  });
  const table = await openTexts(root);
  expect(table.how).toBe(
    "train.tsv, dev.tsv: '#1 String', '#2 String' are the texts, 'Quality' to learn (2 classes); 6 texts to train on, 3 to validate",
  );
  expect(table.validationFrom).toEqual({ kind: 'folder', folder: 'validation' });
  expect(shown(table)[0]).toBe('dev.tsv:2: "He said 6 , he came . | And " she " went 6 . = 0');
  expect(table.leftOut).toEqual([{ reason: "a table without the column 'Quality'", paths: ['test.tsv'] }]);
});

test('a first row that is a sample is one: of train and dev alike, with commas in texts between tabs', async () => {
  const root = files({
    'train.tsv': rows(6, (i) => `a stirring , funny , ${i} times moving tale\t${i % 2}`),
    'dev.tsv': rows(2, (i) => `apparently reassembled ${i}\t${i % 2}`),
  });
  const table = await openTexts(root);
  expect(shown(table)).toHaveLength(8);
  expect(shown(table)[0]).toBe('dev.tsv:1: apparently reassembled 0 = 0');
  expect(table.notes).toEqual([
    'train.tsv has no header: its first row is a sample.',
    "The 2 whole numbers in 'column 2' are taken as classes; { kind: 'values' } takes them as amounts.",
  ]);
});

test("AG News': no header, three columns, the class first", async () => {
  const table = await open(
    rows(9, (i) => `"${i % 3}","Wall St. ${i}","Reuters - Short sellers, of ""${i}"", are back in the market"`),
  );
  expect(table.names).toEqual(['0', '1', '2']);
  expect(shown(table)[1]).toBe('t.csv:2: Reuters - Short sellers, of "1", are back in the market = 1');
  expect(table.notes[1]).toBe(
    "The texts are those of 'column 3'; 'column 2' is not read. Two columns belong together where both are named: { text: ['column 2', 'column 3'] }.",
  );
  const pairs = await open(
    rows(9, (i) => `${i % 3},"Wall St. ${i}","Reuters - Short sellers are back"`),
    't.csv',
    { text: ['column 2', 'column 3'] },
  );
  expect(shown(pairs)[0]).toBe('t.csv:1: Wall St. 0 | Reuters - Short sellers are back = 0');
});

test('columns of 0 and 1 are several labels; a list in a cell is too', async () => {
  const toxic = await open([
    'id,comment_text,toxic,threat',
    'a1,be nice to me,0,0',
    'b2,go away now,1,0',
    'c3,I will come for you,1,1',
  ]);
  expect([toxic.kind, toxic.names, shown(toxic)[2]]).toEqual([
    'labels',
    ['toxic', 'threat'],
    't.csv:4: I will come for you = 1,1',
  ]);
  const lists = await open(['text,tags', 'one text,a|b', 'two texts,b', 'three texts,c|a']);
  expect([lists.kind, lists.names]).toEqual(['labels', ['a', 'b', 'c']]);
});

test('numbers are values: STS-B with its many columns', async () => {
  const head = 'index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\tsentence2\tscore';
  const row = (i: number) =>
    `${i}\tmain-captions\tMSRvid\t2012test\t000${i}\tnone\tnone\tA plane ${i} is taking off .\tAn air plane takes off .\t${i / 4 + 0.05}`;
  const table = await open([head, ...rows(24, row)], 't.tsv');
  expect([table.kind, table.columns]).toEqual(['values', { text: ['sentence1', 'sentence2'], labels: ['score'] }]);
  expect(table.train.label(1)).toEqual(Float32Array.of(0.3));
});

test('JSON Lines, JSON lists and one object a line in .json', async () => {
  const records = rows(4, (i) => ({ premise: `it is ${i}`, hypothesis: 'it is', gold_label: i % 2 ? 'yes' : 'no' }));
  const lines = records.map((record) => JSON.stringify(record));
  for (const [name, text] of [
    ['t.jsonl', lines],
    ['t.ndjson', lines],
    ['t.json', lines],
    ['t.json', JSON.stringify(records, null, 1)],
  ] as const) {
    const table = await open(text, name);
    expect([table.names, shown(table)[1]]).toEqual([['no', 'yes'], `${name}:2: it is 1 | it is = 1`]);
  }
});

test("Parquet: Hugging Face's with names of classes, all compressions", async () => {
  const named = await openTexts(join(TABLES, 'named-classes.parquet'), { validation: 0 });
  expect([named.kind, named.names]).toEqual(['classes', ['science', 'sports', 'world']]);
  expect(shown(named)[1]).toBe('named-classes.parquet:2: text number 1, with „quotes“, 漢字 𠮷 and 😀 = 1');
  for (const codec of ['snappy', 'gzip', 'zstd', 'brotli', 'lz4', 'none']) {
    const table = await openTexts(join(TABLES, `pairs-${codec}.parquet`), {
      validation: 0,
      labels: ['score'],
      kind: 'values',
    });
    expect([table.columns!.text, table.train.length, table.leftOut]).toEqual([
      ['sentence1', 'sentence2'],
      11,
      [{ reason: 'an empty cell', paths: [`pairs-${codec}.parquet:1`] }],
    ]);
    expect(table.train.label(0)).toEqual(Float32Array.of(0.25));
  }
});

const IMDB = Object.fromEntries(
  ['train', 'test'].flatMap((part) =>
    ['neg', 'pos'].flatMap((name) => rows(3, (i) => [`${part}/${name}/${i}.txt`, `a ${name} text ${i}, of ${part}`])),
  ),
);

test('a folder of text files a class, as IMDB has them; in a zip archive too', async () => {
  const root = files(IMDB, { 'train/unsup/1.txt': 'no label', README: 'about' });
  const table = await openTexts(root);
  expect([table.names, table.train.length, table.validation.length, table.columns]).toEqual([
    ['neg', 'pos'],
    6,
    6,
    null,
  ]);
  expect(shown(table)[0]).toBe('test/neg/0.txt: a neg text 0, of test = 0');
  const zip = zipSync(
    Object.fromEntries(Object.entries(IMDB).map(([name, text]) => [name, new TextEncoder().encode(text)])),
  );
  const archive = join(files({ 'imdb.zip': zip }), 'imdb.zip');
  expect(shown(await openTexts(archive))).toEqual(shown(table));
});

test("files without an ending, in Latin-1, as 20 Newsgroups' are", async () => {
  const root = files({
    'alt.atheism/49960': Uint8Array.of(0xe4, 0x20, 0x62),
    'alt.atheism/2': 'second',
    'sci.space/1': 'one',
    'sci.space/empty': ' \n',
  });
  const table = await openTexts(root, { validation: 0 });
  expect(shown(table)).toEqual(['alt.atheism/2: second = 0', 'alt.atheism/49960: ä b = 0', 'sci.space/1: one = 1']);
  expect(table.leftOut).toEqual([{ reason: 'an empty text', paths: ['sci.space/empty'] }]);
});

test('files that were dropped on a page', async () => {
  const blobs = new Map([['r.csv', new Blob(['text,label\none two,a\nthree,b\nfour,a\nfive,b\n'])]]);
  const table = await openTextFiles(filesOfBlobs('dropped', blobs), { validation: 0.5 });
  expect([table.train.length, table.validation.length]).toEqual([2, 2]);
});

test('a column tells the parts; texts that are in both are told', async () => {
  const table = await open([
    'text,label,split',
    ...rows(6, (i) => `text ${i % 4} of them,${i % 2 ? 'a' : 'b'},${i < 4 ? 'train' : 'valid'}`),
  ]);
  expect([table.train.length, table.validation.length]).toEqual([4, 2]);
  expect(table.notes).toEqual(['2 texts of the 2 to validate are in training too, word for word (t.csv:6, t.csv:7).']);
});

test('a data set of texts in a loader: samples by index, keys by text', async () => {
  const table = await open(['text,label', 'one text,a', 'two texts,b', 'one text,b', 'more,a']);
  const train = table.train as TextDataset;
  const batches = [];
  for await (const batch of new DataLoader(train, {
    batchSize: 3,
    collate: (samples) => samples.map(({ text }) => text),
  }))
    batches.push(batch);
  expect(batches).toEqual([['one text', 'two texts', 'one text'], ['more']]);
  expect(await train.key(0)).toBe(await train.key(2));
  expect(await train.key(0)).not.toBe(await train.key(1));
});
