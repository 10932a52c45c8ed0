/** Compute pipelines by source, with explicit bind group layouts: the same WGSL is compiled once. */
import { DeviceError } from '../core/errors.ts';
import type { Counters } from './counters.ts';
import type { Faults } from './faults.ts';

/** A compiled kernel and the layouts of its bind groups 0 and, with a fusion, 1. */
export interface Pipeline {
  readonly pipeline: GPUComputePipeline;
  readonly layouts: readonly GPUBindGroupLayout[];
}

/** What one bind group holds: so many reads, then writes, then the parameters' uniform if there is one. */
export interface GroupSignature {
  readonly reads: number;
  /** Of the reads, those that are read-only storage textures, with their formats. */
  readonly texels?: readonly (GPUTextureFormat | undefined)[] | undefined;
  readonly writes: number;
  /** Where the parameters are: immediates are in no bind group, and those of group 0 alone. */
  readonly params: 'uniform' | 'immediates' | 'none';
}

/** The pipelines and layouts of one device. */
export class PipelineCache {
  readonly #gpu: GPUDevice;
  readonly #faults: Faults;
  readonly #counters: Counters;
  // Signature, then source: sources are long, so they are not glued to a key.
  readonly #pipelines = new Map<string, Map<string, Pipeline>>();
  readonly #groupLayouts = new Map<string, GPUBindGroupLayout>();
  readonly #pipelineLayouts = new Map<string, GPUPipelineLayout>();

  constructor(gpu: GPUDevice, faults: Faults, counters: Counters) {
    this.#gpu = gpu;
    this.#faults = faults;
    this.#counters = counters;
  }

  /** @throws DeviceError if a kernel of these groups binds more buffers than the adapter allows. */
  requireBindings(own: GroupSignature, fusion?: GroupSignature, label = ''): void {
    const textures = own.texels?.filter((format) => format).length ?? 0;
    const buffers = own.reads - textures + own.writes + (fusion ? fusion.reads + fusion.writes : 0);
    const allowed = this.#gpu.limits.maxStorageBuffersPerShaderStage;
    if (buffers <= allowed) return;
    throw new DeviceError(
      `${label || 'kernel'}: binds ${buffers} storage buffers; this adapter allows ${allowed} ` +
        '(maxStorageBuffersPerShaderStage). Split it.',
    );
  }

  /**
   * The pipeline of `wgsl` (entry point `main`). Group 0 binds what `own` says, group 1 what `fusion` says.
   * A source that does not compile is reported at the next await, as a DeviceError with the line at fault.
   * @throws DeviceError as {@link requireBindings}.
   */
  pipelineFor(wgsl: string, own: GroupSignature, fusion?: GroupSignature, label = ''): Pipeline {
    const signature = nameOf(own) + (fusion ? `, ${nameOf(fusion)}` : '');
    const cached = this.#pipelines.get(signature)?.get(wgsl);
    if (cached) return cached;
    this.requireBindings(own, fusion, label);
    const layouts = [own, ...(fusion ? [fusion] : [])].map((group) => this.groupLayout(group));
    const began = performance.now();
    this.#gpu.pushErrorScope('validation');
    const module = this.#gpu.createShaderModule({ code: wgsl, label });
    const pipeline = this.#gpu.createComputePipeline(this.#descriptor(module, own, signature, layouts, label));
    this.#counters.compileSeconds += (performance.now() - began) / 1000;
    this.#faults.watch(
      this.#gpu.popErrorScope().then((error) => (error ? compileError(module, wgsl, label, error.message) : undefined)),
    );
    return this.#store(wgsl, signature, { pipeline, layouts });
  }

  /** A layout of so many reads, writes and perhaps a uniform; the same object for the same signature. */
  groupLayout(group: GroupSignature): GPUBindGroupLayout {
    const { reads, texels = [], writes, params } = group;
    const key = nameOf(group);
    let layout = this.#groupLayouts.get(key);
    if (!layout) {
      const types: GPUBufferBindingType[] = [
        ...Array<GPUBufferBindingType>(reads).fill('read-only-storage'),
        ...Array<GPUBufferBindingType>(writes).fill('storage'),
        ...(params === 'uniform' ? [params] : []),
      ];
      layout = this.#gpu.createBindGroupLayout({
        entries: types.map((type, binding) => {
          const format = texels[binding];
          const resource = format ? { storageTexture: { format, access: 'read-only' as const } } : { buffer: { type } };
          return { binding, visibility: GPUShaderStage.COMPUTE, ...resource };
        }),
      });
      this.#groupLayouts.set(key, layout);
    }
    return layout;
  }

  #descriptor(
    module: GPUShaderModule,
    { params }: GroupSignature,
    signature: string,
    bindGroupLayouts: GPUBindGroupLayout[],
    label: string,
  ): GPUComputePipelineDescriptor {
    let layout = this.#pipelineLayouts.get(signature);
    if (!layout) {
      layout = this.#gpu.createPipelineLayout({
        bindGroupLayouts,
        ...(params === 'immediates' && { immediateSize: this.#gpu.limits.maxImmediateSize }),
      });
      this.#pipelineLayouts.set(signature, layout);
    }
    return { label, layout, compute: { module, entryPoint: 'main' } };
  }

  #store(wgsl: string, signature: string, pipeline: Pipeline): Pipeline {
    const bySource = this.#pipelines.get(signature);
    if (bySource) bySource.set(wgsl, pipeline);
    else this.#pipelines.set(signature, new Map([[wgsl, pipeline]]));
    this.#counters.pipelines++;
    return pipeline;
  }
}

/** The same for groups that one layout fits. */
const nameOf = ({ reads, texels = [], writes, params }: GroupSignature): string =>
  `${reads} ${writes} ${params}${texels.some((format) => format) ? ` ${texels.join()}` : ''}`;

/** `name: line 3: unresolved value 'y': "  x[i] = y;"`, from the compiler's first error, or `message` where it has none. */
async function compileError(
  module: GPUShaderModule,
  wgsl: string,
  label: string,
  message: string,
): Promise<DeviceError> {
  const { messages } = await module.getCompilationInfo();
  const first = messages.find(({ type }) => type === 'error');
  const name = label || 'kernel';
  if (!first) return new DeviceError(`${name}: the pipeline cannot be made: ${message.trim()}`);
  const line = wgsl.split('\n')[first.lineNum - 1]?.trim() ?? '';
  return new DeviceError(
    `${name}: the WGSL does not compile: line ${first.lineNum}: ${first.message.trim()}: "${line}"`,
  );
}
