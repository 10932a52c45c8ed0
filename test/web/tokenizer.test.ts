/** Tokenizers in a page, of files that a visitor chose, beside what Hugging Face's libraries made of the same lines. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { build, type Rolldown } from 'vite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Encoding } from '../../src/text/index.ts';
import { FIXTURES, LINES, lineOf, recorded } from '../text/fixtures.ts';
import { chromiumPath, launch } from './browser.ts';

const entry = fileURLToPath(new URL('../../src/text/index.ts', import.meta.url));

/** regraft/text as a script that leaves its exports in `text`. */
async function bundle(): Promise<string> {
  const lib = { entry, formats: ['iife' as const], name: 'text', fileName: 'text' };
  const built = await build({
    configFile: false,
    logLevel: 'error',
    resolve: { conditions: ['regraft-source', 'browser', 'module'] },
    build: { write: false, lib },
  });
  return (built as Rolldown.RolldownOutput[])[0]!.output[0].code;
}

describe.skipIf(!chromiumPath)('tokenizers in Chromium (needs REGRAFT_CHROMIUM or /usr/bin/chromium)', () => {
  let browser: Browser;
  let page: Page;

  beforeAll(async () => {
    browser = await launch({ gpu: false });
    page = await browser.newPage();
    await page.addScriptTag({ content: await bundle() });
  });
  afterAll(() => browser?.close());

  const families =
    recorded<Record<string, { lines: unknown[]; decoded: { ids: number[]; text: string } }>>('families.json');

  test.each(Object.keys(families))('%s: ids, offsets and words as in Node', async (name) => {
    const files = readdirSync(FIXTURES + name).map((file) => ({
      name: file,
      base64: readFileSync(`${FIXTURES}${name}/${file}`).toString('base64'),
    }));
    const { lines, decoded } = families[name]!;
    const got = await page.evaluate(
      async ({ files, texts, ids }) => {
        const { text } = globalThis as unknown as { text: typeof import('../../src/text/index.ts') };
        const chosen = files.map(
          ({ name, base64 }) => new File([Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))], name),
        );
        const tokenizer = await text.openTokenizer(chosen);
        return {
          encodings: texts.map((line) => tokenizer.encode(line)),
          decoded: tokenizer.decode(ids, { skipSpecialTokens: true }),
        };
      },
      { files, texts: LINES, ids: decoded.ids },
    );
    const wrong = LINES.filter(
      (_, i) => JSON.stringify(lineOf(got.encodings[i] as Encoding)) !== JSON.stringify(lines[i]),
    );
    expect(wrong).toEqual([]);
    expect(got.decoded).toBe(decoded.text);
  });

  test('a path, which a page cannot open', async () => {
    const message = await page.evaluate(async () => {
      const { text } = globalThis as unknown as { text: typeof import('../../src/text/index.ts') };
      return text.openTokenizer('folder').then(
        () => 'none',
        (error: Error) => error.message,
      );
    });
    expect(message).toBe(
      'folder: expected a tokenizer: tokenizer.json, vocab.txt, vocab.json with merges.txt, spiece.model or sentencepiece.bpe.model. There is none.',
    );
  });
});
