/** The conformance page in Chromium: the rows that run in Node, all of them, and what a visitor sees and saves. */
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Group } from '../../web/conformance/messages.ts';
import type { Report } from '../../web/conformance/run.ts';
import { GROUPS, quickOf } from '../conformance.ts';
import { titleOf } from '../measurement.ts';
import { autogradChecks } from '../ops/autograd-checks.ts';
import { axeFaults, chromiumPath, launch, openPage, type Site, serveBuiltPage } from './browser.ts';

const versionOf = (file: string): string =>
  JSON.parse(readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8')).version;

describe.skipIf(!chromiumPath)('the conformance page in Chromium (needs REGRAFT_CHROMIUM or /usr/bin/chromium)', () => {
  let site: Site;
  let browser: Browser;

  beforeAll(async () => {
    [site, browser] = await Promise.all([serveBuiltPage(), launch()]);
  });
  afterAll(async () => {
    await browser?.close();
    await site?.close();
  });

  const open = (which: Browser = browser) => openPage(which, `${site.url}conformance.html`);

  async function begin(page: Page, groups: readonly Group[]): Promise<void> {
    for (const group of GROUPS) await page.setChecked(`[value=${group}]`, groups.includes(group));
    await page.setChecked('#slow', !!process.env.REGRAFT_SLOW);
    await page.click('#run');
  }

  /** When the run has ended; how long that may take is the test's own limit. */
  const whenDone = (page: Page) =>
    page.waitForFunction(
      () => /^(Done|Stopped|Broken off)/.test(document.querySelector('#status')!.textContent!),
      null,
      { timeout: 0 },
    );

  async function saved(page: Page): Promise<Report> {
    const [download] = await Promise.all([page.waitForEvent('download'), page.click('#save')]);
    expect(download.suggestedFilename()).toMatch(/^regraft-conformance-\d{4}-\d\d-\d\d\.json$/);
    return JSON.parse(await readFile(await download.path(), 'utf8'));
  }

  /** Runs groups to their end and holds every row to Node's: the quick ones, with REGRAFT_SLOW=1 all. */
  async function expectNodesRows(groups: readonly Group[]): Promise<void> {
    const { page, errors } = await open();
    await begin(page, groups);
    await whenDone(page);
    const report = await saved(page);
    const off = report.results.filter(({ pass }) => !pass);
    expect(off).toEqual([]);
    for (const group of groups)
      expect(report.results.filter((r) => r.group === group).map((r) => `${r.subject}: ${r.name}`)).toEqual(
        quickOf(group).map(titleOf),
      );
    expect(await page.textContent('#status')).toBe(`Done: all ${report.results.length} rows that ran pass.`);
    expect(errors).toEqual([]);
    await page.context().close();
  }

  test('every row of ops, gradients and autograd passes as in Node', async () => {
    await expectNodesRows(['ops', 'differences', 'autograd']);
  }, 600_000);

  test('the logits of every family are PyTorch’s', async () => {
    await expectNodesRows(['logits']);
  }, 600_000);

  test.skipIf(!process.env.REGRAFT_SLOW)(
    'gradients and ten steps of every family are PyTorch’s (takes minutes on a software adapter: REGRAFT_SLOW=1)',
    async () => {
      await expectNodesRows(['training']);
    },
    1_800_000,
  );

  test('shows a table of autograd, the adapter and a report for a bug; axe finds nothing serious', async () => {
    const { page, errors } = await open();
    expect(await axeFaults(page)).toEqual([]);
    expect(await page.textContent('#adapter')).toContain('Largest binding');
    await begin(page, ['autograd']);
    await whenDone(page);
    expect(await page.locator('#tables tbody tr').count()).toBe(autogradChecks.length);
    expect(new Set(await page.locator('#tables .verdict.good').allTextContents())).toEqual(new Set(['pass']));
    const { regraft, userAgent, adapter, complete, passed, failed } = await saved(page);
    expect({ regraft, complete, passed, failed }).toEqual({
      regraft: versionOf('package.json'),
      complete: true,
      passed: autogradChecks.length,
      failed: 0,
    });
    expect(userAgent).toContain('Chrome/');
    expect(await page.textContent('#device')).toContain(adapter.description);
    expect(adapter.limits.maxStorageBufferBindingSize).toBeGreaterThanOrEqual(2 ** 27);
    await page.setViewportSize({ width: 375, height: 800 });
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(375);
    expect(await axeFaults(page)).toEqual([]);
    expect(errors).toEqual([]);
    await page.context().close();
  });

  test('a row that is off is named, with the element; a run can be stopped', async () => {
    const { page, errors } = await open();
    // What PyTorch gave for the first row of abs, made wrong: its first element becomes 2.
    await page.context().route(/\/abs-[^/]*\.js$/, async (route) => {
      const response = await route.fetch();
      const body = (await response.text()).replace(/(output:\s*\{.*?float32:\s*["'`])\S{4}/s, '$1AAAA');
      await route.fulfill({ response, body });
    });
    await begin(page, ['ops']);
    await page.waitForSelector('#failures:not([hidden])');
    await page.click('#stop');
    expect(await page.textContent('#failure-list')).toMatch(
      /^abs: [^:]+ output: 1 of \d+ values are off; element 0 is \S+, expected \S+ \(\S+ of the largest\)\.$/,
    );
    expect(await page.locator('.verdict.bad').textContent()).toMatch(/^1 off$|^off$/);
    expect(await page.textContent('#status')).toMatch(/^Stopped: 1 of \d+ rows are off\. \d+ did not run\.$/);
    expect(await page.locator('tr', { hasText: 'conv2d' }).locator('.verdict').textContent()).toMatch(/^\d+ not run$/);
    expect(await axeFaults(page)).toEqual([]);
    const { complete, failed, results } = await saved(page);
    expect({ complete, failed }).toEqual({ complete: false, failed: 1 });
    expect(results.find(({ pass }) => !pass)!.subject).toBe('abs');
    await page.waitForSelector('#run:not([disabled])');
    expect(errors).toEqual([]);
    await page.context().close();
  });

  test('without WebGPU the page says how to get it', async () => {
    const plain = await launch({ gpu: false });
    try {
      const { page, errors } = await open(plain);
      await page.waitForSelector('#notice:not([hidden])');
      expect(await page.textContent('#notice')).toContain('Turn on hardware acceleration');
      expect(await page.textContent('#status')).toBe('Without WebGPU there is nothing to check.');
      expect(await page.isDisabled('#run')).toBe(true);
      expect(await axeFaults(page)).toEqual([]);
      expect(errors).toEqual([]);
    } finally {
      await plain.close();
    }
  });
});
