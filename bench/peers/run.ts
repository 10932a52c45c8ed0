/**
 * `npm run bench:peers`: regraft beside the libraries that one could take instead, on the same adapter in the same run.
 *
 * Processes run one after another, each for one library and workload, and report medians after a warm-up; regraft's figure is the median
 * of processes before, between and after the peers'. Weights are random; the peers make theirs as they start, regraft reads them from a
 * file. The peers run through tsx, which lengthens their cold start by a fifth of a second.
 */
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { round } from '../measure.ts';
import { formatMs } from '../table.ts';
import {
  Comparison,
  isCold,
  isInference,
  type Library,
  OURS,
  type Outcome,
  PEERS,
  type Row,
  WORKLOADS,
} from './comparison.ts';
import { runProcess } from './process.ts';
import { formatTable, ratioOf } from './table.ts';

interface Flags {
  readonly only: string;
  readonly peers: string;
  readonly adapter?: string;
  readonly json?: true;
}

const LEGEND = `
Times are medians of a step in milliseconds, those of resnet50_cold from the start of a process to its first logits; 3.00x takes three times
as long as regraft. first: the first step, shaders compiled. peak: GPU buffers alive at once. ort-web and ort-node compute on the CPU.
other CPU: cores that other programs took; well above 0, measure again.`;

async function run({ only, peers: names, adapter, json }: Flags, command: Command): Promise<void> {
  const chosen = WORKLOADS.filter((workload) => workload.includes(only));
  if (chosen.length === 0)
    command.error(`bench:peers: no workload's name contains '${only}': ${WORKLOADS.join(', ')}.`);
  const peers = names.split(',').flatMap((name) => {
    const found = PEERS.filter((peer) => peer.name.split('-').includes(name) || peer.name === name);
    if (found.length === 0) command.error(`bench:peers: no peer is named '${name}'. There are tfjs, jax, ort.`);
    return found;
  });
  // npm writes it when all is there.
  if (!existsSync(new URL('node_modules/.package-lock.json', import.meta.url))) {
    console.error('bench:peers: the peers are not installed. Run: npm ci --prefix bench/peers --ignore-scripts');
    process.exitCode = 1;
    return;
  }
  // Every process that this one starts takes it from here: regraft's own, and the peers' through navigator.ts.
  if (adapter !== undefined) process.env.REGRAFT_ADAPTER = adapter;
  if (chosen.some(isCold) && !existsSync(new URL('../../dist/src/index.js', import.meta.url))) {
    console.error('bench:peers: a cold start takes the compiled package. Run: npm run build');
    process.exitCode = 1;
    return;
  }
  const folder = await mkdtemp(join(tmpdir(), 'regraft-peers-'));
  try {
    if (chosen.some(isInference)) await runProcess('prepare.ts', [folder], folder);
    const comparison = new Comparison(peers, folder, note);
    const rows: Row[] = [];
    for (const workload of chosen) {
      const row = await comparison.row(workload);
      rows.push(row);
      if (json) printRow(row);
      if (outcomes(row).some((outcome) => 'error' in outcome)) process.exitCode = 1;
    }
    if (!json)
      console.log(
        `${formatTable(
          rows,
          peers.map(({ name }) => name),
        )}\n${LEGEND}`,
      );
  } catch (error) {
    console.error(`bench:peers: ${error instanceof Error ? error.message : error}`);
    process.exitCode = 1;
  } finally {
    await rm(folder, { recursive: true });
  }
}

const outcomes = ({ ours, peers }: Row): Outcome[] => [ours, ...peers.values()];

function note({ name }: Library, outcome: Outcome): void {
  const text = 'error' in outcome ? outcome.error : `${formatMs(outcome.ms_median)} ms`;
  console.error(`${outcome.workload}: ${name}: ${text}`);
}

function printRow({ workload, ours, peers }: Row): void {
  console.log(JSON.stringify({ library: OURS.name, ...ours }));
  for (const [library, outcome] of peers) {
    const ratio = ratioOf('ms_median', ours, outcome);
    const fields = { compared_with: workload, ...(ratio !== undefined && { ratio: round(ratio, 2) }) };
    console.log(JSON.stringify({ library, ...outcome, ...fields }));
  }
}

await new Command('bench:peers')
  .description('Times regraft and the libraries that one could take instead, on the same adapter.')
  .option('--only <text>', 'workloads whose name contains this', '')
  .option('--peers <names>', 'tfjs, jax, ort; separated by commas', 'tfjs,jax,ort')
  .option(
    '--adapter <name>',
    'auto, gpu, lavapipe, swiftshader, or part of a name; for all of them (default: $REGRAFT_ADAPTER)',
  )
  .option('--json', 'print a JSON line a measurement')
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
  .action(run)
  .parseAsync();
