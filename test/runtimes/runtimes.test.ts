/** Node, Bun and Deno: the same rows pass and the same program gives the same numbers; the command line runs; a GPU of no name. */
import { describe, expect, test } from 'vitest';
import { checksByGroup, GROUPS } from '../conformance.ts';
import type { RowsReport } from './rows.ts';
import { installed, type RuntimeName, runIn } from './runtimes.ts';

const MINUTES = { timeout: 1_200_000 };
/** Trainings of whole networks take minutes where kernels compile slowly: REGRAFT_SLOW=1 runs them too, as does the script. */
const groups = process.env.REGRAFT_SLOW ? GROUPS : GROUPS.filter((group) => group !== 'training');
const total = groups.reduce((sum, group) => sum + checksByGroup[group].length, 0);
const NAMES = { bun: /^Bun [\d.]+$/, deno: /^Deno [\d.]+$/, node: /^Node [\d.]+$/ };

async function rowsIn(runtime: RuntimeName, ...args: string[]): Promise<RowsReport> {
  return JSON.parse(await runIn(runtime, 'rows.ts', args));
}

test(
  'every op and network passes on a GPU that nobody knows, with WebGPU’s least limits and no feature',
  MINUTES,
  async () => {
    const { adapter, passed, left, off } = await rowsIn('node', '--unknown-gpu', ...groups);
    expect({ adapter, off }).toEqual({ adapter: 'unnamed adapter', off: [] });
    expect(passed + left.length).toBe(total);
  },
);

test('the script names the groups and runtimes that there are', async () => {
  await expect(runIn('node', '../../scripts/conformance.ts', ['nonsense'])).rejects.toThrow(
    /error: command-argument value 'nonsense' is invalid for argument 'groups'\. Allowed choices are ops, [a-z, ]+\.\n$/,
  );
  await expect(runIn('node', '../../scripts/conformance.ts', ['--runtime', 'firefox'])).rejects.toThrow(
    "error: option '--runtime <name>' argument 'firefox' is invalid. Allowed choices are node, bun, deno, deno-wgpu.\n",
  );
});

describe.skipIf(!installed)('other runtimes (need npm ci --prefix test/runtimes/packages)', MINUTES, () => {
  test('every op and network passes on Deno’s own WebGPU', async () => {
    const { passed, left, off } = await rowsIn('deno-wgpu', ...groups);
    expect(off).toEqual([]);
    expect(passed + left.length).toBe(total);
  });

  test.each(['bun', 'deno'] as const)('%s: autograd and logits pass on Dawn', async (runtime) => {
    const { passed, left, off } = await rowsIn(runtime, 'autograd', 'logits');
    expect(off).toEqual([]);
    expect(passed + left.length).toBe(checksByGroup.autograd.length + checksByGroup.logits.length);
  });

  test('a program gives the same numbers with Dawn everywhere, and on wgpu within rounding', async () => {
    const losses = async (runtime: RuntimeName) => JSON.parse(await runIn(runtime, 'program.ts')).losses as number[];
    const inNode = await losses('node');
    expect(await losses('bun')).toEqual(inNode);
    expect(await losses('deno')).toEqual(inNode);
    for (const [k, loss] of (await losses('deno-wgpu')).entries()) expect(loss).toBeCloseTo(inNode[k]!, 4);
  });

  test.each(['bun', 'deno', 'deno-wgpu'] as const)('%s: the command line runs and names it', async (runtime) => {
    const { adapters, chosen, check } = JSON.parse(await runIn(runtime, '../../src/cli/main.ts', ['doctor', '--json']));
    expect(check.correct).toBe(true);
    expect(adapters.find(({ status }: { status: string }) => status === 'chosen').name).toBe(chosen.description);
    const text = await runIn(runtime, '../../src/cli/main.ts', ['doctor']);
    expect(text.split(', ')[1]).toMatch(NAMES[runtime === 'bun' ? 'bun' : 'deno']);
  });

  test.each(['node', 'bun'] as const)('%s: Deno’s WebGPU is refused in words', async (runtime) => {
    const failed = runIn(runtime, '../../src/cli/main.ts', ['--adapter', 'wgpu', 'doctor']);
    await expect(failed).rejects.toThrow(
      /found no adapter 'wgpu' \(wgpu: is Deno’s own WebGPU, this is (Node|Bun) [\d.]+\)/,
    );
  });
});
