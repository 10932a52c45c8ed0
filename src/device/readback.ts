/** Bytes from GPU buffers to JavaScript, through pooled staging buffers. */
import { DeviceError } from '../core/errors.ts';
import type { Counters } from './counters.ts';
import type { Faults } from './faults.ts';

/** A range of a buffer; `offset` is a multiple of 4. */
export interface ReadRange {
  readonly buffer: GPUBuffer;
  readonly offset?: number;
  readonly bytes: number;
}

const SMALLEST = 4096;
/** Free staging buffers beyond this many bytes in total are destroyed. */
const KEPT_BYTES = 64 << 20;

/** Reads of one device. Several may be in flight. */
export class Readback {
  readonly #gpu: GPUDevice;
  readonly #faults: Faults;
  readonly #counters: Counters;
  readonly #largest: number;
  #free: GPUBuffer[] = [];

  constructor(gpu: GPUDevice, faults: Faults, counters: Counters) {
    this.#gpu = gpu;
    this.#faults = faults;
    this.#counters = counters;
    this.#largest = gpu.limits.maxBufferSize - (gpu.limits.maxBufferSize % 4);
  }

  /**
   * `bytes` bytes of `buffer` from `offset` (a multiple of 4). The copy is submitted before this returns, so the buffer
   * may be reused at once.
   * @throws DeviceError if the device is lost meanwhile, or with what it reported since the last check.
   */
  async read(buffer: GPUBuffer, offset: number, bytes: number): Promise<ArrayBuffer> {
    return (await this.readAll([{ buffer, offset, bytes }]))[0]!;
  }

  /** Several ranges with one submit; the same order as `ranges`. */
  async readAll(ranges: readonly ReadRange[]): Promise<ArrayBuffer[]> {
    for (const { buffer, offset = 0, bytes } of ranges) {
      if (offset % 4 !== 0 || offset < 0 || offset + bytes > buffer.size) {
        throw new DeviceError(
          `read: expected a range on a multiple of 4 inside ${buffer.size} bytes, got ${bytes} bytes from ${offset}.`,
        );
      }
    }
    const chunks = this.#copy(ranges);
    try {
      await this.#faults.guard(Promise.all(chunks.map(({ staging }) => staging.mapAsync(GPUMapMode.READ))));
      const results: ArrayBuffer[] = [];
      for (const { staging, parts } of chunks) {
        const mapped = staging.getMappedRange();
        for (const { at, bytes } of parts) results.push(mapped.slice(at, at + bytes));
        staging.unmap();
        this.#keep(staging);
      }
      return results;
    } catch (error) {
      for (const { staging } of chunks) staging.destroy();
      throw error;
    }
  }

  /** Destroys the free staging buffers. */
  trim(): void {
    for (const staging of this.#free) staging.destroy();
    this.#free = [];
  }

  /** Packs the ranges into as few staging buffers as fit, and submits the copies. */
  #copy(ranges: readonly ReadRange[]): { staging: GPUBuffer; parts: { at: number; bytes: number }[] }[] {
    const padded = (bytes: number) => Math.ceil(bytes / 4) * 4;
    const groups: { ranges: ReadRange[]; size: number }[] = [];
    for (const range of ranges) {
      const size = padded(range.bytes);
      const last = groups.at(-1);
      if (last && last.size + size <= this.#largest) {
        last.ranges.push(range);
        last.size += size;
      } else groups.push({ ranges: [range], size });
    }
    const encoder = this.#gpu.createCommandEncoder();
    const chunks = groups.map((group) => {
      const staging = this.#staging(group.size);
      let end = 0;
      const parts = group.ranges.map(({ buffer, offset = 0, bytes }) => {
        const at = end;
        end += padded(bytes);
        if (bytes > 0) encoder.copyBufferToBuffer(buffer, offset, staging, at, padded(bytes));
        return { at, bytes };
      });
      return { staging, parts };
    });
    this.#gpu.queue.submit([encoder.finish()]);
    this.#counters.submits++;
    return chunks;
  }

  #staging(bytes: number): GPUBuffer {
    const size = Math.min(Math.max(SMALLEST, 2 ** Math.ceil(Math.log2(bytes))), this.#largest);
    const index = this.#free.findIndex((staging) => staging.size === size);
    if (index >= 0) return this.#free.splice(index, 1)[0]!;
    this.#counters.stagingBuffers++;
    return this.#gpu.createBuffer({ size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  }

  #keep(staging: GPUBuffer): void {
    const held = this.#free.reduce((sum, { size }) => sum + size, 0);
    if (held + staging.size <= KEPT_BYTES) this.#free.push(staging);
    else staging.destroy();
  }
}
