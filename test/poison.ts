/** Makes forgotten initialisation visible: every buffer that the pool hands out is first filled with NaN. */
import type { Device } from '../src/device/device.ts';

/** From now on; WebGPU's own zero fill would hide a kernel that leaves out an element or reads past its input. */
export function poisonBuffers(device: Device): void {
  const acquire = device.pool.acquire.bind(device.pool);
  device.pool.acquire = (bytes: number): GPUBuffer => {
    const buffer = acquire(bytes);
    device.gpu.queue.writeBuffer(buffer, 0, new Float32Array(buffer.size / 4).fill(Number.NaN));
    return buffer;
  };
}
