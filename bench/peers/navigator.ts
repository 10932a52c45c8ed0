/** WebGPU for libraries that expect a browser. */
import { adapterName } from '../../src/device/adapter.ts';
import { openGPU, waitPatiently } from '../../src/device/gpu-node.ts';
import './count.ts';
import { report } from './peer.ts';

/** Makes the adapter that regraft takes `navigator.gpu`. */
export async function provideWebGPU(): Promise<void> {
  const gpu = await openGPU();
  const { platform } = process;
  const value = { gpu, platform, userAgent: 'node', language: 'en', hardwareConcurrency: 2 };
  Object.defineProperty(globalThis, 'navigator', { value, configurable: true, writable: true });
  const adapter = await gpu.requestAdapter();
  report({ adapter: adapterName(adapter!.info) });
}

/** Waits for the GPU as regraft does: in Node, Dawn would otherwise take a core from a software adapter to ask whether it is done. */
export async function patiently<T>(wait: () => Promise<T>): Promise<T> {
  const end = waitPatiently();
  try {
    return await wait();
  } finally {
    end();
  }
}
