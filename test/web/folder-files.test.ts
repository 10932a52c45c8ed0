/** Folders on the page: the same classes as on the command line. */
import { basename } from 'node:path';
import { expect, test } from 'vitest';
import { folderFiles } from '../../web/view/folder-files.ts';
import { faultOf, photoFolder } from '../data/photos.ts';
import { chromiumPath, launch, openPage, serveBuiltPage } from './browser.ts';

/** Each file is its own path. */
const files = (...paths: readonly string[]) => folderFiles(new Map(paths.map((path) => [path, path])));
const counts = (...paths: readonly string[]) =>
  [...files(...paths).classes].map(([name, { train }]) => `${name} ${train.length}`);

test('class folders, with or without a folder around them', () => {
  expect(counts('photos/ants/1.jpg', 'photos/ants/2.jpg', 'photos/bees/1.jpg')).toEqual(['ants 2', 'bees 1']);
  expect(counts('ants/1.jpg', 'bees/1.jfif')).toEqual(['ants 1', 'bees 1']);
  expect(counts('ants/1.jpg')).toEqual(['ants 1']);
  expect(counts('photos/photos/ants/red/1.jpg', 'photos/photos/bees/1.jpg')).toEqual(['ants 1', 'bees 1']);
  expect(counts()).toEqual([]);
});

test('folders that may be the classes are told', () => {
  expect(files('d/fold1/a/1.jpg', 'd/fold1/b/1.jpg', 'd/fold2/a/1.jpg', 'd/fold2/b/1.jpg').notes).toEqual([
    "The same folders ('a', 'b') are in every class, so 'fold1' is told from 'fold2', whichever of them a photo is in. If they are the classes, put all photos of each into one folder.",
  ]);
});

test('splits are no classes but kept; what is held out and left out is told', () => {
  const found = files(
    'd/train/ants/1.jpg',
    'd/train/bees/1.jpg',
    `d/train/${'café'.normalize('NFC')}/1.jpg`,
    `d/val/${'café'.normalize('NFD')}/2.jpg`,
    'd/val/ants/2.jpg',
    'd/test/1.jpg',
    'd/train/ants/3.HEIC',
    'd/.DS_Store',
  );
  expect([...found.classes]).toEqual([
    ['ants', { train: ['d/train/ants/1.jpg'], validation: ['d/val/ants/2.jpg'] }],
    ['bees', { train: ['d/train/bees/1.jpg'], validation: [] }],
    [
      'café',
      {
        train: [`d/train/${'café'.normalize('NFC')}/1.jpg`],
        validation: [`d/val/${'café'.normalize('NFD')}/2.jpg`],
      },
    ],
  ]);
  expect(found.notes).toEqual([
    'Held out to test with: 2 photos of val.',
    'Left out: 1 in d/test, which is not used; 1 HEIC, which is not read: save as JPEG.',
  ]);
});

test('what cannot be told', async () => {
  expect(await faultOf(() => files('d/val/ants/1.jpg', 'd/val/bees/1.jpg'))).toBe(
    "DataError: The folder/d: has a folder 'val' but no 'train'. Rename the training folder, or name the folder of classes itself.",
  );
});

test.skipIf(!chromiumPath)('a folder opened on the page (needs REGRAFT_CHROMIUM or /usr/bin/chromium)', async () => {
  const root = await photoFolder({
    'train/ants/1.jpg': 1,
    'train/bees/1.jfif': 2,
    'train/bees/2.HEIC': 'x',
    'test/1.jpg': 3,
  });
  const split = await photoFolder({
    'train/ants/4.jpg': 4,
    'val/ants/5.jpg': 5,
    'train/bees/.keep': 'x',
    'val/bees/6.jpg': 6,
  });
  const [site, browser] = await Promise.all([serveBuiltPage(), launch({ gpu: false })]);
  try {
    const { page } = await openPage(browser, site.url);
    await page.setInputFiles('#folder', root);
    const note = page.locator('#folder-note');
    await note.filter({ hasText: 'Left out' }).waitFor();
    expect(await note.textContent()).toBe(
      `Left out: 1 in ${basename(root)}/test, which is not used; 1 HEIC, which is not read: save as JPEG.`,
    );
    const cards = page.locator('.class');
    expect(await cards.evaluateAll((all) => all.map((card) => card.getAttribute('aria-label')))).toEqual([
      'ants',
      'bees',
    ]);
    await cards.nth(1).locator('.peek img').waitFor();
    expect(await page.locator('.class-head span').allTextContents()).toEqual(['1\u00a0photo', '1\u00a0photo']);
    expect(await page.locator('.class .faults').allTextContents()).toEqual(['', '']);

    // A folder with a validation part keeps its split, also after a reload.
    await page.setInputFiles('#folder', split);
    await note.filter({ hasText: 'Held out' }).waitFor();
    expect(await note.textContent()).toBe('Held out to test with: 2 photos of val.');
    const heads = ['3\u00a0photos\n1 held out', '2\u00a0photos\n1 held out'];
    const counted = () => page.locator('.class-head span').allTextContents();
    expect(await counted()).toEqual(heads);
    await page.locator('.photos img').nth(4).waitFor();
    await page.waitForTimeout(600);
    await page.reload();
    await page.locator('.photos img').nth(4).waitFor();
    expect(await counted()).toEqual(heads);
  } finally {
    await browser.close();
    await site.close();
  }
});
