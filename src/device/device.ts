/** The open GPU: its queue, buffers, pipelines and errors. The same code in Node and in browsers. */
import { readNote } from '#files';
import { openAdapter, quietly, usesTuning } from '#gpu';
import { DeviceError } from '../core/errors.ts';
import {
  type AdapterChoice,
  adapterName,
  type DeviceInfo,
  type DeviceTarget,
  isSoftware,
  limitsOf,
  type OpenedAdapter,
  targetOf,
  wantedFeatures,
} from './adapter.ts';
import { Backlog } from './backlog.ts';
import { BufferPool, bufferError } from './buffer-pool.ts';
import { type Counters, newCounters } from './counters.ts';
import { DESTROYED, Faults, type LostState } from './faults.ts';
import { PipelineCache } from './pipeline-cache.ts';
import { Readback, type ReadRange } from './readback.ts';
import { TexturePool } from './texture-pool.ts';

export type { AdapterChoice, DeviceInfo, DeviceTarget } from './adapter.ts';

/** Which adapter; default: the environment's REGRAFT_ADAPTER in Node, else 'auto'. */
export interface DeviceOptions {
  /** The adapter; the best there is by default. */
  readonly adapter?: AdapterChoice;
}

/**
 * Opens an adapter and a device on it with the adapter's full limits.
 * @throws DeviceError if there is no adapter, in one line that says how to get one.
 */
export async function openDevice(options: DeviceOptions = {}): Promise<Device> {
  const opened = await openAdapter(options.adapter);
  const { adapter } = opened;
  const requiredFeatures = wantedFeatures.filter((feature) => adapter.features.has(feature));
  let device: GPUDevice;
  try {
    const requiredLimits = limitsOf(adapter.limits);
    device = await quietly(() => adapter.requestDevice({ requiredFeatures, requiredLimits }));
  } catch (error) {
    throw new DeviceError(
      `init: ${adapterName(adapter.info)} gave no device: ${error instanceof Error ? error.message.trim() : error}`,
    );
  }
  const open = new Device(opened, device);
  if (usesTuning()) open.tuning = await readNote(open.tuningNote);
  return open;
}

/** One open device. Errors that WebGPU reports late are thrown as DeviceError at the next await of its methods. */
export class Device {
  readonly gpu: GPUDevice;
  readonly queue: GPUQueue;
  readonly info: DeviceInfo;
  readonly target: DeviceTarget;
  readonly counters: Counters = newCounters();
  readonly backlog: Backlog = new Backlog();
  readonly pool: BufferPool;
  readonly textures: TexturePool;
  readonly pipelines: PipelineCache;
  readonly readback: Readback;
  /** What was found when this adapter was tuned, as it was noted; undefined where it was not. */
  tuning: string | undefined;
  readonly #faults: Faults;

  constructor({ gpu: entry, adapter, name, memoryBytes }: OpenedAdapter, gpu: GPUDevice) {
    this.gpu = gpu;
    this.queue = gpu.queue;
    const { info } = adapter;
    this.info = {
      vendor: info.vendor,
      architecture: info.architecture,
      description: name ?? adapterName(info),
      software: isSoftware(info),
      features: wantedFeatures.filter((feature) => gpu.features.has(feature)),
      limits: limitsOf(gpu.limits),
    };
    this.target = targetOf(entry, gpu, info);
    this.#faults = new Faults(gpu);
    this.pool = new BufferPool(gpu, this.#faults, this.counters, memoryBytes);
    this.textures = new TexturePool(gpu, this.#faults, this.pool);
    this.pipelines = new PipelineCache(gpu, this.#faults, this.counters);
    this.readback = new Readback(gpu, this.#faults, this.counters);
  }

  /** The name of the note that {@link tuning} is kept in: one for each adapter and driver. */
  get tuningNote(): string {
    return `tuning ${this.target.adapter.replace(/[^\w.-]+/g, '_')}.json`;
  }

  /** Why the device is gone, or undefined while it works. */
  get lost(): LostState | undefined {
    return this.#faults.lost;
  }

  /** @throws DeviceError if the device is lost or has reported an error since the last check. */
  check(): void {
    this.#faults.check();
  }

  /** Waits until everything that was submitted has run. @throws DeviceError as {@link check}. */
  async whenIdle(): Promise<void> {
    await this.#faults.guard(this.queue.onSubmittedWorkDone());
  }

  /** See {@link Readback.read}. */
  read(buffer: GPUBuffer, offset: number, bytes: number): Promise<ArrayBuffer> {
    return this.readback.read(buffer, offset, bytes);
  }

  /** See {@link Readback.readAll}. */
  readAll(ranges: readonly ReadRange[]): Promise<ArrayBuffer[]> {
    return this.readback.readAll(ranges);
  }

  /** Bytes that one buffer, and so one tensor, may have. Kernels bind it in parts where one binding may have less. */
  get maxBufferBytes(): number {
    return this.gpu.limits.maxBufferSize;
  }

  /** @throws DeviceError if `what` (an op's name) needs a larger buffer than the adapter allows; it ends with `fix`. */
  checkBuffer(what: string, bytes: number, fix?: string): void {
    if (bytes > this.maxBufferBytes) throw bufferError(what, bytes, this.maxBufferBytes, fix);
  }

  /** Frees the GPU's memory; whatever waits on the device rejects, and says `why`. */
  destroy(why = DESTROYED): void {
    this.#faults.lose({ reason: 'destroyed', message: why });
    this.gpu.destroy();
  }
}
