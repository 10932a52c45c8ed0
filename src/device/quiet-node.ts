/** Silence while adapters are looked for: Dawn and drivers write warnings that help nobody straight to standard error, past Node. */
import { closeSync, constants, fstatSync, openSync, readFileSync, readlinkSync } from 'node:fs';
import { runtimeName } from './runtime-node.ts';

const { O_APPEND, O_NOCTTY, O_NONBLOCK, O_WRONLY } = constants;
let quiet = false;
let turned = false;

/** Begins to keep them back. For programs that own the process, as the command line does; not while threads open files. */
export function quietDrivers(): void {
  // Bun and Deno number files by themselves.
  quiet = process.platform === 'linux' && runtimeName().startsWith('Node');
}

/** Does `work` with standard error turned away, where that can be turned back afterwards. */
export async function quietly<T>(work: () => Promise<T>): Promise<T> {
  const copy = quiet && !turned ? reopened() : null;
  if (copy === null) return work();
  replace('/dev/null');
  turned = true;
  try {
    return await work();
  } finally {
    turned = false;
    replace(`/proc/self/fd/${copy}`);
    closeSync(copy);
  }
}

/**
 * Standard error, opened a second time: Node has no `dup`. Null for sockets, which cannot be, and for files that are not appended to: there
 * the second would write over what others, who share the first, write.
 */
function reopened(): number | null {
  try {
    const isFile = fstatSync(2).isFile();
    const [, flags] = /^flags:\s*([0-7]+)$/m.exec(readFileSync('/proc/self/fdinfo/2', 'utf8')) ?? [];
    if (isFile && !(Number.parseInt(flags ?? '0', 8) & O_APPEND)) return null;
    return readlinkSync('/proc/self/fd/2').startsWith('socket:') ? null : openForWriting('/proc/self/fd/2');
  } catch {
    return null;
  }
}

/** Of a pipe that nobody reads any more, it does not wait for a reader. @throws then. */
function openForWriting(path: string): number {
  return openSync(path, O_WRONLY | O_APPEND | O_NOCTTY | O_NONBLOCK);
}

/** Makes `path` the file of descriptor 2: a new one gets the lowest number that is free. */
function replace(path: string): void {
  closeSync(2);
  try {
    openForWriting(path);
  } catch {
    openForWriting('/dev/null');
  }
}
