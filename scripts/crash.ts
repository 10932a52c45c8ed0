/**
 * Kills runs and fills their disk. A run that was killed at random moments and gone on with must end in the same bytes as one that was
 * not; one that finds the disk full, at each of its writes in turn, must end in words and lose nothing. Prints a line a run, and exits
 * with 1 if something is wrong.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { wholeNumber } from '../src/cli/arguments.ts';
import { init } from '../src/index.ts';
import { fullDisk } from './crash/full-disk.ts';
import { makeInputs } from './crash/inputs.ts';
import { killed, reference } from './crash/kill.ts';

interface Flags {
  readonly runs: number;
  readonly kills: number;
  readonly seed: number;
}

async function crash({ runs, kills, seed }: Flags): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'regraft-crash-'));
  try {
    await init();
    const inputs = await makeInputs(folder);
    const whole = await reference(inputs, join(folder, 'whole'));
    for (let run = 0; run < runs; run++) {
      const own = seed + run;
      const faults = await killed(inputs, join(folder, `run-${own}`), whole, { kills, seed: own });
      tell(`seed ${own}, killed ${kills} times`, faults);
    }
    const { steps, faults } = await fullDisk(inputs, folder);
    tell(`disk full at each of ${steps} writes`, faults);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function tell(what: string, faults: readonly string[]): void {
  console.log(`${what}: ${faults.length === 0 ? 'well' : faults.join('; ')}`);
  if (faults.length > 0) process.exitCode = 1;
}

await new Command('npm run crash --')
  .description('Kills runs and goes on with them; fills the disk at every write of one.')
  .option('--runs <n>', 'runs that are killed', wholeNumber(0), 10)
  .option('--kills <n>', 'times a run', wholeNumber(1), 4)
  .option('--seed <n>', 'of the moments', wholeNumber(0), 1)
  .action(crash)
  .parseAsync();
