/** Boxes as data sets and programs write them: COCO, Pascal VOC, YOLO. */
import { join } from 'node:path';
import { zipSync } from 'fflate';
import { expect, test } from 'vitest';
import type { BoxSample } from '../../../src/data/boxes/box-sample.ts';
import { filesOfBlobs, openBoxes, openBoxFiles, openLabelledBoxes } from '../../../src/data/index.ts';
import { sharedData } from '../../shared-data.ts';
import { photoFolder } from '../photos.ts';
import { files, rows } from '../tables/made.ts';

const plain = (root: string, samples: readonly BoxSample[]) =>
  samples.map(({ path, width, height, boxes, labels }) => [
    path.replace(`${root}/`, ''),
    `${width}x${height}`,
    [...labels].map((label, i) => [label, ...boxes.subarray(4 * i, 4 * i + 4)]),
  ]);

const coco = (images: readonly object[], annotations: readonly object[], names: readonly string[] = ['cat', 'dog']) =>
  JSON.stringify({
    info: { year: 2026 },
    images,
    annotations,
    categories: names.map((name, i) => ({ id: 3 * i + 1, name })).reverse(),
  });

test('COCO: sparse ids, categories in their order, crowds, areas, images without boxes', async () => {
  const json = coco(
    [
      { id: 9, file_name: 'b.jpg', width: 100, height: 50 },
      { id: 4, file_name: 'a.jpg', width: 60, height: 40 },
      { id: 5, file_name: 'c.jpg', width: 60, height: 40 },
    ],
    [
      { id: 1, image_id: 4, category_id: 4, bbox: [1.5, 2, 10, 20], area: 77, iscrowd: 0 },
      { id: 2, image_id: 9, category_id: 1, bbox: [0, 0, 100, 50], area: 5000, iscrowd: 1 },
      { id: 3, image_id: 4, category_id: 1, bbox: [20, 5, 30, 30] },
    ],
  );
  const root = files(['images/a.jpg', 'images/b.jpg', 'images/c.jpg'], { 'annotations/instances_default.json': json });
  const { format, classes, train, validation, how, leftOut, notes } = await openBoxes(root, { validation: 0 });
  expect([format, classes, validation, leftOut, notes]).toEqual(['coco', ['cat', 'dog'], [], [], []]);
  expect(plain(root, train)).toEqual([
    [
      'images/a.jpg',
      '60x40',
      [
        [1, 1.5, 2, 11.5, 22],
        [0, 20, 5, 50, 35],
      ],
    ],
    ['images/b.jpg', '100x50', [[0, 0, 0, 100, 50]]],
    ['images/c.jpg', '60x40', []],
  ]);
  expect(train.map(({ areas, crowd }) => [[...areas], [...crowd]])).toEqual([
    [
      [77, 900],
      [0, 0],
    ],
    [[5000], [1]],
    [[], []],
  ]);
  expect(how).toBe(`${root}: 3 images with 3 boxes to train on, none held out`);
});

test('COCO: splits by names of files; files of captions and key points beside them are not read', async () => {
  const part = (name: string) =>
    coco(
      [{ id: 1, file_name: '1.jpg', width: 9, height: 9 }],
      [{ id: 1, image_id: 1, category_id: 1, bbox: [name.length, 0, 1, 1] }],
    );
  const root = files(['train2017/1.jpg', 'val2017/1.jpg'], {
    'annotations/instances_train2017.json': part('aa'),
    'annotations/instances_val2017.json': part('a'),
    'annotations/captions_train2017.json': 'not read',
  });
  const { train, validation, validationFrom } = await openBoxes(root);
  expect([plain(root, train), plain(root, validation), validationFrom]).toEqual([
    [['train2017/1.jpg', '9x9', [[0, 2, 0, 3, 1]]]],
    [['val2017/1.jpg', '9x9', [[0, 1, 0, 2, 1]]]],
    { kind: 'folder', folder: 'validation' },
  ]);
});

test('COCO: a supercategory that Roboflow lists first is no class; a box around polygons where none is given; outlines', async () => {
  const json = JSON.stringify({
    images: [{ id: 0, file_name: '0.jpg', width: 9, height: 9 }],
    categories: [
      { id: 0, name: 'cells', supercategory: 'none' },
      { id: 1, name: 'rbc', supercategory: 'cells' },
      { id: 2, name: 'wbc', supercategory: 'cells' },
    ],
    annotations: [{ id: 0, image_id: 0, category_id: 2, segmentation: [[1, 2, 5, 2, 5, 7]] }],
  });
  const root = files(['0.jpg'], { '_annotations.coco.json': json });
  const { classes, train } = await openBoxes(root, { validation: 0, segmentations: true });
  expect([classes, plain(root, train)]).toEqual([['rbc', 'wbc'], [['0.jpg', '9x9', [[1, 1, 2, 5, 7]]]]]);
  expect(train[0]!.segmentations).toEqual([[[1, 2, 5, 2, 5, 7]]]);
});

const voc = (
  name: string,
  objects: string,
  size = '<size><width>40</width><height>30</height><depth>3</depth></size>',
) => `\n<?xml version="1.0"?><annotation verified="yes"><filename>${name}</filename>${size}${objects}</annotation>`;
const object = (name: string, [x1, y1, x2, y2]: readonly (number | string)[], rest = '') =>
  `<object><name>${name}</name>${rest}<bndbox><ymin>${y1}</ymin><xmin>${x1}</xmin><xmax>${x2}</xmax><ymax>${y2}</ymax></bndbox></object>`;

test('VOC: corners from 1, names sorted, image sets, what is hard, parts of objects', async () => {
  const part =
    '<part><name>head</name><bndbox><xmin>2</xmin><ymin>2</ymin><xmax>3</xmax><ymax>3</ymax></bndbox></part>';
  const root = files(['VOC2007/JPEGImages/1.jpg', 'VOC2007/JPEGImages/2.jpg', 'VOC2007/JPEGImages/3.jpg'], {
    'VOC2007/Annotations/1.xml': voc(
      '1.jpg',
      object('dog', [1, 1, 40, 30], part) + object('a &amp; b', [3, 4, 9, 9], '<difficult>1</difficult>'),
    ),
    'VOC2007/Annotations/2.xml': voc('2.jpg', object('dog', [2, 3, 4, 5])),
    'VOC2007/Annotations/3.xml': voc('3.jpg', ''),
    'VOC2007/ImageSets/Main/train.txt': ['1', '3'],
    'VOC2007/ImageSets/Main/val.txt': ['2'],
    'VOC2007/ImageSets/Main/trainval.txt': ['1', '2', '3'],
    'VOC2007/ImageSets/Main/dog_train.txt': ['1  1', '3 -1'],
  });
  const { format, classes, train, validation } = await openBoxes(root);
  expect([format, classes]).toEqual(['voc', ['a & b', 'dog']]);
  expect(plain(root, train)).toEqual([
    [
      'VOC2007/JPEGImages/1.jpg',
      '40x30',
      [
        [1, 0, 0, 40, 30],
        [0, 2, 3, 9, 9],
      ],
    ],
    ['VOC2007/JPEGImages/3.jpg', '40x30', []],
  ]);
  expect([...train[0]!.difficult]).toEqual([0, 1]);
  expect(plain(root, validation)).toEqual([['VOC2007/JPEGImages/2.jpg', '40x30', [[1, 1, 2, 4, 5]]]]);
});

test("VOC of CVAT: fractions are counted from 0, labelmap.txt orders the classes; a size that is missing is the file's", async () => {
  const root = await photoFolder({
    'JPEGImages/a.jpg': 1,
    'Annotations/a.xml': voc('a.jpg', object('dog', [0.5, 1, 20.25, 30]), ''),
    'labelmap.txt': '# label:color_rgb:parts:actions\nbackground:0,0,0::\ndog:1,2,3::\ncat:4,5,6::\n',
  });
  const { classes, train, notes } = await openBoxes(root, { validation: 0 });
  expect([classes, plain(root, train)]).toEqual([
    ['dog', 'cat'],
    [['JPEGImages/a.jpg', '40x30', [[0, 0.5, 1, 20.25, 30]]]],
  ]);
  expect(notes).toEqual(['Corners in these VOC files are counted from 0, as fractions or zeros among them tell.']);
});

test('YOLO of Roboflow: data.yaml, paths that lead out of the folder and back, polygons, empty and absent label files', async () => {
  const root = await photoFolder({
    'train/images/a.jpg': 1,
    'train/images/b.jpg': 2,
    'valid/images/c.jpg': 3,
    'train/labels/a.txt': '1 0.5 0.5 0.5 0.2\n\n0 0.1 0.2 0.5 0.2 0.3 0.9\n',
    'valid/labels/c.txt': '',
    'predict/images/d.jpg': 4,
    'test/images/e.jpg': 5,
    'data.yaml': "train: ../train/images\nval: ../valid/images\ntest: ../test/images\nnc: 2\nnames: ['cat', 'dog']\n",
  });
  const { format, classes, train, validation, test: tested, leftOut, notes } = await openBoxes(root);
  expect([format, classes, tested]).toEqual(['yolo', ['cat', 'dog'], []]);
  expect(leftOut).toEqual([
    { reason: 'in no split', paths: ['predict/images/d.jpg'] },
    { reason: 'in a part without any labels', paths: ['test/images/e.jpg'] },
  ]);
  expect(plain(root, train)).toEqual([
    [
      'train/images/a.jpg',
      '40x30',
      [
        [1, 10, 12, 30, 18],
        [0, 4, 6, 20, 27],
      ],
    ],
    ['train/images/b.jpg', '40x30', []],
  ]);
  expect(plain(root, validation)).toEqual([['valid/images/c.jpg', '40x30', []]]);
  expect(notes).toEqual(['1 image without a label file: taken as images without boxes.']);
});

test('YOLO: names as a map, lists of images, key points behind the box; in a zip', async () => {
  const root = await photoFolder({
    'images/a.jpg': 1,
    'images/b.jpg': 2,
    'labels/a.txt': '0 0.5 0.5 1 1 0.1 0.1 2\n',
    'labels/b.txt': '0 0.25 0.5 0.5 1 0.1 0.1 2\n',
    'set.yaml':
      'path: /data/set\ntrain: train.txt\ntest: other/test.txt\nval: [val.txt]\nkpt_shape: [1, 3]\nnames: {0: person}\n',
    'train.txt': './images/a.jpg\n',
    'val.txt': '/data/set/images/b.jpg\n',
  });
  const { train, validation, notes } = await openBoxes(root);
  expect(notes).toEqual(["'other/test.txt', where the test images should be, is not here."]);
  expect([plain(root, train), plain(root, validation)]).toEqual([
    [['images/a.jpg', '40x30', [[0, 0, 0, 40, 30]]]],
    [['images/b.jpg', '40x30', [[0, 0, 0, 20, 30]]]],
  ]);
  const { readFileSync, writeFileSync } = await import('node:fs');
  const names = ['images/a.jpg', 'images/b.jpg', 'labels/a.txt', 'labels/b.txt', 'set.yaml', 'train.txt', 'val.txt'];
  const contents = names.map((name) => [name, new Uint8Array(readFileSync(join(root, name)))] as const);
  const zip = join(root, 'set.zip');
  writeFileSync(zip, zipSync(Object.fromEntries(contents)));
  expect(plain(zip, (await openBoxes(zip)).train)).toEqual(plain(root, train));
  // As dropped on a page.
  const blobs = new Map(contents.map(([name, bytes]) => [name, new Blob([bytes])]));
  expect(plain('set', (await openBoxFiles(filesOfBlobs('set', blobs))).train)).toEqual(plain(root, train));
});

test('YOLO of CVAT and labelImg: obj.names and obj.data, classes.txt; without names classes are numbers', async () => {
  const cvat = await photoFolder({
    'obj_train_data/a.jpg': 1,
    'obj_train_data/a.txt': '1 0.5 0.5 0.5 0.5\n',
    'obj_valid_data/b.jpg': 1,
    'obj_valid_data/b.txt': '0 0.5 0.5 0.5 0.5\n',
    'obj.names': 'cat\ndog\n',
    'obj.data':
      'classes = 2\ntrain = data/train.txt\nvalid = data/valid.txt\nnames = data/obj.names\nbackup = backup/\n',
    'train.txt': 'data/obj_train_data/a.jpg\n',
    'valid.txt': 'data/obj_valid_data/b.jpg\n',
  });
  const first = await openBoxes(cvat);
  expect([first.classes, plain(cvat, first.train), plain(cvat, first.validation)]).toEqual([
    ['cat', 'dog'],
    [['obj_train_data/a.jpg', '40x30', [[1, 10, 7.5, 30, 22.5]]]],
    [['obj_valid_data/b.jpg', '40x30', [[0, 10, 7.5, 30, 22.5]]]],
  ]);
  const beside = await photoFolder({
    'a.jpg': 1,
    'a.txt': '2 0.5 0.5 0.5 0.5',
    'b.jpg': 2,
    'b.txt': '0 0.5 0.5 0.5 0.5',
  });
  const second = await openBoxes(beside, { validation: 0 });
  expect([second.classes, second.notes]).toEqual([
    ['0', '1', '2'],
    ['No file names the classes (data.yaml, classes.txt, obj.names): they are called by their numbers.'],
  ]);
});

test("a model's classes give the labels; of several formats one is used, which is told", async () => {
  const root = await photoFolder({
    'a.jpg': 1,
    'a.xml': voc('a.jpg', object('dog', [1, 1, 10, 10])),
    'a.txt': '0 0.5 0.5 0.5 0.5',
    'classes.txt': 'dog\n',
  });
  const { samples, notes } = await openLabelledBoxes(root, { classes: ['cat', 'dog'] });
  expect(plain(root, samples)).toEqual([['a.jpg', '40x30', [[1, 0, 0, 10, 10]]]]);
  expect(notes).toEqual([
    "There are boxes in YOLO's format too; those in Pascal VOC's are used. { format: 'yolo' } takes the others.",
  ]);
  const yolo = await openLabelledBoxes(root, { classes: ['cat', 'dog'], format: 'yolo' });
  expect(plain(root, yolo.samples)).toEqual([['a.jpg', '40x30', [[1, 10, 7.5, 30, 22.5]]]]);
});

test('a share is held out by sets of classes, the same for the same seed', async () => {
  const boxes = (i: number) => object('cell', [2, 2, 9, 9]) + (i % 4 === 0 ? object('rare', [2, 2, 9, 9]) : '');
  const root = files(
    rows(40, (i) => `${i}.jpg`),
    Object.fromEntries(rows(40, (i) => [`${i}.xml`, voc(`${i}.jpg`, boxes(i))])),
  );
  const { train, validation, validationFrom, how } = await openBoxes(root, { validation: 0.2, seed: 3 });
  expect([train.length, validation.length, validationFrom]).toEqual([32, 8, { kind: 'held out', seed: 3 }]);
  expect(validation.filter(({ labels }) => labels.includes(1)).length).toBe(2);
  expect((await openBoxes(root, { validation: 0.2, seed: 3 })).validation).toEqual(validation);
  expect(how).toBe(`${root}: 32 images with 40 boxes to train on, 8 held out, by sets of classes (seed 3)`);
});

test.skipIf(!sharedData)('real data sets: BCCD as VOC, red blood cells as COCO (needs REGRAFT_DATA)', async () => {
  const bccd = await openBoxes(join(sharedData!, 'detection/bccd-voc'), { validation: 0 });
  const all = bccd.train.reduce((n, { labels }) => n + labels.length, 0);
  expect([bccd.format, bccd.classes, bccd.train.length, all]).toMatchInlineSnapshot(`
    [
      "voc",
      [
        "Platelets",
        "RBC",
        "WBC",
      ],
      60,
      1093,
    ]
  `);
  expect([bccd.leftOutBoxes, bccd.leftOut, bccd.notes]).toMatchInlineSnapshot(`
    [
      [],
      [],
      [],
    ]
  `);
  const rbc = await openBoxes(join(sharedData!, 'detection/rbc-coco/valid'), { validation: 0 });
  expect([rbc.classes, rbc.train.length, rbc.leftOutBoxes, rbc.leftOut, rbc.notes]).toMatchInlineSnapshot(`
    [
      [
        "rbc",
        "wbc",
      ],
      20,
      [],
      [],
      [],
    ]
  `);
});
