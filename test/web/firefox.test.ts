/** The page in Firefox, whose WebGPU is wgpu: it trains its sample, and the conformance rows pass. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Group } from '../../web/conformance/messages.ts';
import { GROUPS, quickOf } from '../conformance.ts';
import { type Site, serveBuiltPage } from './browser.ts';
import { type FirefoxPage, firefoxPath, openFirefox } from './firefox.ts';

const NEEDS = 'needs firefox-esr and npm ci --prefix test/runtimes/packages';
const MINUTES = { timeout: 1_800_000 };

describe.skipIf(!firefoxPath)(`Firefox (${NEEDS})`, MINUTES, () => {
  let site: Site;
  let firefox: { page: FirefoxPage; close(): Promise<void> };
  let errors: string[];
  beforeAll(async () => {
    site = await serveBuiltPage();
  });
  afterAll(() => site?.close());
  beforeEach(async () => {
    firefox = await openFirefox();
    errors = [];
    firefox.page.on('pageerror', ({ message }) => errors.push(message));
  });
  afterEach(() => firefox?.close());

  async function open(path: string): Promise<FirefoxPage> {
    const { page } = firefox;
    await page.goto(`${site.url}${path}`);
    const found = () => !document.querySelector('#device')!.textContent!.startsWith('Looking');
    await page.waitForFunction(found, { timeout: 60_000 });
    return page;
  }

  const whenDone = (page: FirefoxPage) =>
    page.waitForFunction(() => /^(Done|Stopped|Broken off)/.test(document.querySelector('#status')!.textContent!), {
      timeout: 0,
    });
  const statusOf = (page: FirefoxPage) => page.$eval('#status', (element) => element.textContent!);

  test('trains the page’s sample; an adapter that tells no name is called by its browser', async () => {
    const page = await open('');
    expect(await page.$eval('#device', (element) => element.textContent!)).toBe(
      'No GPU: unnamed adapter of Firefox does its work on the CPU, slowly.',
    );
    await page.click('#sample');
    await whenDone(page);
    expect(await statusOf(page)).toMatch(/^Done: \d+\sepochs/);
    expect(errors).toEqual([]);
  });

  async function expectRows(groups: readonly Group[]): Promise<void> {
    const page = await open('conformance.html');
    for (const group of GROUPS) {
      const isChosen =
        (await page.$eval(`[value=${group}]`, (box) => `${(box as HTMLInputElement).checked}`)) === 'true';
      if (isChosen !== groups.includes(group)) await page.click(`[value=${group}]`);
    }
    if (process.env.REGRAFT_SLOW) await page.click('#slow');
    await page.click('#run');
    await whenDone(page);
    const rows = groups.reduce((sum, group) => sum + quickOf(group).length, 0);
    expect(await statusOf(page)).toBe(`Done: all ${rows} rows that ran pass.`);
    expect(errors).toEqual([]);
  }

  test('rows of autograd and logits pass', () => expectRows(['autograd', 'logits']));

  test.skipIf(!process.env.REGRAFT_SLOW)('every row passes (takes minutes: REGRAFT_SLOW=1)', () => expectRows(GROUPS));
});
