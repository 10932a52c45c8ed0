/**
 * Kills runs and fills their disk: `npm run crash -- [--runs 10] [--kills 4] [--seed 1]`. A run that was killed at random moments and
 * gone on with must end in the same bytes as one that was not; one that finds the disk full, at each of its writes in turn, must end in
 * words and lose nothing. Prints a line a run, and exits with 1 if something is wrong.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { init } from '../src/index.ts';
import { fullDisk } from './crash/full-disk.ts';
import { makeInputs } from './crash/inputs.ts';
import { killed, reference } from './crash/kill.ts';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '10' },
    kills: { type: 'string', default: '4' },
    seed: { type: 'string', default: '1' },
  },
});

const folder = mkdtempSync(join(tmpdir(), 'regraft-crash-'));
try {
  await init();
  const inputs = await makeInputs(folder);
  const whole = await reference(inputs, join(folder, 'whole'));
  for (let run = 0; run < Number(values.runs); run++) {
    const seed = Number(values.seed) + run;
    const faults = await killed(inputs, join(folder, `run-${seed}`), whole, { kills: Number(values.kills), seed });
    tell(`seed ${seed}, killed ${values.kills} times`, faults);
  }
  const { steps, faults } = await fullDisk(inputs, folder);
  tell(`disk full at each of ${steps} writes`, faults);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function tell(what: string, faults: readonly string[]): void {
  console.log(`${what}: ${faults.length === 0 ? 'well' : faults.join('; ')}`);
  if (faults.length > 0) process.exitCode = 1;
}
