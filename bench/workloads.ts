/** All workloads, in the order in which they run. */
import { kernelWorkloads } from './kernels.ts';
import { networkWorkloads } from './networks.ts';
import type { Workload } from './workload.ts';

export const workloads = (): Workload[] => [...kernelWorkloads(), ...networkWorkloads()];

/** Those whose name contains one of `texts`; all for none. */
export function selectWorkloads(all: readonly Workload[], texts: readonly string[]): Workload[] {
  return all.filter(({ name }) => !texts.length || texts.some((text) => name.includes(text)));
}
