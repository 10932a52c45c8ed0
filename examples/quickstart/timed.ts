/** The time of a run, part by part. */

/** Seconds by part, in the order in which the parts began. */
export const parts: Record<string, number> = {};

/** Does `work` and counts its time as `part`. */
export async function timed<T>(part: string, work: () => T | Promise<T>): Promise<T> {
  const began = performance.now();
  const result = await work();
  parts[part] = (parts[part] ?? 0) + (performance.now() - began) / 1000;
  return result;
}
