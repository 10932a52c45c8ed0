/** Times a workload: the first run apart, then the median of samples, each of which is checked to have dispatched all its work. */
import type { Device } from '../src/device/device.ts';
import { explain, step, type Tensor } from '../src/index.ts';
import { otherLoad, readLoad } from './load.ts';
import type { Ready, Workload } from './workload.ts';

/** A line of the bench's output. Times are milliseconds per step. */
export interface Measurement {
  readonly workload: string;
  readonly ms_median: number;
  readonly ms_min: number;
  readonly samples: number;
  /** By the median; null where a step is not measured in multiplications and additions. */
  readonly gflops: number | null;
  /** The first step: planning, compilation of kernels that this process has not met, the upload of parameters. */
  readonly first_run_ms: number;
  /** Of the main thread until the step is submitted: recording, finding the plan, encoding. The least of all steps. */
  readonly js_ms: number;
  /** CPU time of this process, all threads together, the least of all samples: a software adapter's work, whoever else is busy. */
  readonly cpu_ms: number;
  /** Bytes on the device as planned, and the tensors alive at once, below which no plan could go. */
  readonly peak_bytes: number;
  readonly lower_bound_bytes: number;
  readonly dispatches: number;
  readonly adapter: string;
  /** CPU cores kept busy by other processes meanwhile (Linux): well above 0 marks a disturbed figure. */
  readonly other_cpu?: number;
}

export interface MeasureOptions {
  /** Samples at most; a slow workload gets as few as 3. */
  readonly samples: number;
  /** Time for one workload's samples, in milliseconds. */
  readonly budget?: number;
}

/** Short steps are repeated until a sample lasts this long. */
const SAMPLE_MS = 40;
const MOST_REPEATS = 64;
const FEWEST_SAMPLES = 3;

export const round = (x: number, digits = 3): number => Number(x.toFixed(digits));

/** The middle value, or the mean of the middle two. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}

/** @throws Error if a step dispatched anything else than its plan says, or its plan less than the workload needs. */
export async function measure(device: Device, workload: Workload, options: MeasureOptions): Promise<Measurement> {
  const ready = await workload.prepare();
  try {
    return await measureReady(device, workload, ready, options);
  } finally {
    await device.whenIdle();
    await ready.end?.();
    device.pool.trim();
  }
}

async function measureReady(
  device: Device,
  workload: Workload,
  ready: Ready,
  { samples, budget = 12_000 }: MeasureOptions,
): Promise<Measurement> {
  const first = await sample(device, ready, 1);
  // What is computed once, and inputs that move to the device for good, are settled after two runs.
  const second = await sample(device, ready, 1);
  await ready.before?.();
  const { kernels, peakBytes, lowerBoundBytes } = explain(() => ready.record());
  checkKernels(workload, kernels);
  await sample(device, ready, 1);

  const repeats = Math.max(1, Math.min(MOST_REPEATS, Math.ceil(SAMPLE_MS / second.ms)));
  const count = Math.max(
    Math.min(samples, FEWEST_SAMPLES),
    Math.min(samples, Math.floor(budget / (second.ms * repeats))),
  );
  const load = readLoad();
  const times: number[] = [];
  let js = Number.POSITIVE_INFINITY;
  let cpu = Number.POSITIVE_INFINITY;
  while (times.length < count) {
    const { ms, jsMs, cpuMs, dispatches } = await sample(device, ready, repeats);
    checkDispatches(workload, dispatches, kernels.length * repeats);
    times.push(ms);
    js = Math.min(js, jsMs);
    cpu = Math.min(cpu, cpuMs);
  }
  const others = otherLoad(load, readLoad());
  const ms = median(times);
  return {
    workload: workload.name,
    ms_median: round(ms),
    ms_min: round(Math.min(...times)),
    samples: count,
    gflops: workload.flops === undefined ? null : round(workload.flops / ms / 1e6, 1),
    first_run_ms: round(first.ms, 1),
    js_ms: round(js),
    cpu_ms: round(cpu),
    peak_bytes: peakBytes,
    lower_bound_bytes: lowerBoundBytes,
    dispatches: kernels.length,
    adapter: device.info.description,
    ...(others !== undefined && { other_cpu: others }),
  };
}

/** What `repeats` steps took, per step. */
interface Sample {
  readonly ms: number;
  readonly jsMs: number;
  readonly cpuMs: number;
  /** Of all steps together. */
  readonly dispatches: number;
}

/** Runs the step `repeats` times and waits for the device. */
async function sample(device: Device, ready: Ready, repeats: number): Promise<Sample> {
  const before = device.counters.dispatches;
  const cpuBefore = process.cpuUsage();
  let jsMs = Number.POSITIVE_INFINITY;
  const began = performance.now();
  for (let r = 0; r < repeats; r++) {
    await ready.before?.();
    const started = performance.now();
    const results = step(() => ready.record());
    jsMs = Math.min(jsMs, performance.now() - started);
    await finish(results);
  }
  await device.whenIdle();
  const ms = (performance.now() - began) / repeats;
  const { user, system } = process.cpuUsage(cpuBefore);
  return { ms, jsMs, cpuMs: (user + system) / 1000 / repeats, dispatches: device.counters.dispatches - before };
}

/** Reads a loss, as a training loop does; anything larger is let go: its kernels are submitted. */
async function finish(results: readonly Tensor[]): Promise<void> {
  for (const result of results) {
    if (result.rank === 0 && results.length === 1) {
      const value = await result.item();
      if (!Number.isFinite(value)) throw new Error(`the result is ${value}: a step that diverges is not a measurement`);
    }
    result.dispose();
  }
}

/** The part of a step that a kernel (or one of several in one, joined by +) stands for; null where it only prepares or completes another: one convolution, one count. */
export function familyOf(kernel: string): string | null {
  if (/^(\w+\.(pack|sum|merge)|winograd\.(?!output).*)$/.test(kernel)) return null;
  return kernel.split('.', 1)[0]!;
}

/** @throws Error unless the plan holds the kernels that the workload cannot do without. */
export function checkKernels(workload: Workload, kernels: readonly string[]): void {
  const families = kernels.flatMap((kernel) => kernel.split('+').map(familyOf));
  for (const [wanted, count] of Object.entries(workload.kernels)) {
    const either = wanted.split('|');
    const got = families.filter((family) => family !== null && either.includes(family)).length;
    if (got < count)
      throw new Error(
        `${workload.name}: the plan has ${got} kernels of '${wanted}', a step needs ${count}: work was dropped`,
      );
  }
}

/** @throws Error unless the timed loop dispatched exactly what its plans hold. */
export function checkDispatches(workload: Workload, dispatched: number, expected: number): void {
  if (dispatched !== expected || expected === 0)
    throw new Error(
      `${workload.name}: a sample dispatched ${dispatched} kernels, its plan has ${expected}: what was timed is not the workload`,
    );
}
