/** The browser page's three files, bundled with the configuration that it shows, in Chromium: files in, a weight file out. */
import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { build } from 'vite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { init } from '../../src/graph/init.ts';
import { readWeights } from '../../src/io/index.ts';
import { chromiumPath, launch, type Site, serveFiles } from '../web/browser.ts';
import { Page } from './markdown.ts';
import { makeWorkspace } from './workspace.ts';

describe.skipIf(chromiumPath === undefined)('docs/guide/browser.md in Chromium', () => {
  let folder: string;
  let workspace: string;
  let site: Site;
  let browser: Browser;

  beforeAll(async () => {
    await init();
    workspace = await makeWorkspace();
    folder = await mkdtemp(join(tmpdir(), 'regraft-guide-page-'));
    const [worker, page, html] = new Page('docs/guide/browser.md').blocks;
    await writeFile(join(folder, 'worker.ts'), worker!.lines.join('\n'));
    await writeFile(join(folder, 'page.ts'), page!.lines.join('\n'));
    await writeFile(join(folder, 'index.html'), html!.lines.join('\n'));
    await symlink(join(workspace, 'node_modules'), join(folder, 'node_modules'), 'dir');
    await build({
      root: folder,
      configFile: false,
      logLevel: 'error',
      worker: { format: 'es' },
      build: { assetsDir: '' },
      // From source, as all tests are; an application takes what is built.
      resolve: { conditions: ['regraft-source', 'browser', 'module'] },
    });
    const files = await readdir(join(folder, 'dist'));
    const contents = await Promise.all(files.map(async (name) => [name, await readFile(join(folder, 'dist', name))]));
    site = await serveFiles(Object.fromEntries(contents));
    browser = await launch();
  });
  afterAll(async () => {
    await browser?.close();
    await site?.close();
    for (const path of [folder, workspace]) await rm(path, { recursive: true, force: true });
  });

  test('trains on picked photos and gives the model', async () => {
    const page = await browser.newPage();
    await page.goto(site.url);
    await page.setInputFiles('#weights', join(workspace, 'squeezenet1_1.pth'));
    for (const name of ['ants', 'bees']) {
      const photos = join(workspace, 'photos/train', name);
      await page.setInputFiles(
        `#${name}`,
        (await readdir(photos)).map((file) => join(photos, file)),
      );
    }
    await page.click('#train');
    await page.waitForFunction(() => /^Done|rror/.test(document.querySelector('#status')!.textContent!), null, {
      timeout: 100_000,
    });
    expect(await page.textContent('#status')).toMatch(/^Done: \d+ bytes\.$/);
    const [download] = await Promise.all([page.waitForEvent('download'), page.click('#download')]);
    const state = await readWeights(await download.path());
    expect(state.get('classifier.1.weight')!.shape).toEqual([2, 512, 1, 1]);
  });
});
