/** EXIF orientation: turned by default, alike from every format, in folders, threads, saved transforms and thumbnails. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { turned, turnOf } from '../../src/data/images/orientation.ts';
import {
  DataLoader,
  decodeImage,
  ImageFolder,
  thumbnail,
  trainingTransforms,
  transformFromJSON,
} from '../../src/data/index.ts';
import { faultOf, temporaryFolder } from './photos.ts';
import { tagged } from './turned-photos.ts';

const TAGS = [1, 2, 3, 4, 5, 6, 7, 8];

describe.each(['jpeg', 'png', 'webp', 'tiff'] as const)('%s', (format) => {
  test.each(TAGS)('tag %i is applied, unless it is to be ignored', async (tag) => {
    const bytes = await tagged(format, tag);
    expect((await sharp(bytes).metadata()).orientation).toBe(tag);
    const { data, info } = await sharp(bytes).autoOrient().raw().toBuffer({ resolveWithObject: true });
    const image = await decodeImage(bytes);
    expect([image.width, image.height]).toEqual([info.width, info.height]);
    expect([...image.data].join()).toBe([...data].join());

    const stored = await decodeImage(bytes, 'photo', { orientation: 'ignore' });
    expect([stored.width, stored.height]).toEqual([13, 9]);
    const byHand = turned(stored, turnOf(bytes, format));
    expect({ ...byHand, data: [...byHand.data] }).toEqual({ ...image, data: [...image.data] });
  });
});

test('a file without a tag, or with one out of range, is left as it is', async () => {
  const upright = { mirror: false, quarters: 0 };
  for (const tag of [0, 9, 65535]) {
    const bytes = await tagged('tiff', 1);
    const tiff = Buffer.from(bytes);
    const at = tiff.indexOf(Buffer.from([0x12, 0x01, 0x03, 0x00]));
    tiff.writeUInt16LE(tag, at + 8);
    expect(turnOf(tiff, 'tiff')).toEqual(upright);
  }
  expect(
    turnOf(
      await sharp(await tagged('png', 6))
        .png()
        .toBuffer(),
      'png',
    ),
  ).toEqual(upright);
});

test('damaged files give some turn and no fault', async () => {
  const files = await Promise.all((['jpeg', 'png', 'webp', 'tiff'] as const).map((format) => tagged(format, 6)));
  const formats = ['jpeg', 'png', 'webp', 'tiff'] as const;
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 3 }),
      fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 8 }),
      fc.nat(),
      (which, edits, cut) => {
        const bytes = Uint8Array.from(files[which]!);
        for (const [at, value] of edits) bytes[at % Math.min(bytes.length, 300)] = value;
        turnOf(bytes.subarray(0, cut % (bytes.length + 1)), formats[which]!);
      },
    ),
    { numRuns: 3000, seed: 5 },
  );
});

test('folders, loading threads, saved transforms and thumbnails', async () => {
  const root = temporaryFolder();
  for (const name of ['a', 'b']) {
    mkdirSync(join(root, name));
    writeFileSync(join(root, name, '1.jpg'), await tagged('jpeg', 6));
  }
  const upright = new ImageFolder(root, { transform: { name: 'ToTensor' } });
  expect((await upright.get(0)).shape).toEqual([3, 13, 9]);

  const preset = { resize: 9, crop: [8, 6], orientation: 'ignore' } as const;
  const asStored = new ImageFolder(root, { transform: preset });
  const again = upright.withTransform(transformFromJSON(JSON.parse(JSON.stringify(asStored.transform))));
  const applied = upright.withTransform({ ...preset, orientation: 'exif' });
  expect(again.transform.toJSON().orientation).toBe('ignore');
  expect(applied.transform.toJSON()).not.toHaveProperty('orientation');
  expect((await again.get(0)).image).toEqual((await asStored.get(0)).image);
  expect((await applied.get(0)).image).not.toEqual((await asStored.get(0)).image);
  expect(await applied.key(0)).not.toBe(await asStored.key(0));
  expect(trainingTransforms({ orientation: 'ignore' }).orientation).toBe('ignore');

  for (const dataset of [applied, asStored]) {
    const [sample] = await new DataLoader(dataset, { workers: 1 }).load([0]);
    expect(sample!.image).toEqual((await dataset.get(0)).image);
  }
  const size = async (options = {}) => {
    const url = await thumbnail(join(root, 'a', '1.jpg'), 26, options);
    const { width, height } = await sharp(Buffer.from(url.split(',')[1]!, 'base64')).metadata();
    return [width, height];
  };
  expect([await size(), await size(asStored.transform)]).toEqual([
    [9, 13],
    [13, 9],
  ]);
});

test('an orientation of another name', async () => {
  expect(await faultOf(() => transformFromJSON({ name: 'Compose', transforms: [], orientation: 'up' }))).toBe(
    'ArgumentError: Compose: orientation must be exif or ignore, got "up".',
  );
});
