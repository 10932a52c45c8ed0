/**
 * Counts what is asked of WebGPU, by one rule for all that is compared, and adds the peak to what the process prints at its end.
 */
import { globals } from 'webgpu';

export const counts = {
  dispatches: 0,
  pipelines: 0,
  errors: 0,
  /** Bytes of the buffers that were made and not yet destroyed, now and at most. */
  liveBytes: 0,
  peakBytes: 0,
};

const classes = globals as unknown as typeof globalThis;

type Method = (this: object, ...args: never[]) => unknown;

/** Calls `before` with the object and the arguments, ahead of the method itself. */
function watch(
  name: 'GPUComputePassEncoder' | 'GPUDevice' | 'GPUBuffer',
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

const alive = new WeakSet<object>();

function watchBuffers(): void {
  const { prototype } = classes.GPUDevice;
  const createBuffer = prototype.createBuffer;
  prototype.createBuffer = function (descriptor) {
    const buffer = createBuffer.call(this, descriptor);
    alive.add(buffer);
    counts.liveBytes += descriptor.size;
    counts.peakBytes = Math.max(counts.peakBytes, counts.liveBytes);
    return buffer;
  };
  watch('GPUBuffer', 'destroy', (buffer) => {
    if (alive.delete(buffer)) counts.liveBytes -= (buffer as GPUBuffer).size;
  });
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
watchBuffers();
watchErrors();

process.on('exit', () => {
  if (counts.dispatches === 0) return;
  console.log(
    JSON.stringify({ live_peak_bytes: counts.peakBytes, pipelines: counts.pipelines, gpu_errors: counts.errors }),
  );
});
