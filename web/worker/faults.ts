/** Errors on their way to the page: their class and message cross, the page words them as the command line does. */
import { currentDevice } from '../../src/device/current.ts';
import type { Fault } from '../messages.ts';

export function faultOf(error: unknown): Fault {
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  return { name, message, lost: deviceLost() };
}

/** Whether a device was open and is gone. */
export function deviceLost(): boolean {
  try {
    return currentDevice().lost !== undefined;
  } catch {
    return false;
  }
}
