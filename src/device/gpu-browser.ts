/** `#gpu` in browsers: `navigator.gpu`. */
import { DeviceError } from '../core/errors.ts';
import {
  type AdapterChoice,
  type AdapterReport,
  adapterName,
  isSoftware,
  matchesName,
  type OpenedAdapter,
} from './adapter.ts';

/** The browser's WebGPU. @throws DeviceError where there is none. */
export async function openGPU(_choice?: AdapterChoice): Promise<GPU> {
  const gpu: GPU | undefined = globalThis.navigator?.gpu;
  if (!gpu) {
    throw new DeviceError(
      'init: this browser has no WebGPU. Use Chrome or Edge 113, Safari 26, Firefox 141 or newer, over https or localhost.',
    );
  }
  return gpu;
}

/** The adapter that is opened where none is named. */
export const defaultChoice = (): AdapterChoice => 'auto';

/** Whether what earlier tuning found is used. */
export const usesTuning = (): boolean => true;

/**
 * The adapter that fits `choice`; a page cannot pick among several, so a name is only checked.
 * @throws DeviceError if there is none or it does not fit.
 */
export async function openAdapter(choice: AdapterChoice = 'auto'): Promise<OpenedAdapter> {
  const gpu = await openGPU();
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter) {
    throw new DeviceError(
      'init: the browser found no GPU adapter. Turn on hardware acceleration, or see chrome://gpu for the reason.',
    );
  }
  const { info } = adapter;
  const fits =
    choice === 'auto' ||
    (choice === 'gpu' ? !isSoftware(info) : matchesName(info, choice === 'lavapipe' ? 'llvmpipe' : choice));
  if (!fits) {
    throw new DeviceError(`init: expected an adapter '${choice}', but the browser has only ${nameOf(info)}.`);
  }
  return { gpu, adapter, name: nameOf(info) };
}

/** As the adapter is named, or, where the browser keeps that to itself, by the browser. */
function nameOf(info: GPUAdapterInfo): string {
  const [browser = 'this browser'] = /Firefox|Edg|Chrome|Safari/.exec(navigator.userAgent) ?? [];
  return adapterName(info, `unnamed adapter of ${browser}`);
}

/** What {@link openAdapter} would find, for a page that tells its user. */
export async function listAdapters(choice: AdapterChoice = 'auto'): Promise<AdapterReport[]> {
  try {
    const { adapter } = await openAdapter(choice);
    const { info } = adapter;
    return [{ name: nameOf(info), source: 'browser', software: isSoftware(info), status: 'chosen', reason: '' }];
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return [{ name: 'WebGPU', source: 'browser', software: false, status: 'missing', reason }];
  }
}

/** Browsers' own words are in their consoles. */
export const quietly = async <T>(work: () => T | Promise<T>): Promise<T> => work();

/** Browsers tell of the GPU's progress by events: nothing is to be done while waiting. */
export function waitPatiently(): () => void {
  return () => {};
}
