/** Decoding: every format against Pillow, and every way in which a file can be bad. */
import { execFileSync } from 'node:child_process';
import { readdirSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { checkImage } from '../../src/data/images/decode.ts';
import { decodeImage, thumbnail, writeImage } from '../../src/data/index.ts';
import { faultOf, fixture, fixtures, jpeg, picture, temporaryFolder } from './photos.ts';

const folder = join(fixtures, 'decode');
const names = readdirSync(folder).filter((n) => n !== 'expected');

describe('decodeImage equals Pillow', () => {
  test.each(names)('%s', async (name) => {
    const image = await decodeImage(join(folder, name), name, { orientation: 'ignore' });
    const expected = await decodeImage(join(folder, 'expected', `${name}.png`));
    expect([image.width, image.height]).toEqual([46, 31]);
    let difference = 0;
    for (let i = 0; i < expected.data.length; i++)
      difference = Math.max(difference, Math.abs(image.data[i]! - expected.data[i]!));
    expect(image.data.length).toBe(46 * 31 * 3);
    expect(difference).toBe(0);
  });

  test('16-bit colour keeps the high byte', async () => {
    const wide = Uint16Array.from({ length: 4 * 3 * 3 }, (_, i) => i * 1800);
    const png = await sharp(wide, { raw: { width: 4, height: 3, channels: 3 } })
      .toColourspace('rgb16')
      .png()
      .toBuffer();
    expect((await sharp(png).metadata()).depth).toBe('ushort');
    expect([...(await decodeImage(png)).data]).toEqual(Array.from(wide, (v) => v >> 8));
  });

  test('the format goes by the content, not by the name', async () => {
    const bytes = await fixture('decode/rgba.png');
    expect((await decodeImage(bytes, 'photo.jpg')).width).toBe(46);
  });
});

describe('bad files, each with one clear line', async () => {
  const whole = await jpeg(picture(120, 90));
  const png = await fixture('decode/rgba.png');
  const bmp = await fixture('decode/rgb.bmp');
  const bomb = Buffer.from(bmp);
  bomb.writeInt32LE(60000, 18);
  bomb.writeInt32LE(60000, 22);
  const packed = Buffer.from(bmp);
  packed.writeUInt32LE(1, 30);
  const hugePng = Buffer.from(png);
  hugePng.writeUInt32BE(30000, 16);
  hugePng.writeUInt32BE(30000, 20);
  const remove = 'Remove it or replace it.';
  const cases: [what: string, bytes: Uint8Array, message: string][] = [
    ['zero bytes', new Uint8Array(0), `is empty (0 bytes). ${remove}`],
    [
      'text',
      Buffer.from('hello\nworld'),
      'is not an image that can be read: it starts with "hello.wo". Remove it or save it as JPEG or PNG.',
    ],
    [
      'SVG',
      Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>'),
      'is not an image that can be read: it starts with "<svg xml". Remove it or save it as JPEG or PNG.',
    ],
    [
      'a HEIC photo',
      Buffer.from('\0\0\0\x18ftypmif1\0\0\0\0mif1heic....meta'),
      'is a HEIC photo, which is not read. Save it as JPEG.',
    ],
    ['a JPEG cut in the middle', whole.subarray(0, whole.length >> 1), `is truncated or damaged. ${remove}`],
    ['a JPEG that lacks its last bytes', whole.subarray(0, whole.length - 200), `is truncated or damaged. ${remove}`],
    ['three bytes of a JPEG', whole.subarray(0, 3), `is truncated or damaged. ${remove}`],
    ['a PNG cut short', png.subarray(0, png.length >> 1), `is truncated or damaged. ${remove}`],
    [
      'a TIFF cut short',
      (await fixture('decode/rgb.tif')).subarray(0, 900),
      `is truncated, damaged or of a kind that is not read. ${remove}`,
    ],
    ['a PNG header that claims 900 million pixels', hugePng, `has more than 178,956,970 pixels. ${remove}`],
    ['a BMP cut short', bmp.subarray(0, 2000), `is truncated: 46 x 31 pixels need 4394 bytes, got 2000. ${remove}`],
    [
      'a BMP header that claims 3.6 billion pixels',
      bomb,
      `claims 60000 x 60000 pixels; at most 178,956,970 are read. ${remove}`,
    ],
    [
      'a compressed BMP',
      packed,
      `is a BMP of a kind that is not read (24 bits, compression 1); save it as PNG. ${remove}`,
    ],
    ['a PPM cut short', Buffer.from('P6 4 4 255\nabc'), `is truncated: 4 x 4 pixels need 59 bytes, got 14. ${remove}`],
    ['a PPM without numbers', Buffer.from('P6 four'), `has no readable PNM header. ${remove}`],
  ];
  const root = temporaryFolder();
  test.each(cases)('%s', async (what, bytes, message) => {
    const path = join(root, `${what}.jpg`);
    writeFileSync(path, bytes);
    expect(await faultOf(() => decodeImage(path), root)).toBe(`DataError: ROOT/${what}.jpg: ${message}`);
    expect(await faultOf(() => checkImage(path), root)).toBe(`DataError: ROOT/${what}.jpg: ${message}`);
  });

  test('files of 720 MB are judged by their first bytes', async () => {
    const before = process.cpuUsage();
    for (const [start, message] of [
      ['\0\0', 'is not an image that can be read: it starts with "........". Remove it or save it as JPEG or PNG.'],
      ['\xff\xd8\xff\xe0', 'has 720,000,000 bytes; at most 715,827,880 are read. Remove it or replace it.'],
    ] as const) {
      const path = join(root, 'huge.jpg');
      writeFileSync(path, start, 'latin1');
      // Room on the disk that nothing was written to.
      execFileSync('fallocate', ['--length', '720000000', path]);
      expect(await faultOf(() => checkImage(path), root)).toBe(`DataError: ROOT/huge.jpg: ${message}`);
      unlinkSync(path);
    }
    const { user, system } = process.cpuUsage(before);
    expect(user + system).toBeLessThan(2_000_000);
  });

  test('a missing file', async () => {
    expect(await faultOf(() => decodeImage('no/such.jpg'))).toBe(
      'DataError: no/such.jpg: there is no such file. Check the path.',
    );
  });
});

describe('encoding', () => {
  test('writeImage: a PNG comes back as it was', async () => {
    const path = join(temporaryFolder(), 'a.png');
    const image = picture(13, 9);
    await writeImage(path, image);
    expect([...(await decodeImage(path)).data]).toEqual([...image.data]);
  });

  test('writeImage: another ending, or another size', async () => {
    expect(await faultOf(() => writeImage('a.gif', picture(2, 2)))).toBe(
      "ArgumentError: writeImage: expected a name that ends in .png, .jpg or .jpeg, got 'a.gif'.",
    );
    expect(await faultOf(() => writeImage('a.png', { ...picture(2, 2), width: 3 }))).toBe(
      'ArgumentError: image: expected 18 bytes for 3 x 2 RGB, got 12.',
    );
  });

  test('thumbnail: a JPEG data URL, the longer side as asked', async () => {
    const url = await thumbnail(join(folder, 'rgb.bmp'), 23);
    expect(url).toMatch(/^data:image\/jpeg;base64,\/9j\//);
    const { width, height } = await sharp(Buffer.from(url.split(',')[1]!, 'base64')).metadata();
    expect([width, height]).toEqual([23, 16]);
  });
});
