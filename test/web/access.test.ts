/** The page for whoever comes: by keyboard alone, with a camera, with bad files, in a second tab, without WebGPU. */

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { readWeights } from 'regraft/io';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { draw } from '../../examples/quickstart/draw.ts';
import { SUBJECTS } from '../../examples/quickstart/subjects.ts';
import { Generator } from '../../src/core/random.ts';
import { writeImage } from '../../src/data/images/encode.ts';
import { regraft } from '../cli/regraft.ts';
import { axeFaults, chromiumPath, launch, openPage, type Site, serveBuiltPage } from './browser.ts';

// Software adapters are slow where other programs want the processor too.
const PATIENCE = { timeout: 400_000 };

describe.skipIf(!chromiumPath)('visitors in Chromium (needs REGRAFT_CHROMIUM or /usr/bin/chromium)', PATIENCE, () => {
  let site: Site;
  let browser: Browser;
  let folder: string;

  beforeAll(async () => {
    [site, browser, folder] = await Promise.all([
      serveBuiltPage(),
      launch(),
      mkdtemp(join(tmpdir(), 'regraft-visit-')),
    ]);
  });
  afterAll(async () => {
    await browser?.close();
    await site?.close();
    await rm(folder, { recursive: true, force: true });
  });

  /** Number of photos that the page shows. */
  const photosIn = (page: Page, count: number) =>
    page.waitForFunction((n) => document.querySelectorAll('.photos img').length === n, count);

  test('by keyboard alone: from the empty page to a trained network, a prediction and its files', async () => {
    const flower = join(folder, 'flower.png');
    await writeImage(flower, draw(SUBJECTS.flower!, new Generator(7)));
    const { page, errors } = await openPage(browser, site.url);
    const focused = () => page.evaluate(() => document.activeElement!.id);
    /** Tab by Tab to what `selector` names; each stop on the way can be seen. @returns how many */
    const tabTo = async (selector: string): Promise<number> => {
      for (let stops = 1; stops < 60; stops++) {
        await page.keyboard.press('Tab');
        const { there, shown } = await page.evaluate((wanted) => {
          const stop = document.activeElement!;
          const { outlineStyle, outlineWidth } = getComputedStyle(stop);
          const { width, height } = stop.getBoundingClientRect();
          const shown = outlineStyle !== 'none' && Number.parseFloat(outlineWidth) >= 2 && width > 0 && height > 0;
          return { there: stop.matches(wanted), shown: shown || stop === document.body };
        }, selector);
        expect({ at: await page.evaluate(() => document.activeElement!.outerHTML.slice(0, 80)), shown }).toMatchObject({
          shown: true,
        });
        if (there) return stops;
      }
      throw new Error(`no Tab leads to ${selector}`);
    };
    await page.evaluate(() => {
      const spoken = document.querySelector('#spoken')!;
      const said: string[] = [];
      new MutationObserver(() => said.push(spoken.textContent!)).observe(spoken, { childList: true });
      Object.assign(globalThis, { said });
    });
    /** Waits until a screen reader was told so. */
    const said = (text: RegExp) =>
      page.waitForFunction(
        (pattern) => (globalThis as unknown as { said: string[] }).said.some((line) => new RegExp(pattern).test(line)),
        text.source,
        { timeout: 100_000 },
      );

    await tabTo('#sample');
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => document.activeElement!.id === 'pause', null, { timeout: 100_000 });
    await page.keyboard.press('Space');
    await said(/^Paused$/);
    await page.keyboard.press('Space');
    await said(/^Resumed$/);
    await said(/^Training is done\. \S+\s% of the held-out photos/);
    await said(/^Epoch 8: loss \S+, accuracy/);
    await said(/^flower, /);
    expect(await focused()).toBe('train');

    // A list of photos is one stop; arrows go from photo to photo.
    await page.focus('#sample');
    await tabTo('.photos .remove');
    const label = () => page.evaluate(() => document.activeElement!.getAttribute('aria-label'));
    expect(await label()).toBe('Remove fish-1.png');
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('End');
    expect(await label()).toBe('Remove fish-24.png');
    await page.keyboard.press('Enter');
    await photosIn(page, 71);
    expect(await label()).toBe('Remove fish-23.png');
    expect(await tabTo('#model')).toBeLessThan(25);
    expect(await page.locator('#stages small').allTextContents()).toEqual([
      'edges and colours',
      'textures and shapes',
      'parts of things',
      'whole things',
      'the answer: your classes',
    ]);
    await tabTo('#unfreeze');
    await page.keyboard.press('ArrowRight');
    expect(await page.getAttribute('#unfreeze', 'aria-valuetext')).toMatch(/^from layer3 on, 230,/);

    // Playwright begins to catch file choosers when somebody listens, and does not wait until it does.
    page.on('filechooser', () => {});
    await page.evaluate(() => document.title);
    await tabTo('#choose');
    const [chooser] = await Promise.all([page.waitForEvent('filechooser'), page.keyboard.press('Enter')]);
    await page.evaluate(() => document.querySelector('#answer')!.replaceChildren());
    await chooser.setFiles(flower);
    await page.waitForSelector('#answer li.first');
    const inBrowser = await page.evaluate(
      () => JSON.parse(document.querySelector<HTMLElement>('#answer')!.dataset.probabilities!) as number[],
    );
    await tabTo('#look-try');
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => /“flower”/.test(document.querySelector('#look-status')!.textContent!));
    await page.keyboard.press('Escape');
    expect(await focused()).toBe('look-try');

    // What is taken away opens on the command line, as a zip and as its weights alone.
    for (const [kind, name] of [
      ['folder', 'model.zip'],
      ['safetensors', 'model.safetensors'],
    ] as const) {
      await tabTo(`[data-export=${kind}]`);
      const [download] = await Promise.all([page.waitForEvent('download'), page.keyboard.press('Enter')]);
      await download.saveAs(join(folder, name));
      const { code, stdout, stderr } = await regraft(['predict', name, 'flower.png', '--json'], folder);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      const [{ top }] = JSON.parse(stdout) as [{ top: { label: string; probability: number }[] }];
      const inNode = ['fish', 'flower', 'house'].map((c) => top.find(({ label }) => label === c)!.probability);
      expect(Math.max(...inNode.map((p, i) => Math.abs(p - inBrowser[i]!)))).toBeLessThan(1e-3);
    }

    // The network outlives a photo that was removed; what needs all of them says so.
    await page.reload();
    await page.waitForSelector('.headline');
    await page.click('#compare');
    await page.waitForFunction(() => /^comparison/.test(document.querySelector('#status')!.textContent!));
    expect(await page.textContent('#status')).toBe(
      'comparison: photos of the run are gone (1). Train again, then compare.',
    );
    expect(await page.isEnabled('[data-export=folder]')).toBe(true);
    expect(errors).toEqual([]);
  });

  test('photos come from the camera', async () => {
    const { page, errors } = await openPage(browser, site.url);
    await page.getByRole('button', { name: 'Camera' }).first().click();
    await page.waitForSelector('#record:enabled');
    await page.click('#record');
    await page.waitForFunction(() => /^[3-9] photos taken/.test(document.querySelector('#camera-note')!.textContent!));
    expect(await axeFaults(page)).toEqual([]);
    await page.keyboard.press('Escape');
    await page.waitForFunction(() => document.querySelectorAll('.photos img').length >= 3);
    await page.selectOption('#model', 'resnet50');
    await page.waitForFunction(() => document.querySelectorAll('#stages > li').length === 6);
    await page.locator('#stages summary').nth(4).click();
    expect(await axeFaults(page)).toEqual([]);
    expect(errors).toEqual([]);
  });

  test('bad files get the words of the command line', async () => {
    const { page } = await openPage(browser, site.url);
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
    expect(await axeFaults(page)).toEqual([]);

    // Each goes when its cause does.
    const flower = join(folder, 'good.png');
    await writeImage(flower, draw(SUBJECTS.flower!, new Generator(7)));
    await page.locator('.class input[type=file]').first().setInputFiles(flower);
    await photosIn(page, 1);
    expect(await page.textContent('.faults')).toBe('');
    await page.selectOption('#model', 'resnet18');
    expect(await page.textContent('#weights-fault')).toBe('');
  });

  test('a second tab says that the first keeps the work', async () => {
    const { page } = await openPage(browser, site.url);
    const other = await page.context().newPage();
    await other.goto(site.url);
    await other.waitForFunction(() => /another tab/.test(document.querySelector('#kept')!.textContent!));
    expect(await other.textContent('#kept')).toBe(
      'The page is open in another tab, which keeps its work. What is done here will be gone after a reload.',
    );
    expect(await axeFaults(other)).toEqual([]);
  });

  test('without WebGPU the page says how to get it', async () => {
    const plain = await launch({ gpu: false });
    try {
      const { page, errors } = await openPage(plain, site.url);
      await page.waitForSelector('#notice:not([hidden])');
      expect(await page.textContent('#notice')).toContain('Turn on hardware acceleration');
      expect(await page.isDisabled('#train')).toBe(true);
      expect(await axeFaults(page)).toEqual([]);
      expect(errors).toEqual([]);
    } finally {
      await plain.close();
    }
  });
});
