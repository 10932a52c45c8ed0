/** The bench's own logic: medians, the JSON line, and that a step from which work was dropped is no measurement. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import { checkDispatches, checkKernels, measure, median } from '../../bench/measure.ts';
import { convName, distinctConvs, resnet50Convs, resnet50Flops } from '../../bench/resnet-shapes.ts';
import { disturbance } from '../../bench/run.ts';
import { formatMs, stepTable } from '../../bench/table.ts';
import { uniformTensor } from '../../bench/values.ts';
import type { Workload } from '../../bench/workload.ts';
import { allWorkloads, selectWorkloads } from '../../bench/workloads.ts';
import { currentDevice } from '../../src/device/current.ts';
import { init, noGrad } from '../../src/index.ts';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));

beforeAll(async () => {
  await init();
});

/** A product of 8 x 8 matrices; `drop` records it and does not ask for it. */
function tiny(drop = false): Workload {
  return {
    name: 'tiny',
    flops: 2 * 8 ** 3,
    kernels: { matmul: 1 },
    prepare: async () => {
      const [a, b] = [uniformTensor([8, 8], 1), uniformTensor([8, 8], 2)];
      return {
        record: () => {
          const y = noGrad(() => a.matmul(b));
          return drop ? [] : [y];
        },
      };
    },
  };
}

describe('measure', () => {
  test('gives every field of the JSON line', async () => {
    const m = await measure(currentDevice(), tiny(), { samples: 3, budget: 200 });
    expect(m).toMatchObject({ workload: 'tiny', samples: 3, dispatches: 1, adapter: currentDevice().info.description });
    expect(m.ms_min).toBeGreaterThan(0);
    expect(m.ms_median).toBeGreaterThanOrEqual(m.ms_min);
    expect(m.first_run_ms).toBeGreaterThan(0);
    expect(m.js_ms).toBeLessThanOrEqual(m.ms_median);
    // Three matrices, and copies of two as texels where those are faster.
    expect(m.peak_bytes).toBe((currentDevice().target.texels ? 5 : 3) * 8 * 8 * 4);
    expect(m.lower_bound_bytes).toBe(3 * 8 * 8 * 4);
    expect(m.gflops).not.toBeNull();
  });

  test('fails when the result is dropped, and with it the work', async () => {
    await expect(measure(currentDevice(), tiny(true), { samples: 3 })).rejects.toThrow(
      "tiny: the plan has 0 kernels of 'matmul', a step needs 1: work was dropped",
    );
  });

  test('fails when the timed loop dispatches anything else than the plan', async () => {
    const device = currentDevice();
    const workload = tiny();
    let runs = 0;
    const leaky: Workload = {
      ...workload,
      prepare: async () => {
        const ready = await workload.prepare();
        // From the fifth step on (two to warm up, one planned, one to settle), nothing is asked for.
        return {
          record: () => {
            const results = ready.record();
            return ++runs > 4 ? [] : results;
          },
        };
      },
    };
    await expect(measure(device, leaky, { samples: 3 })).rejects.toThrow(
      /tiny: a sample dispatched 0 kernels, its plan has \d+: what was timed is not the workload/,
    );
  });

  test('a diverged loss is no measurement', async () => {
    const diverging: Workload = {
      name: 'diverging',
      kernels: {},
      prepare: async () => {
        const x = uniformTensor([4], 1);
        return { record: () => [noGrad(() => x.sum().mul(Number.NaN))] };
      },
    };
    await expect(measure(currentDevice(), diverging, { samples: 3 })).rejects.toThrow('the result is NaN');
  });
});

describe('checks', () => {
  test('kernels are counted by family, without packings and sums of split products', () => {
    const workload = { ...tiny(), kernels: { 'conv2d|winograd': 1, reduce: 1 } };
    const direct = ['conv2d.pack', 'conv2d.lane32x64.split', 'conv2d.sum', 'reduce.thread.sum'];
    const winograd = ['winograd.input', 'winograd.matmul.lane32x64', 'winograd.output', 'reduce.thread.sum'];
    for (const kernels of [direct, winograd]) {
      expect(() => checkKernels(workload, kernels)).not.toThrow();
      expect(() => checkKernels({ ...workload, kernels: { 'conv2d|winograd': 2 } }, kernels)).toThrow('has 1 kernels');
    }
    expect(() => checkKernels(workload, ['conv2d.pack', 'reduce.thread.sum'])).toThrow(
      "0 kernels of 'conv2d|winograd'",
    );
  });

  test('a gradient that the optimizer takes at once counts as both', () => {
    const workload = { ...tiny(), kernels: { conv2dWeightGrad: 1, matmul: 1, sgd: 2 } };
    const kernels = ['conv2dWeightGrad.lane32x64+sgd.momentum', 'matmul.tile64x64.split', 'matmul.sum+sgd.momentum'];
    expect(() => checkKernels(workload, kernels)).not.toThrow();
  });

  test('neither more nor fewer dispatches pass, nor none', () => {
    expect(() => checkDispatches(tiny(), 4, 4)).not.toThrow();
    for (const [got, expected] of [
      [3, 4],
      [5, 4],
      [0, 0],
    ] as const)
      expect(() => checkDispatches(tiny(), got, expected)).toThrow('what was timed is not the workload');
  });

  test('median', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(median([7])).toBe(7);
  });
});

describe('workloads', () => {
  test("ResNet-50's convolutions", () => {
    expect(resnet50Convs(224)).toHaveLength(53);
    const names = distinctConvs(224).map(convName);
    expect(names).toHaveLength(23);
    expect(names).toContain('conv7x7s2_3-64@224');
    expect(names).toContain('conv1x1s2_1024-2048@14');
    // 4.09 billion multiply-adds an image, as published for v1.5.
    expect(resnet50Flops({ size: 224, batch: 1, classes: 1000, trained: 'nothing' }) / 2e9).toBeCloseTo(4.09, 2);
  });

  test('names are unique and selectable', () => {
    const all = allWorkloads();
    expect(new Set(all.map((w) => w.name)).size).toBe(all.length);
    const names = all.map((w) => w.name);
    for (const name of [
      'matmul1024',
      'conv3x3_64-64@56 b8',
      'grad_conv3x3_64-64@56 b8',
      'bn+relu_256@56 b1',
      'resnet50_finetune_64 b16 cached',
      'loader_224 b8',
      'loader+resnet50_finetune_224 b8',
      'resnet50_fwd_224 b1 f16',
      'resnet50_finetune_64 b16 f16',
    ])
      expect(names).toContain(name);
    expect(selectWorkloads(all, ['maxpool', 'matmul512']).map((w) => w.name)).toContain('maxpool3s2_64@112 b8');
    expect(selectWorkloads(all, [])).toHaveLength(all.length);
    expect(selectWorkloads(all, ['no such'])).toEqual([]);
  });

  test('other programs that disturbed it are told', () => {
    expect(disturbance(1.94)).toBe(
      'bench: other programs took up to 1.9 cores, so these times are too long. Measure again on a quiet machine.',
    );
  });

  test('the table is aligned', async () => {
    const m = await measure(currentDevice(), tiny(), { samples: 1, budget: 100 });
    expect(stepTable.row(12, m)).toHaveLength(stepTable.heading(12).length);
    expect([0.1234, 1.234, 12.34, 1234.5].map(formatMs)).toEqual(['0.123', '1.23', '12.3', '1,235']);
  });
});

describe('command line', () => {
  const bench = (...args: string[]) =>
    run(process.execPath, ['--conditions=regraft-source', '--import', 'tsx', 'src/cli/main.ts', 'bench', ...args], {
      cwd: root,
    });

  test('--json prints one line a workload', async () => {
    const { stdout } = await bench('--json', '--only', 'maxpool3s2_64@112 b1', '--samples', '1');
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.map((l) => l.workload)).toEqual(['maxpool3s2_64@112 b1']);
    const fields = [
      'workload',
      'ms_median',
      'ms_min',
      'samples',
      'gflops',
      'first_run_ms',
      'js_ms',
      'cpu_ms',
      'peak_bytes',
      'lower_bound_bytes',
      'dispatches',
      'adapter',
    ];
    expect(Object.keys(lines[0])).toEqual(expect.arrayContaining(fields));
  });

  test('a wrong option ends with 2', async () => {
    await expect(bench('--samples', 'none')).rejects.toMatchObject({ code: 2 });
    await expect(bench('--only', 'no such workload')).rejects.toMatchObject({ code: 2 });
  });
});
