/** Temporary files and folders that must not outlive the process, whichever way it ends short of being killed. */
import { rmSync } from 'node:fs';
import { join, sep } from 'node:path';
import { codeOf } from '../core/cause.ts';
import { RegraftError } from '../core/errors.ts';

const tasks = new Set<() => void>();
let watching = false;

/**
 * Calls `task`, which cannot wait for anything, when the process exits.
 * @returns a function that takes it back.
 */
export function onExit(task: () => void): () => void {
  if (!watching)
    process.on('exit', () => {
      for (const one of tasks) one();
    });
  watching = true;
  tasks.add(task);
  return () => {
    tasks.delete(task);
  };
}

/**
 * Removes `path`, with all that is in it, if it is still there when the process exits.
 * @returns a function that lets go of it: it has been removed, or has become what it was made for.
 */
export function removeOnExit(path: string): () => void {
  return onExit(() => rmSync(path, { recursive: true, force: true }));
}

/** The fault of something written in the temporary folder `from`, told of where it was to go. */
export function renamed(error: unknown, from: string, to: string): unknown {
  if (error instanceof RegraftError)
    error.message = error.message.replaceAll(join(from, sep), to === '.' ? '' : join(to, sep));
  return error;
}

/** Whether a process of this machine runs. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) === 'EPERM';
  }
}
