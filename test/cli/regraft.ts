/** Runs the command line from source, as a user would, and keeps what it prints. */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * `regraft` with these arguments in folder `cwd`.
 * @param watch sees the process and what it has printed on stderr so far
 * @param watchOutput the same for stdout
 */
export function regraft(
  args: readonly string[],
  cwd: string,
  watch?: (child: ChildProcess, stderr: string) => void,
  watchOutput?: (child: ChildProcess, stdout: string) => void,
): Promise<Outcome> {
  const flags = ['--import', import.meta.resolve('tsx'), '--conditions=regraft-source', main];
  const child = spawn(process.execPath, [...flags, ...args], { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    watchOutput?.(child, stdout);
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
    watch?.(child, stderr);
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
}
