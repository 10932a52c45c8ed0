/** Files that belong together, written into a folder: all of them or none. */
import { randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, rmdirSync, rmSync, statSync } from 'node:fs';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { causeOf, codeOf } from '../core/cause.ts';
import { RegraftError } from '../core/errors.ts';
import { removeOnExit, renamed } from '../device/temporary-node.ts';

const TEMPORARY = '.writing-';

/**
 * Fills a temporary folder inside `folder`, then moves its files in, over those of the same names. If `fill` fails,
 * nothing of it stays: neither the temporary folder nor `folder` itself, if it was not there before.
 * @throws RegraftError if the folder cannot be written; whatever else `fill` throws passes through.
 */
export async function writeFolder(folder: string, fill: (temporary: string) => Promise<void>): Promise<void> {
  const temporary = join(folder, `${TEMPORARY}${randomUUID()}`);
  const created = makeFolders(folder);
  const release = removeOnExit(temporary);
  try {
    await mkdir(temporary);
    await fill(temporary);
    for (const file of await readdir(temporary)) await rename(join(temporary, file), join(folder, file));
    await rm(temporary, { recursive: true, force: true });
  } catch (error) {
    await rm(temporary, { recursive: true, force: true }).catch(() => {});
    if (created) removeEmpty(folder, created);
    throw codeOf(error) === undefined ? renamed(error, temporary, folder) : notWritten(folder, error);
  } finally {
    release();
  }
}

/** Removes what killed processes left behind in `folder`. Only for whoever is alone there. */
export function removeLitter(folder: string): void {
  for (const name of readdirSync(folder))
    if (name.startsWith(TEMPORARY)) rmSync(join(folder, name), { recursive: true, force: true });
}

/**
 * Creates `folder` and those above it, one by one: of a whole path, Node tells the wrong reason.
 * @returns the highest of those that it created.
 * @throws RegraftError if it cannot be created, or is a file.
 */
export function makeFolders(folder: string): string | undefined {
  try {
    return make(resolve(folder));
  } catch (error) {
    throw notWritten(folder, error);
  }
}

function make(path: string): string | undefined {
  try {
    mkdirSync(path);
    return path;
  } catch (error) {
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return undefined;
    if (codeOf(error) !== 'ENOENT' || dirname(path) === path) throw error;
  }
  const created = make(dirname(path));
  mkdirSync(path);
  return created ?? path;
}

/** Removes `folder` and the empty folders above it, up to `top`. */
export function removeEmpty(folder: string, top: string): void {
  try {
    for (let at = resolve(folder); at.length >= resolve(top).length; at = dirname(at)) rmdirSync(at);
  } catch {
    // That one is not empty.
  }
}

/** The fault of a folder that cannot be written. */
export function notWritten(folder: string, error: unknown): RegraftError {
  return new RegraftError(`${folder}: cannot be written: ${causeOf(error)}. Choose another folder.`);
}
