/** Class folders and tables, in folders and zip archives: which of them is opened, and archives that are damaged or made to do harm. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Zippable, zipSync } from 'fflate';
import { afterAll, expect, test } from 'vitest';
import {
  Compose,
  closeLoaders,
  DataLoader,
  decodeImage,
  type ImageTable,
  openImageTable,
  openPhotos,
  Resize,
  ToTensor,
} from '../../../src/data/index.ts';
import { faultOf, jpeg, photoFolder, picture, temporaryFolder } from '../photos.ts';
import { rows } from './made.ts';

afterAll(() => closeLoaders());

const transform = new Compose([new Resize([8, 8]), new ToTensor()]);

/** An archive of generated photos (numbers) and texts, and the same as a folder. */
async function archive(content: Readonly<Record<string, number | string>>, level: 0 | 6 = 0): Promise<string> {
  const entries: Zippable = {};
  for (const [name, seed] of Object.entries(content))
    entries[name] = [
      typeof seed === 'number' ? await jpeg(picture(40, 30, seed)) : new TextEncoder().encode(seed),
      { level },
    ];
  const path = join(temporaryFolder(), 'photos.zip');
  writeFileSync(path, zipSync(entries));
  return path;
}

const shown = (root: string, { train, validation }: ImageTable) =>
  [train, validation].flatMap((part) =>
    part.samples.map(({ path, label }) => `${path.slice(root.length + 1).replaceAll('\\', '/')}: ${label}`),
  );

const classes = { 'p/ants/1.jpg': 1, 'p/ants/2.jpg': 2, 'p/bees/1.jpg': 3, 'p/bees/2.jpg': 4 };
const table = ['file,tags', ...rows(4, (i) => `${i}.jpg,${i % 2 ? 'a|b' : 'b'}`)].join('\n');

test.each([0, 6] as const)(
  'class folders in an archive are those of the folder, to the bit (level %i)',
  async (level) => {
    const [zip, root] = [await archive({ ...classes, '__MACOSX/p/._1.jpg': 'x' }, level), await photoFolder(classes)];
    const [packed, plain] = await Promise.all(
      [zip, root].map((path) => openPhotos(path, { transform, validation: 0.5 })),
    );
    expect(packed!.how.replace(zip, 'ROOT')).toBe(plain!.how.replace(root, 'ROOT'));
    expect(shown(zip, packed!)).toEqual(shown(root, plain!));
    expect([packed!.kind, packed!.names]).toEqual(['classes', ['ants', 'bees']]);
    for (const workers of [0, 1]) {
      const [one, other] = await Promise.all(
        [packed!, plain!].map(async ({ train }) => {
          const batches = [];
          for await (const { inputs, targets } of new DataLoader(train, { batchSize: 2, workers }).hostBatches())
            batches.push({ inputs, targets });
          return batches;
        }),
      );
      expect(one).toEqual(other);
    }
    expect(await packed!.train.digests()).toEqual(await plain!.train.digests());
    expect((await packed!.train.verify()).bad).toEqual([]);
    expect((await decodeImage(join(zip, 'p/ants/1.jpg'))).width).toBe(40);
  },
);

test('a table in an archive, or beside it', async () => {
  const photos = Object.fromEntries(rows(4, (i) => [`images\\${i}.jpg`, i]));
  const inside = await archive({ ...photos, 'l.csv': table }, 6);
  const found = await openImageTable(inside, { validation: 0 });
  expect(shown(inside, found)).toEqual(rows(4, (i) => `images/${i}.jpg: ${i % 2 ? '1,1' : '0,1'}`));
  const beside = await archive(photos);
  writeFileSync(join(beside, '../l.csv'), table);
  const other = await openPhotos(beside, { validation: 0 });
  expect([other.kind, shown(beside, other)]).toEqual(['labels', shown(inside, found)]);
});

test('where there are class folders and a table, its classes and labels count, and the folders before numbers', async () => {
  const folders = { 'part1/0.jpg': 0, 'part1/1.jpg': 1, 'part2/2.jpg': 2, 'part2/3.jpg': 3 };
  const labels = await openPhotos(await photoFolder({ ...folders, 'l.csv': table }));
  expect([labels.kind, labels.notes]).toEqual([
    'labels',
    ['The labels are those of the table, not the names of the folders.'],
  ]);
  const sizes = await photoFolder({
    ...folders,
    'sizes.csv': ['file,width', ...rows(4, (i) => `${i}.jpg,${i / 8}`)].join('\n'),
  });
  const plain = await openPhotos(sizes);
  expect([plain.names, plain.notes]).toEqual([
    ['part1', 'part2'],
    ["The classes are those of the folders; { kind: 'values' } takes the numbers of the table."],
  ]);
  expect((await openPhotos(sizes, { kind: 'values' })).names).toEqual(['width']);
  const foreign = await photoFolder({ ...folders, 'prices.csv': 'name,price\nx,7.5\n' });
  expect((await openPhotos(foreign)).notes.map((note) => note.replace(foreign, 'ROOT'))).toEqual([
    "The classes are those of the folders; of the tables: ROOT: no cell of 'prices.csv' names one of its 4 images, as 'part1/0.jpg'. Put the table beside its photos.",
  ]);
});

test('where there is neither, the error is that of the folder; of a table that cannot be used, that', async () => {
  const flat = await photoFolder({ 'p/1.jpg': 1, 'p/2.jpg': 2 });
  expect(await faultOf(() => openPhotos(join(flat, 'p')), flat)).toBe(
    'DataError: ROOT/p: has 2 images but no class folders. Put the images of each class into a sub-folder of its own.',
  );
  writeFileSync(join(flat, 'p/l.csv'), 'file,label\n1.jpg,a\n2.jpg,a\n');
  expect(await faultOf(() => openPhotos(join(flat, 'p')), flat)).toBe(
    "DataError: ROOT/p/l.csv: column 'label' has one class only ('a'); a classifier needs two or more.",
  );
});

test.each(['../p/ants/1.jpg', 'p/../../x.jpg', '/etc/x.jpg', 'C:\\x.jpg', 'p\\..\\..\\x.jpg'])(
  'an archive with a name that leads out of it is refused: %s',
  async (name) => {
    const zip = await archive({ ...classes, [name]: 9 });
    expect(await faultOf(() => openPhotos(zip), zip)).toBe(
      `DataError: ROOT: has an entry '${name}', whose name leads out of the archive. It is made to do harm, or damaged: get it from somewhere else.`,
    );
  },
);

test('archives that are damaged, or made to exhaust memory, are told; so is a photo that is', async () => {
  const zip = await archive(classes);
  const bytes = zipSync({ 'ants/1.jpg': new Uint8Array(64 << 20), 'bees/1.jpg': new Uint8Array(8) });
  writeFileSync(join(zip, '../bomb.zip'), bytes);
  expect(await faultOf(() => openPhotos(join(zip, '../bomb.zip')))).toContain(
    "zip entry 'ants/1.jpg', unpacked with those before it, would take more than",
  );
  writeFileSync(join(zip, '../no.zip'), 'PK\u0003\u0004 and nothing more');
  expect(await faultOf(() => openPhotos(join(zip, '../no.zip')))).toContain(
    'no.zip: is a zip archive without its directory, which stands at the end. It is truncated: get it again.',
  );
  const { train } = await openPhotos(zip, { validation: 0 });
  const whole = await archive({ ...classes, 'p/ants/1.jpg': 'no photo' });
  const broken = await openPhotos(whole, { validation: 0 });
  expect((await broken.train.verify()).bad.map(({ path }) => path.slice(whole.length + 1))).toEqual(['p/ants/1.jpg']);
  // Another archive in the place of the first is read anew.
  writeFileSync(zip, zipSync({ 'p/bees/9.jpg': new Uint8Array(9) }));
  expect(await faultOf(() => train.get(0), zip)).toBe(
    'DataError: ROOT/p/ants/1.jpg: is not in the archive. Check the path.',
  );
});
