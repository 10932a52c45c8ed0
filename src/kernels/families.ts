/**
 * Kernels that few adapters run. They are loaded when one of those is opened (load-families.ts): an application whose visitors have GPUs
 * sends them nothing of the rest.
 */
import { DeviceError } from '../core/errors.ts';
import type * as matrix from './gemm-matrix.ts';
import type * as software from './software.ts';

export interface Families {
  readonly software: typeof software;
  readonly matrix: typeof matrix;
}

/** What is loaded. */
export const loaded: { -readonly [Name in keyof Families]?: Families[Name] } = {};

/** @throws DeviceError where `name` is not loaded: no adapter was opened that runs it. */
export function family<Name extends keyof Families>(name: Name): Families[Name] {
  const found = loaded[name];
  if (!found) throw new DeviceError(`regraft: the kernels '${name}' are not loaded. Call \`await init()\` first.`);
  return found;
}
