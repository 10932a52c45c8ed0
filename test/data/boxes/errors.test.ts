/** Data sets of boxes that cannot be opened: every error's text. */
import { expect, test } from 'vitest';
import { openBoxes, openLabelledBoxes } from '../../../src/data/index.ts';
import { faultOf } from '../photos.ts';
import { files, rows } from '../tables/made.ts';
import { box, categories, cocoFolder as coco, image } from './made.ts';

const some = { images: [image(1)], categories, annotations: [box(1, 1, [1, 1, 5, 5])] };

test.each<[string, () => string | Promise<string>, string]>([
  [
    'no images',
    () => files({ 'a.json': '{}' }),
    'ROOT: has no images. Name the folder of the photos. Read are .jpg .jpeg',
  ],
  [
    'no boxes',
    () => files(['1.jpg', '2.jpg'], { 'notes.txt': 'x' }),
    "ROOT: has no boxes. Expected COCO's .json, Pascal VOC's .xml or YOLO's .txt files beside or below 2 images.",
  ],
  [
    'two images of one id',
    () => coco({ ...some, images: [image(1), image(1, '2.jpg')] }),
    "ROOT/a.json: gives id 1 to two images, '1.jpg' and '2.jpg': which one its annotations are of cannot be told. Number the images anew.",
  ],
  [
    'two categories of one id',
    () => coco({ ...some, categories: [...categories, { id: 1, name: 'cow' }] }),
    "ROOT/a.json: gives id 1 to two categories, 'cat' and 'cow'. Number the categories anew.",
  ],
  [
    'an image without a name',
    () => coco({ ...some, images: [{ id: 1 }] }),
    "ROOT/a.json: image 1 has no 'id' or no 'file_name'. Expected COCO's images.",
  ],
  [
    'a category without a name',
    () => coco({ ...some, categories: [{ id: 1 }] }),
    "ROOT/a.json: a category has no 'id' or no 'name'. Expected COCO's categories.",
  ],
  [
    'annotations that are no objects',
    () => coco({ ...some, annotations: [some.annotations[0], 7] }),
    "ROOT/a.json: element 2 of 'annotations' is no object. Expected COCO's annotations.",
  ],
  [
    'no images listed',
    () => coco({ ...some, images: [] }),
    'ROOT/a.json: lists no images. Expected one entry or more.',
  ],
  [
    'no categories listed',
    () => coco({ ...some, categories: [] }),
    'ROOT/a.json: lists no categories. Expected one or more.',
  ],
  [
    'no image of the file is there',
    () => coco(some, ['3.jpg', '4.jpg']),
    'ROOT: has no image with boxes that can be used: a.json: 1.jpg is one whose image is not there.',
  ],
  [
    'only broken boxes',
    () => coco({ ...some, annotations: [box(1, 1, [1, 1, 0, 0])] }),
    'ROOT: has no box that can be used: 1 box left out, the first of no width or height (1.jpg (a.json, annotation 1)).',
  ],
  [
    'images that are none',
    () => files(['1.jpg'], { '1.txt': '0 0.5 0.5 0.1 0.1' }),
    'ROOT: has no image with boxes that can be used: 1.jpg is not readable.',
  ],
  ['no boxes in the images', () => coco({ ...some, annotations: [] }), 'ROOT: has no box in 1 image. Draw some first.'],
  [
    'two files of no split',
    () => files(['1.jpg'], { 'a.json': JSON.stringify(some), 'b.json': JSON.stringify(some) }),
    "ROOT: has two COCO files of no split, 'a.json', 'b.json'. Name the one to use: { annotations: 'a.json' }.",
  ],
  [
    'a file cut short',
    () => files(['1.jpg'], { 'a.json': JSON.stringify(some).slice(0, -20) }),
    "ROOT/a.json: ends in the middle of element 1 of 'annotations'. Get it again.",
  ],
  [
    'a class that training has not',
    () =>
      files(['1.jpg', '2.jpg'], {
        'train.json': JSON.stringify({ ...some, categories: categories.slice(0, 1) }),
        'val.json': JSON.stringify({ images: [image(2)], categories, annotations: [box(1, 2, [1, 1, 5, 5], 2)] }),
      }),
    "ROOT: has a box of 'dog' in 2.jpg (val.json, annotation 1), a class that training has not: 'cat'.",
  ],
  [
    'nothing to train on',
    () => files(['1.jpg'], { 'val.json': JSON.stringify(some) }),
    "ROOT: has a validation part, but nothing to train on. Name the training images' folder 'train', or name one part itself.",
  ],
  [
    'XML that is none',
    () => files(['1.jpg'], { '1.xml': '<annotation>\n<object></annotation>' }),
    'ROOT/1.xml: is no XML: Missing end tag for element object (line 2, column 9). Mend it or remove it.',
  ],
  [
    'an entity bomb',
    () =>
      files(['1.jpg'], {
        '1.xml': `<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;">]><annotation><filename>&c;</filename></annotation>`,
      }),
    "ROOT/1.xml: is no XML: Named entity isn't defined: &c; (line 1, column 147). Mend it or remove it.",
  ],
  [
    'a file of the machine as an entity',
    () =>
      files(['1.jpg'], {
        '1.xml':
          '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><annotation><filename>&x;</filename></annotation>',
      }),
    "ROOT/1.xml: is no XML: Named entity isn't defined: &x; (line 1, column 77). Mend it or remove it.",
  ],
  [
    'XML nested without end',
    () => files(['1.jpg'], { '1.xml': '<a>'.repeat(200_000) }),
    'ROOT/1.xml: is nested too deeply. Mend it or remove it.',
  ],
  [
    'XML that is too large',
    () => files(['1.jpg'], { '1.xml': new Uint8Array((1 << 24) + 1) }),
    'ROOT/1.xml: has 16,777,217 bytes; at most 16,777,216 are read of such a file.',
  ],
  [
    'XML in another encoding',
    () => files(['1.jpg'], { '1.xml': Uint8Array.of(0x3c, 0xff) }),
    'ROOT/1.xml: is not UTF-8. Save it as UTF-8.',
  ],
  [
    'YAML that is none',
    () => files(['1.jpg'], { '1.txt': '', 'data.yaml': 'names: [a' }),
    'ROOT/data.yaml: is no YAML: Flow sequence in block collection must be sufficiently indented and end with a ] at line 1, column 10. Mend it.',
  ],
  [
    'an alias bomb',
    () =>
      files(['1.jpg'], {
        '1.txt': '',
        'data.yaml': `a: &a [x,x,x,x,x,x,x,x,x]\n${rows(8, (i) => `${'bcdefghi'[i]}: &${'bcdefghi'[i]} [${rows(9, () => `*${'abcdefgh'[i]}`).join(',')}]`).join('\n')}\nnames: *i`,
      }),
    'ROOT/data.yaml: is no YAML: Excessive alias count indicates a resource exhaustion attack. Mend it.',
  ],
  [
    'names with a gap',
    () => files(['1.jpg'], { '1.txt': '', 'data.yaml': 'names: {0: a, 2: b}' }),
    "ROOT/data.yaml: 'names' has no class 1, but 2. Name every class.",
  ],
  [
    'names by words',
    () => files(['1.jpg'], { '1.txt': '', 'data.yaml': 'names: {a: 1}' }),
    "ROOT/data.yaml: 'names' must be a list, or a map from 0 on, got the key 'NaN'. Number the classes.",
  ],
  [
    'a name without end',
    () => files(['1.jpg'], { '1.txt': '', 'data.yaml': 'names: {4000000000: a}' }),
    "ROOT/data.yaml: 'names' must be a list, or a map from 0 on, got the key '4000000000'. Number the classes.",
  ],
  [
    'names that are text',
    () => files(['1.jpg'], { '1.txt': '', 'data.yaml': 'names: cat' }),
    "ROOT/data.yaml: 'names' must be a list, or a map from 0 on. Write names: [cat, dog].",
  ],
  [
    'no names',
    () => files(['1.jpg'], { '1.txt': '', 'data.yaml': 'names: []' }),
    "ROOT/data.yaml: has no class in 'names'. Expected a list of the classes' names.",
  ],
  [
    'another count of names',
    () => files(['1.jpg'], { '1.txt': '', 'data.yaml': 'nc: 3\nnames: [a, b]' }),
    'ROOT/data.yaml: has 2 names, but nc is 3. Make them agree.',
  ],
  [
    'two files of names',
    () => files(['1.jpg'], { '1.txt': '', 'classes.txt': 'a\n', 'obj.names': 'b\n' }),
    "ROOT: has two files that name classes differently, 'classes.txt', 'obj.names'. Remove one.",
  ],
])('%s', async (_, make, message) => {
  const root = await make();
  const fault = await faultOf(() => openBoxes(root), root);
  expect(fault.startsWith('DataError: ROOT: has no images.') ? fault.slice(0, message.length + 11) : fault).toBe(
    `DataError: ${message}`,
  );
});

test("options that are wrong, a file that is not there, a class that is none of the model's", async () => {
  const root = coco(some);
  const fault = (options: object) => faultOf(() => openBoxes(root, options), root);
  expect(await fault({ form: 'coco' })).toBe(
    "ArgumentError: openBoxes: expected options that exist, got 'form'. Write format.",
  );
  expect(await fault({ format: 'kitti' })).toBe(
    "ArgumentError: openBoxes: expected format as one of coco, voc, yolo, got 'kitti'.",
  );
  expect(await fault({ classes: [] })).toBe(
    'ArgumentError: openBoxes: expected classes as one name or more, got none.',
  );
  expect(await fault({ annotations: 'b.json' })).toBe(
    "DataError: ROOT: has no file 'b.json'. Name it by its path from the folder.",
  );
  expect(await fault({ format: 'voc' })).toBe(
    "DataError: ROOT: has no boxes in Pascal VOC's format. Expected COCO's .json, Pascal VOC's .xml or YOLO's .txt files beside or below 2 images.",
  );
  expect(await faultOf(() => openLabelledBoxes(root, { classes: ['dog'] }), root)).toBe(
    "DataError: ROOT: has a box of 'cat' in 1.jpg (a.json, annotation 1), which is none of the classes 'dog'.",
  );
});
