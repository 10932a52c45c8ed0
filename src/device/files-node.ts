/** `#files` in Node: bytes from paths, URLs and memory; atomic writes; the cache folder. */
import { constants } from 'node:fs';
import { access, copyFile, mkdir, open, readdir, realpath, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, dirname, isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { causeOf, codeOf } from '../core/cause.ts';
import { RegraftError } from '../core/errors.ts';
import { keepInFile } from './body-file-node.ts';
import { type ByteSource, openPortable, type SourceLike } from './byte-source.ts';
import type { BodyOptions } from './fetch-body.ts';
import { openFile } from './file-source-node.ts';
import { isRunning, removeOnExit, renamed } from './temporary-node.ts';

export type { ByteSource, SourceLike } from './byte-source.ts';

/**
 * Opens a path, a `file:` or http(s) URL, a File or Blob, or bytes for reading in ranges. Close it after use.
 * @param options limits for what a URL sends
 * @throws WeightFileError if there is no such file or it cannot be read.
 */
export async function openSource(source: SourceLike, options: BodyOptions = {}): Promise<ByteSource> {
  return (await openPortable(source, keepInFile, options)) ?? openFile(pathOf(source as string | URL));
}

/**
 * Writes `chunks` to `path` so that the path holds either its old content or all of the new: a temporary file beside it,
 * fsync, rename. Follows a symbolic link. The folder must exist.
 * @throws RegraftError if it cannot be written; whatever `chunks` throws passes through. The temporary file is removed.
 */
export async function writeFileAtomic(
  path: string | URL,
  chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<void> {
  const target = await realpath(pathOf(path)).catch(() => pathOf(path));
  const temporary = await temporaryName(target);
  const failed = notWritten(target);
  const file = await open(temporary, 'wx').catch(failed);
  const release = removeOnExit(temporary);
  try {
    try {
      for await (const chunk of chunks) {
        for (let done = 0; done < chunk.byteLength; ) {
          done += (await file.write(chunk, done, chunk.byteLength - done).catch(failed)).bytesWritten;
        }
      }
      await file.sync().catch(failed);
    } finally {
      await file.close();
    }
    await rename(temporary, target).catch(failed);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  } finally {
    release();
  }
  await syncFolder(dirname(target));
}

/**
 * Lets `write` make files in a new folder beside `path`, and then moves them to where `path` is: all of them or, whatever
 * fails, none, with what was there before back in its place. The new folder is removed. Follows a symbolic link.
 * @param write is given `path`'s name in the new folder; gives the files that it made there, in the order in which they are to
 * appear, and what to return.
 * @throws RegraftError if nothing can be written there; whatever `write` throws passes through.
 */
export async function replaceFiles<T>(
  path: string | URL,
  write: (staged: string) => Promise<{ readonly files: readonly string[]; readonly result: T }>,
): Promise<T> {
  const own = pathOf(path);
  const target = await realpath(own).catch(() => own);
  const folder = await temporaryName(target);
  await mkdir(folder).catch(notWritten(target));
  const release = removeOnExit(folder);
  try {
    const { files, result } = await write(join(folder, basename(own)));
    const targetOf = (name: string) => (name === basename(own) ? target : join(dirname(own), name));
    await moveAll(
      files.map((file) => ({ from: file, to: targetOf(basename(file)) })),
      folder,
    );
    await syncFolder(dirname(target));
    return result;
  } catch (error) {
    throw renamed(error, folder, dirname(own));
  } finally {
    await rm(folder, { recursive: true, force: true });
    release();
  }
}

/**
 * Renames in order. One file replaces another at once; of several, copies of the old ones are kept until the last has moved. That one names
 * the others: it is away while they change, so that nobody ever reads it with files of two sets, even after a kill.
 */
async function moveAll(moves: readonly { from: string; to: string }[], folder: string): Promise<void> {
  const undo: (() => Promise<void>)[] = [];
  const keep = async (to: string) => {
    const kept = join(folder, `${undo.length}.kept`);
    const existed = await copyFile(to, kept, constants.COPYFILE_FICLONE).then(
      () => true,
      (error: unknown) => (codeOf(error) === 'ENOENT' ? false : notWritten(to)(error)),
    );
    undo.unshift(() => (existed ? rename(kept, to) : rm(to, { force: true })));
  };
  const [first, last] = [moves[0], moves.at(-1)!];
  try {
    if (first !== last) {
      await keep(last.to);
      await rm(last.to, { force: true }).catch(notWritten(last.to));
    }
    for (const move of moves) {
      if (move !== last) await keep(move.to);
      await rename(move.from, move.to).catch(notWritten(move.to));
    }
  } catch (error) {
    for (const step of undo) await step();
    throw error;
  }
}

/** A name beside `target` that nothing has. What killed processes left there under such names is removed. */
async function temporaryName(target: string): Promise<string> {
  const folder = dirname(target);
  for (const name of await readdir(folder).catch(() => [])) {
    const [, pid] = name.startsWith(`${basename(target)}.`) ? (/\.(\d+)\.[0-9a-z]{1,8}\.tmp$/.exec(name) ?? []) : [];
    if (pid && !isRunning(Number(pid))) await rm(join(folder, name), { recursive: true, force: true }).catch(() => {});
  }
  return `${target}.${process.pid}.${Math.random().toString(36).slice(2, 10)}.tmp`;
}

/** Says that `target` cannot be written, and why. */
function notWritten(target: string): (error: unknown) => never {
  return (error) => {
    const missing = codeOf(error) === 'ENOENT';
    const detail = missing ? 'its folder does not exist. Create it first.' : `${causeOf(error)}.`;
    throw new RegraftError(`${target}: cannot be written: ${detail}`);
  };
}

/** Makes a rename durable; systems that cannot sync a folder (Windows) do not need it. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r').catch(() => undefined);
  await handle?.sync().catch(() => undefined);
  await handle?.close();
}

/**
 * A folder of the user's cache for `name`, created if needed: REGRAFT_CACHE, XDG_CACHE_HOME/regraft, %LOCALAPPDATA%\regraft
 * or ~/.cache/regraft.
 * @throws RegraftError if it cannot be created.
 */
export async function cacheFolder(name: string): Promise<string> {
  const folder = join(cacheRoot(), name);
  await mkdir(folder, { recursive: true }).catch((error) => {
    throw new RegraftError(
      `${folder}: the cache folder cannot be created: ${causeOf(error)}. Name another with the environment variable REGRAFT_CACHE.`,
    );
  });
  return folder;
}

function cacheRoot(): string {
  const { REGRAFT_CACHE, XDG_CACHE_HOME, LOCALAPPDATA } = process.env;
  if (REGRAFT_CACHE) return REGRAFT_CACHE;
  if (XDG_CACHE_HOME && isAbsolute(XDG_CACHE_HOME)) return join(XDG_CACHE_HOME, 'regraft');
  if (process.platform === 'win32' && LOCALAPPDATA) return join(LOCALAPPDATA, 'regraft');
  return join(homedir(), '.cache', 'regraft');
}

/**
 * The text that {@link writeNote} left, in this or an earlier run; undefined where there is none. A note only saves time, so one
 * that cannot be read (another user's home, no home at all) is as good as none.
 */
export async function readNote(name: string): Promise<string | undefined> {
  try {
    const file = await openFile(join(cacheRoot(), name));
    try {
      return new TextDecoder().decode(await file.read(0, file.size));
    } finally {
      await file.close();
    }
  } catch {
    return undefined;
  }
}

/** Keeps a small text for later runs, in the cache folder. @returns where. */
export async function writeNote(name: string, text: string): Promise<string> {
  const path = join(await cacheFolder(''), name);
  await writeFileAtomic(path, [new TextEncoder().encode(text)]);
  return path;
}

/** Creates a folder and those above it; an existing one is fine. */
export async function makeFolder(path: string | URL): Promise<void> {
  await mkdir(pathOf(path), { recursive: true }).catch((error) => {
    throw new RegraftError(`${pathOf(path)}: the folder cannot be created: ${causeOf(error)}.`);
  });
}

/** Whether a file or folder is there and readable. */
export async function exists(path: string | URL): Promise<boolean> {
  return access(pathOf(path), constants.R_OK).then(
    () => true,
    () => false,
  );
}

/** Path segments joined with the system's separator. */
export function joinPath(...segments: string[]): string {
  return join(...segments);
}

function pathOf(path: string | URL): string {
  return path instanceof URL || /^file:\/\//i.test(path) ? fileURLToPath(path) : path;
}
