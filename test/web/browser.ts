/** Chromium on the built page: building, serving, launching. */
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { build } from 'vite';

const executable = process.env.REGRAFT_CHROMIUM ?? '/usr/bin/chromium';

/** The browser's program, or undefined where it is absent: tests that need it then skip, by name. */
export const chromiumPath: string | undefined = existsSync(executable) ? executable : undefined;

/** WebGPU on the CPU, and nothing that asks the network. */
const GPU = ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'];
const QUIET = [
  '--headless',
  '--no-sandbox',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--use-fake-device-for-media-stream',
  '--use-fake-ui-for-media-stream',
];

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
};

export interface Site {
  readonly url: string;
  /** Where its files are. */
  readonly folder: string;
  /** The files that were asked for so far. */
  readonly served: ReadonlySet<string>;
  close(): Promise<void>;
}

/** Builds the page into a temporary folder and serves it. */
export async function serveBuiltPage(): Promise<Site> {
  const folder = await mkdtemp(join(tmpdir(), 'regraft-web-'));
  const configFile = fileURLToPath(new URL('../../vite.config.ts', import.meta.url));
  await build({ configFile, logLevel: 'error', mode: 'production', build: { outDir: folder, emptyOutDir: true } });
  return serveFolder(folder);
}

/** Serves files by name from a temporary folder. */
export async function serveFiles(files: Readonly<Record<string, Uint8Array>>): Promise<Site> {
  const folder = await mkdtemp(join(tmpdir(), 'regraft-web-'));
  for (const [name, bytes] of Object.entries(files)) await writeFile(join(folder, name), bytes);
  return serveFolder(folder);
}

/** Serves a folder, which goes when the site is closed. */
export async function serveFolder(folder: string): Promise<Site> {
  const served = new Set<string>();
  const server = createServer((request, response) => {
    const path = new URL(request.url!, 'http://localhost').pathname;
    const file = join(folder, path === '/' ? 'index.html' : path);
    const found = existsSync(file);
    if (found) served.add(file);
    response.writeHead(found ? 200 : 404, { 'content-type': TYPES[extname(file)] ?? 'application/octet-stream' });
    response.end(found ? readFileSync(file) : '');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://localhost:${(server.address() as AddressInfo).port}/`,
    folder,
    served,
    close: async () => {
      server.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export function launch({ gpu = true }: { gpu?: boolean } = {}): Promise<Browser> {
  return chromium.launch({ executablePath: chromiumPath!, args: [...QUIET, ...(gpu ? GPU : [])] });
}

/** A page whose uncaught errors are collected in `errors`. */
export async function openPage(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<{ page: Page; errors: string[] }> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(error.message));
  await page.goto(url);
  await page.waitForFunction(() => !document.querySelector('#device')!.textContent!.startsWith('Looking'));
  return { page, errors };
}

const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

/** Serious and critical findings of axe, in light and in dark. */
export async function axeFaults(page: Page): Promise<string[]> {
  await page.evaluate(readFileSync(axe, 'utf8'));
  const faults: string[] = [];
  for (const colorScheme of ['dark', 'light'] as const) {
    await page.emulateMedia({ colorScheme });
    const found = await page.evaluate(async () => {
      const { violations } = await (globalThis as unknown as { axe: typeof import('axe-core') }).axe.run(document);
      return violations
        .filter(({ impact }) => impact === 'serious' || impact === 'critical')
        .map(({ id, nodes }) => `${id}: ${nodes[0]!.html}`);
    });
    faults.push(...found.map((fault) => `${colorScheme}: ${fault}`));
  }
  return faults;
}

/**
 * The longest task of the page's main thread while `work` is done, in milliseconds of that thread's own time: what other programs
 * take from the processor does not count.
 */
export async function longestTask(page: Page, work: () => Promise<void>): Promise<number> {
  const browser = page.context().browser()!;
  await browser.startTracing(page, { categories: ['toplevel', 'blink.user_timing'] });
  await page.evaluate(() => performance.mark('main thread'));
  await work();
  const { traceEvents } = JSON.parse(`${await browser.stopTracing()}`) as { traceEvents: TraceEvent[] };
  const { pid, tid } = traceEvents.find(({ name }) => name === 'main thread')!;
  const tasks = traceEvents.filter((e) => e.pid === pid && e.tid === tid && e.tdur !== undefined);
  if (tasks.length === 0) throw new Error('the trace has no tasks with their time');
  return Math.max(...tasks.map(({ tdur }) => tdur! / 1000));
}

interface TraceEvent {
  readonly name: string;
  readonly pid: number;
  readonly tid: number;
  /** Microseconds of the thread's time. */
  readonly tdur?: number;
}
