/** The device: opening, reading back, and every error as a DeviceError at the await. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DeviceError } from '../../src/core/errors.ts';
import { type Device, openDevice } from '../../src/device/device.ts';
import type { KernelTarget } from '../../src/kernels/kernel.ts';

const TRIPLE = /* wgsl */ `
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(1) fn main() {
  y[0] = 3 * x[0];
}`;

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.destroy());

/** A buffer of the pool that holds `values`. */
function upload(values: readonly number[]): GPUBuffer {
  const buffer = device.pool.acquire(values.length * 4);
  device.queue.writeBuffer(buffer, 0, new Float32Array(values));
  return buffer;
}

async function floats(buffer: GPUBuffer, count: number): Promise<number[]> {
  return [...new Float32Array(await device.read(buffer, 0, count * 4))];
}

describe('device', () => {
  test('asks for the full limits and the features that the adapter has', () => {
    expect(device.info.limits.maxStorageBufferBindingSize).toBe(device.gpu.limits.maxStorageBufferBindingSize);
    expect(device.info.description).not.toBe('');
    const target: KernelTarget = device.target;
    expect(target.maxInvocationsPerWorkgroup).toBe(device.gpu.limits.maxComputeInvocationsPerWorkgroup);
    expect(target.software).toBe(device.info.software);
    if (device.info.features.includes('subgroups')) expect(device.gpu.features.has('subgroups')).toBe(true);
  });

  test('runs a kernel', async () => {
    const [x, y] = [upload([7]), upload([0])];
    const { pipeline, layouts } = device.pipelines.pipelineFor(TRIPLE, { reads: 1, writes: 1, params: 'none' });
    const encoder = device.gpu.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    const entries = [x, y].map((buffer, binding) => ({ binding, resource: { buffer } }));
    pass.setBindGroup(0, device.gpu.createBindGroup({ layout: layouts[0]!, entries }));
    pass.dispatchWorkgroups(1);
    pass.end();
    device.queue.submit([encoder.finish()]);
    expect(await floats(y, 1)).toEqual([21]);
    device.pool.release(x);
    device.pool.release(y);
  });

  test('reads: several in flight, a batch with one submit, odd byte counts, staging buffers reused', async () => {
    const a = upload([1, 2, 3]);
    const b = upload([4, 5, 6]);
    expect(await Promise.all([floats(a, 3), floats(b, 3)])).toEqual([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    const { submits, stagingBuffers } = device.counters;
    const [first, second, none] = await device.readAll([
      { buffer: a, offset: 4, bytes: 5 },
      { buffer: b, bytes: 12 },
      { buffer: b, bytes: 0 },
    ]);
    expect(new Uint8Array(first!)).toEqual(new Uint8Array([0, 0, 0, 64, 0]));
    expect([...new Float32Array(second!)]).toEqual([4, 5, 6]);
    expect(none!.byteLength).toBe(0);
    expect(device.counters.submits).toBe(submits + 1);
    expect(device.counters.stagingBuffers).toBe(stagingBuffers);
    // The copy is submitted at the call: the buffer may be overwritten before the result is there.
    const pending = floats(a, 3);
    device.queue.writeBuffer(a, 0, new Float32Array([9, 9, 9]));
    expect(await pending).toEqual([1, 2, 3]);
    await expect(device.read(a, 2, 4)).rejects.toThrow('expected a range on a multiple of 4');
    await expect(device.read(a, 0, 1e6)).rejects.toThrow(DeviceError);
    for (const buffer of [a, b]) device.pool.release(buffer);
  });

  test('the pool hands out what was released', async () => {
    const { pool, counters } = device;
    pool.trim();
    const held = counters.bytesHeld;
    const first = pool.acquire(5000);
    expect(first.size).toBe(5120);
    pool.release(first);
    const made = counters.buffers;
    for (let step = 0; step < 5; step++) {
      const again = pool.acquire(4900);
      expect(again).toBe(first);
      pool.release(again);
    }
    expect(counters.buffers).toBe(made);
    expect(() => pool.release(first)).toThrow(DeviceError);
    expect(counters.bytesHeld).toBe(held + 5120);
    expect(pool.trim()).toBe(5120);
    expect(counters.bytesHeld).toBe(held);
    expect(counters.peakBytes).toBeGreaterThanOrEqual(5120);
    await device.whenIdle();
  });

  test('pipelines: compiled once, layouts shared', async () => {
    const { pipelines, counters } = device;
    const empty = '@compute @workgroup_size(1) fn main() {}';
    const first = pipelines.pipelineFor(
      empty,
      { reads: 1, writes: 1, params: 'uniform' },
      { reads: 2, writes: 0, params: 'uniform' },
    );
    const compiled = counters.pipelines;
    expect(
      pipelines.pipelineFor(
        `${empty}`,
        { reads: 1, writes: 1, params: 'uniform' },
        { reads: 2, writes: 0, params: 'uniform' },
      ),
    ).toBe(first);
    expect(counters.pipelines).toBe(compiled);
    expect(first.layouts).toEqual([
      pipelines.groupLayout({ reads: 1, writes: 1, params: 'uniform' }),
      pipelines.groupLayout({ reads: 2, writes: 0, params: 'uniform' }),
    ]);
    expect(pipelines.pipelineFor(empty, { reads: 2, writes: 1, params: 'none' }).layouts).toHaveLength(1);
    expect(counters.pipelines).toBe(compiled + 1);
    await device.whenIdle();
  });

  test('WGSL that does not compile: the line, at the next await, and not what follows from it', async () => {
    const broken = TRIPLE.replace('3 * x[0]', '3 * z[0]');
    const { pipeline } = device.pipelines.pipelineFor(
      broken,
      { reads: 1, writes: 1, params: 'none' },
      undefined,
      'triple',
    );
    const encoder = device.gpu.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.end();
    device.queue.submit([encoder.finish()]);
    await expect(device.whenIdle()).rejects.toThrow(/^triple: the WGSL does not compile: line 5: .*'z'.*: "y\[0\] = /);
    await device.whenIdle();
  });

  test('more bindings or bytes than the adapter allows: refused before the GPU sees it', () => {
    const { maxStorageBuffersPerShaderStage } = device.gpu.limits;
    expect(() =>
      device.pipelines.pipelineFor(TRIPLE, { reads: maxStorageBuffersPerShaderStage, writes: 1, params: 'none' }),
    ).toThrow(DeviceError);
    const allowed = device.maxBufferBytes;
    expect(() => device.checkBuffer('conv2d', allowed)).not.toThrow();
    expect(() => device.checkBuffer('conv2d', allowed + 1)).toThrow(
      `conv2d: needs a ${(allowed + 1).toLocaleString('en-US')}-byte buffer; this adapter allows ` +
        `${allowed.toLocaleString('en-US')}. Reduce the batch size or the image size.`,
    );
    expect(() => device.pool.acquire(allowed + 1)).toThrow(DeviceError);
  });

  test('an uncaptured error: thrown once, at the next await', async () => {
    device.gpu.createBuffer({ size: 16, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.STORAGE });
    await expect(device.whenIdle()).rejects.toThrow(DeviceError);
    await device.whenIdle();
    device.check();
  });

  test('losing the device rejects what is pending, and all that comes after; opening again works', async () => {
    const lost = await openDevice();
    const buffer = lost.pool.acquire(1 << 20);
    const pending = [lost.read(buffer, 0, 1 << 20), lost.whenIdle()];
    expect(lost.lost).toBeUndefined();
    lost.gpu.destroy();
    for (const promise of pending) await expect(promise).rejects.toThrow('device: it was destroyed. Call init()');
    await expect(lost.read(buffer, 0, 4)).rejects.toThrow(DeviceError);
    await expect(lost.whenIdle()).rejects.toThrow(DeviceError);
    expect(() => lost.check()).toThrow(DeviceError);
    expect(lost.lost?.reason).toBe('destroyed');
    const again = await openDevice();
    await again.whenIdle();
    again.destroy();
  });
});
