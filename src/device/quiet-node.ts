/** What Dawn and drivers write straight to standard error, past the program, is looked through: warnings that help nobody are left out. */
import { readFileSync } from 'node:fs';

/**
 * What is left out of their words: lines that tell nothing a user could act on, all of them, or none. `Warning: max… artificially reduced`
 * is Dawn's on every driver with generous limits, whatever it is asked for; Mesa's is that it keeps no compiled shaders.
 */
export type KeptBack = 'noise' | 'everything' | 'nothing';

const NOISE = [
  /^Warning: max\w+ artificially reduced from \d+ to \d+ to fit dynamic offset allocation limit\.$/,
  / for shader cache \(.*\)---disabling\.$/,
];

let keptBack: KeptBack = 'noise';

/** For programs that own the process, as the command line does. */
export function keepBack(what: KeptBack): void {
  keptBack = what;
}

/** Functions of the C library, which JavaScript runtimes have no others for. */
interface Descriptors {
  dup(descriptor: number): number;
  dup2(descriptor: number, other: number): number;
  close(descriptor: number): number;
  memfd_create(name: string, flags: number): number;
}

let descriptors: Promise<Descriptors | null> | undefined;

/** Null where they cannot be had: words of drivers then go where they always went. */
async function loadDescriptors(): Promise<Descriptors | null> {
  if (process.platform !== 'linux') return null;
  try {
    const { default: koffi } = await import('koffi');
    const library = koffi.load(null);
    return {
      dup: library.func('int dup(int)'),
      dup2: library.func('int dup2(int, int)'),
      close: library.func('int close(int)'),
      memfd_create: library.func('int memfd_create(const char *, unsigned int)'),
    };
  } catch {
    return null;
  }
}

/**
 * Calls `work`, which may take until its promise settles. What is written to standard error before the call returns, by native code
 * therefore, comes through without what is {@link keepBack | kept back}. No other code of JavaScript runs meanwhile.
 */
export async function quietly<T>(work: () => T | Promise<T>): Promise<T> {
  descriptors ??= loadDescriptors();
  const libc = keptBack === 'nothing' ? null : await descriptors;
  const copy = libc ? libc.dup(2) : -1;
  const kept = libc && copy >= 0 ? libc.memfd_create('stderr', 0) : -1;
  if (!libc || kept < 0) {
    if (copy >= 0) libc!.close(copy);
    return work();
  }
  libc.dup2(kept, 2);
  try {
    return work() as Promise<T>;
  } finally {
    libc.dup2(copy, 2);
    const text = keptBack === 'everything' ? '' : readFileSync(`/proc/self/fd/${kept}`, 'utf8');
    libc.close(copy);
    libc.close(kept);
    const rest = text.split(/(?<=\n)/).filter((line) => !NOISE.some((noise) => noise.test(line.trimEnd())));
    if (rest.length > 0) process.stderr.write(rest.join(''));
  }
}
