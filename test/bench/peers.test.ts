/** The comparison with other libraries: its table, and what it says where they are not installed. */
import { execFile } from 'node:child_process';
import { cp, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { middleOf, type Outcome, PEERS, type Result, type Row, runs, WORKLOADS } from '../../bench/peers/comparison.ts';
import { runProcess } from '../../bench/peers/process.ts';
import { formatRatio, formatTable, ratioOf } from '../../bench/peers/table.ts';
import { workloads } from '../../bench/workloads.ts';

const result = (ms_median: number, fields: Partial<Result> = {}): Outcome => ({ workload: '', ms_median, ...fields });

const matmul: Row = {
  workload: 'matmul1024',
  ours: result(37.1, { first_run_ms: 100, live_peak_bytes: 2 ** 20, other_cpu: 0.01 }),
  peers: new Map([
    ['tfjs', result(516, { first_run_ms: 350, live_peak_bytes: 3 * 2 ** 20, other_cpu: 0.5 })],
    ['jax', { workload: '', error: 'ended by SIGSEGV' }],
  ]),
};
const forward: Row = {
  workload: 'resnet50_fwd_224 b1',
  ours: result(1234),
  peers: new Map([
    ['tfjs', result(2961.6)],
    ['jax', result(1234)],
    ['ort-node', result(40)],
  ]),
};

describe('table', () => {
  test('is aligned; what a library cannot run stays empty, what failed says so', () => {
    expect(formatTable([matmul, forward], ['tfjs', 'jax', 'ort-web', 'ort-node']).split('\n')).toEqual([
      'workload             ours ms       tfjs ms        jax ms  ort-node ms  first ms   tfjs  peak MiB   tfjs  other CPU',
      'matmul1024              37.1    516  13.9x        failed                    100  3.50x       1.0  3.00x       0.50',
      'resnet50_fwd_224 b1    1,234  2,962  2.40x  1,234  1.00x  40.0  0.03x',
    ]);
  });

  test('a failure of ours leaves no ratios', () => {
    const row: Row = { ...matmul, ours: { workload: 'matmul1024', error: 'work was dropped' } };
    expect(formatTable([row], ['tfjs']).split('\n')[1]).toMatch(/^matmul1024 +failed +516 +0\.50$/);
    expect(ratioOf('ms_median', row.ours, row.peers.get('tfjs'))).toBeUndefined();
  });

  test('ratios are theirs by ours, with three digits', () => {
    expect([0.0324, 1, 5.249, 13.91, 115.6].map(formatRatio)).toEqual(['0.03x', '1.00x', '5.25x', '13.9x', '116x']);
    expect(ratioOf('live_peak_bytes', matmul.ours, matmul.peers.get('tfjs'))).toBe(3);
    expect(ratioOf('first_run_ms', matmul.ours, matmul.peers.get('jax'))).toBeUndefined();
  });
});

describe('several processes of a library', () => {
  const [slow, fast, middle] = [
    result(300, { first_run_ms: 900, live_peak_bytes: 8, other_cpu: 0.02 }),
    result(100, { first_run_ms: 700, live_peak_bytes: 8, other_cpu: 0.4 }),
    result(200, { first_run_ms: 800, live_peak_bytes: 8, other_cpu: 0 }),
  ];
  test('give medians, and what disturbed one of them most', () => {
    expect(middleOf([slow, fast, middle])).toEqual(
      result(200, { first_run_ms: 800, live_peak_bytes: 8, other_cpu: 0.4 }),
    );
    expect(middleOf([result(100), result(200)])).toEqual(result(150));
  });

  test('fail where one fails', () => {
    const failed = { workload: '', error: 'ended by SIGSEGV' };
    expect(middleOf([slow, failed, middle])).toBe(failed);
  });
});

describe('workloads', () => {
  test('ours are those of `regraft bench`, but for the cold start', () => {
    const known = new Set(workloads().map(({ name }) => name));
    expect(WORKLOADS.filter((name) => !known.has(name))).toEqual(['resnet50_cold_224 b1']);
  });

  test('ONNX Runtime does not train', () => {
    const able = (workload: string) => PEERS.filter((peer) => runs(peer, workload)).map(({ name }) => name);
    expect(able('resnet50_fwd_224 b8')).toEqual(['tfjs', 'jax', 'ort-web', 'ort-node']);
    expect(able('resnet50_train_64 b8')).toEqual(['tfjs', 'jax']);
  });
});

describe('command line', () => {
  let folder: string;
  /** A checkout in which the peers are not installed. */
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'regraft-no-peers-'));
    const root = (name: string) => fileURLToPath(new URL(`../../${name}`, import.meta.url));
    const installed = root('bench/peers/node_modules');
    await cp(root('bench'), join(folder, 'bench'), { recursive: true, filter: (path) => path !== installed });
    for (const name of ['src', 'node_modules', 'package.json']) await symlink(root(name), join(folder, name));
  });
  afterAll(() => rm(folder, { recursive: true }));
  afterEach(() => void vi.unstubAllEnvs());

  const benchPeers = (...args: string[]) => {
    const flags = ['--import', import.meta.resolve('tsx'), '--conditions=regraft-source'];
    return new Promise((resolve) => {
      execFile(process.execPath, [...flags, join(folder, 'bench/peers/run.ts'), ...args], (error, stdout, stderr) =>
        resolve({ code: error?.code ?? 0, stdout, stderr }),
      );
    });
  };

  test('where the peers are not installed, one line says how to get them', async () => {
    expect(await benchPeers()).toEqual({
      code: 1,
      stdout: '',
      stderr: 'bench:peers: the peers are not installed. Run: npm ci --prefix bench/peers --ignore-scripts\n',
    });
  });

  test('an adapter is for every process that is started', async () => {
    expect(await benchPeers('--adapter', 'swiftshader')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('not installed'),
    });
    vi.stubEnv('REGRAFT_ADAPTER', 'no such');
    await expect(runProcess('ours.ts', ['matmul512'], folder)).rejects.toThrow("found no adapter 'no such'");
  });

  test.each([
    [['--only', 'nothing'], `bench:peers: no workload's name contains 'nothing': ${WORKLOADS.join(', ')}.\n`],
    [['--peers', 'tfjs,none'], "bench:peers: no peer is named 'none'. There are tfjs, jax, ort.\n"],
  ])('%j is wrong usage', async (args, stderr) => {
    expect(await benchPeers(...args)).toEqual({ code: 2, stdout: '', stderr });
  });
});
