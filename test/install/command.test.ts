/** `bin/regraft.js`: which program it starts. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));
const SOURCE = 'src/cli/main.ts';
const BUILT = 'dist/src/cli/main.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'regraft-command-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** What the command prints in a folder of these programs, each of which prints its own name and its arguments. */
function printed(programs: readonly string[], { installed = true } = {}): string {
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  cpSync(join(root, 'bin'), join(folder, 'bin'), { recursive: true });
  if (installed) symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  for (const program of programs) {
    mkdirSync(dirname(join(folder, program)), { recursive: true });
    writeFileSync(join(folder, program), `console.log('${program}', ...process.argv.slice(2));`);
  }
  const { stdout, stderr } = spawnSync(process.execPath, [join(folder, 'bin/regraft.js'), 'doctor'], {
    encoding: 'utf8',
  });
  return stdout + stderr;
}

test('a checkout runs its source, whatever an earlier build left', () => {
  expect(printed([SOURCE, BUILT])).toBe(`${SOURCE} doctor\n`);
});

test('a package, and a checkout without development dependencies, run what was built', () => {
  expect(printed([BUILT])).toBe(`${BUILT} doctor\n`);
  rmSync(join(folder, 'node_modules'));
  expect(printed([SOURCE, BUILT], { installed: false })).toBe(`${BUILT} doctor\n`);
});

test('a checkout that is not installed says so', () => {
  expect(printed([SOURCE], { installed: false })).toBe(
    'regraft: expected an installed checkout, found no node_modules. Run `npm ci`.\n',
  );
});
