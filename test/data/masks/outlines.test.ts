/** COCO's outlines, pixel for pixel as pycocotools draws and writes them; PNGs by their numbers. */
import { readFileSync } from 'node:fs';
import { deflateSync } from 'node:zlib';
import fc from 'fast-check';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { drawOutlines } from '../../../src/data/masks/load-mask.ts';
import { decodePng } from '../../../src/data/masks/png.ts';
import { runsOfPolygon } from '../../../src/data/masks/polygon.ts';
import {
  areaOfRuns,
  boxOfRuns,
  decodeRuns,
  encodeMask,
  runsOf,
  runsOfText,
  textOfRuns,
} from '../../../src/data/masks/rle.ts';
import { faultOf } from '../photos.ts';

const read = (name: string) =>
  JSON.parse(readFileSync(new URL(`../../fixtures/masks/${name}.json`, import.meta.url), 'utf8'));
const { width, height, polygons, noise, several, big } = read('outlines');
const png = read('png');

describe('polygons', () => {
  test.each(polygons as { name: string; points: number[]; counts: string; area: number; box: number[] }[])(
    '$name',
    ({ points, counts, area, box }) => {
      const runs = runsOfPolygon(points, width, height);
      expect(textOfRuns(runs)).toBe(counts);
      expect([areaOfRuns(runs), area > 0 ? boxOfRuns(runs, height) : box]).toEqual([area, box]);
    },
  );

  test('several of one object are one', () => {
    const outline = { label: 3, crowd: false, segmentation: several.polygons };
    const { data } = drawOutlines([outline], width, height, 'a.jpg');
    expect(textOfRuns(encodeMask(data, width, height))).toBe(several.counts);
  });
});

test('run lengths to text and back, to a mask and back', () => {
  const mask = noise.rows.join('').split('').map(Number);
  const runs = encodeMask(mask, width, height);
  expect(textOfRuns(runs)).toBe(noise.counts);
  expect(runsOf({ size: [height, width], counts: noise.counts })).toEqual(runs);
  expect([...decodeRuns(runs, width, height)]).toEqual(mask);
  expect(areaOfRuns(runsOf(big))).toBe(big.area);
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 2 ** 30 })), (any) => {
      expect(runsOfText(textOfRuns(any))).toEqual(any);
    }),
  );
});

test('two classes in a pixel, and crowds where nothing else is, are ignored', () => {
  const square = (label: number, x: number, crowd = false) => ({
    ...{ label, crowd, segmentation: [[x, 0, x + 4, 0, x + 4, 1, x, 1]] },
  });
  const draw = (...outlines: ReturnType<typeof square>[]) => [...drawOutlines(outlines, 8, 1, 'a.jpg').data];
  expect(draw(square(1, 0), square(2, 2))).toEqual([1, 1, 255, 255, 2, 2, 0, 0]);
  expect(draw(square(1, 0), square(1, 2))).toEqual([1, 1, 1, 1, 1, 1, 0, 0]);
  expect(draw(square(1, 4, true), square(2, 2))).toEqual([0, 0, 2, 2, 2, 2, 255, 255]);
});

test('outlines that cannot be drawn', async () => {
  const draw = (segmentation: unknown) =>
    faultOf(() => drawOutlines([{ label: 1, crowd: false, segmentation }], 4, 3, 'a.jpg'));
  const cannot = 'DataError: a.jpg: has an outline that cannot be drawn: ';
  expect(await draw([[1, 2, 3, 4]])).toBe(
    `${cannot}outline: expected polygons or run lengths, got a polygon of less than three points x y, or of what is no number.`,
  );
  expect(await draw({ size: [4, 3], counts: [12] })).toBe(
    `${cannot}outline: expected polygons or run lengths, got run lengths of 3 x 4 pixels, where the image has 4 x 3.`,
  );
  expect(await draw({ size: [3, 4], counts: [5, 6] })).toBe(
    `${cannot}run lengths: expected 12 pixels for 3 rows of 4, got 11.`,
  );
  expect(await draw({ size: [3, 4], counts: [5, -6, 13] })).toBe(
    `${cannot}run lengths: expected whole numbers, got -6.`,
  );
  expect(await draw({ size: [3, 4], counts: 'a\n' })).toBe(
    `${cannot}run lengths: character 2 of the text is none of COCO's, or a number has no end.`,
  );
  expect(await draw({ size: [3, 4], counts: 'o'.repeat(40) })).toContain('or a number has no end.');
  expect(await draw([[0, 0, 1e9, 1e9, 0, 1e9]])).toBe(
    `${cannot}polygon: its boundary is longer than that of any image. Its corners may not be pixels.`,
  );
});

const bytesOf = (base64: string) => new Uint8Array(Buffer.from(base64, 'base64'));

describe('PNGs', () => {
  const values = png.values as number[];
  const expected: Readonly<Record<string, readonly number[]>> = {
    'palette of 1 bit': values.map((v) => v % 2),
    'grey of 16 bits': values.map((v) => 1000 * v),
    'grey of 1 bit': values.map((v) => v % 2),
  };
  const names = Object.keys(png).filter((name) => /^(palette|grey)/.test(name));

  test.each(names)('%s keeps its numbers', (name) => {
    const image = decodePng(bytesOf(png[name]), 'a.png');
    const numbers = [...image.data].filter((_, i) => i % image.channels === 0);
    expect([image.width, image.height, numbers]).toEqual([7, 5, expected[name] ?? values]);
    expect(image.palette?.[1] ?? null).toEqual(name.startsWith('palette') ? [5, 3, 254] : null);
  });

  test('colours, with alpha or without; interlaced', async () => {
    for (const [name, channels] of [
      ['colour', 3],
      ['colour and alpha', 4],
    ] as const) {
      const image = decodePng(bytesOf(png[name]), 'a.png');
      expect([image.channels, [...image.data.subarray(0, 3)]]).toEqual([channels, [0, 0, 255]]);
    }
    const grey = Uint8Array.from({ length: 35 }, (_, i) => i * 7);
    const raw = { raw: { width: 7, height: 5, channels: 1 as const } };
    const bytes = await sharp(grey, raw).toColourspace('b-w').png({ progressive: true }).toBuffer();
    expect([...decodePng(new Uint8Array(bytes), 'a.png').data]).toEqual([...grey]);
  });

  test('damaged files, and those that are made to exhaust memory', async () => {
    const good = bytesOf(png['grey of 8 bits']);
    const fault = (bytes: Uint8Array) => faultOf(() => decodePng(bytes, 'a.png'));
    const fix = 'Remove it or replace it.';
    expect(await fault(good.subarray(0, 20))).toBe(`DataError: a.png: is a damaged PNG. ${fix}`);
    expect(await fault(good.subarray(0, -14))).toContain('DataError: a.png: is a damaged PNG (');
    const wrong = good.slice();
    wrong[good.length - 20]! ^= 1;
    expect(await fault(wrong)).toContain('DataError: a.png: is a damaged PNG (');
    const claims = good.slice();
    new DataView(claims.buffer).setUint32(16, 2 ** 31);
    expect(await fault(claims)).toBe(
      `DataError: a.png: claims 2147483648 x 5 pixels; 1 to 178,956,970 are read. ${fix}`,
    );
    const interlaced = bytesOf(png['palette of 4 bits']);
    interlaced[28] = 1;
    expect(await fault(interlaced)).toBe(
      `DataError: a.png: is an interlaced PNG of fewer than 8 bits, which is not read; save it without interlacing. ${fix}`,
    );
    // 100 MB of zeros behind a header of 35 pixels.
    const bomb = deflateSync(Buffer.alloc(1e8));
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bomb.length);
    const file = Buffer.concat([good.subarray(0, 33), length, Buffer.from('IDAT'), bomb, Buffer.alloc(4)]);
    expect(await fault(new Uint8Array(file))).toBe(
      `DataError: a.png: is a PNG that unpacks to more than its pixels. ${fix}`,
    );
  });

  test('whatever bytes there are, it is read or there is a DataError', async () => {
    const good = bytesOf(png['palette of 2 bits']);
    await fc.assert(
      fc.asyncProperty(fc.nat(good.length - 1), fc.nat(255), async (at, value) => {
        const bytes = good.slice();
        bytes[at] = value;
        expect(await faultOf(() => decodePng(bytes, 'a.png'))).toMatch(/^no fault$|^DataError: a\.png: /);
      }),
      { numRuns: 500 },
    );
  });
});
