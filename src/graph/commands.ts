/** The commands of a run: one compute pass until a copy interrupts it; a command buffer every few dispatches. */
import type { Device } from '../device/device.ts';

/** Dispatches after which the GPU may begin while the rest is written. */
const PER_SUBMIT = 32;

export class Commands {
  readonly #device: Device;
  readonly #perSubmit: number;
  #encoder: GPUCommandEncoder;
  #pass: GPUComputePassEncoder | null = null;
  #pipeline: GPUComputePipeline | null = null;
  #dispatches = 0;

  constructor(device: Device, perSubmit = PER_SUBMIT) {
    this.#device = device;
    this.#perSubmit = perSubmit;
    this.#encoder = device.gpu.createCommandEncoder();
  }

  /** The encoder for copies, which run after all earlier dispatches and before all later ones. */
  copying(): GPUCommandEncoder {
    this.#pass?.end();
    this.#pass = this.#pipeline = null;
    return this.#encoder;
  }

  dispatch(
    pipeline: GPUComputePipeline,
    groups: readonly GPUBindGroup[],
    workgroups: readonly [number, number, number],
    immediates: Uint32Array<ArrayBuffer> | null = null,
  ): void {
    this.#pass ??= this.#encoder.beginComputePass();
    if (pipeline !== this.#pipeline) this.#pass.setPipeline((this.#pipeline = pipeline));
    for (const [k, group] of groups.entries()) this.#pass.setBindGroup(k, group);
    if (immediates) this.#pass.setImmediates(0, immediates);
    this.#pass.dispatchWorkgroups(...workgroups);
    this.#device.counters.dispatches++;
    if (++this.#dispatches < this.#perSubmit) return;
    this.submit();
    this.#encoder = this.#device.gpu.createCommandEncoder();
    this.#dispatches = 0;
  }

  /** Submits the commands written since the last time. */
  submit(): void {
    this.#device.gpu.queue.submit([this.copying().finish()]);
    this.#device.counters.submits++;
  }
}
