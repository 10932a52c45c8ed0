/**
 * Benchmarks of kernels and of ResNet-50: `npm run bench -- --help`.
 *
 * A table by default, JSON lines with --json; progress goes to stderr. One device, one workload after the other. Exits with 1
 * if a workload failed: also if a step dispatched anything else than its plan, that is if what was timed was not the work.
 */
import { parseArgs } from 'node:util';
import { currentDevice } from '../src/device/current.ts';
import { init } from '../src/index.ts';
import { measure } from './measure.ts';
import { tableHeading, tableRow } from './table.ts';
import { selectWorkloads, workloads } from './workloads.ts';

const USAGE = `usage: npm run bench -- [options]
  --only TEXT      workloads whose name contains TEXT; may be repeated
  --json           one JSON line a workload instead of a table
  --samples N      samples a workload at most (default 7)
  --adapter NAME   auto, gpu, lavapipe, swiftshader, or part of an adapter's name
  --list           names only
  --help`;

/** Ends with 2: the command line was wrong. */
function usage(message: string): never {
  console.error(`bench: ${message}\n${USAGE}`);
  process.exit(2);
}

function parse() {
  try {
    const { values } = parseArgs({
      options: {
        only: { type: 'string', multiple: true, default: [] },
        json: { type: 'boolean', default: false },
        samples: { type: 'string', default: '7' },
        adapter: { type: 'string' },
        list: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
    return values;
  } catch (error) {
    return usage((error as Error).message);
  }
}

const options = parse();
const samples = Number(options.samples);
if (!Number.isInteger(samples) || samples < 1)
  usage(`--samples expects a number of 1 or more, got ${options.samples}.`);
const chosen = selectWorkloads(workloads(), options.only);
if (!chosen.length) usage(`no workload's name contains ${options.only.join(' or ')}; --list shows them.`);

if (options.help) console.log(USAGE);
else if (options.list) for (const { name } of chosen) console.log(name);
else {
  await init(options.adapter === undefined ? {} : { adapter: options.adapter });
  const device = currentDevice();
  console.error(`adapter: ${device.info.description}`);
  const width = Math.max(...chosen.map((w) => w.name.length));
  if (!options.json) console.log(tableHeading(width));
  for (const [k, workload] of chosen.entries()) {
    if (process.stderr.isTTY) process.stderr.write(`\x1b[2K[${k + 1}/${chosen.length}] ${workload.name}\r`);
    try {
      const measurement = await measure(device, workload, { samples });
      if (process.stderr.isTTY) process.stderr.write('\x1b[2K');
      console.log(options.json ? JSON.stringify(measurement) : tableRow(width, measurement));
    } catch (error) {
      process.exitCode = 1;
      const message = error instanceof Error ? error.message : String(error);
      if (options.json) console.log(JSON.stringify({ workload: workload.name, error: message }));
      console.error(`bench: ${workload.name}: ${message}`);
    }
  }
  device.destroy();
}
