/** The lock of a run's folder: one run at a time writes there. To take it is also to try whether the folder can be written. */
import { closeSync, fsyncSync, openSync, readFileSync, rmSync, statSync, utimesSync, writeSync } from 'node:fs';
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

/** The locks of this process. */
const held = new Set<string>();

interface Holder {
  readonly pid: number;
  readonly host: string;
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
      rmSync(path, { force: true });
      if (!take(path)) throw new ArgumentError(`${folder}: another run has just begun there. Choose another folder.`);
    }
    removeLitter(folder);
  } catch (error) {
    if (created) removeEmpty(folder, created);
    throw codeOf(error) === undefined ? error : notWritten(folder, error);
  }
  held.add(resolve(path));
  const beat = setInterval(() => touch(path), HEARTBEAT).unref();
  const release = () => {
    forget();
    held.delete(resolve(path));
    clearInterval(beat);
    rmSync(path, { force: true });
    if (created) removeEmpty(folder, created);
  };
  const forget = onExit(release);
  return release;
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
    writeSync(file, JSON.stringify({ pid: process.pid, host: hostname() } satisfies Holder));
    fsyncSync(file);
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
    const { pid, host }: Partial<Holder> = JSON.parse(readFileSync(path, 'utf8'));
    if (typeof pid !== 'number' || typeof host !== 'string' || Date.now() - mtimeMs > 4 * HEARTBEAT) return null;
    const works = host !== hostname() || (pid === process.pid ? held.has(resolve(path)) : isRunning(pid));
    return works ? { pid, host } : null;
  } catch {
    return null;
  }
}

function touch(path: string): void {
  try {
    const now = new Date();
    utimesSync(path, now, now);
  } catch {
    // Whoever removed it knows why.
  }
}
