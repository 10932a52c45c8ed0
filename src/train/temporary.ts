/** Temporary files and folders that must not outlive the process, whichever way it ends short of being killed. */
import { rmSync } from 'node:fs';

const present = new Set<string>();
let watching = false;

/**
 * Removes `path`, with all that is in it, if it is still there when the process exits.
 * @returns a function that lets go of it: it has been removed, or has become what it was made for.
 */
export function removeOnExit(path: string): () => void {
  if (!watching)
    process.on('exit', () => {
      for (const left of present) rmSync(left, { recursive: true, force: true });
    });
  watching = true;
  present.add(path);
  return () => present.delete(path);
}
