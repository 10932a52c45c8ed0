/** One command buffer as it is written: a compute pass for as long as nothing is copied. */
export class Commands {
  readonly #encoder: GPUCommandEncoder;
  #pass: GPUComputePassEncoder | null = null;
  #pipeline: GPUComputePipeline | null = null;

  constructor(gpu: GPUDevice) {
    this.#encoder = gpu.createCommandEncoder();
  }

  /** For copies: they run after what was dispatched before, and before what is dispatched after. */
  copying(): GPUCommandEncoder {
    this.#pass?.end();
    this.#pass = this.#pipeline = null;
    return this.#encoder;
  }

  dispatch(
    pipeline: GPUComputePipeline,
    groups: readonly GPUBindGroup[],
    workgroups: readonly [number, number, number],
  ): void {
    this.#pass ??= this.#encoder.beginComputePass();
    if (pipeline !== this.#pipeline) this.#pass.setPipeline((this.#pipeline = pipeline));
    for (const [k, group] of groups.entries()) this.#pass.setBindGroup(k, group);
    this.#pass.dispatchWorkgroups(...workgroups);
  }

  finish(): GPUCommandBuffer {
    return this.copying().finish();
  }
}
