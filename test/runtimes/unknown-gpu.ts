/** A disguise: the adapter that is found is from now on a GPU that nobody knows, with WebGPU's least: default limits, no features. */
import { openGPU } from '#gpu';
import { limitsOf } from '../../src/device/adapter.ts';

const nameless = { vendor: '', architecture: '', device: '', description: '', isFallbackAdapter: false };

/** To be called before `init`. */
export async function disguiseAdapter(): Promise<void> {
  const gpu = await openGPU();
  const find = gpu.requestAdapter.bind(gpu);
  const requestAdapter = async (options: GPURequestAdapterOptions) => disguised((await find(options))!);
  Object.defineProperties(gpu, {
    requestAdapter: { value: requestAdapter },
    wgslLanguageFeatures: { value: new Set() },
  });
}

async function disguised(adapter: GPUAdapter) {
  const device = await adapter.requestDevice();
  return { info: nameless, features: new Set(), limits: limitsOf(device.limits), requestDevice: async () => device };
}
