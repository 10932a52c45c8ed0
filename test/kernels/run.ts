/** Runs a kernel program by itself: poisoned outputs and temporaries, no planner. For kernel tests. */
import { openDevice as open } from '../../src/device/device.ts';
import type { TexelFormat } from '../../src/device/texture-pool.ts';
import { type KernelTarget, type Operand, type Program, type Step, TEXEL_COLUMNS } from '../../src/kernels/kernel.ts';
import { loadAllFamilies } from './load-all.ts';

await loadAllFamilies();

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
  const textures: GPUTexture[] = [];
  /** A copy of the buffer in a texture, as the kernel wants it. */
  const texelsOf = (buffer: GPUBuffer, format: TexelFormat): GPUTextureView => {
    const texelBytes = format === 'r32float' ? 4 : 16;
    const texels = Math.ceil(buffer.size / texelBytes);
    const rows = Math.ceil(texels / TEXEL_COLUMNS);
    const columns = Math.min(texels, TEXEL_COLUMNS);
    const padded = device.createBuffer({ size: rows * columns * texelBytes, usage });
    encoder.copyBufferToBuffer(buffer, 0, padded, 0, buffer.size);
    const textureUsage = GPUTextureUsage.STORAGE_BINDING | GPUTextureUsage.COPY_DST;
    const texture = device.createTexture({ size: [columns, rows], format, usage: textureUsage });
    const layout = rows > 1 ? { bytesPerRow: columns * texelBytes } : {};
    encoder.copyBufferToTexture({ buffer: padded, ...layout }, { texture }, [columns, rows]);
    temps.push(padded);
    textures.push(texture);
    return texture.createView();
  };
  for (const step of program.steps) {
    const entries = (bs: readonly (GPUBuffer | GPUTextureView)[]) =>
      bs.map((b, binding) => ({ binding, resource: 'size' in b ? { buffer: b } : b }));
    const uniform = (words: readonly number[]) =>
      words.length
        ? [upload(new Uint32Array([...words, 0, 0, 0, 0]), GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST)]
        : [];
    const layoutOf = (reads: number, writes: number, params: boolean, texels: Step['texels'] = []) =>
      device.createBindGroupLayout({
        entries: [
          ...Array.from({ length: reads }, () => 'read-only-storage' as const),
          ...Array.from({ length: writes }, () => 'storage' as const),
          ...(params ? ['uniform' as const] : []),
        ].map((type, binding) => ({
          binding,
          visibility: GPUShaderStage.COMPUTE,
          ...(texels[binding]
            ? { storageTexture: { format: texels[binding], access: 'read-only' as const } }
            : { buffer: { type } }),
        })),
      });
    const params = step.params ?? [];
    const reads = step.reads.map((o, k) => {
      const format = step.texels?.[k];
      return format ? texelsOf(bufferOf(o), format) : bufferOf(o);
    });
    const groups: { layout: GPUBindGroupLayout; buffers: (GPUBuffer | GPUTextureView)[] }[] = [
      {
        layout: layoutOf(step.reads.length, step.writes.length, params.length > 0, step.texels),
        buffers: [...reads, ...step.writes.map(bufferOf), ...uniform(params)],
      },
    ];
    if (step.fusion)
      groups.push({
        layout: layoutOf(step.fusion.reads.length, step.fusion.writes.length, step.fusion.params.length > 0),
        buffers: [...[...step.fusion.reads, ...step.fusion.writes].map(bufferOf), ...uniform(step.fusion.params)],
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
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    groups.forEach((g, i) => {
      pass.setBindGroup(i, device.createBindGroup({ layout: g.layout, entries: entries(g.buffers) }));
    });
    pass.dispatchWorkgroups(...step.workgroups);
    pass.end();
  }
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
  for (const b of [...ins, ...outs, ...temps, ...textures]) b.destroy();
  return results;
}
