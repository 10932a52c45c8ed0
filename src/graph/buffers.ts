/** Buffers that plans share: scratch space, and results derived from parameters that do not change. */
import type { Device } from '../device/device.ts';
import type { Sequence } from './sequence.ts';

/** Bytes of a binding: whole vec4s, so that every kernel may read by four. */
export const bindingBytes = (bytes: number): number => Math.max(16, Math.ceil(bytes / 16) * 16);

const ids = new WeakMap<GPUBuffer, number>();
let lastId = 0;

/** A number that stands for the buffer in plan keys. */
export function bufferId(buffer: GPUBuffer): number {
  let id = ids.get(buffer);
  if (id === undefined) ids.set(buffer, (id = ++lastId));
  return id;
}

/**
 * A result computed from slots alone (packed weights, a frozen batch norm's scale): computed once for all plans that need
 * it, and again when a slot it came from has changed.
 */
export interface Derived {
  readonly key: string;
  readonly buffers: readonly GPUBuffer[];
  readonly temps: readonly GPUBuffer[];
  sequence: Sequence | null;
  /** Versions of its sources when it was last computed. */
  seen: string;
  /** Number of its computations: results derived from it see it change. */
  stamp: number;
  plans: number;
}

/** The shared buffers of a device. */
export class SharedBuffers {
  readonly #device: Device;
  readonly #scratch: GPUBuffer[] = [];
  readonly #derived = new Map<string, Derived>();

  constructor(device: Device) {
    this.#device = device;
  }

  /**
   * Buffers of at least `sizes` (largest first). Nothing in them outlives a run and runs follow one another on the queue, so
   * one set serves all plans.
   */
  scratch(sizes: readonly number[]): GPUBuffer[] {
    const unused = [...this.#scratch].sort((a, b) => a.size - b.size);
    return sizes.map((bytes) => {
      const at = unused.findIndex((b) => b.size >= bytes);
      if (at >= 0) return unused.splice(at, 1)[0]!;
      const buffer = this.#device.pool.acquire(bytes);
      this.#scratch.push(buffer);
      return buffer;
    });
  }

  /** The derived result of this key, made if it is new; counted until {@link release}. */
  derived(key: string, outputs: readonly number[], temps: readonly number[]): Derived {
    let derived = this.#derived.get(key);
    if (!derived) {
      const acquire = (bytes: number) => this.#device.pool.acquire(bindingBytes(bytes));
      derived = {
        key,
        buffers: outputs.map(acquire),
        temps: temps.map(acquire),
        sequence: null,
        seen: '',
        stamp: 0,
        plans: 0,
      };
      this.#derived.set(key, derived);
    }
    derived.plans++;
    return derived;
  }

  /** One plan fewer needs it; the last one out frees it. */
  release(derived: Derived): void {
    if (--derived.plans > 0) return;
    this.#derived.delete(derived.key);
    for (const buffer of [...derived.buffers, ...derived.temps]) this.#device.pool.release(buffer);
    derived.sequence?.destroy();
  }
}
