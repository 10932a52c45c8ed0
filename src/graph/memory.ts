/**
 * Planning, third part: the intermediate results that share a buffer.
 * Greedy by size (Pisarchyk and Lee 2020, "Efficient memory management for deep neural net inference"): the largest result
 * first, each into the smallest buffer that is free for its whole life.
 */

/** A result that lives from group `first` to group `last`, both included. */
export interface Interval {
  readonly bytes: number;
  readonly first: number;
  readonly last: number;
}

export interface Assignment {
  /** Sizes of the buffers needed, largest first. */
  readonly sizes: number[];
  /** Index of the buffer of each interval. */
  readonly buffer: number[];
  /** The most bytes alive at once: no assignment can need less. */
  readonly lowerBound: number;
}

/** Assigns every interval a buffer so that no two that overlap in time share one. */
export function assignBuffers(intervals: readonly Interval[]): Assignment {
  const order = intervals.map((_, k) => k).sort((a, b) => intervals[b]!.bytes - intervals[a]!.bytes || a - b);
  const sizes: number[] = [];
  const tenants: Interval[][] = [];
  const buffer = new Array<number>(intervals.length);
  for (const k of order) {
    const interval = intervals[k]!;
    let best = -1;
    for (let b = sizes.length - 1; b >= 0 && best < 0; b--)
      if (tenants[b]!.every((t) => t.last < interval.first || interval.last < t.first)) best = b;
    if (best < 0) {
      best = sizes.push(interval.bytes) - 1;
      tenants.push([]);
    }
    tenants[best]!.push(interval);
    buffer[k] = best;
  }
  return { sizes, buffer, lowerBound: mostAlive(intervals) };
}

function mostAlive(intervals: readonly Interval[]): number {
  const change = new Map<number, number>();
  for (const { bytes, first, last } of intervals) {
    change.set(first, (change.get(first) ?? 0) + bytes);
    change.set(last + 1, (change.get(last + 1) ?? 0) - bytes);
  }
  let alive = 0;
  let most = 0;
  for (const at of [...change.keys()].sort((a, b) => a - b)) {
    alive += change.get(at)!;
    most = Math.max(most, alive);
  }
  return most;
}
