/**
 * Benchmarks of kernels, of ResNet-50 and of loading images, behind `regraft bench`.
 *
 * A table by default, JSON lines if asked; progress goes to stderr. One device, one workload after the other.
 */
import { hasFloat16 } from '../src/device/adapter.ts';
import { currentDevice } from '../src/device/current.ts';
import { init } from '../src/index.ts';
import { type InputWorkload, isInput, measureInput } from './input.ts';
import { measure } from './measure.ts';
import { inputTable, stepTable } from './table.ts';
import { tuneWorkloads } from './tune.ts';
import type { Workload } from './workload.ts';

export { allWorkloads, selectWorkloads, workloads } from './workloads.ts';

export interface BenchOptions {
  readonly json?: boolean;
  /** A workload at most. */
  readonly samples: number;
  /** Before anything is measured, the tiles of its products are tuned. */
  readonly tune?: boolean;
}

/** Cores that other programs may take before they are told. */
const QUIET = 0.25;

/** What is said of other programs that took at most so many cores. */
export const disturbance = (cores: number): string =>
  `bench: other programs took up to ${cores.toFixed(1)} cores, so these times are too long. Measure again on a quiet machine.`;

/**
 * Measures the workloads and prints as it goes.
 * @returns the names of those that failed: also if a step dispatched anything else than its plan, that is if what was timed was
 * not the work.
 */
export async function runBench(
  chosen: readonly (Workload | InputWorkload)[],
  { json = false, samples, tune = false }: BenchOptions,
): Promise<string[]> {
  await init();
  const device = currentDevice();
  console.error(`adapter: ${device.info.description}`);
  if (tune)
    await tuneWorkloads(
      chosen.filter((workload): workload is Workload => !isInput(workload)),
      { json },
    );
  const width = Math.max(...chosen.map(({ name }) => name.length));
  let heading = '';
  const print = (title: string, row: string) => {
    if (process.stderr.isTTY) process.stderr.write('\x1b[2K');
    if (!json && title !== heading) console.log(heading ? `\n${title}` : title);
    heading = title;
    console.log(row);
  };
  const failed: string[] = [];
  let others = 0;
  for (const [k, workload] of chosen.entries()) {
    if (!isInput(workload) && workload.float16 && !hasFloat16(device.info)) {
      console.error(`bench: ${workload.name}: left out, this adapter has no 16-bit floats (shader-f16)`);
      continue;
    }
    if (process.stderr.isTTY) process.stderr.write(`\x1b[2K[${k + 1}/${chosen.length}] ${workload.name}\r`);
    try {
      if (isInput(workload)) {
        const measurement = await measureInput(device, workload);
        others = Math.max(others, measurement.other_cpu ?? 0);
        print(inputTable.heading(width), json ? JSON.stringify(measurement) : inputTable.row(width, measurement));
      } else {
        const measurement = await measure(device, workload, { samples });
        others = Math.max(others, measurement.other_cpu ?? 0);
        print(stepTable.heading(width), json ? JSON.stringify(measurement) : stepTable.row(width, measurement));
      }
    } catch (error) {
      failed.push(workload.name);
      const message = error instanceof Error ? error.message : String(error);
      if (json) console.log(JSON.stringify({ workload: workload.name, error: message }));
      console.error(`bench: ${workload.name}: ${message}`);
    }
  }
  device.destroy();
  if (others > QUIET) console.error(disturbance(others));
  return failed;
}
