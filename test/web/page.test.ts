/** The page in Chromium, as a visitor uses it, and what it exports in Node. */

import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { unzipSync } from 'fflate';
import type { Browser, Page } from 'playwright-core';
import { init, noGrad, tensor } from 'regraft';
import { readWeights } from 'regraft/io';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FIRST_VIEW } from '../../src/data/dataset.ts';
import { loadImage } from '../../src/data/load-image.ts';
import { softmaxRows } from '../../src/train/metrics.ts';
import { openModel } from '../../src/train/model-folder.ts';
import { sharedData } from '../shared-data.ts';
import { chromiumPath, launch, openPage, type Site, serveBuiltPage } from './browser.ts';

const require = createRequire(import.meta.url);

describe.skipIf(!chromiumPath)('the page in Chromium (needs REGRAFT_CHROMIUM or /usr/bin/chromium)', () => {
  let site: Site;
  let browser: Browser;
  const folders: string[] = [];

  beforeAll(async () => {
    [site, browser] = await Promise.all([serveBuiltPage(), launch()]);
  });
  afterAll(async () => {
    await browser?.close();
    await site?.close();
    await Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true })));
  });

  const temporary = async () => {
    const folder = await mkdtemp(join(tmpdir(), 'regraft-page-'));
    folders.push(folder);
    return folder;
  };

  test.skipIf(!sharedData)(
    'trains a head on ants and bees (needs REGRAFT_DATA); Node gets the same probabilities from the export',
    async () => {
      const photos = join(sharedData!, 'hymenoptera_data');
      const some = async (path: string, count: number) =>
        (await readdir(join(photos, path)))
          .sort()
          .slice(0, count)
          .map((name) => join(photos, path, name));
      const { page, errors } = await openPage(browser, site.url);

      await page.setInputFiles('#weights-file', join(sharedData!, 'weights/squeezenet1_1.pth'));
      await page.waitForFunction(() => /52 tensors/.test(document.querySelector('#file-note')!.textContent!));
      for (const [index, name] of ['ants', 'bees'].entries()) {
        const card = page.locator('.class').nth(index);
        await card.getByLabel('Name of the class').fill(name);
        await card.locator('input[type=file]').setInputFiles(await some(`train/${name}`, 4));
        await card.locator('img').nth(3).waitFor();
      }
      expect(await page.textContent('#trainable')).toContain('1,026 of');
      await page.fill('#epochs', '3');
      await page.click('#train');
      await page.waitForFunction(
        () =>
          /^Done/.test(document.querySelector('#status')!.textContent!) ||
          !document.querySelector<HTMLButtonElement>('#train')!.disabled,
        null,
        { timeout: 100_000 },
      );
      expect(await page.textContent('#status')).toMatch(/^Done: 3 epochs/);
      expect(await page.textContent('#result')).toMatch(/50\s+tensors frozen, 0 bytes changed\./);

      const [held] = await some('val/bees', 1);
      await page.setInputFiles('#try-file', held!);
      await page.waitForSelector('#answer li');
      const inBrowser = await page.evaluate(
        () => JSON.parse(document.querySelector<HTMLElement>('#answer')!.dataset.probabilities!) as number[],
      );
      const [download] = await Promise.all([page.waitForEvent('download'), page.click('[data-export=folder]')]);
      expect(errors).toEqual([]);

      const folder = await temporary();
      const files = unzipSync(await readFile(await download.path()));
      expect(Object.keys(files).sort()).toEqual(['metrics.json', 'model.json', 'model.safetensors', 'report.html']);
      for (const [name, bytes] of Object.entries(files)) await writeFile(join(folder, name), bytes);
      await init();
      const { model, classes, transforms } = await openModel(folder);
      expect(classes).toEqual(['ants', 'bees']);
      const { data, shape } = await loadImage(held!, transforms, 0, FIRST_VIEW);
      const logits = await noGrad(() => model.forward(tensor(data, [1, ...shape]))).data();
      const inNode = [...softmaxRows(logits, 2)];
      const difference = Math.max(...inNode.map((p, i) => Math.abs(p - inBrowser[i]!)));
      expect(difference).toBeLessThan(1e-3);
    },
  );

  /** Serious and critical findings of axe. */
  const faults = async (page: Page) => {
    await page.evaluate(await readFile(require.resolve('axe-core/axe.min.js'), 'utf8'));
    return page.evaluate(async () => {
      const { violations } = await (globalThis as unknown as { axe: typeof import('axe-core') }).axe.run(document);
      return violations
        .filter(({ impact }) => impact === 'serious' || impact === 'critical')
        .map(({ id, nodes }) => `${id}: ${nodes[0]!.html}`);
    });
  };

  test('the sample run trains on drawn pictures and names a new one', async () => {
    const { page, errors } = await openPage(browser, site.url);
    expect(await faults(page)).toEqual([]);
    await page.click('#sample');
    await page.waitForSelector('#answer li', { timeout: 90_000 });
    expect(await page.textContent('#status')).toMatch(/^Done: 8 epochs/);
    expect(await page.textContent('#answer li.first')).toContain('flower');
    expect(await page.textContent('#result')).toMatch(/54\s+tensors frozen, 0 bytes changed\./);
    await page.setViewportSize({ width: 390, height: 800 });
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
    expect(await faults(page)).toEqual([]);
    expect(errors).toEqual([]);
  });

  test('bad files get the words of the command line', async () => {
    const { page } = await openPage(browser, site.url);
    const folder = await temporary();
    const weights = join(folder, 'bad.pth');
    const photo = join(folder, 'bad.jpg');
    await writeFile(weights, '<!doctype html><title>Not found</title>');
    await writeFile(photo, 'no picture');
    await page.setInputFiles('#weights-file', weights);
    await page.waitForSelector('#weights-fault:not(:empty)');
    const inNode = await readWeights(weights).catch((error: Error) => error.message);
    expect(`${folder}/${await page.textContent('#weights-fault')}`).toBe(inNode);
    await page.locator('.class input[type=file]').first().setInputFiles(photo);
    await page.waitForSelector('.faults:not(:empty)');
    expect(await page.textContent('.faults')).toBe(
      'bad.jpg: is not an image that can be read: it starts with "no pictu". Remove it or save it as JPEG or PNG.',
    );
    expect(await page.textContent('.class-head span')).toBe('no photos');
    expect(await faults(page)).toEqual([]);
  });

  test('without WebGPU the page says how to get it', async () => {
    const plain = await launch({ gpu: false });
    try {
      const { page, errors } = await openPage(plain, site.url);
      await page.waitForSelector('#notice:not([hidden])');
      expect(await page.textContent('#notice')).toContain('Turn on hardware acceleration');
      expect(await page.isDisabled('#train')).toBe(true);
      expect(await faults(page)).toEqual([]);
      expect(errors).toEqual([]);
    } finally {
      await plain.close();
    }
  });
});
