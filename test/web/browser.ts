/** Chromium on the built page: building, serving, launching. */
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
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
  close(): Promise<void>;
}

/** Builds the page into a temporary folder and serves it. */
export async function serveBuiltPage(): Promise<Site> {
  const folder = await mkdtemp(join(tmpdir(), 'regraft-web-'));
  const configFile = fileURLToPath(new URL('../../vite.config.ts', import.meta.url));
  await build({ configFile, logLevel: 'error', mode: 'production', build: { outDir: folder, emptyOutDir: true } });
  const server = createServer((request, response) => {
    const path = new URL(request.url!, 'http://localhost').pathname;
    const file = join(folder, path === '/' ? 'index.html' : path);
    const found = existsSync(file);
    response.writeHead(found ? 200 : 404, { 'content-type': TYPES[extname(file)] ?? 'application/octet-stream' });
    response.end(found ? readFileSync(file) : '');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://localhost:${(server.address() as AddressInfo).port}/`,
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
