/** Opens the adapter, and loads the kernels that it alone wants. */
import { currentDevice, openCurrent } from '../device/current.ts';
import type { DeviceInfo, DeviceOptions } from '../device/device.ts';
import { loadFamilies } from '../kernels/load-families.ts';

/**
 * Opens the best adapter there is, or the one that `options.adapter` (in Node also REGRAFT_ADAPTER) names. Calling it again keeps the
 * device that is open, unless that one was lost or another adapter is named: then that one is opened, and the former device ends with
 * all tensors on it.
 * @param options Which adapter; default: the best.
 * @throws DeviceError if there is none, in one line that says how to get one.
 * @example
 * const { description, software } = await init();
 * console.log(description, software ? '(no GPU)' : '');
 */
export async function init(options: DeviceOptions = {}): Promise<DeviceInfo> {
  const info = await openCurrent(options);
  await loadFamilies(currentDevice().target);
  return info;
}
