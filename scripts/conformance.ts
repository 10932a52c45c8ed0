/**
 * Runs the conformance rows in another runtime, or on a GPU of no name. All rows with REGRAFT_SLOW=1, else without those that take long.
 * Exits with 1 if one is off. Browsers run them on the page's *Check this GPU*.
 */
import { Argument, Command, Option } from 'commander';
import { GROUPS } from '../test/conformance.ts';
import type { RowsReport } from '../test/runtimes/rows.ts';
import { installed, RUNTIMES, type RuntimeName, runIn } from '../test/runtimes/runtimes.ts';

interface Flags {
  readonly runtime: RuntimeName;
  readonly unknownGpu?: true;
}

async function run(groups: readonly string[], { runtime, unknownGpu }: Flags, command: Command): Promise<void> {
  if (runtime !== 'node' && !installed)
    command.error(`conformance: ${runtime} is not installed. Run npm ci --prefix test/runtimes/packages.`);
  const args = [...(unknownGpu ? ['--unknown-gpu'] : []), ...groups];
  const { adapter, passed, left, off }: RowsReport = JSON.parse(await runIn(runtime, 'rows.ts', args));
  console.log(`${runtime} on ${adapter}: ${passed} rows pass, ${off.length} are off, ${left.length} not run.`);
  for (const row of left) console.log(`Not run, for it takes long (REGRAFT_SLOW=1 runs it): ${row}`);
  for (const fault of off) console.log(fault);
  process.exitCode = off.length ? 1 : 0;
}

await new Command('npm run conformance --')
  .description('Runs the recorded rows of every op and network, in this or another runtime.')
  .addArgument(new Argument('[groups...]', 'which rows; all without').choices(GROUPS))
  .addOption(new Option('--runtime <name>', 'where').choices(Object.keys(RUNTIMES)).default('node'))
  .option('--unknown-gpu', 'on an adapter that tells no name and has WebGPU’s least limits')
  .action(run)
  .parseAsync();
