/**
 * Runs the conformance rows in another runtime, or on a GPU of no name: `npm run conformance -- [--runtime node|bun|deno|deno-wgpu]
 * [--unknown-gpu] [GROUP…]`. All rows with REGRAFT_SLOW=1, else without those that take minutes. Exits with 1 if one is off.
 */
import { parseArgs } from 'node:util';
import type { RowsReport } from '../test/runtimes/rows.ts';
import { installed, RUNTIMES, type RuntimeName, runIn } from '../test/runtimes/runtimes.ts';

const { values, positionals } = parseArgs({
  options: { runtime: { type: 'string', default: 'node' }, 'unknown-gpu': { type: 'boolean' } },
  allowPositionals: true,
});
const fail = (text: string) => {
  console.error(`conformance: ${text}`);
  process.exit(2);
};
if (!(values.runtime in RUNTIMES))
  fail(`there is no runtime '${values.runtime}'. Choose one of ${Object.keys(RUNTIMES).join(', ')}.`);
if (values.runtime !== 'node' && !installed)
  fail(`${values.runtime} is not installed. Run npm ci --prefix test/runtimes/packages.`);

const args = [...(values['unknown-gpu'] ? ['--unknown-gpu'] : []), ...positionals];
const report: RowsReport = JSON.parse(await runIn(values.runtime as RuntimeName, 'rows.ts', args));
const { adapter, passed, left, off } = report;
console.log(`${values.runtime} on ${adapter}: ${passed} rows pass, ${off.length} are off, ${left.length} not run.`);
for (const fault of off) console.log(fault);
process.exit(off.length ? 1 : 0);
