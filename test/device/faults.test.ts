/** Errors that no healthy GPU gives on demand: a lost device, a full memory. The GPU is a stand-in. */
import { beforeAll, describe, expect, test } from 'vitest';
import { openGPU } from '#gpu';
import { BufferPool, sizeClass } from '../../src/device/buffer-pool.ts';
import { newCounters } from '../../src/device/counters.ts';
import { Faults } from '../../src/device/faults.ts';

beforeAll(async () => {
  await openGPU(); // for the global GPUOutOfMemoryError
});

/** A GPUDevice with `capacity` bytes, whose loss is in the test's hands. */
class SmallGPU extends EventTarget {
  readonly limits = { maxBufferSize: 8191, maxStorageBufferBindingSize: 65536 };
  readonly lost: Promise<GPUDeviceLostInfo>;
  lose!: (info: { reason: string; message: string }) => void;
  #free: number;
  #failed = false;
  constructor(capacity: number) {
    super();
    this.#free = capacity;
    this.lost = new Promise((resolve) => {
      this.lose = resolve as never;
    });
  }
  pushErrorScope(): void {
    this.#failed = false;
  }
  async popErrorScope(): Promise<GPUError | null> {
    return this.#failed ? new GPUOutOfMemoryError('full') : null;
  }
  createBuffer({ size }: { size: number }): GPUBuffer {
    const fits = size <= this.#free;
    if (fits) this.#free -= size;
    else this.#failed = true;
    const destroy = () => {
      if (fits) this.#free += size;
    };
    return { size, destroy } as never;
  }
}

function smallPool(capacity: number, memoryBytes?: number) {
  const small = new SmallGPU(capacity);
  const gpu = small as unknown as GPUDevice;
  const faults = new Faults(gpu);
  const counters = newCounters();
  return { small, faults, counters, pool: new BufferPool(gpu, faults, counters, memoryBytes) };
}

describe('faults', () => {
  test('a lost GPU rejects what waits, and says why', async () => {
    const { small, faults } = smallPool(0);
    const never = faults.guard(new Promise(() => {}));
    small.lose({ reason: 'unknown', message: 'VK_ERROR_DEVICE_LOST.\n at somewhere' });
    await expect(never).rejects.toThrow(
      'device: the GPU was lost (VK_ERROR_DEVICE_LOST). Call init() again; if it happens again, reduce the batch size.',
    );
    await expect(faults.guard(Promise.resolve(1))).rejects.toThrow('the GPU was lost');
    expect(() => faults.check()).toThrow('the GPU was lost');
    expect(faults.lost?.reason).toBe('unknown');
  });

  test('a full GPU: one error at the next await; the invalid buffer is not handed out again', async () => {
    const { faults, counters, pool } = smallPool(4096);
    const kept = pool.acquire(4096);
    const invalid = pool.acquire(2048);
    await expect(faults.guard(Promise.resolve())).rejects.toThrow(
      'device: out of GPU memory: a buffer of 2,048 bytes does not fit beside the others',
    );
    await faults.guard(Promise.resolve());
    pool.release(invalid);
    expect(counters.bytesHeld).toBe(4096);
    pool.release(kept);
    pool.trim();
    const valid = pool.acquire(2048);
    expect(valid).not.toBe(invalid);
    await faults.guard(Promise.resolve());
  });

  test('an invalid buffer that was released before the error arrived is dropped as well', async () => {
    const { faults, counters, pool } = smallPool(0);
    const invalid = pool.acquire(2048);
    pool.release(invalid);
    await expect(faults.guard(Promise.resolve())).rejects.toThrow('out of GPU memory');
    expect(counters.bytesHeld).toBe(0);
    expect(pool.trim()).toBe(0);
  });

  test('a software adapter stops at the memory of the machine, after giving back what is free', () => {
    const { counters, pool } = smallPool(1 << 20, 8192);
    pool.release(pool.acquire(4096));
    const whole = pool.acquire(8000);
    expect(counters.bytesHeld).toBe(whole.size);
    expect(() => pool.acquire(4096)).toThrow(
      'device: out of memory: 4,096 bytes do not fit beside 8,188 in use; this machine has 8,192. Reduce the batch size.',
    );
  });

  test('size classes: a quarter more at most, never above the limit, multiples of 4', () => {
    expect([1, 256, 257, 1000, 1025, 5000, 1 << 20].map((bytes) => sizeClass(bytes))).toEqual([
      256,
      256,
      320,
      1024,
      1280,
      5120,
      1 << 20,
    ]);
    for (let bytes = 257; bytes < 1e6; bytes = Math.ceil(bytes * 1.01)) {
      expect(sizeClass(bytes)).toBeGreaterThanOrEqual(bytes);
      expect(sizeClass(bytes) / bytes).toBeLessThanOrEqual(1.25);
      expect(sizeClass(bytes) % 4).toBe(0);
    }
    expect(sizeClass(2 ** 31 - 5, 2 ** 31 - 1)).toBe(2 ** 31 - 4);
  });
});
