/** Photos with masks as data sets have them: folders, endings of names, values and colours, COCO's outlines. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { photoTree } from '../../../src/data/folders/photo-tree.ts';
import { filesOfBlobs, loadMask, type MaskFolders, openMaskFiles, openMasks } from '../../../src/data/index.ts';
import { readClassFile } from '../../../src/data/masks/class-file.ts';
import { pairMasks } from '../../../src/data/masks/pair-masks.ts';
import { sharedData } from '../../shared-data.ts';
import { faultOf, jpeg, picture } from '../photos.ts';
import { halves, maskFolder, photo } from './made.ts';

/** Labels of the first sample's left and right half. */
async function labels({ train, coding }: MaskFolders): Promise<number[]> {
  const { data, width, height } = await loadMask(train[0]!, coding);
  expect([width, height, data.length]).toEqual([8, 6, 48]);
  return [data[0]!, data[7]!];
}

const open = (root: string, options: object = {}) => openMasks(root, { validation: 0, ...options });

test.each([
  ['two folders', 'images/a.jpg', 'masks/a.png', null],
  ['one folder', 'a.jpg', 'a_mask.png', null],
  ['splits in two folders', 'images/train/a.jpg', 'labels/train/a.png', 'train'],
  ['two folders in splits', 'val/img/a.jpg', 'val/gt/a.png', 'validation'],
  ["CamVid's", 'train/a.png', 'trainannot/a.png', 'train'],
  ["image-segmentation-keras'", 'images_prepped_test/a.png', 'annotations_prepped_test/a.png', 'test'],
  ["Carvana's", 'train/a.jpg', 'train_masks/a_mask.gif', 'train'],
  ["Cityscapes'", 'leftImg8bit/val/b/a_leftImg8bit.png', 'gtFine/val/b/a_gtFine_labelIds.png', 'validation'],
  ["VOC's", 'VOC2012/JPEGImages/a.jpg', 'VOC2012/SegmentationClass/a.png', null],
  ["ISIC's", 'ISIC_Training_Data/a.jpg', 'ISIC_Training_Part1_GroundTruth/a_segmentation.png', null],
  ["CamVid's of fastai", 'images/a.png', 'labels/a_P.png', null],
])('pairs: %s', (_, image, mask, split) => {
  const { pairs, images, masks } = pairMasks(photoTree([image, mask]));
  expect([pairs, images, masks]).toEqual([[{ image, mask, split }], [], []]);
});

test('pairs: names that are no masks, masks without photos, photos without masks, two that fit', () => {
  const { pairs, images, masks } = pairMasks(
    photoTree([
      'left_L.jpg',
      'x/masks/1.png',
      'y/masks/1.png',
      'images/1.jpg',
      'images/2.jpg',
      'images/3.jpg',
      'masks/2.png',
      'masks/2.gif',
    ]),
  );
  expect(pairs).toEqual([{ image: 'images/2.jpg', mask: 'masks/2.gif', split: null }]);
  expect([...images].sort()).toEqual(['images/1.jpg', 'images/3.jpg', 'left_L.jpg']);
  expect([...masks].sort()).toEqual(['masks/2.png', 'x/masks/1.png', 'y/masks/1.png']);
});

test('0 and 255; 0 and 1; indices with 255 ignored; another value ignored; levels of grey', async () => {
  const folder = (...masks: Uint8Array[]) =>
    maskFolder(
      Object.fromEntries(
        masks.flatMap((mask, i) => [
          [`images/${i}.jpg`, i],
          [`masks/${i}.png`, mask],
        ]),
      ),
    );
  const white = await open(await folder(halves(0, 255), halves(0, 0)));
  expect([white.classes, await labels(white), white.notes]).toEqual([
    ['background', 'foreground'],
    [0, 1],
    ['Masks are of 0 and 255: background and foreground.'],
  ]);
  expect(white.train.map((sample) => sample.labels)).toEqual([[0, 1], [0]]);
  const one = await open(await folder(halves(0, 1)));
  expect([one.classes, await labels(one)]).toEqual([
    ['0', '1'],
    [0, 1],
  ]);
  const indices = await open(await folder(halves(255, 4), halves(0, 1)));
  expect([indices.classes, await labels(indices), indices.train[0]!.labels]).toEqual([
    ['0', '1', '2', '3', '4'],
    [255, 4],
    [4],
  ]);
  const eleven = await open(await folder(halves(11, 4), halves(0, 1)), { ignore: 11 });
  expect(await labels(eleven)).toEqual([255, 4]);
  const all = await open(await folder(halves(255, 4)), { ignore: null });
  expect([all.classes, await labels(all)]).toEqual([
    ['4', '255'],
    [1, 0],
  ]);
  const grey = await open(await folder(halves(0, 85), halves(170, 255)));
  expect([grey.classes, await labels(grey), grey.notes]).toEqual([
    ['0', '85', '170', '255'],
    [0, 1],
    ['Masks have 4 levels of grey, 0, 85, 170, 255: a class each, in this order.'],
  ]);
});

test('names by a file: in the order of indices, void ignored; of 0 and 255', async () => {
  const root = await maskFolder({ 'images/a.jpg': 1, 'masks/a.png': halves(2, 1), 'codes.txt': 'Sky\nVoid\nRoad\n' });
  const found = await open(root);
  expect([found.classes, await labels(found), found.notes, found.train[0]!.labels]).toEqual([
    ['Sky', 'Road'],
    [1, 255],
    ["'Void' of codes.txt is ignored: neither learned nor scored."],
    [1],
  ]);
  const cells = await open(
    await maskFolder({ 'images/a.jpg': 1, 'masks/a.png': halves(0, 255), 'classes.txt': 'cell' }),
  );
  expect([cells.classes, await labels(cells)]).toEqual([
    ['background', 'cell'],
    [0, 1],
  ]);
});

test('colours by a file, black masks among them; palettes by their colours', async () => {
  const root = await maskFolder({
    'images/a.jpg': 1,
    'images/b.jpg': 2,
    'masks/a.png': halves([128, 64, 128], [0, 0, 192]),
    'masks/b.png': halves(0, 0),
    'class_dict.csv': 'name,r,g,b\nRoad,128,64,128\nVoid,0,0,0\nSide walk,0,0,192\n',
  });
  const found = await open(root);
  expect([found.classes, await labels(found), found.notes]).toEqual([
    ['Road', 'Side walk'],
    [0, 1],
    ["'Void' of class_dict.csv is ignored: neither learned nor scored."],
  ]);
  expect(found.train[1]!.labels).toEqual([]);
  const { palette } = {
    palette: JSON.parse(readFileSync(new URL('../../fixtures/masks/png.json', import.meta.url), 'utf8')),
  };
  const indexed = await open(
    await maskFolder({
      'images/a.jpg': await jpeg(picture(7, 5)),
      'masks/a.png': new Uint8Array(Buffer.from(palette['palette of 2 bits'], 'base64')),
      'labelmap.txt': '# label:color_rgb:parts:actions\nd:15,9,252::\nc:10,6,253::\nb:5,3,254::\na:0,0,255::\n',
    }),
  );
  const { data } = await loadMask(indexed.train[0]!, indexed.coding);
  expect([...data]).toEqual(palette.values.map((value: number) => 3 - value));
  // Without colours in the file, and without a file, the indices count.
  const plain = await open(
    await maskFolder({
      'images/a.jpg': await jpeg(picture(7, 5)),
      'masks/a.png': new Uint8Array(Buffer.from(palette['palette of 8 bits'], 'base64')),
    }),
  );
  expect([...(await loadMask(plain.train[0]!, plain.coding)).data]).toEqual(palette.values);
});

test.each([
  [
    '64 128 64\tAnimal\n0 0 0 Void',
    [
      ['Animal', [64, 128, 64]],
      ['Void', [0, 0, 0]],
    ],
  ],
  ['Animal 64 128 64\n', [['Animal', [64, 128, 64]]]],
  ['name,r,g,b\nA b,1,2,3', [['A b', [1, 2, 3]]]],
  [
    '# label:color_rgb:parts:actions\ncat:1,2,3::\ndog:::',
    [
      ['cat', [1, 2, 3]],
      ['dog', null],
    ],
  ],
  [
    'sky\r\nroad 2\r\n',
    [
      ['sky', null],
      ['road 2', null],
    ],
  ],
])('class file: %j', async (text, expected) => {
  const read = () => readClassFile(text, 'classes.txt').map(({ name, colour }) => [name, colour]);
  if (text.includes('dog'))
    expect(await faultOf(read)).toBe(
      "DataError: classes.txt: has colours, but none for 'dog'. Write one for every class.",
    );
  else expect(read()).toEqual(expected);
});

test("splits by folders and by VOC's lists, else a share held out; a zip and dropped files", async () => {
  const files = (n: number) =>
    Object.fromEntries(
      Array.from({ length: n }, (_, i) => [
        [`JPEGImages/${i}.jpg`, i],
        [`SegmentationClass/${i}.png`, halves(0, 1)],
      ]).flat(),
    );
  const root = await maskFolder({
    ...files(3),
    'ImageSets/Segmentation/train.txt': '0\n',
    'ImageSets/Segmentation/val.txt': '1\n',
    'ImageSets/Main/train.txt': '2\n',
  });
  const { train, validation, leftOut, how } = await openMasks(root);
  expect([train, validation].map((part) => part.map(({ path }) => path))).toEqual([
    [join(root, 'JPEGImages/0.jpg')],
    [join(root, 'JPEGImages/1.jpg')],
  ]);
  expect([leftOut, how]).toEqual([
    [{ reason: 'in no split', paths: [join(root, 'JPEGImages/2.jpg')] }],
    `${root}: 2 classes, 1 image to train on, 1 to validate`,
  ]);
  const held = await openMasks(await maskFolder(files(10)), { seed: 2 });
  expect([held.train.length, held.validation.length, held.validationFrom]).toEqual([
    8,
    2,
    { kind: 'held out', seed: 2 },
  ]);
  const bytes = halves(0, 1);
  const blobs = new Map([
    ['images/a.jpg', new Blob([new Uint8Array(await photo(1))])],
    ['masks/a.png', new Blob([new Uint8Array(bytes)])],
  ]);
  const dropped = await openMaskFiles(filesOfBlobs('dropped', blobs), { validation: 0 });
  expect(dropped.train[0]).toMatchObject({ path: 'images/a.jpg', mask: 'masks/a.png', width: 8, height: 6 });
  expect((await loadMask(dropped.train[0]!, dropped.coding, bytes)).data[7]).toBe(1);
});

test("COCO's outlines: background and categories; those that cannot be drawn are told", async () => {
  const square = [[4, 0, 8, 0, 8, 6, 4, 6]];
  const box = (id: number, segmentation: unknown, more: object = {}) => ({
    id,
    image_id: 1,
    category_id: 7,
    bbox: [4, 0, 4, 6],
    segmentation,
    ...more,
  });
  const content = {
    images: [{ id: 1, file_name: 'a.jpg', width: 8, height: 6 }],
    categories: [{ id: 7, name: 'cat' }],
    annotations: [
      box(1, square),
      box(2, { size: [6, 8], counts: [0, 6, 42] }, { iscrowd: 1 }),
      box(3, []),
      box(4, [[1, 2]]),
      box(5, square, { bbox: [0, 0, 0, 0] }),
    ],
  };
  const root = await maskFolder({ 'a.jpg': 1, 'a.json': JSON.stringify(content) });
  const found = await open(root);
  expect([found.classes, await labels(found), found.train[0]!.labels]).toEqual([
    ['background', 'cat'],
    [255, 1],
    [0, 1],
  ]);
  expect(found.notes.map((note) => note.replaceAll(`${root}/`, ''))).toEqual([
    '2 objects without an outline that can be drawn, the first in a.jpg: no outline.',
    '1 object left out, of no width or height: a.jpg (a.json, annotation 5).',
  ]);
  const none = await maskFolder({ 'a.jpg': 1, 'a.json': JSON.stringify({ ...content, annotations: [box(3, [])] }) });
  expect(await faultOf(() => open(none), none)).toContain('DataError: ROOT: has no masks.');
});

test.skipIf(!sharedData)('real data sets: CamVid, membranes (needs REGRAFT_DATA)', async () => {
  const camvid = await openMasks(join(sharedData!, 'segmentation/camvid'), { ignore: 11 });
  expect([camvid.classes.length, camvid.train.length, camvid.validation.length, camvid.test.length]).toEqual([
    11, 16, 8, 8,
  ]);
  expect([camvid.leftOut, camvid.notes]).toMatchInlineSnapshot(`
    [
      [],
      [
        "No file names the classes (classes.txt): they are called by their numbers, 0 to 10.",
      ],
    ]
  `);
  const membrane = await openMasks(join(sharedData!, 'membrane'), { validation: 0 });
  expect([membrane.classes, membrane.train.length, membrane.leftOut, membrane.notes]).toMatchInlineSnapshot(`
    [
      [
        "background",
        "foreground",
      ],
      20,
      [],
      [
        "Masks are of 0 and 255: background and foreground.",
      ],
    ]
  `);
  const { data } = await loadMask(membrane.train[0]!, membrane.coding);
  expect(data.length).toBe(512 * 512);
});
