/** Masks that cannot be used: what is left out and told, and every error's text. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadMask, openMasks } from '../../../src/data/index.ts';
import { faultOf } from '../photos.ts';
import { halves, maskFolder, png } from './made.ts';

const open = (root: string, options: object = {}) => openMasks(root, { validation: 0, ...options });

test('masks that cannot be used are left out and told; past a share that is an error', async () => {
  const good = Object.fromEntries(
    Array.from({ length: 6 }, (_, i) => [
      [`images/${i}.jpg`, i],
      [`masks/${i}.png`, halves([1, 2, 3], [4, 5, 6])],
    ]).flat(),
  );
  const root = await maskFolder({
    ...good,
    ...{
      'images/size.jpg': 1,
      'images/colour.jpg': 1,
      'images/jpeg.jpg': 1,
      'images/broken.jpg': 1,
      'images/none.jpg': 1,
    },
    'images/photo.jpg': 'no photo',
    'masks/size.png': png(6, 8, new Array(48).fill(0)),
    'masks/colour.png': halves([1, 2, 3], [7, 8, 9]),
    'masks/jpeg.jpg': 1,
    'masks/broken.png': halves(0, 1).subarray(0, 60),
    'masks/photo.png': halves(0, 0),
    'masks/gone.png': halves(0, 0),
    'classes.csv': 'a,1,2,3\nb,4,5,6\n',
  });
  const { train, leftOut } = await open(root, { maxLeftOut: 0.5 });
  expect([train.length, leftOut]).toEqual([
    6,
    [
      {
        reason: 'not readable',
        paths: [
          expect.stringMatching(/^masks\/broken\.png \(is a damaged PNG .*\)$/),
          'masks/jpeg.jpg (is a mask in a JPEG, whose values are not read as they were written. Save masks as PNG)',
          expect.stringMatching(/^images\/photo\.jpg \(is not an image that can be read/),
        ],
      },
      {
        reason: 'a mask of another size than its image',
        paths: ['masks/size.png (6 x 8, the image 8 x 6)'],
      },
      { reason: 'with a colour that no class has', paths: ['masks/colour.png (7 8 9)'] },
      { reason: 'without a mask', paths: ['images/none.jpg'] },
      { reason: 'a mask without an image', paths: ['masks/gone.png'] },
    ],
  ]);
  const fault = await faultOf(() => open(root), root);
  expect(fault).toContain(
    'DataError: ROOT: 5 of 11 masks cannot be used: not readable (3, the first masks/broken.png (',
  );
  expect(fault).toContain('with a colour that no class has (1, the first masks/colour.png (7 8 9)).');
  expect(fault).toContain(' Mend them, or let more go: { maxLeftOut: 0.46 }.');
  const { coding } = await open(root, { maxLeftOut: 0.5 });
  const sample = { ...train[0]!, mask: join(root, 'masks/colour.png') };
  expect(await faultOf(() => loadMask(sample, coding), root)).toBe(
    'DataError: ROOT/masks/colour.png: has the value 7 8 9 at 4 0, which no class has. Replace it, or name its class.',
  );
  expect(await faultOf(() => loadMask({ ...train[0]!, width: 9 }, coding), root)).toBe(
    'DataError: ROOT/masks/0.png: has 8 x 6 pixels, its image 9 x 6. Replace it.',
  );
});

test.each<[string, Readonly<Record<string, number | string | Uint8Array>>, object, string]>([
  [
    'no masks',
    { 'a.jpg': 1 },
    {},
    "DataError: ROOT: has no masks. Expected images and masks in two folders ('images', 'masks'), masks beside images as cat_mask.png, or a COCO .json with outlines.",
  ],
  [
    'colours without names',
    { 'images/a.jpg': 1, 'masks/a.png': halves([1, 2, 3], [4, 5, 6]) },
    {},
    "DataError: ROOT: has masks of 2 colours ('1 2 3', '4 5 6'), and no file that names them. Put a classes.csv there with lines as 'road,128,64,128'.",
  ],
  [
    'names without colours',
    { 'images/a.jpg': 1, 'masks/a.png': halves([1, 2, 3], [4, 5, 6]), 'classes.txt': 'a\nb\n' },
    {},
    "DataError: ROOT: has masks of colours, but classes.txt has none. Write lines as 'road,128,64,128'.",
  ],
  [
    'soft edges',
    {
      'images/a.jpg': 1,
      'masks/a.png': png(
        8,
        6,
        Array.from({ length: 48 }, (_, i) => 5 * i),
      ),
    },
    {},
    'DataError: ROOT: has masks of 48 different values up to 235, which are neither indices of classes nor a few levels of grey. They may have been resized or saved as JPEG: make them anew, or name the classes in a classes.txt.',
  ],
  [
    'a value that no class has',
    { 'images/a.jpg': 1, 'masks/a.png': halves(0, 7), 'classes.txt': 'a\nb\nc\n' },
    {},
    'DataError: ROOT: 1 of 1 mask cannot be used: with a value that no class has (1, the first masks/a.png (7)). Mend them.',
  ],
  [
    'two class files',
    { 'images/a.jpg': 1, 'masks/a.png': halves(0, 1), 'classes.txt': 'a', 'codes.txt': 'b' },
    {},
    "DataError: ROOT: has 2 files that may name the classes, 'classes.txt', 'codes.txt'. Name one: { classFile: 'classes.txt' }.",
  ],
  [
    'a class file that is not there',
    { 'images/a.jpg': 1, 'masks/a.png': halves(0, 1) },
    { classFile: 'names.txt' },
    "DataError: ROOT: has no file 'names.txt'. Name it by its path from the folder.",
  ],
  [
    'an empty class file',
    { 'images/a.jpg': 1, 'masks/a.png': halves(0, 1), 'classes.txt': '# nothing\n' },
    {},
    "DataError: ROOT/classes.txt: names no class. Expected one a line, as 'road,128,64,128'.",
  ],
  [
    'a colour twice',
    { 'images/a.jpg': 1, 'masks/a.png': halves(0, 1), 'classes.txt': 'a,1,2,3\nb,1,2,3\n' },
    {},
    'DataError: ROOT/classes.txt: has the colour 1,2,3 twice. Remove one.',
  ],
  [
    'a name twice',
    { 'images/a.jpg': 1, 'masks/a.png': halves(0, 1), 'classes.txt': 'a\na\n' },
    {},
    "DataError: ROOT/classes.txt: has the name 'a' twice. Remove one.",
  ],
  [
    'nothing to train on',
    { 'val/images/a.jpg': 1, 'val/masks/a.png': halves(0, 1) },
    {},
    "DataError: ROOT: has a validation part, but nothing to train on. Name the training images' folder 'train', or name one part itself.",
  ],
  [
    'an option that does not exist',
    { 'a.jpg': 1 },
    { ignored: 3 },
    "ArgumentError: openMasks: expected options that exist, got 'ignored'. Write ignore.",
  ],
])('%s', async (_, files, options, message) => {
  const root = await maskFolder(files);
  expect(await faultOf(() => open(root, options), root)).toBe(message);
});
