/** The child process that reads damaged files: what crashes or hangs here is seen and counted by run.ts. */
import { hdf5Bytes } from '../../src/io/h5-library.ts';
import { CaseMaker } from './cases.ts';
import { FUZZ_FORMATS } from './formats.ts';
import { checkFiles, checkSeed, forbidCode, type Outcome, sizeOfFiles } from './oracle.ts';

/** What the parent is told. */
export type Message =
  | { readonly kind: 'begin'; readonly index: number }
  | {
      readonly kind: 'end';
      readonly outcome: Outcome;
      readonly ms: number;
      readonly bytes: number;
      readonly growth: number;
    }
  | { readonly kind: 'find'; readonly index: number; readonly text: string }
  | { readonly kind: 'finished'; readonly peak: number };

/** Of the process's own time, in milliseconds: a file takes a few, published ones some hundred. */
const SLOW = 5000;
/** What reading may allocate: so many times the files' size, and something to start with. */
const MEMORY_RATIO = 64;
const MEMORY_FREE = 32 << 20;
/** Cases between two readings of the sound seeds. */
const SEED_EVERY = 500;

const [formatName, runSeed, from, to, published] = process.argv.slice(2);
const format = FUZZ_FORMATS.find(({ name }) => name === formatName)!;
const maker = await CaseMaker.of(format, published === 'published');
forbidCode();

function tell(message: Message): void {
  process.send!(message);
}

function allocated(): number {
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers + hdf5Bytes();
}

async function run(index: number): Promise<void> {
  tell({ kind: 'begin', index });
  const { seed, files, kind } = maker.make(Number(runSeed), index);
  const size = sizeOfFiles(files);
  const [before, clock] = [allocated(), process.cpuUsage()];
  const outcome = await checkFiles(format, seed, files, kind);
  const { user, system } = process.cpuUsage(clock);
  const [bytes, ms] = [Math.max(0, allocated() - before), (user + system) / 1000];
  if (ms > SLOW) throw new Error(`takes ${ms.toFixed(0)} ms`);
  if (bytes > MEMORY_RATIO * size + MEMORY_FREE) throw new Error(`allocates ${bytes} bytes for a file of ${size}`);
  tell({ kind: 'end', outcome, ms, bytes, growth: bytes / size });
}

const end = Number(to);
for (let index = Number(from); index < end; index++) {
  try {
    await run(index);
    if ((index + 1) % SEED_EVERY === 0 || index + 1 === end) for (const seed of maker.small) await checkSeed(seed);
  } catch (error) {
    tell({ kind: 'find', index, text: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
  // Lets the process collect what the case left.
  await new Promise(setImmediate);
}
tell({ kind: 'finished', peak: process.resourceUsage().maxRSS * 1024 });
process.disconnect();
