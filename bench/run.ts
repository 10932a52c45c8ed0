/**
 * Benchmarks of kernels and of ResNet-50, behind `regraft bench`.
 *
 * A table by default, JSON lines if asked; progress goes to stderr. One device, one workload after the other.
 */
import { hasFloat16 } from '../src/device/adapter.ts';
import { currentDevice } from '../src/device/current.ts';
import { init } from '../src/index.ts';
import { measure } from './measure.ts';
import { tableHeading, tableRow } from './table.ts';
import type { Workload } from './workload.ts';

export { selectWorkloads, workloads } from './workloads.ts';

export interface BenchOptions {
  readonly json?: boolean;
  /** A workload at most. */
  readonly samples: number;
}

/**
 * Measures the workloads and prints as it goes.
 * @returns the names of those that failed: also if a step dispatched anything else than its plan, that is if what was timed was
 * not the work.
 */
export async function runBench(
  chosen: readonly Workload[],
  { json = false, samples }: BenchOptions,
): Promise<string[]> {
  await init();
  const device = currentDevice();
  console.error(`adapter: ${device.info.description}`);
  const width = Math.max(...chosen.map(({ name }) => name.length));
  if (!json) console.log(tableHeading(width));
  const failed: string[] = [];
  for (const [k, workload] of chosen.entries()) {
    if (workload.float16 && !hasFloat16(device.info)) {
      console.error(`bench: ${workload.name}: left out, this adapter has no 16-bit floats (shader-f16)`);
      continue;
    }
    if (process.stderr.isTTY) process.stderr.write(`\x1b[2K[${k + 1}/${chosen.length}] ${workload.name}\r`);
    try {
      const measurement = await measure(device, workload, { samples });
      if (process.stderr.isTTY) process.stderr.write('\x1b[2K');
      console.log(json ? JSON.stringify(measurement) : tableRow(width, measurement));
    } catch (error) {
      failed.push(workload.name);
      const message = error instanceof Error ? error.message : String(error);
      if (json) console.log(JSON.stringify({ workload: workload.name, error: message }));
      console.error(`bench: ${workload.name}: ${message}`);
    }
  }
  device.destroy();
  return failed;
}
