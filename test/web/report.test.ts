/** The report in Chromium: how soon it is there, how it fits phones, what its words say. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { renderReport } from '../../src/runs/report.ts';
import { sampleResult } from '../runs/sample-result.ts';
import { axeFaults, chromiumPath, launch, longestTask } from './browser.ts';

const names = (count: number): string[] => Array.from({ length: count }, (_, i) => `class_number_${i}`);
const SUBJECTS = ['fish', 'flower', 'house', 'mushroom', 'sailboat', 'tree'];

describe.skipIf(!chromiumPath)('the report in Chromium', () => {
  let folder: string;
  let browser: Browser;
  const write = async (name: string, classes: readonly string[], validationImages = 30): Promise<string> => {
    const file = join(folder, `${name}.html`);
    await writeFile(file, renderReport(sampleResult({ classes, validationImages, comparison: true })));
    return `file://${file}`;
  };
  const open = async (url: string, width = 1280): Promise<Page> => {
    const page = await (await browser.newContext({ viewport: { width, height: 900 } })).newPage();
    await page.goto(url);
    return page;
  };
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'regraft-report-'));
    browser = await launch({ gpu: false });
  });
  afterAll(async () => {
    await browser?.close();
    await rm(folder, { recursive: true, force: true });
  });

  test('of 1,000 classes is there within a second of the page’s own time', async () => {
    const url = await write('many', names(1000), 2);
    const page = await open('about:blank');
    const longest = await longestTask(page, async () => {
      await page.goto(url);
    });
    expect(longest).toBeLessThan(1000);
    const elements = await page.evaluate(() => document.querySelectorAll('*').length);
    expect(elements).toBeLessThan(20_000);
    await page.click('text=All 1,000 classes');
    await page.waitForSelector('th:has-text("class_number_999")');
  });

  test.each([390, 768, 1280])('nothing is cut at %i pixels, and the matrix has equal square cells', async (width) => {
    const page = await open(await write('six', [...SUBJECTS.slice(1), 'a_very_long_class_name_of_a_beetle']), width);
    const seen = await page.evaluate(() => {
      const cells = [...document.querySelectorAll('.matrix td')].map((cell) => cell.getBoundingClientRect());
      const table = document.querySelector('.classes')!;
      return {
        overflow: document.documentElement.scrollWidth - innerWidth,
        sizes: new Set(cells.flatMap(({ width, height }) => [Math.round(width), Math.round(height)])).size,
        // A column that is out of sight.
        classes: table.scrollWidth - table.clientWidth,
        pictures: [...document.images].every(({ complete, naturalWidth }) => complete && naturalWidth > 0),
      };
    });
    expect(seen).toEqual({ overflow: 0, sizes: 1, classes: 0, pictures: true });
  });

  test('words tell their meaning to a pointer, a finger and a keyboard, within the page', async () => {
    const page = await open(await write('words', SUBJECTS), 390);
    const shown = (word: number) =>
      page.evaluate((index) => {
        const { content, width } = getComputedStyle(document.querySelectorAll('.term')[index]!, '::after');
        return { content, wide: Number.parseFloat(width) > 100 };
      }, word);
    expect((await shown(0)).content).toBe('none');
    const count = await page.locator('.term').count();
    for (let word = 0; word < count; word++) {
      await page.locator('.term').nth(word).focus();
      expect(await shown(word)).toMatchObject({ content: expect.stringMatching(/^"[A-Z].+\."$/), wide: true });
      expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBe(0);
    }
    await page.locator('.term').nth(1).hover();
    expect((await shown(1)).content).toContain('Kept as it was');
  });

  test('has no serious finding of axe', async () => {
    expect(await axeFaults(await open(await write('axe', SUBJECTS)))).toEqual([]);
  });
});
