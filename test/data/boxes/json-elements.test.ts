/** Large JSON objects, element by element. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readCoco } from '../../../src/data/boxes/coco.ts';
import { readElements } from '../../../src/data/boxes/json-elements.ts';
import { type ByteSource, bytesSource } from '../../../src/device/byte-source.ts';
import { faultOf } from '../photos.ts';

/** A source that gives `step` bytes at a time, whatever is asked for. */
function trickle(text: string, step: number): ByteSource[] {
  const bytes = new TextEncoder().encode(text);
  const parts: ByteSource[] = [];
  for (let at = 0; at < bytes.length; at += step) parts.push(bytesSource(bytes.slice(at, at + step)));
  return parts;
}

async function read(text: string, wanted: readonly string[]) {
  const found: Record<string, unknown[]> = {};
  const visits = Object.fromEntries(wanted.map((key) => [key, (value: unknown) => (found[key] ??= []).push(value)]));
  const keys = await readElements(bytesSource(new TextEncoder().encode(text)), 'a.json', visits);
  return { keys, found };
}

test('elements of the arrays that are wanted, of any kind; the rest is passed over', async () => {
  const text = `\ufeff { "info": { "a": [1, {"b": "]}"}], "images": "no" }, "n": 3, "t": "x\\"[", "images": [ 1 , "a,\\"b\\\\", [2,[3]], {"c":"é]}"}, null , true],
    "other": [[1],[2]], "annotations":[], "last": [{"x": NaN, "y": -Infinity, "z": "NaN"}] } \n`;
  const { keys, found } = await read(text, ['images', 'annotations', 'last']);
  expect(keys).toEqual(['images', 'other', 'annotations', 'last']);
  expect(found).toEqual({
    images: [1, 'a,"b\\', [2, [3]], { c: 'é]}' }, null, true],
    last: [{ x: null, y: null, z: 'NaN' }],
  });
  expect(await readElements(bytesSource(new TextEncoder().encode(' [1, 2]')), 'a.json', {})).toBe(null);
});

test('what JSON.parse reads, in chunks of any size', async () => {
  const { readElements: inChunks } = await import('../../../src/data/boxes/json-elements.ts');
  await fc.assert(
    fc.asyncProperty(fc.array(fc.jsonValue()), fc.jsonValue(), fc.boolean(), async (images, other, indent) => {
      const text = JSON.stringify({ other, list: [other], images }, null, indent ? 2 : 0);
      const found: unknown[] = [];
      await inChunks(bytesSource(new TextEncoder().encode(text)), 'a.json', { images: (value) => found.push(value) });
      expect(found).toEqual(JSON.parse(text).images);
    }),
    { numRuns: 200 },
  );
});

test('an element, an escape or a character may stand across the end of a chunk', async () => {
  const text = JSON.stringify({
    info: '\\\\"\\"',
    images: [{ a: '\\"é"\\\\', b: [1, 'x\\'] }, 12345, 'ü\\"'],
    z: ['"'],
  });
  for (const step of [1, 2, 3, 5, 7]) {
    const parts = trickle(text, step);
    const found: unknown[] = [];
    let n = 0;
    // As a file whose chunks are small: its size is that of the chunks' count in units of the reader's chunk.
    const source: ByteSource = {
      ...bytesSource(new Uint8Array(0), 'a.json'),
      size: parts.length * (1 << 22),
      read: async () => (await parts[n]!.read(0, parts[n++]!.size)) as Uint8Array<ArrayBuffer>,
    };
    expect(await readElements(source, 'a.json', { images: (value) => found.push(value) })).toEqual(['images', 'z']);
    expect(found).toEqual(JSON.parse(text).images);
  }
});

test.each([
  ['', 'is empty. Get it again.'],
  ['hello', 'is not JSON: it does not begin with {. Write it again.'],
  ['{"images": [{"a": 1}, {"a"', "ends in the middle of element 2 of 'images'. Get it again."],
  ['{"info": {"a": ', "ends in the middle of 'info'. Get it again."],
  ['{"images": [{"a": 1}, {a: 2}]}', "is not JSON: it has something else at element 2 of 'images'. Write it again."],
  ['{"images": [1,,2]}', "is not JSON: it has nothing at element 2 of 'images'. Write it again."],
  ['{"images": [1]} {"images": [2]}', 'is not JSON: it goes on after its end. Write it again.'],
  ['{[1]}', 'is not JSON: it has a value without a key. Write it again.'],
])('%j', async (text, message) => {
  expect(await faultOf(() => read(text, ['images']))).toBe(`DataError: a.json: ${message}`);
});

test('an element without end, and lists in lists without end, take no more than 64 MiB', async () => {
  const part = new TextEncoder().encode('['.repeat(1 << 23)) as Uint8Array<ArrayBuffer>;
  let sent = 0;
  const source: ByteSource = {
    ...bytesSource(part, 'a.json'),
    size: 2 ** 40,
    read: async () => (sent++ === 0 ? (new TextEncoder().encode('{"images": [') as Uint8Array<ArrayBuffer>) : part),
  };
  expect(await faultOf(() => readElements(source, 'a.json', { images: () => {} }))).toBe(
    "DataError: a.json: element 1 of 'images' has more than 67,108,864 bytes.",
  );
});

test('a million annotations are read in little memory', async () => {
  const encode = (text: string) => new TextEncoder().encode(text) as Uint8Array<ArrayBuffer>;
  const images = Array.from({ length: 1000 }, (_, id) => ({ id, file_name: `${id}.jpg`, width: 640, height: 480 }));
  const head = `{"images":${JSON.stringify(images)},"categories":[{"id":1,"name":"cat"}],"annotations":[`;
  const chunk = (c: number) =>
    encode(
      (c > 0 ? ',' : '') +
        Array.from({ length: 10_000 }, (_, k) => {
          const id = c * 10_000 + k;
          return `{"id":${id},"image_id":${id % 1000},"category_id":1,"bbox":[${id % 600}.5,${id % 400},20,30.25],"area":605,"iscrowd":0}`;
        }).join(','),
    );
  let n = -1;
  const source: ByteSource = {
    ...bytesSource(new Uint8Array(0)),
    size: 102 * (1 << 22),
    read: async () => (++n === 0 ? encode(head) : n === 101 ? encode(']}') : chunk(n - 1)),
  };
  const before = process.memoryUsage().rss;
  const content = (await readCoco(source, 'a.json'))!;
  expect(process.memoryUsage().rss - before).toBeLessThan(600e6);
  expect(content.images.reduce((sum, { start, end }) => sum + end - start, 0)).toBe(1_000_000);
  expect(content.annotation(content.images[7]!.end - 1)).toMatchObject({
    x1: 7.5 + (999_007 % 600) - 7,
    y2: (999_007 % 400) + 30.25,
  });
}, 120_000);
