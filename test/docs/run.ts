/** Runs a page's program as a user would: in a folder of files, by Node. */
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import type { Page } from './markdown.ts';
import { programOf, typescriptOf } from './program.ts';

/**
 * Runs all blocks of a page but those that a comment excuses.
 * @returns what it printed: lines, without indentation.
 * @throws what Node says where the program fails.
 */
export async function run(page: Page, folder: string): Promise<string[]> {
  const file = join(folder, `${basename(page.path)}.mts`);
  const blocks = typescriptOf(page).filter(({ notRun }) => notRun === undefined);
  await writeFile(file, programOf(page, blocks));
  const flags = ['--import', import.meta.resolve('tsx'), '--conditions=regraft-source', file];
  const { stdout } = await promisify(execFile)(process.execPath, flags, { cwd: folder, maxBuffer: 1 << 26 });
  return stdout.split('\n').map((line) => line.trim());
}

/** What the page says that its programs print: comments `// -> …` behind `console.log(…);`. */
export function promised(page: Page): string[] {
  const run = typescriptOf(page).filter(({ notRun }) => notRun === undefined);
  return run.flatMap(({ lines }) => lines).flatMap((line) => /\); +\/\/ -> (.+)$/.exec(line)?.[1] ?? []);
}
