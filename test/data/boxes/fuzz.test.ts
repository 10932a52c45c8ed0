/** Files of boxes with anything in them: they open, or there is a DataError. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { filesOfBlobs, openBoxFiles } from '../../../src/data/index.ts';
import { faultOf, jpeg, picture } from '../photos.ts';

const coco = JSON.stringify({
  images: [{ id: 1, file_name: 'a.jpg', width: 40, height: 30 }],
  categories: [{ id: 1, name: 'cat', supercategory: 'none' }],
  annotations: [
    {
      id: 1,
      image_id: 1,
      category_id: 1,
      bbox: [1, 2.5, 3e1, 4],
      area: 12,
      iscrowd: 0,
      segmentation: [[1, 2, 3, 4, 5, 6]],
    },
    { id: 2, image_id: 1, category_id: 1, bbox: [5, 5, 5, 5] },
  ],
});
const voc =
  '<annotation><filename>a.jpg</filename><size><width>40</width><height>30</height></size><object><name>a &lt; b</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>9</xmax><ymax>9</ymax></bndbox></object></annotation>';

/** A few bytes of a text changed, taken out or put in, pieces of the text among them. */
const damaged = (text: string) =>
  fc
    .array(
      fc.tuple(
        fc.nat(text.length),
        fc.nat(4),
        fc.oneof(
          fc.string(),
          fc.nat(text.length).map((at) => text.slice(at, at + 20)),
        ),
      ),
    )
    .map((edits) => edits.reduce((all, [at, cut, put]) => all.slice(0, at) + put + all.slice(at + cut), text));

test.each([
  ['COCO', 'a.json', coco, {}],
  ['VOC', 'a.xml', voc, {}],
  ['YOLO', 'a.txt', '0 0.5 0.5 0.25 0.25\n1 0.1 0.1 0.9 0.1 0.5 0.9\n', {}],
  [
    'data.yaml',
    'data.yaml',
    'path: .\ntrain: a.jpg\nnc: 2\nnames:\n  0: cat\n  1: dog\nkpt_shape: [1, 2]\n',
    { 'a.txt': '0 0.5 0.5 0.2 0.2' },
  ],
])('%s', async (_, name, text, others) => {
  const photo = new Blob([new Uint8Array(await jpeg(picture(40, 30)))]);
  const open = (content: string) => {
    const blobs = new Map([
      ['a.jpg', photo],
      [name, new Blob([content])],
    ]);
    for (const [path, other] of Object.entries(others as Record<string, string>)) blobs.set(path, new Blob([other]));
    return openBoxFiles(filesOfBlobs('set', blobs), { validation: 0 });
  };
  expect((await open(text)).train[0]!.labels.length).toBeGreaterThan(0);
  await fc.assert(
    fc.asyncProperty(damaged(text), async (content) => {
      const fault = await faultOf(async () => {
        const { train, classes } = await open(content);
        for (const { boxes, labels, width, height } of train)
          for (const [i, label] of labels.entries()) {
            const [x1, y1, x2, y2] = boxes.subarray(4 * i, 4 * i + 4) as unknown as [number, number, number, number];
            expect(classes[label]).toBeDefined();
            expect(x1 >= 0 && y1 >= 0 && x2 > x1 && y2 > y1 && x2 <= width && y2 <= height).toBe(true);
          }
      });
      expect(fault).toMatch(/^no fault$|^DataError: /);
      expect(fault.split('\n').length).toBe(1);
    }),
    { numRuns: 300 },
  );
});
