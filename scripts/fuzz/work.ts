/** What the child process does that reads damaged files: what crashes or hangs here is seen and counted by run.ts. */
import { hdf5Bytes } from '../../src/io/hdf5/library.ts';
import { type Case, CaseMaker } from './cases.ts';
import { FUZZ_FORMATS, type FuzzFormat } from './formats.ts';
import { checkFiles, checkSeed, forbidCode, type Outcome, type Reader, readFiles, sizeOfFiles } from './oracle.ts';

/** What the parent is told. */
export type Message =
  | { readonly kind: 'begin'; readonly index: number }
  | {
      readonly kind: 'end';
      readonly outcome: Outcome;
      readonly ms: number;
      readonly bytes: number;
    }
  | { readonly kind: 'find'; readonly index: number; readonly text: string }
  /** `peak`: of the process's memory, in bytes over what it had before the first case; `largest`: bytes of a seed's files. */
  | { readonly kind: 'finished'; readonly peak: number; readonly largest: number };

/** Of the process's own time, in milliseconds: a file takes a few, published ones some hundred. */
const SLOW = 5000;
/** What reading may allocate: so many times the files' size, and something to start with. */
const MEMORY_RATIO = 64;
const MEMORY_FREE = 32 << 20;
/** Cases between two readings of the sound seeds. */
const SEED_EVERY = 500;

/** Reads the cases that the command line names, as run.ts spells them, and tells the parent how each ended. */
export async function work(read: Reader = readFiles): Promise<void> {
  const [formatName, runSeed, from, to, published] = process.argv.slice(2);
  const format = FUZZ_FORMATS.find(({ name }) => name === formatName)!;
  const maker = await CaseMaker.of(format, published === 'published');
  const largest = Math.max(...[...maker.small, ...maker.large].map(({ files }) => sizeOfFiles(files)));
  const start = process.memoryUsage().rss;
  forbidCode();
  const end = Number(to);
  for (let index = Number(from); index < end; index++) {
    try {
      tell({ kind: 'begin', index });
      tell({ kind: 'end', ...(await run(format, maker.make(Number(runSeed), index), read)) });
      if ((index + 1) % SEED_EVERY === 0 || index + 1 === end)
        for (const seed of maker.small) await checkSeed(seed, read);
    } catch (error) {
      tell({ kind: 'find', index, text: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    }
    // Lets the process collect what the case left.
    await new Promise(setImmediate);
  }
  tell({ kind: 'finished', peak: Math.max(0, process.resourceUsage().maxRSS * 1024 - start), largest });
  process.disconnect();
}

async function run(
  format: FuzzFormat,
  { seed, files, kind }: Case,
  read: Reader,
): Promise<{ outcome: Outcome; ms: number; bytes: number }> {
  const size = sizeOfFiles(files);
  const [before, clock] = [allocated(), process.cpuUsage()];
  const outcome = await checkFiles(format, seed, files, kind, read);
  const { user, system } = process.cpuUsage(clock);
  const [bytes, ms] = [Math.max(0, allocated() - before), (user + system) / 1000];
  if (ms > SLOW) throw new Error(`takes ${ms.toFixed(0)} ms`);
  if (bytes > MEMORY_RATIO * size + MEMORY_FREE) throw new Error(`allocates ${bytes} bytes for a file of ${size}`);
  return { outcome, ms, bytes };
}

function tell(message: Message): void {
  process.send!(message);
}

function allocated(): number {
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers + hdf5Bytes();
}
