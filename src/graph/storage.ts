/** The owner of a datum's buffer, and the buffer's way back to the pool. */

import type { HostArray } from '../core/dtype.ts';
import { DeviceError } from '../core/errors.ts';
import { formatShape, type Shape } from '../core/shape.ts';
import type { Device } from '../device/device.ts';
import { SMALLER_LAYER } from './bindings.ts';
import { bindingBytes } from './buffers.ts';
import { type Data, materialise } from './value.ts';

interface Owned {
  readonly device: Device;
  readonly buffer: GPUBuffer;
  /** True for a slot: plans that name its buffer will not run again. */
  readonly slot: boolean;
}

/** Called with the buffer of a slot that is gone; set by run.ts, which this file must not import. */
export const slotGone: { handler: (device: Device, buffer: GPUBuffer) => void } = { handler: () => {} };

function release({ device, buffer, slot }: Owned): void {
  if (slot) slotGone.handler(device, buffer);
  device.pool.release(buffer);
}

/** The safety net: a datum that was dropped without being freed gives its buffer back when it is collected. */
const collected = new FinalizationRegistry<Owned>(release);

/** Bytes from which a dropped datum is worth a garbage collection. */
const SMALLEST_BALLAST = 4096;

/**
 * Makes `buffer` (from the pool) the datum's own. The engine does not see GPU memory: to it a 4 MB tensor is a small object,
 * and a loop that drops one each time would fill the GPU before a collection comes due. So the datum carries an array of the same size
 * (never touched), whose allocation makes the engine collect in time. Slots live as long as their model and need none.
 */
export function own(device: Device, data: Data, buffer: GPUBuffer): void {
  data.buffer = buffer;
  data.lender = null;
  data.ballast = data.slot || data.bytes < SMALLEST_BALLAST ? null : new ArrayBuffer(data.bytes);
  collected.register(data, { device, buffer, slot: data.slot }, data);
}

/**
 * Checks a datum's buffer before it is used.
 * @throws DeviceError where it is of a device that was lost, destroyed or replaced since.
 */
export function checkDevice(device: Device, data: Data, shape: Shape): void {
  if (data.buffer === null || device.pool.owns(data.buffer)) return;
  throw new DeviceError(
    `tensor ${formatShape(shape)}: expected one of the open device, got one of a device that is gone. ` +
      'Build the model and its optimizer again.',
  );
}

/** Gives the datum's storage back. `why` is the reason that a later read gives. */
export function free(device: Device, data: Data, why: string): void {
  if (data.lender) {
    if (data.lender.owner?.deref() === data) data.lender.owner = null;
  } else if (data.buffer) {
    collected.unregister(data);
    // A device that is gone took its buffers with it.
    if (device.pool.owns(data.buffer)) release({ device, buffer: data.buffer, slot: data.slot });
  }
  data.buffer = null;
  data.ballast = null;
  data.lender = null;
  data.host = null;
  data.freed = why;
}

/** Copies a host array into a buffer; WebGPU writes whole words. */
export function writeElements(device: Device, buffer: GPUBuffer, host: HostArray): void {
  let whole = host;
  if (host.byteLength % 4) {
    whole = new Uint16Array(host.length + 1);
    whole.set(host);
  }
  device.gpu.queue.writeBuffer(buffer, 0, whole as Float32Array<ArrayBuffer>);
}

/** Puts host elements into a buffer of the datum's own; the host copy is let go. */
export function upload(device: Device, data: Data): void {
  if (data.buffer && !device.pool.owns(data.buffer)) data.buffer = null;
  if (!data.buffer) device.checkBuffer('tensor', data.bytes, data.slot ? SMALLER_LAYER : undefined);
  const host = materialise(data);
  if (!data.buffer) own(device, data, device.pool.acquire(bindingBytes(data.bytes)));
  writeElements(device, data.buffer!, host);
  data.host = null;
}
