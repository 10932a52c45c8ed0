/** The page in Chromium, as a visitor uses it, and what it exports in Node. */

import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { unzipSync } from 'fflate';
import type { Browser, Page } from 'playwright-core';
import { init, noGrad, tensor } from 'regraft';
import { readWeights } from 'regraft/io';
import { squeezenet1_1 } from 'regraft/models';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { draw } from '../../examples/quickstart/draw.ts';
import { SUBJECTS } from '../../examples/quickstart/subjects.ts';
import { Generator } from '../../src/core/random.ts';
import { FIRST_VIEW } from '../../src/data/dataset.ts';
import { writeImage } from '../../src/data/images/encode.ts';
import { loadImage } from '../../src/data/images/load-image.ts';
import { openModel } from '../../src/runs/open-model.ts';
import { softmaxRows } from '../../src/tasks/image-classification/metrics.ts';
import { onnxRuntime } from '../io/onnx-runtime.ts';
import { sharedData } from '../shared-data.ts';
import {
  axeFaults,
  chromiumPath,
  launch,
  longestTask,
  openPage,
  type Site,
  serveBuiltPage,
  serveFiles,
} from './browser.ts';

// Software adapters are slow where other programs want the processor too.
const PATIENCE = { timeout: 400_000 };

describe.skipIf(!chromiumPath)('the page in Chromium (needs REGRAFT_CHROMIUM or /usr/bin/chromium)', PATIENCE, () => {
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

  /** Number of photos that the page shows. */
  const photosIn = (page: Page, count: number) =>
    page.waitForFunction((n) => document.querySelectorAll('.photos img').length === n, count);

  /** The first files of a folder of ants and bees. */
  const some = async (path: string, count: number) => {
    const folder = join(sharedData!, 'hymenoptera_data', path);
    return (await readdir(folder))
      .sort()
      .slice(0, count)
      .map((name) => join(folder, name));
  };

  /** SqueezeNet's weights from a file, and so many photos of ants and of bees. */
  const antsAndBees = async (page: Page, count: number) => {
    await page.setInputFiles('#weights-file', join(sharedData!, 'weights/squeezenet1_1.pth'));
    await page.waitForFunction(() => /52 tensors/.test(document.querySelector('#file-note')!.textContent!));
    for (const [index, name] of ['ants', 'bees'].entries()) {
      const card = page.locator('.class').nth(index);
      await card.getByLabel('Name of the class').fill(name);
      await card.locator('input[type=file]').setInputFiles(await some(`train/${name}`, count));
      await card
        .locator('img')
        .nth(count - 1)
        .waitFor();
    }
  };

  /** When the run is over, the status line. */
  const ended = async (page: Page) => {
    await page.waitForSelector('#sample:enabled', { timeout: 200_000 });
    return (await page.textContent('#status'))!;
  };

  const probabilitiesOn = async (page: Page, photo: string) => {
    await page.setInputFiles('#try-file', photo);
    await page.waitForSelector('#answer li');
    return page.evaluate(
      () => JSON.parse(document.querySelector<HTMLElement>('#answer')!.dataset.probabilities!) as number[],
    );
  };

  const exported = async (page: Page, kind: string) => {
    const [download] = await Promise.all([page.waitForEvent('download'), page.click(`[data-export=${kind}]`)]);
    return readFile(await download.path());
  };

  const difference = (a: readonly number[], b: readonly number[]) =>
    Math.max(...a.map((value, i) => Math.abs(value - b[i]!)));

  test.skipIf(!sharedData)(
    'trains a head on ants and bees (needs REGRAFT_DATA); the main thread stays free; every export gives the same probabilities',
    async () => {
      const { page, errors } = await openPage(browser, site.url);
      await antsAndBees(page, 4);
      expect(await page.textContent('#trainable')).toContain('1,026 of');
      await page.fill('#epochs', '3');
      const task = await longestTask(page, async () => {
        await page.click('#train');
        expect(await ended(page)).toMatch(/^Done: 3\sepochs/);
      });
      expect(task).toBeLessThan(50);
      const busy = () =>
        page.evaluate(() => {
          const began = performance.now();
          while (performance.now() - began < 300);
        });
      expect(await longestTask(page, busy)).toBeGreaterThan(task);
      expect(await page.textContent('#result')).toMatch(
        /its 50\s+tensors \([\d.]+\s+MB\) are the same, byte for byte\./,
      );
      expect(await axeFaults(page)).toEqual([]);

      const [held] = await some('val/bees', 1);
      const inBrowser = await probabilitiesOn(page, held!);
      const archive = await exported(page, 'folder');
      const pth = await exported(page, 'pth');
      const onnx = await exported(page, 'onnx');
      const hosted = await exported(page, 'page');
      expect(`${await exported(page, 'report')}`).toContain('<!doctype html>');
      await page.reload();
      await page.waitForSelector('.headline');
      expect(await probabilitiesOn(page, held!)).toEqual(inBrowser);
      expect(errors).toEqual([]);

      const folder = await temporary();
      const files = unzipSync(archive);
      expect(Object.keys(files).sort()).toEqual(['metrics.json', 'model.json', 'model.safetensors', 'report.html']);
      for (const [name, bytes] of Object.entries(files)) await writeFile(join(folder, name), bytes);
      await init();
      const { model, classes, transforms } = await openModel(folder);
      expect(classes).toEqual(['ants', 'bees']);
      const { data, shape } = await loadImage(held!, transforms, 0, FIRST_VIEW);
      const image = () => tensor(data, [1, ...shape]);
      const logits = await noGrad(() => model.forward(image())).data();
      expect(difference([...softmaxRows(logits, 2)], inBrowser)).toBeLessThan(1e-3);

      const fromPth = await squeezenet1_1({ numClasses: 2 });
      fromPth.loadStateDict(await readWeights(pth));
      const again = await noGrad(() => fromPth.eval().forward(image())).data();
      expect(difference([...softmaxRows(again, 2)], inBrowser)).toBeLessThan(1e-3);

      if (onnxRuntime) {
        const session = await onnxRuntime.InferenceSession.create(onnx);
        const outputs = await session.run({ input: new onnxRuntime.Tensor('float32', data, [1, ...shape]) });
        expect(difference([...softmaxRows(outputs.output!.data as Float32Array, 2)], inBrowser)).toBeLessThan(1e-3);
      }

      const site2 = await serveFiles({ 'index.html': hosted });
      try {
        const other = await (await browser.newContext()).newPage();
        await other.goto(site2.url);
        await other.waitForSelector('#choose:enabled');
        expect(await axeFaults(other)).toEqual([]);
        await other.setInputFiles('#photo', held!);
        await other.waitForSelector('#answer li');
        expect(await axeFaults(other)).toEqual([]);
        const hostedAnswer = await other.evaluate(
          () => JSON.parse(document.querySelector<HTMLElement>('#answer')!.dataset.probabilities!) as number[],
        );
        expect(difference(hostedAnswer, inBrowser)).toBeLessThan(1e-3);
      } finally {
        await site2.close();
      }
    },
  );

  test.skipIf(!sharedData)(
    'reloaded in mid-training, and after the GPU is lost, a run goes on from its last epoch (needs REGRAFT_DATA)',
    async () => {
      const { page, errors } = await openPage(browser, site.url);
      await antsAndBees(page, 4);
      await page.fill('#epochs', '500');
      // At a low rate the loss keeps falling: early stopping must not end the run.
      await page.click('summary:has-text("More settings")');
      await page.fill('#learning-rate', '0.00002');
      await page.click('#train');
      const epochs = () =>
        page.evaluate(() => Number(/\d+/.exec(document.querySelector('#status')!.textContent!)?.[0]));
      const past = (epoch: number) =>
        page.waitForFunction(
          (n) => {
            const [, at] =
              /^(?:Epoch|Validation) (\d+) of 500/.exec(document.querySelector('#status')!.textContent!) ?? [];
            return Number(at) > n;
          },
          epoch,
          { timeout: 200_000 },
        );
      await past(3);
      expect(await axeFaults(page)).toEqual([]);
      await page.click('#pause');
      expect(await axeFaults(page)).toEqual([]);
      const before = await epochs();
      await page.reload();
      await page.waitForFunction(() => /^Epoch/.test(document.querySelector('#status')!.textContent!), null, {
        timeout: 200_000,
      });
      // A checkpoint is written at the end of each epoch: at most the one under way is done again.
      const held = await epochs();
      expect(held).toBeGreaterThanOrEqual(before - 1);
      expect(await page.textContent('#speed')).toBe('paused');
      expect(await page.textContent('#pause')).toBe('Resume');
      expect(await page.inputValue('.class-head input')).toBe('ants');
      expect(await page.textContent('#file-note')).toContain('squeezenet1_1.pth: 52 tensors');
      await photosIn(page, 8);
      expect(await epochs()).toBe(held);
      await page.click('#pause');

      await past(before + 1);
      const devtools = await browser.newBrowserCDPSession();
      await devtools.send('Browser.crashGpuProcess' as 'Browser.getVersion');
      await page.waitForSelector('#notice:not([hidden])');
      expect(await page.textContent('#notice')).toMatch(
        /^The GPU was lostdevice: the GPU was lost .*It is opened again, and the work goes on from the last finished epoch\.$/,
      );
      await page.waitForFunction(() => /^Epoch/.test(document.querySelector('#status')!.textContent!), null, {
        timeout: 200_000,
      });
      expect(await axeFaults(page)).toEqual([]);
      await page.click('#stop');
      const [, finished] = /^Done: (\d+)\sepochs/.exec(await ended(page))!;
      expect(Number(finished)).toBeGreaterThan(before);
      expect(errors).toEqual([]);
    },
  );

  test('the sample run trains on drawn pictures and names a new one', async () => {
    const { page, errors } = await openPage(browser, site.url);
    await page.click('#sample');
    await page.waitForSelector('#answer li', { timeout: 250_000 });
    expect(await axeFaults(page)).toEqual([]);
    expect(await page.textContent('#status')).toMatch(/^Done: 8\sepochs/);
    expect(await page.textContent('#answer li.first')).toContain('flower');
    expect(await page.textContent('#result')).toMatch(/its 54\s+tensors \([\d.]+\s+MB\) are the same, byte for byte\./);
    // The exported page is one file, which a double click opens.
    const hosted = join(await temporary(), 'model-page.html');
    await writeFile(hosted, await exported(page, 'page'));
    const opened = await (await browser.newContext()).newPage();
    const asked: string[] = [];
    opened.on('request', (request) => asked.push(request.url()));
    await opened.goto(`file://${hosted}`);
    await opened.waitForSelector('#choose:enabled');
    expect(await opened.textContent('#status')).toBe('It tells 3 classes apart: fish, flower, house.');
    expect(asked.filter((url) => !url.startsWith('blob:'))).toEqual([`file://${hosted}`]);

    // What is no photo takes the place of the photo before, here and there; the next photo takes its words away.
    const [bad, good] = ['bad.jpg', 'good.png'].map((name) => `${hosted}-${name}`) as [string, string];
    await writeFile(bad, 'no picture');
    await writeImage(good, draw(SUBJECTS.flower!, new Generator(7)));
    for (const [tab, field, fault] of [
      [opened, '#photo', '#fault'],
      [page, '#try-file', '#try-fault'],
    ] as const) {
      // Without a wait: the answer about the first must not come after the fault of the second.
      await tab.setInputFiles(field, good);
      await tab.setInputFiles(field, bad);
      await tab.waitForSelector(`${fault}:not(:empty)`);
      expect(await tab.textContent(fault)).toMatch(/bad\.jpg: is not an image that can be read/);
      expect(await tab.textContent('#answer')).toBe('Probabilities appear here.');
      expect(await tab.locator('#target img').count()).toBe(0);
      await tab.setInputFiles(field, good);
      await tab.waitForSelector('#answer li.first');
      expect(await tab.textContent(fault)).toBe('');
    }
    await opened.close();

    await page.click('#look-try');
    await page.waitForFunction(() => /“flower”/.test(document.querySelector('#look-status')!.textContent!));
    expect(await axeFaults(page)).toEqual([]);
    await page.keyboard.press('Escape');
    await page.locator('.peek').first().click();
    await page.selectOption('#look-class', { index: 2 });
    await page.waitForFunction(() => /“house”/.test(document.querySelector('#look-status')!.textContent!));
    await page.keyboard.press('Escape');

    // Held in its third epoch and reloaded, the comparison is still held there, and goes on.
    await page.click('#compare');
    const comparing = () =>
      page.waitForFunction(() => /^Epoch [3-8].*, from scratch/.test(document.querySelector('#status')!.textContent!), {
        timeout: 250_000,
      });
    await comparing();
    await page.click('#pause');
    expect(await axeFaults(page)).toEqual([]);
    await page.reload();
    await comparing();
    expect(await page.textContent('#speed')).toBe('paused');
    await page.click('#pause');
    await page.waitForSelector('.bars', { timeout: 250_000 });
    expect(await page.textContent('.bars')).toMatch(/^fine-tuned\d.*from scratch, best epoch\d/);
    expect(await axeFaults(page)).toEqual([]);
    await page.reload();
    await page.waitForSelector('.bars');
    await photosIn(page, 72);
    const dock = () =>
      page.evaluate(() => document.querySelector('.dock')!.getBoundingClientRect().bottom - innerHeight);
    const [photos, training] = await Promise.all(['#photos', '#training'].map((id) => page.locator(id).boundingBox()));
    expect(training!.x).toBeGreaterThan(photos!.x + photos!.width);
    await page.evaluate(() => scrollTo(0, document.body.scrollHeight));
    expect(await dock()).toBe(0);
    await page.setViewportSize({ width: 390, height: 800 });
    expect(await dock()).toBe(0);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
    expect(await axeFaults(page)).toEqual([]);
    // A failure is told until something else is chosen.
    await page.click('summary:has-text("More settings")');
    await page.fill('#learning-rate', '1e30');
    await page.click('#train');
    await page.waitForSelector('#status.fault', { timeout: 100_000 });
    expect(await page.textContent('#status')).toMatch(/^fit: the loss is no longer a number in epoch 1/);
    expect(await axeFaults(page)).toEqual([]);
    await page.fill('#learning-rate', '0.01');
    await page.locator('#learning-rate').blur();
    await page.waitForFunction(() => document.querySelector('#status')!.textContent === 'Ready to train.');
    expect(await page.locator('#status.fault').count()).toBe(0);
    await page.click('#clear');
    expect(await axeFaults(page)).toEqual([]);
    await page.click('#clear-yes');
    await photosIn(page, 0);
    await page.reload();
    await page.waitForFunction(() => /^Add photos/.test(document.querySelector('#status')!.textContent!));
    expect(await page.locator('.class').count()).toBe(2);
    expect(await axeFaults(page)).toEqual([]);
    expect(errors).toEqual([]);
  });
});
