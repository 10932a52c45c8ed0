/** The device that everything runs on, opened once by `init`. */

import { DeviceError } from '../core/errors.ts';
import { checkOptions } from '../core/options.ts';
import { requireFloat16 } from './adapter.ts';
import { type Device, type DeviceInfo, type DeviceOptions, openDevice as open } from './device.ts';

let current: Device | null = null;
let opening: Promise<Device> | null = null;

/**
 * Opens the best adapter there is, or the one that `options.adapter` (in Node also REGRAFT_ADAPTER) names. Calling it again
 * without naming an adapter keeps the device that is open, unless that one was lost.
 * @throws DeviceError if there is none, in one line that says how to get one.
 * @example
 * const { description, software } = await init();
 * console.log(description, software ? '(no GPU)' : '');
 */
export async function init(options: DeviceOptions = {}): Promise<DeviceInfo> {
  checkOptions('init', options, { adapter: true });
  if (options.adapter !== undefined || current?.lost || !opening) opening = open(options);
  try {
    current = await opening;
  } catch (error) {
    opening = null;
    throw error;
  }
  return current.info;
}

/** @throws DeviceError before {@link init}. */
export function currentDevice(): Device {
  if (!current) throw new DeviceError('regraft: no device is open. Call `await init()` first.');
  return current;
}

/** @throws DeviceError where the open adapter has no 16-bit floats. Before {@link init} that is not known, and the first run says so. */
export function wantFloat16(what: string): void {
  if (current) requireFloat16(what, current.info);
}

/** The device, or null before {@link init}: for choices that recording makes. */
export function openDevice(): Device | null {
  return current;
}
