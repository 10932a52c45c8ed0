/** What a newcomer does first: the README's commands in a fresh clone, and the package in a project of one's own. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chromiumPath, launch, serveFolder } from '../web/browser.ts';
import { cloneWorkingTree, type } from './checkout.ts';
import { COMMON_JS, MODULE, PAGE, PRINTED, plain, tsconfig, WORKER } from './project.ts';
import { readmeCommands, writeInputs } from './readme.ts';

const SLOW = { timeout: 1_200_000 };
const isSlow = !!process.env.REGRAFT_SLOW;
const root = fileURLToPath(new URL('../../', import.meta.url));

test('the package holds the program, the library and the page, nothing else', async () => {
  const [{ files }] = JSON.parse(await type('npm pack --dry-run --ignore-scripts --json 2>/dev/null', root));
  const places = files.map(({ path }: { path: string }) => path.split('/').slice(0, 2).join('/'));
  const expected = ['LICENSE', 'README.md', 'bin/regraft.js', 'package.json'];
  const built = ['dist/bench', 'dist/src', 'dist/types', 'dist/web'];
  expect([...new Set<string>(places)].filter((place) => !built.includes(place)).sort()).toEqual(expected);
});

test('the README’s first commands are those of a clone', () => {
  expect(readmeCommands().slice(0, 2)).toEqual(['npm ci', 'npx regraft --help']);
});

describe.skipIf(!isSlow)('in an empty folder (installs packages and builds: REGRAFT_SLOW=1)', SLOW, () => {
  const folder = mkdtempSync(join(tmpdir(), 'regraft-install-'));
  const clone = join(folder, 'regraft');
  const project = join(folder, 'project');
  const write = (name: string, text: string) => writeFileSync(join(project, name), text);

  beforeAll(() => {
    cloneWorkingTree(clone);
    mkdirSync(project);
    write('package.json', '{ "type": "module" }');
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('before npm ci the command says what to do, and afterwards it runs', async () => {
    await expect(type('npx --yes regraft --version', clone)).rejects.toThrow(
      'regraft: expected an installed checkout, found no node_modules. Run `npm ci`.',
    );
    await type('npm ci', clone);
    expect(await type('npx regraft --version', clone)).toContain('0.1.0\n');
    expect(readdirSync(clone)).not.toContain('dist');
  });

  test('the README’s commands run in order', async () => {
    await writeInputs(clone);
    for (const command of readmeCommands()) await type(command, clone);
    expect(readdirSync(join(clone, 'runs/insects'))).toContain('report.html');
  });

  test('a git address gives a project the built package', async () => {
    await type(`npm install git+file://${clone}`, project);
    expect(readdirSync(join(project, 'node_modules/regraft/dist')).sort()).toEqual(['bench', 'src', 'types', 'web']);
    expect(await type('npx regraft --version', project)).toContain('0.1.0\n');
  });

  test('npm pack gives a package that modules, require and worker threads import', async () => {
    await type('npm pack', clone);
    await type(`npm install ${clone}/regraft-0.1.0.tgz`, project);
    write('module.mjs', plain(MODULE));
    write('common.cjs', COMMON_JS);
    write('worker.mjs', WORKER);
    expect(await type('node module.mjs 2>/dev/null', project)).toBe(PRINTED);
    expect(await type('node common.cjs 2>/dev/null', project)).toBe('2 2,4\n');
    expect(await type('node worker.mjs 2>/dev/null', project)).toBe('2,4\n');
  });

  test('its types hold without anybody else’s, on TypeScript 5.9 and 6', async () => {
    await type('npm install typescript5@npm:typescript@5.9 typescript6@npm:typescript@6.0', project);
    write('program.mts', `declare const console: { log(...values: unknown[]): void };${MODULE}`);
    for (const version of [5, 6])
      for (const [module, resolution] of [
        ['node16', 'node16'],
        ['esnext', 'bundler'],
      ] as const) {
        write('tsconfig.json', tsconfig(module, resolution));
        expect(await type(`node node_modules/typescript${version}/bin/tsc -p .`, project)).toBe('');
      }
  });

  test('esbuild bundles it for Node and for browsers', async () => {
    write('module.mjs', plain(MODULE));
    const esbuild = join(root, 'node_modules/.bin/esbuild');
    const bundle = `${esbuild} module.mjs --bundle --format=esm --splitting --log-level=error`;
    await type(`${bundle} --outdir=browser`, project);
    await type(`${bundle} --platform=node --packages=external --outdir=node`, project);
    expect(await type('node node/module.js 2>/dev/null', project)).toBe(PRINTED);
  });

  test.skipIf(!chromiumPath)('Vite bundles it, and it runs in Chromium (needs /usr/bin/chromium)', async () => {
    write('index.html', PAGE);
    await build({ root: project, configFile: false, logLevel: 'error', build: { target: 'es2022' } });
    const [site, browser] = await Promise.all([serveFolder(join(project, 'dist')), launch()]);
    try {
      const page = await browser.newPage();
      await page.goto(site.url);
      await page.waitForFunction(() => document.title);
      expect(await page.title()).toBe('2,4');
    } finally {
      await browser.close();
      await site.close();
    }
  });
});
