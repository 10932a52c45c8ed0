/** Dispatches over fixed buffers, with the words of all their uniforms in one buffer. */
import type { Device } from '../device/device.ts';
import type { Operand, Step } from '../kernels/kernel.ts';

interface Dispatch {
  readonly name: string;
  readonly pipeline: GPUComputePipeline;
  readonly groups: readonly GPUBindGroup[];
  readonly workgroups: readonly [number, number, number];
}

/** Steps of one program, and where their operands live. */
export interface Placed {
  readonly steps: readonly Step[];
  readonly bufferOf: (operand: Operand) => GPUBufferBinding;
}

const alignTo = (bytes: number, step: number): number => Math.ceil(bytes / step) * step;

export class Sequence {
  readonly dispatches: readonly Dispatch[];
  readonly #device: Device;
  readonly #uniforms: GPUBuffer | null;
  readonly #words: Uint32Array<ArrayBuffer>;
  /** For each scalar of the graph, the words that hold it. */
  readonly #scalarWords: number[][] = [];
  #scalars: readonly number[];

  constructor(device: Device, placed: readonly Placed[], scalars: readonly number[]) {
    this.#device = device;
    this.#scalars = scalars;
    const align = device.info.limits.minUniformBufferOffsetAlignment!;
    const pieces: (readonly number[])[] = [];
    let bytes = 0;
    /** Reserves room for a uniform and gives its binding, or null for none. */
    const reserve = (words: readonly number[]): { offset: number; size: number } | null => {
      if (!words.length) return null;
      const offset = bytes;
      bytes += alignTo(words.length * 4, Math.max(16, align));
      pieces[offset / 4] = words;
      return { offset, size: alignTo(words.length * 4, 16) };
    };
    const slots = placed.map(({ steps }) =>
      steps.map((step) => ({ own: reserve(step.params ?? []), fusion: reserve(step.fusion?.params ?? []) })),
    );
    this.#words = new Uint32Array(bytes / 4);
    pieces.forEach((words, at) => {
      this.#words.set(words, at);
    });
    const usage = GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST;
    this.#uniforms = bytes ? device.gpu.createBuffer({ size: bytes, usage, label: 'uniforms' }) : null;
    if (this.#uniforms) device.gpu.queue.writeBuffer(this.#uniforms, 0, this.#words);

    const bindGroup = (
      layout: GPUBindGroupLayout,
      buffers: GPUBufferBinding[],
      uniform: { offset: number; size: number } | null,
    ) => {
      if (uniform) buffers.push({ buffer: this.#uniforms!, ...uniform });
      device.counters.bindGroups++;
      return device.gpu.createBindGroup({
        layout,
        entries: buffers.map((resource, binding) => ({ binding, resource })),
      });
    };
    this.dispatches = placed.flatMap(({ steps, bufferOf }, p) =>
      steps.map((step, s): Dispatch => {
        const { name, fusion, params = [], workgroups } = step;
        const { own, fusion: fused } = slots[p]![s]!;
        for (const { scalar, word } of fusion?.scalars ?? [])
          (this.#scalarWords[scalar] ??= []).push(fused!.offset / 4 + word);
        const { pipeline, layouts } = device.pipelines.pipelineFor(
          step.wgsl,
          step.reads.length,
          step.writes.length,
          params.length > 0,
          fusion && { reads: fusion.reads.length, params: fusion.params.length > 0 },
          name,
        );
        const groups = [bindGroup(layouts[0]!, [...step.reads, ...step.writes].map(bufferOf), own)];
        if (fusion && layouts[1]) groups.push(bindGroup(layouts[1], fusion.reads.map(bufferOf), fused));
        return { name, pipeline, groups, workgroups };
      }),
    );
  }

  /** Brings the uniforms up to date with the graph's scalars; writes nothing when none has changed. */
  writeScalars(scalars: readonly number[]): void {
    const floats = new Float32Array(this.#words.buffer);
    let changed = false;
    for (let k = 0; k < scalars.length; k++) {
      if (Object.is(scalars[k], this.#scalars[k])) continue;
      for (const word of this.#scalarWords[k] ?? []) {
        floats[word] = scalars[k]!;
        changed = true;
      }
    }
    this.#scalars = scalars;
    if (changed) this.#device.gpu.queue.writeBuffer(this.#uniforms!, 0, this.#words);
  }

  encode(pass: GPUComputePassEncoder): void {
    let pipeline: GPUComputePipeline | null = null;
    for (const d of this.dispatches) {
      if (d.pipeline !== pipeline) pass.setPipeline((pipeline = d.pipeline));
      for (const [k, group] of d.groups.entries()) pass.setBindGroup(k, group);
      pass.dispatchWorkgroups(...d.workgroups);
    }
    this.#device.counters.dispatches += this.dispatches.length;
  }

  destroy(): void {
    this.#uniforms?.destroy();
  }
}
