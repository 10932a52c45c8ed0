/** The browser's decoder beside Node's, on the same files. */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { decodeImage } from 'regraft/data';
import { build, type Rolldown } from 'vite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chromiumPath, launch } from './browser.ts';

const source = fileURLToPath(new URL('../../src/data/decode-browser.ts', import.meta.url));
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

  async function inBrowser(bytes: Uint8Array): Promise<{ data: number[]; width: number; height: number }> {
    return page.evaluate(async (base64) => {
      const { decoder } = globalThis as unknown as { decoder: typeof import('../../src/data/decode-browser.ts') };
      const file = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
      const { data, width, height } = await decoder.decodeImage(file, 'file');
      return { data: [...data], width, height };
    }, Buffer.from(bytes).toString('base64'));
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

  test('a JPEG that is cut short is refused', async () => {
    const bytes = await readFile(fixture('rgb.jpg'));
    const cut = bytes.subarray(0, Math.floor(bytes.length / 2));
    await expect(inBrowser(cut)).rejects.toThrow(/file: is truncated/);
  });
});
