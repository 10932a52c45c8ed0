/** The device that everything runs on, opened once by `init`. */
import { defaultChoice } from '#gpu';
import { DeviceError } from '../core/errors.ts';
import { checkOptions } from '../core/options.ts';
import { type AdapterChoice, requireFloat16 } from './adapter.ts';
import { type Device, type DeviceInfo, type DeviceOptions, openDevice as open } from './device.ts';

let current: Device | null = null;
/** The device that the latest call asked for, on its way or open. */
let latest: { readonly adapter: AdapterChoice; readonly device: Promise<Device> } | null = null;

/**
 * Opens the best adapter there is, or the one that `options.adapter` (in Node also REGRAFT_ADAPTER) names. Calling it again keeps the
 * device that is open, unless that one was lost or another adapter is named: then that one is opened, and the former device ends with
 * all tensors on it.
 * @throws DeviceError if there is none, in one line that says how to get one.
 * @example
 * const { description, software } = await init();
 * console.log(description, software ? '(no GPU)' : '');
 */
export async function init(options: DeviceOptions = {}): Promise<DeviceInfo> {
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
