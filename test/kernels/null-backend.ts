/**
 * A program that compiles kernels on Dawn's null backend, which takes subgroup matrices though it runs nothing. Reads a JSON list of WGSL
 * modules, prints one line of JSON: the adapter's subgroup size and limits, and for each module what compiler and pipeline had to say.
 */
import { text } from 'node:stream/consumers';
import { create, globals } from 'webgpu';

Object.assign(globalThis, globals);
const modules: string[] = JSON.parse(await text(process.stdin));
const gpu = create(['backend=null', 'enable-dawn-features=allow_unsafe_apis']);
const adapter = (await gpu.requestAdapter())!;
const matrix = 'chromium-experimental-subgroup-matrix' as GPUFeatureName;
const { maxComputeInvocationsPerWorkgroup, maxComputeWorkgroupStorageSize } = adapter.limits;
const requiredLimits = { maxComputeInvocationsPerWorkgroup, maxComputeWorkgroupStorageSize };
const device = await adapter.requestDevice({ requiredFeatures: ['shader-f16', 'subgroups', matrix], requiredLimits });
const messages: string[][] = [];
const refusals: string[][] = [];
for (const code of modules) {
  device.pushErrorScope('validation');
  const module = device.createShaderModule({ code });
  const info = await module.getCompilationInfo();
  const pipeline = { layout: 'auto', compute: { module, entryPoint: 'main' } } as const;
  const refused = await device.createComputePipelineAsync(pipeline).then(
    () => [],
    (error: Error) => [error.message],
  );
  const error = await device.popErrorScope();
  messages.push(info.messages.map((m) => `line ${m.lineNum}: ${m.message}`));
  refusals.push([...refused, ...(error ? [error.message] : [])]);
}
console.log(
  JSON.stringify({
    maxSubgroupSize: adapter.info.subgroupMaxSize,
    maxInvocationsPerWorkgroup: maxComputeInvocationsPerWorkgroup,
    maxWorkgroupStorageBytes: maxComputeWorkgroupStorageSize,
    messages,
    refusals,
  }),
);
process.exit(0);
