/**
 * Where a workload's time goes: its dispatches timed one by one, added up by kernel.
 *
 *   npx tsx --conditions=regraft-source bench/profile.ts WORKLOAD [--rounds N] [--each] [--adapter NAME]
 *
 * Each dispatch is submitted and awaited alone, and its least time of N rounds counts, less what an empty submit takes; where
 * the adapter is a real GPU, timestamps take the place of the clock. `--each` lists every dispatch instead of the sums.
 */
import { parseArgs } from 'node:util';
import { currentDevice } from '../src/device/current.ts';
import type { Device } from '../src/device/device.ts';
import { init, step } from '../src/index.ts';
import { formatMs } from './table.ts';
import { workloads } from './workloads.ts';

interface Dispatch {
  readonly pipeline: GPUComputePipeline;
  readonly groups: readonly GPUBindGroup[];
  readonly workgroups: readonly [number, number, number];
}

/** Stands in for the device's encoder: notes the dispatches instead of encoding them. */
function recordingEncoder(real: GPUCommandEncoder, dispatches: Dispatch[]): GPUCommandEncoder {
  let pipeline: GPUComputePipeline;
  let groups: GPUBindGroup[] = [];
  const pass = {
    setPipeline: (p: GPUComputePipeline) => {
      pipeline = p;
      groups = [];
    },
    setBindGroup: (at: number, group: GPUBindGroup) => void (groups[at] = group),
    dispatchWorkgroups: (x: number, y = 1, z = 1) => void dispatches.push({ pipeline, groups: [...groups], workgroups: [x, y, z] }),
    end: () => {},
  };
  return {
    beginComputePass: () => pass,
    copyBufferToBuffer: (...args: Parameters<GPUCommandEncoder['copyBufferToBuffer']>) => real.copyBufferToBuffer(...args),
    finish: () => real.finish(),
  } as unknown as GPUCommandEncoder;
}

function encode(device: Device, dispatch: Dispatch | null, timestamps?: GPUQuerySet): GPUCommandEncoder {
  const encoder = device.gpu.createCommandEncoder();
  const pass = encoder.beginComputePass(
    timestamps && { timestampWrites: { querySet: timestamps, beginningOfPassWriteIndex: 0, endOfPassWriteIndex: 1 } },
  );
  if (dispatch) {
    pass.setPipeline(dispatch.pipeline);
    dispatch.groups.forEach((group, k) => void pass.setBindGroup(k, group));
    pass.dispatchWorkgroups(...dispatch.workgroups);
  }
  pass.end();
  return encoder;
}

/** Milliseconds by the clock, submit to idle. */
async function clock(device: Device, dispatch: Dispatch | null): Promise<number> {
  const commands = encode(device, dispatch).finish();
  const began = performance.now();
  device.queue.submit([commands]);
  await device.whenIdle();
  return performance.now() - began;
}

/** Milliseconds by the GPU's timestamps. */
function stopwatch(device: Device): (dispatch: Dispatch) => Promise<number> {
  const querySet = device.gpu.createQuerySet({ type: 'timestamp', count: 2 });
  const times = device.gpu.createBuffer({ size: 16, usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC });
  return async (dispatch) => {
    const encoder = encode(device, dispatch, querySet);
    encoder.resolveQuerySet(querySet, 0, 2, times, 0);
    device.queue.submit([encoder.finish()]);
    const [begin, end] = new BigUint64Array(await device.read(times, 0, 16));
    return Number(end! - begin!) / 1e6;
  };
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '3' },
    each: { type: 'boolean', default: false },
    adapter: { type: 'string' },
  },
});
const name = positionals.join(' ');
const workload = workloads().find((w) => w.name === name);
if (!workload) {
  console.error(`profile: no workload is called '${name}'; npm run bench -- --list shows them.`);
  process.exit(2);
}
await init(values.adapter === undefined ? {} : { adapter: values.adapter });
const device = currentDevice();
const ready = await workload.prepare();
const run = async () => {
  await ready.before?.();
  const began = performance.now();
  for (const result of step(() => ready.record())) result.dispose();
  const submitted = performance.now();
  await device.whenIdle();
  return { js: submitted - began, whole: performance.now() - began };
};
for (let k = 0; k < 2; k++) await run();
const wholes = [];
for (let k = 0; k < Number(values.rounds); k++) wholes.push(await run());
const whole = Math.min(...wholes.map((w) => w.whole));
const js = Math.min(...wholes.map((w) => w.js));

const dispatches: Dispatch[] = [];
const { gpu } = device;
const original = gpu.createCommandEncoder;
gpu.createCommandEncoder = () => recordingEncoder(original.call(gpu), dispatches);
await run();
gpu.createCommandEncoder = original;

const timestamps = !device.info.software && device.info.features.includes('timestamp-query');
let empty = Number.POSITIVE_INFINITY;
for (let k = 0; k < 20; k++) empty = Math.min(empty, await clock(device, null));
const time = timestamps ? stopwatch(device) : async (d: Dispatch) => Math.max(0, (await clock(device, d)) - empty);
const best = new Array<number>(dispatches.length).fill(Number.POSITIVE_INFINITY);
for (let round = 0; round < Number(values.rounds); round++)
  for (const [k, dispatch] of dispatches.entries()) best[k] = Math.min(best[k]!, await time(dispatch));

const total = best.reduce((a, b) => a + b, 0);
console.log(`${name}, ${device.info.description}`);
console.log(`whole step ${formatMs(whole)} ms (of it ${formatMs(js)} ms JavaScript); ${dispatches.length} dispatches, ${formatMs(total)} ms one by one`);
const line = (ms: number, count: string, what: string) =>
  console.log(`${formatMs(ms).padStart(9)} ms ${((100 * ms) / total).toFixed(1).padStart(5)} %  ${count.padStart(6)}  ${what}`);
if (values.each) dispatches.forEach((d, k) => line(best[k]!, String(k), `${d.pipeline.label} [${d.workgroups.join(', ')}]`));
else {
  const sums = new Map<string, { ms: number; count: number }>();
  dispatches.forEach(({ pipeline }, k) => {
    const sum = sums.get(pipeline.label) ?? { ms: 0, count: 0 };
    sums.set(pipeline.label, { ms: sum.ms + best[k]!, count: sum.count + 1 });
  });
  for (const [label, { ms, count }] of [...sums].sort((a, b) => b[1].ms - a[1].ms)) line(ms, `x${count}`, label);
}
await ready.end?.();
device.destroy();
