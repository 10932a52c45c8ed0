/**
 * Where a workload's time goes: its dispatches timed one by one, added up by kernel.
 *
 *   npx tsx --conditions=regraft-source bench/profile.ts WORKLOAD [--rounds N] [--each] [--adapter NAME]
 *
 * All dispatches of a kernel are submitted together and awaited, and the least time of N rounds counts; with `--each` every
 * dispatch alone. A real GPU is timed by its timestamps. A software adapter by the CPU time that this process uses, which
 * other processes disturb less than the clock; it is the sum over cores.
 */
import { parseArgs } from 'node:util';
import { currentDevice } from '../src/device/current.ts';
import type { Device } from '../src/device/device.ts';
import { init, step } from '../src/index.ts';
import { formatMs } from './table.ts';
import { workloads } from './workloads.ts';

interface Dispatch {
  readonly label: string;
  readonly pipeline: GPUComputePipeline;
  readonly groups: readonly GPUBindGroup[];
  readonly workgroups: readonly [number, number, number];
  readonly immediates: BufferSource | null;
}

interface Copy {
  readonly label: 'copy to texture';
  readonly copy: Parameters<GPUCommandEncoder['copyBufferToTexture']>;
}

type Command = Dispatch | Copy;

/** Stands in for the device's encoder: notes the commands instead of encoding them. */
function recordingEncoder(real: GPUCommandEncoder, commands: Command[]): GPUCommandEncoder {
  let pipeline: GPUComputePipeline;
  let groups: GPUBindGroup[] = [];
  let immediates: BufferSource | null = null;
  const pass = {
    setPipeline: (p: GPUComputePipeline) => {
      pipeline = p;
      groups = [];
      immediates = null;
    },
    setBindGroup: (at: number, group: GPUBindGroup) => void (groups[at] = group),
    setImmediates: (_offset: number, words: BufferSource) => void (immediates = words),
    dispatchWorkgroups: (x: number, y = 1, z = 1) =>
      void commands.push({ label: pipeline.label, pipeline, groups: [...groups], workgroups: [x, y, z], immediates }),
    end: () => {},
  };
  return {
    beginComputePass: () => pass,
    copyBufferToBuffer: (...args: Parameters<GPUCommandEncoder['copyBufferToBuffer']>) =>
      real.copyBufferToBuffer(...args),
    copyBufferToTexture: (...copy: Copy['copy']) => void commands.push({ label: 'copy to texture', copy }),
    finish: () => real.finish(),
  } as unknown as GPUCommandEncoder;
}

function encode(device: Device, commands: readonly Command[], timestamps?: GPUQuerySet): GPUCommandEncoder {
  const encoder = device.gpu.createCommandEncoder();
  const dispatches = commands.filter((c): c is Dispatch => 'pipeline' in c);
  for (const command of commands) if ('copy' in command) encoder.copyBufferToTexture(...command.copy);
  const pass = encoder.beginComputePass(
    timestamps && { timestampWrites: { querySet: timestamps, beginningOfPassWriteIndex: 0, endOfPassWriteIndex: 1 } },
  );
  for (const { pipeline, groups, workgroups, immediates } of dispatches) {
    pass.setPipeline(pipeline);
    groups.forEach((group, k) => void pass.setBindGroup(k, group));
    if (immediates) pass.setImmediates(0, immediates);
    pass.dispatchWorkgroups(...workgroups);
  }
  pass.end();
  return encoder;
}

type Timer = (commands: readonly Command[]) => Promise<number>;

/** Milliseconds of this process on the CPU, from submit to idle. */
const cpuTime =
  (device: Device): Timer =>
  async (recorded) => {
    const commands = encode(device, recorded).finish();
    const before = process.cpuUsage();
    device.queue.submit([commands]);
    await device.whenIdle();
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000;
  };

/** Milliseconds by the GPU's timestamps. */
function gpuTime(device: Device): Timer {
  const querySet = device.gpu.createQuerySet({ type: 'timestamp', count: 2 });
  const times = device.gpu.createBuffer({ size: 16, usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC });
  return async (commands) => {
    const encoder = encode(device, commands, querySet);
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

const commands: Command[] = [];
const { gpu } = device;
const original = gpu.createCommandEncoder;
gpu.createCommandEncoder = () => recordingEncoder(original.call(gpu), commands);
await run();
gpu.createCommandEncoder = original;

const byTimestamps = !device.info.software && device.info.features.includes('timestamp-query');
const time = byTimestamps ? gpuTime(device) : cpuTime(device);
const labels = commands.map((c, k) =>
  values.each ? `${c.label} [${'pipeline' in c ? c.workgroups : c.copy[2]}] #${k}` : c.label,
);
const groups = [...new Set(labels)].map((label) => ({
  label,
  commands: commands.filter((_, k) => labels[k] === label),
  ms: Number.POSITIVE_INFINITY,
}));
for (let round = 0; round < Number(values.rounds); round++)
  for (const group of groups) group.ms = Math.min(group.ms, await time(group.commands));

const total = groups.reduce((sum, g) => sum + g.ms, 0);
console.log(`${name}, ${device.info.description}`);
console.log(`whole step ${formatMs(whole)} ms, of it ${formatMs(js)} ms JavaScript until it is submitted`);
console.log(
  `${commands.length} commands, ${formatMs(total)} ms of ${byTimestamps ? 'GPU' : 'CPU'} time kernel by kernel`,
);
if (!values.each) groups.sort((a, b) => b.ms - a.ms);
for (const { label, commands: own, ms } of groups)
  console.log(
    `${formatMs(ms).padStart(9)} ms ${((100 * ms) / total).toFixed(1).padStart(5)} %  ${`x${own.length}`.padStart(6)}  ${label}`,
  );
await ready.end?.();
device.destroy();
