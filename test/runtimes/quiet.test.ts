/** Standard error holds what the program says and no word of Dawn's or Mesa's, whatever it is: a pipe, a socket, a file. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { installed, RUNTIMES } from './runtimes.ts';

const folder = mkdtempSync(join(tmpdir(), 'regraft-quiet-'));
afterAll(() => rmSync(folder, { recursive: true }));

const path = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const COMMAND = [path('../../src/cli/main.ts'), 'doctor'];
const PROGRAM = [path('quiet-program.ts')];
const quoted = (words: readonly string[]) => words.map((word) => `'${word}'`).join(' ');

type Runtime = 'node' | 'bun' | 'deno';
/** Ways to hand a program its standard error; each gives what was written there. */
const STREAMS = {
  socket: (words: readonly string[]) => said(words, 'pipe'),
  pipe: (words: readonly string[]) => said(['sh', '-c', `${quoted(words)} 2>&1 >/dev/null | cat >&2`], 'pipe'),
  file: (words: readonly string[]) => said(words, 'w'),
  'file that is appended to': (words: readonly string[]) => said(words, 'a'),
} as const;

async function said([file, ...args]: readonly string[], to: 'pipe' | 'w' | 'a', env = {}): Promise<string> {
  const name = join(folder, 'stderr');
  rmSync(name, { force: true });
  const stderr = to === 'pipe' ? to : openSync(name, to);
  const child = spawn(file!, args, {
    stdio: ['ignore', 'ignore', stderr],
    env: { ...process.env, NODE_OPTIONS: '', REGRAFT_TUNING: 'off', ...env },
  });
  let text = '';
  child.stderr?.setEncoding('utf8').on('data', (part: string) => {
    text += part;
  });
  const [code] = await once(child, 'close');
  const written = to === 'pipe' ? text : readFileSync(name, 'utf8');
  expect(code, written).toBe(0);
  return written;
}

const words = (runtime: Runtime, rest: readonly string[]) => [...RUNTIMES[runtime].command, ...rest];

describe.each(['node', 'bun', 'deno'] as const)('%s', (runtime) => {
  describe.skipIf(runtime !== 'node' && !installed)(
    '(others than Node need npm ci --prefix test/runtimes/packages)',
    () => {
      test.each(Object.keys(STREAMS) as (keyof typeof STREAMS)[])('the command line, into a %s', async (stream) => {
        expect(await STREAMS[stream](words(runtime, COMMAND))).toBe('');
      });
      test.each(Object.keys(STREAMS) as (keyof typeof STREAMS)[])('a program, into a %s', async (stream) => {
        expect(await STREAMS[stream](words(runtime, PROGRAM))).toBe('own line\n');
      });
      test('a cache folder that is none', async () => {
        const file = join(folder, 'file');
        writeFileSync(file, '');
        expect(await said(words(runtime, PROGRAM), 'w', { XDG_CACHE_HOME: file })).toBe('own line\n');
      });
    },
  );
});

test('other words of drivers come through', async () => {
  const driver = 'a driver that fails says so\n';
  const dawn =
    'Warning: maxDynamicUniformBuffersPerPipelineLayout artificially reduced from 500000 to 16 to fit dynamic offset allocation limit.\n';
  expect(await said(words('node', [...PROGRAM, dawn + driver + dawn]), 'w')).toBe(`${driver}own line\n`);
});
