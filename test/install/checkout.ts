/** A fresh clone of the working tree, and commands in it as somebody would type them. */
import { execFile, execFileSync } from 'node:child_process';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** Clones what git knows and would know of the working tree, its changes included, into `folder`. */
export function cloneWorkingTree(folder: string): void {
  const origin = `${folder}.origin`;
  const git = (...args: string[]) => execFileSync('git', ['-C', origin, ...args], { stdio: 'pipe' });
  const files = execFileSync('git', ['-C', root, 'ls-files', '-z', '--cached', '--others', '--exclude-standard']);
  for (const path of new Set(`${files}`.split('\0').filter(Boolean))) {
    try {
      cpSync(join(root, path), join(origin, path));
    } catch (error) {
      // Deleted, and git has not been told yet.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  git('init', '-q');
  git('add', '-A');
  git('-c', 'user.name=test', '-c', 'user.email=test@localhost', 'commit', '-qm', 'working tree');
  execFileSync('git', ['clone', '-q', origin, folder]);
}

/** What a command line prints on both streams. @throws Error with all of it, if it exits with anything but 0. */
export async function type(command: string, cwd: string): Promise<string> {
  // Vitest's own settings are not a newcomer's.
  const { NODE_OPTIONS: _, NODE_ENV: __, VITEST: ___, ...env } = process.env;
  const run = promisify(execFile)('bash', ['-c', command], { cwd, env, maxBuffer: 1 << 26 });
  const { stdout, stderr } = await run.catch((error: { code: number; stdout: string; stderr: string }) => {
    throw new Error(`${command}: exit ${error.code}\n${error.stdout}${error.stderr}`);
  });
  return stdout + stderr;
}
