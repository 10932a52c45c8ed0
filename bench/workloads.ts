/** All workloads, in the order in which they run. */
import { type InputWorkload, inputWorkloads } from './input.ts';
import { kernelWorkloads } from './kernels.ts';
import { networkWorkloads } from './networks.ts';
import type { Workload } from './workload.ts';

/** Steps on the device. */
export const workloads = (): Workload[] => [...kernelWorkloads(), ...networkWorkloads()];

/** Steps, then loading beside them. */
export const allWorkloads = (): (Workload | InputWorkload)[] => [...workloads(), ...inputWorkloads()];

/** Those whose name contains one of `texts`; all for none. */
export function selectWorkloads<W extends { readonly name: string }>(all: readonly W[], texts: readonly string[]): W[] {
  return all.filter(({ name }) => !texts.length || texts.some((text) => name.includes(text)));
}
