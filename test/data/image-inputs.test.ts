/** What names, folders and patterns mean as images. */
import { chmodSync, chownSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { describeLeftOut } from '../../src/data/folders/describe-photos.ts';
import { findImages } from '../../src/data/folders/image-inputs.ts';
import { IMAGE_EXTENSIONS } from '../../src/data/images/image-format.ts';
import { photoFolder } from './photos.ts';

const FILES = [
  'z.jpg',
  'a/2.PNG',
  'a/10.jpeg',
  'a/b/deep.webp',
  'c/[1].jpg',
  'c/notes.txt',
  'c/p.HEIC',
  '.hidden/x.jpg',
  '__MACOSX/y.jpg',
];

const folder = await photoFolder(Object.fromEntries([...FILES, 'empty/.keep'].map((name) => [name, 'x'])));
const below = (paths: readonly string[]) => paths.map((path) => path.replace(`${folder}/`, ''));

test('a folder: its photos sorted, then those of the folders below; names relative to it', async () => {
  const { images, bad, leftOut } = await findImages([folder]);
  const expected = ['z.jpg', 'a/10.jpeg', 'a/2.PNG', 'a/b/deep.webp', 'c/[1].jpg'];
  expect(below(images.map(({ path }) => path))).toEqual(expected);
  expect(images.map(({ name }) => name)).toEqual(expected);
  expect(bad).toEqual([]);
  expect(describeLeftOut(leftOut)).toEqual([
    'Left out:',
    '  1  no images (.txt) (c/notes.txt)',
    '  1  HEIC, which is not read: save as JPEG (c/p.HEIC)',
  ]);
});

test('files are named without the folders that they have in common', async () => {
  const names = async (...inputs: string[]) =>
    (await findImages(inputs.map((input) => join(folder, input)))).images.map(({ name }) => name);
  expect(await names('a/2.PNG')).toEqual(['2.PNG']);
  expect(await names('a/2.PNG', 'a/b/deep.webp')).toEqual(['2.PNG', 'b/deep.webp']);
  expect(await names('c/[1].jpg', 'a/')).toEqual(['c/[1].jpg', 'a/10.jpeg', 'a/2.PNG', 'a/b/deep.webp']);
});

test('patterns that no shell expanded, and a file whose name looks like one', async () => {
  const found = async (pattern: string) => {
    const { images, bad } = await findImages([pattern]);
    return [...below(images.map(({ path }) => path)), ...bad.map(({ reason }) => reason)];
  };
  expect(await found(join(folder, 'a/*.{jpeg,PNG}'))).toEqual(['a/10.jpeg', 'a/2.PNG']);
  expect(await found(join(folder, '**/*.webp'))).toEqual(['a/b/deep.webp']);
  expect(await found(join(folder, 'c/[1].jpg'))).toEqual(['c/[1].jpg']);
  expect(await found(join(folder, '*.tif'))).toEqual(['matches no file.']);
});

test('URLs are kept; what is not there, or holds no photo, is told and loses nothing', async () => {
  const { images, bad } = await findImages(['https://host/a%20b.jpg', 'nowhere.jpg', join(folder, 'empty')]);
  expect(images).toEqual([{ path: 'https://host/a%20b.jpg', name: 'https://host/a%20b.jpg' }]);
  expect(bad).toEqual([
    { path: 'nowhere.jpg', reason: 'there is no such file. Check the path.' },
    {
      path: join(folder, 'empty'),
      reason: `holds no photos. Read are ${IMAGE_EXTENSIONS.join(' ')}.`,
    },
  ]);
});

test('links: back to a folder above nothing new, broken ones left out', async () => {
  const linked = await photoFolder({ 'a/1.jpg': 'x' });
  symlinkSync(linked, join(linked, 'a/loop'));
  symlinkSync('nowhere.jpg', join(linked, 'broken.jpg'));
  symlinkSync('link.jpg', join(linked, 'link.jpg'));
  const { images, leftOut, bad } = await findImages([linked]);
  expect(images.map(({ name }) => name)).toEqual(['a/1.jpg']);
  expect(leftOut).toEqual([
    { reason: 'a link that leads back to a folder above it', paths: ['a/loop'] },
    { reason: 'a link that leads nowhere', paths: ['broken.jpg', 'link.jpg'] },
  ]);
  expect(bad).toEqual([]);
});

/** What `work` gives without root's right to read everything. */
async function withoutRoot<T>(work: () => Promise<T>): Promise<T> {
  if (process.geteuid?.() !== 0) return work();
  process.seteuid!(NOBODY);
  try {
    return await work();
  } finally {
    process.seteuid!(0);
  }
}
const NOBODY = 65_534;

test('a folder that may not be read is told', async () => {
  const locked = await photoFolder({ '1.jpg': 'x', 'locked/2.jpg': 'x' });
  if (process.geteuid?.() === 0) chownSync(locked, NOBODY, NOBODY);
  chmodSync(join(locked, 'locked'), 0);
  const { images, leftOut } = await withoutRoot(() => findImages([locked]));
  expect(images).toHaveLength(1);
  expect(leftOut).toEqual([{ reason: 'a folder that cannot be opened', paths: ['locked'] }]);
});

test('a ~ that no shell has seen', async () => {
  expect((await findImages(['~/no/such.jpg'])).bad).toEqual([
    {
      path: '~/no/such.jpg',
      reason:
        "there is no such file. A quoted ~ is a file's name: leave the quotes out, or write the home folder in full.",
    },
  ]);
});
