/** Boxes that are wrong somewhere: what is left out and told, and every error's text. */
import { symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openBoxes } from '../../../src/data/index.ts';
import { photoFolder, temporaryFolder } from '../photos.ts';
import { files, rows } from '../tables/made.ts';
import { tagged } from '../turned-photos.ts';
import { box, categories, cocoFolder as coco, image } from './made.ts';

test('broken boxes are counted by reason and named with image and place; what reaches past the image is cut', async () => {
  const content = JSON.stringify({
    images: [image(1), image(2)],
    categories,
    annotations: [
      box(1, 1, [1, 1, 0, 5]),
      box(2, 1, [1, 1, 5, 1e-9]),
      box(3, 1, [20, 20, -5, -5]),
      box(4, 1, [41, 1, 5, 5]),
      box(5, 2, [-9, 1, 9, 5]),
      box(6, 2, ['NaN', 1, 9, 5]),
      box(7, 2, [1, 1, 5]),
      box(8, 2, [1, 1, null, 5]),
      box(9, 2, [1, 1, 5, 5], 7),
      box(10, 3, [1, 1, 5, 5]),
      box(11, 1, [-3, 2, 50, 5]),
      box(12, 1, [35, 25, 5.5, 5]),
      ...rows(15, (i) => box(13 + i, 1, [0, 0, 0, 0])),
    ],
  }).replace('"NaN"', 'NaN');
  const root = files(['1.jpg', '2.jpg'], { 'a.json': content });
  const { train, leftOutBoxes, notes } = await openBoxes(root, { validation: 0 });
  expect([...train[0]!.boxes]).toEqual([0, 2, 40, 7, 35, 25, 40, 30]);
  expect(train[1]!.labels.length).toBe(0);
  expect(notes).toEqual(['1 box reached past the image and was cut at its edge.']);
  expect(leftOutBoxes).toEqual([
    { reason: 'of an image that is not listed', count: 1, examples: [`${root}/a.json, annotation 10`] },
    {
      reason: 'of no width or height',
      count: 17,
      examples: [1, 2, ...rows(8, (i) => 13 + i)].map((id) => `1.jpg (a.json, annotation ${id})`),
    },
    { reason: 'whose corners are the wrong way round', count: 1, examples: ['1.jpg (a.json, annotation 3)'] },
    {
      reason: 'outside of the image',
      count: 2,
      examples: ['1.jpg (a.json, annotation 4)', '2.jpg (a.json, annotation 5)'],
    },
    {
      reason: 'whose corners are not four numbers',
      count: 3,
      examples: [6, 7, 8].map((id) => `2.jpg (a.json, annotation ${id})`),
    },
    { reason: 'of a category that is not listed', count: 1, examples: ['2.jpg (a.json, annotation 9)'] },
  ]);
});

test('VOC and YOLO: broken boxes, files without images, images without files', async () => {
  const xml = (objects: string) =>
    `<annotation><size><width>40</width><height>30</height></size>${objects}</annotation>`;
  const object = (x1: unknown, y1: unknown, x2: unknown, y2: unknown, name = 'cat') =>
    `<object><name>${name}</name><bndbox><xmin>${x1}</xmin><ymin>${y1}</ymin><xmax>${x2}</xmax><ymax>${y2}</ymax></bndbox></object>`;
  const voc = files(['1.jpg', '2.jpg', '3.jpg', 'a/4.jpg', 'b/4.jpg'], {
    '1.xml': xml(
      object(1, 1, 9, 9) +
        object(5, 5, 5, 9) +
        object(9, 9, 5, 5) +
        object('NaN', 1, 9, 9) +
        object('', 1, 9, 9) +
        object(50, 1, 60, 9) +
        object(1, 1, 9, 9, '') +
        '<object><name>cat</name></object>',
    ),
    '2.xml': xml('').replace('<size>', '<filename>1.jpg</filename><size>'),
    '4.xml': xml(''),
    'gone.xml': xml(object(1, 1, 2, 2)),
    'settings.xml': '<project/>',
  });
  const first = await openBoxes(voc, { validation: 0 });
  expect(first.leftOutBoxes.map(({ reason, count, examples }) => [reason, count, examples[0]])).toEqual([
    ['of no width or height', 1, '1.jpg (1.xml, object 2)'],
    ['whose corners are the wrong way round', 1, '1.jpg (1.xml, object 3)'],
    ['whose corners are not four numbers', 3, '1.jpg (1.xml, object 4)'],
    ['outside of the image', 1, '1.jpg (1.xml, object 6)'],
    ['without a name', 1, '1.jpg (1.xml, object 7)'],
  ]);
  expect(first.leftOut).toEqual([
    { reason: 'XML of another kind', paths: ['settings.xml'] },
    { reason: 'whose image may be one of two or more', paths: ['4.xml'] },
    { reason: 'whose image is not there', paths: ['gone.xml'] },
    { reason: 'without a VOC file', paths: ['3.jpg', 'a/4.jpg', 'b/4.jpg'] },
  ]);
  expect(first.notes).toEqual([
    '1 VOC file named as one image, with another in <filename>: the names of the files count.',
  ]);

  const yolo = await photoFolder({
    '1.jpg': 1,
    '1.txt': [
      '0 0.5 0.5 0.2 0.2',
      '0 0.5 0.5 0 0.2',
      '0 0.5 0.5 -0.2 0.2',
      '0 320 240 40 30',
      '0 0.5 nan 0.2 0.2',
      '0.5 0.5 0.5 0.2 0.2',
      '0 0.5 0.5 0.2',
      '0 0.1 0.1 0.2 0.2 0.3',
      '2 0.5 0.5 0.2 0.2',
      'cat 0.5 0.5 0.2 0.2',
      '0 0.99 0.5 0.2 0.2',
    ].join('\r\n'),
    '2.jpg': 'no image',
    'gone.txt': '0 0.5 0.5 0.2 0.2',
    'data.yaml': 'names: [cat, dog]',
  });
  const second = await openBoxes(yolo, { validation: 0 });
  expect(second.leftOutBoxes.map(({ reason, count, examples }) => [reason, count, examples[0]])).toEqual([
    ['of no width or height', 1, '1.jpg (1.txt:2)'],
    ['whose corners are the wrong way round', 1, '1.jpg (1.txt:3)'],
    ['that are not in shares of the image, 0 to 1', 1, '1.jpg (1.txt:4)'],
    ['whose corners are not four numbers', 1, '1.jpg (1.txt:5)'],
    ['whose class is no whole number', 2, '1.jpg (1.txt:6)'],
    ['that are neither four numbers nor a polygon', 2, '1.jpg (1.txt:7)'],
    ['of class 2, of which there is no name', 1, '1.jpg (1.txt:9)'],
  ]);
  expect([second.leftOut, second.notes]).toEqual([
    [
      { reason: 'labels without an image', paths: ['gone.txt'] },
      { reason: 'not readable', paths: ['2.jpg'] },
    ],
    [
      '1 image without a label file: taken as images without boxes.',
      '1 box reached past the image and was cut at its edge.',
    ],
  ]);
});

test('images that are missing, listed twice, in two splits, not listed, or outside of the folder', async () => {
  const outside = temporaryFolder();
  writeFileSync(join(outside, 'secret.jpg'), '');
  const list = (extra: readonly object[] = []) => ({
    images: [image(1), image(2), image(3, 'gone.jpg'), image(4, '1.jpg'), ...extra],
    categories,
    annotations: [box(1, 1, [1, 1, 5, 5]), box(2, 4, [1, 1, 5, 5])],
  });
  const root = files(['1.jpg', '2.jpg', '5.jpg'], {
    'train.json': JSON.stringify(
      list([image(5, `${outside}/secret.jpg`), image(6, '../../../etc/passwd'), image(7, '../1.jpg')]),
    ),
    'val.json': JSON.stringify({ images: [image(1)], categories, annotations: [box(1, 1, [1, 1, 5, 5])] }),
  });
  const { train, validation, leftOut } = await openBoxes(root, { validation: 0 });
  expect([train.map(({ path }) => path), validation]).toEqual([[join(root, '1.jpg'), join(root, '2.jpg')], []]);
  expect(leftOut).toEqual([
    {
      reason: 'whose image is not there',
      paths: ['train.json: gone.jpg', `train.json: ${outside}/secret.jpg`, 'train.json: ../../../etc/passwd'],
    },
    { reason: 'not listed in train.json or val.json', paths: ['5.jpg'] },
    { reason: 'a second entry of the same image', paths: ['1.jpg', '1.jpg'] },
    { reason: 'in another split too', paths: ['1.jpg'] },
  ]);
  symlinkSync(join(root, 'nowhere'), join(root, '9.jpg'));
  expect((await openBoxes(root)).leftOut.at(-1)).toEqual({ reason: 'a link that leads nowhere', paths: ['9.jpg'] });
});

test('ids that come twice; boxes that are turned', async () => {
  const twice = await openBoxes(
    coco({
      images: [image(1), image(1)],
      categories: [...categories, { id: 5, name: 'cat' }],
      annotations: [{ ...box(1, 1, [1, 1, 5, 5]), attributes: { rotation: 30 } }, box(1, 1, [2, 2, 5, 5], 5)],
    }),
    { validation: 0 },
  );
  expect([
    twice.classes,
    [...twice.train[0]!.labels],
    twice.notes.map((note) => note.replace(/^\S*\/|(?<= )\/\S*\//g, '')),
  ]).toEqual([
    ['cat', 'dog'],
    [0, 0],
    [
      'Of the categories of a.json 1 has the name of another; each name is one class.',
      'Of the annotations of a.json 1 has the id of another; all are used.',
      'Of the boxes of a.json 1 is turned, which is not read: they are used as if they were upright.',
    ],
  ]);
});

test('images of another size than their annotations say are noted; one that is turned has its turned size', async () => {
  const said = (file_name: string, id: number, width: number, height: number) => ({ id, file_name, width, height });
  const annotations = [1, 2, 3].map((id) => box(id, id, [1, 1, 5, 5]));
  const images = [said('a.jpg', 1, 9, 13), said('b.jpg', 2, 13, 9), said('c.jpg', 3, 40, 30)];
  const root = await photoFolder({
    'a.jpg': await tagged('jpeg', 6),
    'b.jpg': await tagged('jpeg', 8),
    'c.jpg': 1,
    'a.json': JSON.stringify({ images, categories, annotations }),
  });
  expect((await openBoxes(root, { validation: 0 })).notes).toEqual([
    'Of 3 images looked at, 1 has another size than the annotation says (b.jpg: 9 x 13, not 13 x 9): boxes may lie elsewhere.',
  ]);
  const yolo = await photoFolder({ 'a.jpg': await tagged('jpeg', 6), 'a.txt': '0 0.5 0.5 1 1' });
  expect([...(await openBoxes(yolo, { validation: 0 })).train[0]!.boxes]).toEqual([0, 0, 9, 13]);
});
