/** The runtimes that regraft runs in beside browsers, and how a TypeScript program of this repository is started in each. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const path = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const CONDITION = '--conditions=regraft-source';
const DENO = [path('packages/node_modules/.bin/deno'), 'run', '-A', CONDITION];

interface Runtime {
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export const RUNTIMES = {
  node: { command: [process.execPath, '--import', import.meta.resolve('tsx'), CONDITION] },
  bun: { command: [path('packages/node_modules/.bin/bun'), CONDITION] },
  deno: { command: DENO },
  /** Deno's own WebGPU instead of Dawn. */
  'deno-wgpu': { command: DENO, env: { REGRAFT_ADAPTER: 'wgpu' } },
} satisfies Readonly<Record<string, Runtime>>;

export type RuntimeName = keyof typeof RUNTIMES;

/** Bun, Deno and what drives Firefox are a package of their own: `npm ci --prefix test/runtimes/packages`. */
export const installed = existsSync(path('packages/node_modules/.bin/deno'));

/** What a program prints; a path from this folder. @throws Error with its last words, if it fails. */
export async function runIn(runtime: RuntimeName, program: string, args: readonly string[] = []): Promise<string> {
  const { command, env }: Runtime = RUNTIMES[runtime];
  const [file, ...flags] = [...command, path(program), ...args];
  const { stdout } = await promisify(execFile)(file!, flags, {
    env: { ...process.env, NODE_OPTIONS: '', REGRAFT_TUNING: 'off', ...env },
    maxBuffer: 1 << 26,
  });
  return stdout;
}
