/** Runs a format's cases in a child process and watches it: a hang or a crash is a find like any other, and the run goes on. */
import { type ChildProcess, fork } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CaseMaker } from './cases.ts';
import { FUZZ_FORMATS } from './formats.ts';
import type { Message } from './work.ts';

export interface FuzzOptions {
  readonly format: string;
  readonly cases: number;
  readonly seed: number;
  /** Number of the first case. Default 0. */
  readonly first?: number;
  /** Also damage published weights where they are. */
  readonly published?: boolean;
  /** What the child process runs, and what it is told beside the cases. Default: the library's readers. */
  readonly worker?: { readonly file: string; readonly argument: string };
  /** How long a case may give no sign of life, in milliseconds. Default {@link HANG_MS}. */
  readonly hangMs?: number | undefined;
}

export interface Find {
  readonly kind: 'wrong' | 'crash' | 'hang' | 'memory';
  readonly index: number;
  readonly text: string;
  /** Folder of the files that made it. */
  readonly saved: string;
}

export interface FuzzReport {
  readonly format: string;
  readonly cases: number;
  readonly refused: number;
  readonly loaded: number;
  /** The longest case, in milliseconds of the process's own time. */
  readonly worstMs: number;
  /** The most that one case allocated, in bytes. */
  readonly mostBytes: number;
  /** Highest memory of a process over what it had before its first case, in bytes: with what awaits collection. */
  readonly peakBytes: number;
  readonly finds: readonly Find[];
}

/** No case takes a hundredth of this on a machine that does nothing else. */
export const HANG_MS = 60_000;
/** What a process may take over what it had before its first case: what V8 lets lie before it collects, and by the largest file. */
const PEAK_FREE = 256 << 20;
const PEAK_RATIO = 64;
const MOST_FINDS = 20;
const root = fileURLToPath(new URL('../../', import.meta.url));
const readers = fileURLToPath(new URL('worker.ts', import.meta.url));

/** Runs the cases [first, first + cases) of one format. */
export async function fuzz(options: FuzzOptions): Promise<FuzzReport> {
  const { format, cases, seed, first = 0, published = false, worker, hangMs = HANG_MS } = options;
  const report = { refused: 0, loaded: 0, worstMs: 0, mostBytes: 0, peakBytes: 0 };
  const faults: Omit<Find, 'saved'>[] = [];
  let next = first;
  while (next < first + cases && faults.length < MOST_FINDS) {
    const range = [format, seed, next, first + cases, published ? 'published' : '', worker?.argument ?? ''].map(String);
    const child = fork(worker?.file ?? readers, range, {
      cwd: root,
      execArgv: ['--conditions=regraft-source', '--import', 'tsx', '--max-old-space-size=1024'],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    const ending = await watched(child, hangMs, (message) => {
      if (message.kind === 'begin') next = message.index;
      else if (message.kind === 'find') faults.push({ kind: 'wrong', index: message.index, text: message.text });
      else if (message.kind === 'finished') {
        const { peak, largest } = message;
        report.peakBytes = Math.max(report.peakBytes, peak);
        if (peak > PEAK_FREE + PEAK_RATIO * largest)
          faults.push({ kind: 'memory', index: next, text: `the process takes ${peak} bytes more than at its start` });
      } else {
        report[message.outcome]++;
        report.worstMs = Math.max(report.worstMs, message.ms);
        report.mostBytes = Math.max(report.mostBytes, message.bytes);
      }
      if (faults.length >= MOST_FINDS) child.kill('SIGKILL');
    });
    if (ending && faults.length < MOST_FINDS) faults.push({ ...ending, index: next });
    next++;
  }
  const done = Math.min(next - first, cases);
  return { format, cases: done, ...report, finds: await Promise.all(faults.map((fault) => saved(options, fault))) };
}

/** Waits for a child's end; gives how it failed, if it did. */
function watched(
  child: ChildProcess,
  hangMs: number,
  heard: (message: Message) => void,
): Promise<Pick<Find, 'kind' | 'text'> | undefined> {
  let finished = false;
  let hung = false;
  let errors = '';
  const hang = (): void => {
    hung = true;
    child.kill('SIGKILL');
  };
  let timer = setTimeout(hang, HANG_MS);
  child.stderr!.on('data', (text: Buffer) => {
    errors = (errors + text.toString()).slice(-4000);
  });
  child.on('message', (message: Message) => {
    clearTimeout(timer);
    timer = setTimeout(hang, hangMs);
    finished = message.kind === 'finished';
    heard(message);
  });
  return new Promise((resolve) => {
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      if (hung) resolve({ kind: 'hang', text: `nothing for ${hangMs / 1000} s` });
      else
        resolve(
          finished && code === 0
            ? undefined
            : { kind: 'crash', text: `the process ended by ${signal ?? code}: ${errors}` },
        );
    });
  });
}

/** Makes a find's case again and writes its files where a person can look at them. */
async function saved(
  { format: name, seed, published = false }: FuzzOptions,
  fault: Omit<Find, 'saved'>,
): Promise<Find> {
  const format = FUZZ_FORMATS.find((one) => one.name === name)!;
  const folder = join(tmpdir(), `regraft-fuzz-${name}-${seed}-${fault.index}`);
  const { files } = (await CaseMaker.of(format, published)).make(seed, fault.index);
  for (const [file, bytes] of files) {
    await mkdir(dirname(join(folder, file)), { recursive: true });
    await writeFile(join(folder, file), bytes);
  }
  return { ...fault, saved: folder };
}
