/** Runs a kernel program by itself: poisoned outputs and temporaries, no planner. For kernel tests. */
import { openDevice as open } from '../../src/device/device.ts';
import type { KernelTarget, Operand, Program } from '../../src/kernels/kernel.ts';

let opened: Promise<{ device: GPUDevice; target: KernelTarget }> | undefined;

/** One device for all kernel tests of a process. */
export function openDevice(): Promise<{ device: GPUDevice; target: KernelTarget }> {
  opened ??= open().then(({ gpu, target }) => ({ device: gpu, target }));
  return opened;
}

/** Runs `program` on `inputs` and reads its outputs (given as element counts or, for in-place kernels, initial values). */
export async function runProgram(
  program: Program,
  inputs: readonly (Float32Array | Int32Array)[],
  outputs: readonly (number | Float32Array | Int32Array)[],
): Promise<Float32Array[]> {
  const { device } = await openDevice();
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
  const upload = (data: ArrayBufferView, use = usage): GPUBuffer => {
    const buffer = device.createBuffer({ size: Math.max(16, data.byteLength), usage: use });
    device.queue.writeBuffer(buffer, 0, data as Float32Array<ArrayBuffer>);
    return buffer;
  };
  const poison = (n: number) => new Float32Array(n).fill(Number.NaN);
  const ins = inputs.map((a) => upload(a));
  const outs = outputs.map((o) => upload(typeof o === 'number' ? poison(o) : o));
  const temps = (program.temps ?? []).map((bytes) => upload(poison(Math.ceil(bytes / 4))));
  const bufferOf = (o: Operand) => ({ input: ins, output: outs, temp: temps })[o.kind][o.index]!;

  device.pushErrorScope('validation');
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  for (const step of program.steps) {
    const entries = (bs: readonly GPUBuffer[]) => bs.map((buffer, binding) => ({ binding, resource: { buffer } }));
    const uniform = (words: readonly number[]) =>
      words.length
        ? [upload(new Uint32Array([...words, 0, 0, 0, 0]), GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST)]
        : [];
    const layoutOf = (reads: number, writes: number, params: boolean) =>
      device.createBindGroupLayout({
        entries: [
          ...Array.from({ length: reads }, () => 'read-only-storage' as const),
          ...Array.from({ length: writes }, () => 'storage' as const),
          ...(params ? ['uniform' as const] : []),
        ].map((type, binding) => ({ binding, visibility: GPUShaderStage.COMPUTE, buffer: { type } })),
      });
    const params = step.params ?? [];
    const groups = [
      {
        layout: layoutOf(step.reads.length, step.writes.length, params.length > 0),
        buffers: [...step.reads.map(bufferOf), ...step.writes.map(bufferOf), ...uniform(params)],
      },
    ];
    if (step.fusion)
      groups.push({
        layout: layoutOf(step.fusion.reads.length, 0, step.fusion.params.length > 0),
        buffers: [...step.fusion.reads.map(bufferOf), ...uniform(step.fusion.params)],
      });
    const module = device.createShaderModule({ code: step.wgsl, label: step.name });
    const info = await module.getCompilationInfo();
    if (info.messages.length)
      throw new Error(
        `${step.name}: ${info.messages.map((m) => `${m.lineNum}: ${m.message}`).join('\n')}\n${step.wgsl}`,
      );
    const pipeline = device.createComputePipeline({
      layout: device.createPipelineLayout({ bindGroupLayouts: groups.map((g) => g.layout) }),
      compute: { module, entryPoint: 'main' },
    });
    pass.setPipeline(pipeline);
    groups.forEach((g, i) => {
      pass.setBindGroup(i, device.createBindGroup({ layout: g.layout, entries: entries(g.buffers) }));
    });
    pass.dispatchWorkgroups(...step.workgroups);
  }
  pass.end();
  const sizes = outs.map((b) => b.size);
  const staging = sizes.map((size) =>
    device.createBuffer({ size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST }),
  );
  outs.forEach((b, i) => {
    encoder.copyBufferToBuffer(b, 0, staging[i]!, 0, sizes[i]!);
  });
  device.queue.submit([encoder.finish()]);
  const error = await device.popErrorScope();
  if (error) throw new Error(error.message);
  const results: Float32Array[] = [];
  for (const [i, o] of outputs.entries()) {
    await staging[i]!.mapAsync(GPUMapMode.READ);
    const n = typeof o === 'number' ? o : o.length;
    results.push(new Float32Array(staging[i]!.getMappedRange().slice(0, n * 4)));
    staging[i]!.destroy();
  }
  for (const b of [...ins, ...outs, ...temps]) b.destroy();
  return results;
}
