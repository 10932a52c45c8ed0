/**
 * Counts what is asked of WebGPU, by one rule for all that is compared, and adds the peak to what the process prints at its end.
 */
import { globals } from 'webgpu';

export const counts = {
  dispatches: 0,
  pipelines: 0,
  errors: 0,
  /** Bytes of the buffers and textures that were made and not yet destroyed, now and at most. */
  liveBytes: 0,
  peakBytes: 0,
};

const classes = globals as unknown as typeof globalThis;

type Method = (this: object, ...args: never[]) => unknown;

/** Calls `before` with the object and the arguments, ahead of the method itself. */
function watch(
  name: 'GPUComputePassEncoder' | 'GPUDevice' | 'GPUBuffer' | 'GPUTexture',
  method: string,
  before: (object: object, argument: unknown) => void,
): void {
  const { prototype } = classes[name] as unknown as { prototype: Record<string, Method> };
  const original = prototype[method]!;
  prototype[method] = function (...args) {
    before(this, args[0]);
    return original.apply(this, args);
  };
}

const alive = new WeakMap<object, number>();

function isMade(object: object, bytes: number): void {
  alive.set(object, bytes);
  counts.liveBytes += bytes;
  counts.peakBytes = Math.max(counts.peakBytes, counts.liveBytes);
}

function isDestroyed(object: object): void {
  counts.liveBytes -= alive.get(object) ?? 0;
  alive.delete(object);
}

/** Bytes of a texel, of the formats that are used here; others have to be added. */
const TEXEL_BYTES: Readonly<Record<string, number>> = { r32float: 4, rgba8unorm: 4, rgba16float: 8, rgba32float: 16 };

function watchMemory(): void {
  const { prototype } = classes.GPUDevice;
  const { createBuffer, createTexture } = prototype;
  prototype.createBuffer = function (descriptor) {
    const buffer = createBuffer.call(this, descriptor);
    isMade(buffer, descriptor.size);
    return buffer;
  };
  prototype.createTexture = function (descriptor) {
    const texture = createTexture.call(this, descriptor);
    const texelBytes = TEXEL_BYTES[texture.format];
    if (texelBytes === undefined) throw new Error(`count: how many bytes has a texel of ${texture.format}?`);
    isMade(texture, texture.width * texture.height * texture.depthOrArrayLayers * texelBytes);
    return texture;
  };
  watch('GPUBuffer', 'destroy', isDestroyed);
  watch('GPUTexture', 'destroy', isDestroyed);
}

function watchErrors(): void {
  const { prototype } = classes.GPUAdapter;
  const requestDevice = prototype.requestDevice;
  prototype.requestDevice = async function (descriptor) {
    const device = await requestDevice.call(this, descriptor);
    device.addEventListener('uncapturederror', ({ error }) => {
      if (counts.errors++ === 0) console.error(`GPU error: ${error.message}`);
    });
    return device;
  };
}

for (const method of ['dispatchWorkgroups', 'dispatchWorkgroupsIndirect'])
  watch('GPUComputePassEncoder', method, () => counts.dispatches++);
for (const method of ['createComputePipeline', 'createComputePipelineAsync'])
  watch('GPUDevice', method, () => counts.pipelines++);
watchMemory();
watchErrors();

process.on('exit', () => {
  if (counts.dispatches === 0) return;
  console.log(
    JSON.stringify({ live_peak_bytes: counts.peakBytes, pipelines: counts.pipelines, gpu_errors: counts.errors }),
  );
});
