/**
 * What parameters cost: replays a plan-like list of dispatches with parameters in a uniform that is baked into bind groups, and with the
 * same as immediates, which have to be set each time.
 *
 *   npx tsx --conditions=regraft-source bench/immediates.ts [--adapter NAME]
 */
import { parseArgs } from 'node:util';
import { openDevice } from '../src/device/device.ts';
import { formatMs } from './table.ts';

const DISPATCHES = 250;
const ROUNDS = 60;
const WORDS = Uint32Array.of(8, 1, 1, 1, 1, 1, 1, 2);

const { values } = parseArgs({ options: { adapter: { type: 'string' } } });
const { gpu, queue, info } = await openDevice(values.adapter === undefined ? {} : { adapter: values.adapter });

interface Times {
  readonly encode: number;
  readonly run: number;
}

/** Gives what encodes, submits and awaits the dispatches. */
function replay(immediates: boolean): () => Promise<Times> {
  const code = /* wgsl */ `
struct Params { count: u32, a: u32, b: u32, c: u32, d: u32, e: u32, f: u32, g: u32 }
@group(0) @binding(0) var<storage, read_write> y: array<u32>;
${immediates ? 'var<immediate>' : '@group(0) @binding(1) var<uniform>'} params: Params;
@compute @workgroup_size(8)
fn main(@builtin(local_invocation_index) i: u32) {
  if (i < params.count) {
    y[i] = params.a + params.g;
  }
}`;
  const visibility = GPUShaderStage.COMPUTE;
  const uniform: GPUBindGroupLayoutEntry = { binding: 1, visibility, buffer: { type: 'uniform' } };
  const layout = gpu.createBindGroupLayout({
    entries: [{ binding: 0, visibility, buffer: { type: 'storage' } }, ...(immediates ? [] : [uniform])],
  });
  const pipeline = gpu.createComputePipeline({
    layout: gpu.createPipelineLayout({
      bindGroupLayouts: [layout],
      ...(immediates && { immediateSize: WORDS.byteLength }),
    }),
    compute: { module: gpu.createShaderModule({ code }), entryPoint: 'main' },
  });
  const buffer = (usage: number): GPUBuffer => gpu.createBuffer({ size: WORDS.byteLength, usage });
  const [y, params] = [buffer(GPUBufferUsage.STORAGE), buffer(GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST)];
  queue.writeBuffer(params, 0, WORDS);
  const entries = [y, ...(immediates ? [] : [params])].map((b, binding) => ({ binding, resource: { buffer: b } }));
  const groups = Array.from({ length: DISPATCHES }, () => gpu.createBindGroup({ layout, entries }));
  return async () => {
    const began = performance.now();
    const encoder = gpu.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    for (const group of groups) {
      pass.setBindGroup(0, group);
      if (immediates) pass.setImmediates(0, WORDS);
      pass.dispatchWorkgroups(1);
    }
    pass.end();
    queue.submit([encoder.finish()]);
    const encoded = performance.now();
    await queue.onSubmittedWorkDone();
    return { encode: encoded - began, run: performance.now() - encoded };
  };
}

if (!gpu.limits.maxImmediateSize) {
  console.error(`immediates: ${info.description} has none.`);
  process.exit(2);
}
const ways = [
  ['uniform in the bind group', replay(false)],
  ['immediates', replay(true)],
] as const;
const times = ways.map((): Times[] => []);
for (let round = 0; round < ROUNDS; round++)
  for (const [k, [, run]] of ways.entries()) {
    const taken = await run();
    if (round >= 10) times[k]!.push(taken);
  }
const median = (of: readonly number[]): number => [...of].sort((a, b) => a - b)[of.length >> 1]!;
console.log(`${DISPATCHES} dispatches, medians in ms, ${info.description}`);
for (const [k, [name]] of ways.entries())
  console.log(
    `encode and submit ${formatMs(median(times[k]!.map((t) => t.encode)))}, run ${formatMs(median(times[k]!.map((t) => t.run)))}: ${name}`,
  );
gpu.destroy();
