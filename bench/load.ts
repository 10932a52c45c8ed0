/** How busy other processes keep the CPU: on a shared machine a software adapter's time means nothing without it. */
import { readFileSync } from 'node:fs';

/** Milliseconds of CPU time so far. */
export interface Load {
  readonly at: number;
  readonly machine: number;
  readonly own: number;
}

/** Null where the system does not say. */
export function readLoad(): Load | null {
  try {
    const [user, nice, system, , , irq, softirq, steal] = readFileSync('/proc/stat', 'utf8')
      .split('\n', 1)[0]!
      .trim()
      .split(/\s+/)
      .slice(1)
      .map(Number);
    const ticks = user! + nice! + system! + irq! + softirq! + steal!;
    const own = process.cpuUsage();
    return { at: performance.now(), machine: ticks * 10, own: (own.user + own.system) / 1000 };
  } catch {
    return null;
  }
}

/** Cores that others used between two readings; undefined where unknown or too short to tell. */
export function otherLoad(from: Load | null, to: Load | null): number | undefined {
  if (!from || !to || to.at - from.at < 200) return undefined;
  const others = to.machine - from.machine - (to.own - from.own);
  return Math.max(0, Math.round((others / (to.at - from.at)) * 100) / 100);
}
