/** The lock of a run's folder: one run at a time writes there. To take it is also to try whether the folder can be written. */
import { randomUUID } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  unlinkSync,
  utimesSync,
  writeSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { codeOf } from '../core/cause.ts';
import { ArgumentError } from '../core/errors.ts';
import { isRunning, onExit } from '../device/temporary-node.ts';
import { makeFolders, notWritten, removeEmpty, removeLitter } from './write-folder.ts';

/** The file that is there while a run goes on. */
export const LOCK_FILE = 'run.lock';

/** A run touches its lock this often, in milliseconds; one that is four times as old is left over. */
const HEARTBEAT = 30_000;

/** What this process wrote into the locks that it holds, by their paths. */
const held = new Map<string, string>();

interface Holder {
  readonly pid: number;
  readonly host: string;
  readonly run: string;
}

/**
 * Takes `folder`, which is created if needed, for this run, and removes what killed runs left there.
 * @returns a function that gives it back; it is called by itself when the process exits. A folder that is still empty then goes.
 * @throws RegraftError if the folder cannot be written; ArgumentError if another run is at work there.
 */
export function lockRun(folder: string): () => void {
  const created = makeFolders(folder);
  const path = join(folder, LOCK_FILE);
  try {
    if (!take(path)) {
      const holder = holderOf(path);
      if (holder)
        throw new ArgumentError(
          `${folder}: another run is at work there (process ${holder.pid} on ${holder.host}). Wait for it, end it, or choose another folder.`,
        );
      unlinkSync(path);
      if (!take(path)) throw new ArgumentError(`${folder}: another run has just begun there. Choose another folder.`);
    }
    removeLitter(folder);
  } catch (error) {
    if (created) removeEmpty(folder, created);
    throw codeOf(error) === undefined ? error : notWritten(folder, error);
  }
  const mine = held.get(resolve(path));
  const beat = setInterval(() => touch(path, mine), HEARTBEAT).unref();
  const release = () => {
    forget();
    held.delete(resolve(path));
    clearInterval(beat);
    if (textOf(path) === mine) rmSync(path, { force: true });
    if (created) removeEmpty(folder, created);
  };
  const forget = onExit(release);
  return release;
}

/**
 * To be called before something is written into a folder that {@link lockRun} took: a process that stood still for minutes (stopped, or asleep
 * with its machine) may have been taken for dead.
 * @throws ArgumentError if another run has taken it meanwhile.
 */
export function checkLock(folder: string): void {
  const path = join(folder, LOCK_FILE);
  const text = textOf(path);
  if (text !== undefined && text !== held.get(resolve(path)))
    throw new ArgumentError(
      `${folder}: another run has begun there while this one stood still. Wait for it or choose another folder; nothing of this one is written any more.`,
    );
}

/** Writes the lock, all of it or nothing. @returns false if there is one. */
function take(path: string): boolean {
  let file: number;
  try {
    file = openSync(path, 'wx');
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
  try {
    const text = JSON.stringify({ pid: process.pid, host: hostname(), run: randomUUID() } satisfies Holder);
    writeSync(file, text);
    fsyncSync(file);
    held.set(resolve(path), text);
    return true;
  } catch (error) {
    rmSync(path, { force: true });
    throw error;
  } finally {
    closeSync(file);
  }
}

/** Who holds the lock, or null where it is left over: its process is gone, or has not touched it for long. */
function holderOf(path: string): Holder | null {
  try {
    const { mtimeMs } = statSync(path);
    const { pid, host, run = '' }: Partial<Holder> = JSON.parse(textOf(path)!);
    if (typeof pid !== 'number' || typeof host !== 'string' || Date.now() - mtimeMs > 4 * HEARTBEAT) return null;
    const works = host !== hostname() || (pid === process.pid ? held.has(resolve(path)) : isRunning(pid));
    return works ? { pid, host, run } : null;
  } catch {
    return null;
  }
}

function touch(path: string, mine: string | undefined): void {
  try {
    const now = new Date();
    if (textOf(path) === mine) utimesSync(path, now, now);
  } catch {
    // Whoever removed it knows why.
  }
}

/** What the lock says; undefined where there is none, or something that is no file. */
function textOf(path: string): string | undefined {
  try {
    return statSync(path).isFile() ? readFileSync(path, 'utf8') : undefined;
  } catch {
    return undefined;
  }
}
