/** GPU buffers by size class: what is released is handed out again, so that a training step allocates nothing. */
import { DeviceError } from '../core/errors.ts';
import type { Counters } from './counters.ts';
import type { Faults } from './faults.ts';

const SMALLEST = 256;

/**
 * The size of the buffer that holds `bytes`: 256 bytes or more, four classes to each power of two, at most `limit`.
 * A buffer is thus at most a quarter larger than what was asked for.
 */
export function sizeClass(bytes: number, limit = Number.POSITIVE_INFINITY): number {
  if (bytes <= SMALLEST) return SMALLEST;
  const step = 2 ** (Math.ceil(Math.log2(bytes)) - 3);
  return Math.min(Math.ceil(bytes / step) * step, Math.floor(limit / 4) * 4);
}

/**
 * Free lists of storage buffers (STORAGE | COPY_SRC | COPY_DST). A buffer may be released as soon as the commands that
 * use it are submitted: the queue runs in order. Its contents are whatever they were.
 */
export class BufferPool {
  readonly #gpu: GPUDevice;
  readonly #faults: Faults;
  readonly #counters: Counters;
  readonly #largest: number;
  readonly #memoryBytes: number;
  readonly #free = new Map<number, GPUBuffer[]>();
  readonly #used = new Set<GPUBuffer>();
  readonly #invalid = new WeakSet<GPUBuffer>();

  /**
   * `memoryBytes` caps what the pool holds: a software adapter takes any amount, until the system ends the process.
   * No cap: the GPU itself says when it is full.
   */
  constructor(gpu: GPUDevice, faults: Faults, counters: Counters, memoryBytes = Number.POSITIVE_INFINITY) {
    this.#gpu = gpu;
    this.#faults = faults;
    this.#memoryBytes = memoryBytes;
    this.#counters = counters;
    this.#largest = gpu.limits.maxBufferSize;
  }

  /**
   * A buffer of at least `bytes`; bind it with an explicit size where the kernel asks for `arrayLength`.
   * Running out of GPU memory is reported at the next await.
   * @throws DeviceError if `bytes` is more than one buffer may hold, or more than a software adapter's machine has left.
   */
  acquire(bytes: number): GPUBuffer {
    if (bytes > this.#largest) throw bufferError('device', bytes, this.#largest);
    const size = sizeClass(bytes, this.#largest);
    const buffer = this.#free.get(size)?.pop() ?? this.#create(size);
    this.#used.add(buffer);
    this.#counters.bytesInUse += size;
    return buffer;
  }

  /** Whether the buffer is of this pool, and in use. */
  owns(buffer: GPUBuffer): boolean {
    return this.#used.has(buffer);
  }

  /** Gives a buffer back. Each buffer once: a second release is a bug of the caller and throws. */
  release(buffer: GPUBuffer): void {
    if (!this.#used.delete(buffer)) throw new DeviceError('release: the buffer is not in use in this pool.');
    this.#counters.bytesInUse -= buffer.size;
    const list = this.#free.get(buffer.size);
    if (this.#invalid.has(buffer)) this.#drop(buffer);
    else if (list) list.push(buffer);
    else this.#free.set(buffer.size, [buffer]);
  }

  /** Destroys the free buffers; returns their bytes. */
  trim(): number {
    const before = this.#counters.bytesHeld;
    for (const list of this.#free.values()) for (const buffer of list) this.#drop(buffer);
    this.#free.clear();
    return before - this.#counters.bytesHeld;
  }

  /**
   * Counts bytes that are about to be taken outside of the free lists (a texture's), until {@link unclaim}.
   * @throws DeviceError if they are more than a software adapter's machine has left.
   */
  claim(bytes: number): void {
    this.#hold(bytes);
    this.#counters.bytesInUse += bytes;
  }

  /** The opposite of {@link claim}. */
  unclaim(bytes: number): void {
    this.#counters.bytesHeld -= bytes;
    this.#counters.bytesInUse -= bytes;
  }

  /** Counts bytes that are about to be taken, after making room for them. */
  #hold(bytes: number): void {
    const counters = this.#counters;
    if (counters.bytesHeld + bytes > this.#memoryBytes) this.trim();
    if (counters.bytesHeld + bytes > this.#memoryBytes) {
      throw new DeviceError(
        `device: out of memory: ${grouped(bytes)} bytes do not fit beside ${grouped(counters.bytesInUse)} in use; ` +
          `this machine has ${grouped(this.#memoryBytes)}. Reduce the batch size.`,
      );
    }
    counters.bytesHeld += bytes;
    counters.peakBytes = Math.max(counters.peakBytes, counters.bytesHeld);
  }

  #create(size: number): GPUBuffer {
    this.#hold(size);
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
    this.#gpu.pushErrorScope('out-of-memory');
    const buffer = this.#gpu.createBuffer({ size, usage });
    this.#faults.watch(this.#gpu.popErrorScope().then((error) => (error ? this.#outOfMemory(buffer) : undefined)));
    this.#counters.buffers++;
    return buffer;
  }

  /** The buffer is invalid, and its commands do nothing: it must not be handed out again. */
  #outOfMemory(buffer: GPUBuffer): DeviceError {
    this.#invalid.add(buffer);
    const list = this.#free.get(buffer.size);
    const index = list?.indexOf(buffer) ?? -1;
    if (index >= 0) this.#drop(list!.splice(index, 1)[0]!);
    return new DeviceError(
      `device: out of GPU memory: a buffer of ${grouped(buffer.size)} bytes does not fit beside the others ` +
        `(${grouped(this.#counters.bytesInUse)} bytes in use). Reduce the batch size.`,
    );
  }

  #drop(buffer: GPUBuffer): void {
    this.#counters.bytesHeld -= buffer.size;
    buffer.destroy();
  }
}

/** The error for more bytes than an adapter's buffers have. */
export function bufferError(
  what: string,
  bytes: number,
  allowed: number,
  fix = 'Reduce the batch size or the image size.',
): DeviceError {
  return new DeviceError(
    `${what}: needs a ${grouped(bytes)}-byte buffer; this adapter allows ${grouped(allowed)}. ${fix}`,
  );
}

/** The way out where `images` together take `bytes`. */
export function smallerBatch(images: number, bytes: number, allowed: number): string {
  const fitting = Math.floor((images * allowed) / bytes);
  return fitting < 1 ? 'Reduce the image size.' : `Reduce the batch size to ${fitting} or less.`;
}

/** 134,217,728 */
const grouped = (bytes: number): string => bytes.toLocaleString('en-US');
