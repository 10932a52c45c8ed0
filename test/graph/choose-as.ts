/** Kernels as another adapter would get them. */
import { currentDevice } from '../../src/device/current.ts';
import type { DeviceTarget } from '../../src/device/device.ts';

/** From now on kernels are chosen as for an adapter that differs from the open one in `target`, until the result is called. */
export function chooseAs(target: Partial<DeviceTarget>): () => void {
  const device = currentDevice();
  const before = { target: { ...device.target }, tuning: device.tuning };
  Object.assign(device.target, target);
  // Plans are made anew for another note.
  device.tuning = '{}';
  return () => {
    Object.assign(device.target, before.target);
    device.tuning = before.tuning;
  };
}
