/** The device that everything runs on, opened once by `init` (graph/init.ts). */
import { defaultChoice } from '#gpu';
import { DeviceError } from '../core/errors.ts';
import { checkOptions } from '../core/options.ts';
import { type AdapterChoice, requireFloat16 } from './adapter.ts';
import { type Device, type DeviceInfo, type DeviceOptions, openDevice as open } from './device.ts';

let current: Device | null = null;
/** The device that the latest call asked for, on its way or open. */
let latest: { readonly adapter: AdapterChoice; readonly device: Promise<Device> } | null = null;

/**
 * Opens what `options` and the environment name, unless it is open. What replaces a device ends it, with all tensors on it.
 * @throws DeviceError if there is none, in one line that says how to get one.
 */
export async function openCurrent(options: DeviceOptions = {}): Promise<DeviceInfo> {
  checkOptions('init', options, { adapter: true });
  const former = latest;
  const adapter = options.adapter ?? former?.adapter ?? defaultChoice();
  if (!former || former.adapter !== adapter || current?.lost) latest = { adapter, device: open({ adapter }) };
  const mine = latest!;
  let device: Device;
  try {
    device = await mine.device;
  } catch (error) {
    if (latest === mine) latest = current && former;
    throw error;
  }
  if (latest === mine && device !== current) {
    current?.destroy('it was replaced by init({ adapter }). Build the model and its optimizer again.');
    current = device;
  }
  return device.info;
}

/** @throws DeviceError before `init`. */
export function currentDevice(): Device {
  if (!current) throw new DeviceError('regraft: no device is open. Call `await init()` first.');
  return current;
}

/** @throws DeviceError where the open adapter has no 16-bit floats. Before `init` that is not known, and the first run says so. */
export function wantFloat16(what: string): void {
  if (current) requireFloat16(what, current.info);
}

/** The device, or null before `init`: for advice that can be given early. */
export function openDevice(): Device | null {
  return current;
}
