/**
 * Runs conformance rows in this process, which may be Node, Bun or Deno: `rows.ts [--unknown-gpu] [GROUP…]`, without a group all. Prints one
 * line of JSON, a {@link RowsReport}.
 */
import { parseArgs } from 'node:util';
import { currentDevice } from '../../src/device/current.ts';
import { init } from '../../src/graph/init.ts';
import type { Group } from '../../web/conformance/messages.ts';
import { checksByGroup, GROUPS } from '../conformance.ts';
import { type Check, expectPass, titleOf } from '../measurement.ts';
import { isSlow } from '../models/check.ts';
import { poisonBuffers } from '../poison.ts';
import { disguiseAdapter } from './unknown-gpu.ts';

export interface RowsReport {
  readonly adapter: string;
  readonly passed: number;
  /** Rows that take long, and were not asked for. */
  readonly left: readonly string[];
  /** `subject: name: what is off.` */
  readonly off: readonly string[];
}

async function faultOf(check: Check): Promise<string[]> {
  try {
    const found = await check.measure();
    if (found.length === 0) throw new Error('measured nothing.');
    expectPass(found);
    return [];
  } catch (error) {
    return [`${titleOf(check)}: ${error instanceof Error ? error.message : error}`];
  }
}

const { values, positionals } = parseArgs({
  options: { 'unknown-gpu': { type: 'boolean' } },
  allowPositionals: true,
});
if (values['unknown-gpu']) await disguiseAdapter();
const { description: adapter } = await init();
poisonBuffers(currentDevice());
const groups = positionals.length ? (positionals as Group[]) : GROUPS;
const checks = groups.flatMap((group) => checksByGroup[group]);
const left = checks.filter((check) => isSlow(check) && !process.env.REGRAFT_SLOW);
const run = checks.filter((check) => !left.includes(check));
const off: string[] = [];
for (const check of run) off.push(...(await faultOf(check)));
const report: RowsReport = { adapter, passed: run.length - off.length, left: left.map(titleOf), off };
console.log(JSON.stringify(report));
