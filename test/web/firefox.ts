/** Firefox with WebGPU on the CPU, driven over WebDriver BiDi. */
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installed } from '../runtimes/runtimes.ts';

const executable = process.env.REGRAFT_FIREFOX ?? '/usr/bin/firefox-esr';

/** The browser's program, or undefined where it or its driver is absent: tests that need it then skip, by name. */
export const firefoxPath: string | undefined = installed && existsSync(executable) ? executable : undefined;

/** The part of puppeteer's page that is used here. */
export interface FirefoxPage {
  on(event: 'pageerror', listener: (error: Error) => void): void;
  goto(url: string): Promise<unknown>;
  click(selector: string): Promise<void>;
  waitForFunction(test: () => unknown, options: { timeout: number }): Promise<unknown>;
  $eval(selector: string, read: (element: Element) => string): Promise<string>;
  evaluate<T>(read: () => T): Promise<T>;
}

interface Launched {
  newPage(): Promise<FirefoxPage>;
  close(): Promise<void>;
}

/** Opens an empty page of a Firefox with a profile of its own, which goes with it. */
export async function openFirefox(): Promise<{ page: FirefoxPage; close(): Promise<void> }> {
  const require = createRequire(new URL('../runtimes/packages/', import.meta.url));
  const { default: puppeteer } = await import(require.resolve('puppeteer-core'));
  const userDataDir = await mkdtemp(join(tmpdir(), 'regraft-firefox-'));
  const browser: Launched = await puppeteer.launch({
    browser: 'firefox',
    executablePath: firefoxPath,
    headless: true,
    userDataDir,
    // How long an answer may take is each test's own limit.
    protocolTimeout: 0,
    env: { ...process.env, MOZ_DISABLE_CONTENT_SANDBOX: '1', MOZ_DISABLE_GPU_SANDBOX: '1' },
    extraPrefsFirefox: {
      'dom.webgpu.enabled': true,
      'gfx.webgpu.ignore-blocklist': true,
      'gfx.webrender.software': true,
    },
  });
  return {
    page: await browser.newPage(),
    close: async () => {
      await browser.close();
      await rm(userDataDir, { recursive: true, force: true });
    },
  };
}
