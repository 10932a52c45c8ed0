/** The browser's decoder beside Node's, on the same files. */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { decodeImage } from 'regraft/data';
import { build, type Rolldown } from 'vite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { tagged } from '../data/turned-photos.ts';
import { chromiumPath, launch } from './browser.ts';

const source = fileURLToPath(new URL('../../src/data/images/decode-browser.ts', import.meta.url));
const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/data/decode/${name}`, import.meta.url));

/** decode-browser.ts as a script that leaves its exports in `decoder`. */
async function bundle(): Promise<string> {
  const lib = { entry: source, formats: ['iife' as const], name: 'decoder', fileName: 'decoder' };
  const built = await build({ configFile: false, logLevel: 'error', build: { write: false, lib } });
  return (built as Rolldown.RolldownOutput[])[0]!.output[0].code;
}

describe.skipIf(!chromiumPath)('decoding in Chromium (needs REGRAFT_CHROMIUM or /usr/bin/chromium)', () => {
  let browser: Browser;
  let page: Page;

  beforeAll(async () => {
    browser = await launch({ gpu: false });
    page = await browser.newPage();
    await page.addScriptTag({ content: await bundle() });
  });
  afterAll(() => browser?.close());

  async function inBrowser(
    bytes: Uint8Array,
    orientation: 'exif' | 'ignore' = 'exif',
  ): Promise<{ data: number[]; width: number; height: number }> {
    const sent = { base64: Buffer.from(bytes).toString('base64'), orientation };
    return page.evaluate(async ({ base64, orientation }) => {
      const { decoder } = globalThis as unknown as {
        decoder: typeof import('../../src/data/images/decode-browser.ts');
      };
      const file = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
      const { data, width, height } = await decoder.decodeImage(file, 'file', { orientation });
      return { data: [...data], width, height };
    }, sent);
  }

  test.each([
    'rgb.jpg',
    'turned.jpg',
    'subsampled.jpeg',
    'progressive.jpg',
    'grey.jpg',
    'cmyk.jpg',
    'rgb.bmp',
    'palette.bmp',
    'palette.png',
    'rgb.ppm',
    'animated.gif',
  ])('%s: the same pixels as in Node', async (name) => {
    const bytes = await readFile(fixture(name));
    const expected = await decodeImage(bytes, name);
    const got = await inBrowser(bytes);
    expect([got.width, got.height]).toEqual([expected.width, expected.height]);
    expect(got.data).toEqual([...expected.data]);
  });

  test.each(['jpeg', 'png', 'webp'] as const)('%s: turned as its EXIF tag says, as in Node', async (format) => {
    for (const tag of [1, 2, 3, 4, 5, 6, 7, 8]) {
      const bytes = await tagged(format, tag);
      for (const orientation of ['exif', 'ignore'] as const) {
        const { data, ...size } = await decodeImage(bytes, 'file', { orientation });
        expect([tag, orientation, await inBrowser(bytes, orientation)]).toEqual([
          tag,
          orientation,
          { ...size, data: [...data] },
        ]);
      }
    }
  });

  test('a JPEG that is cut short is refused', async () => {
    const bytes = await readFile(fixture('rgb.jpg'));
    const cut = bytes.subarray(0, Math.floor(bytes.length / 2));
    await expect(inBrowser(cut)).rejects.toThrow(/file: is truncated/);
  });
});
