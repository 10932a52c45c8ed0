/** Distances between tokens as T5 tells them: each small one by itself, larger ones in ranges that grow. */

/** How distances are told apart. */
export interface Buckets {
  readonly count: number;
  /** Distances from here on are one. */
  readonly maxDistance: number;
  /** Whether tokens behind are told from those before; else those behind count as here. */
  readonly bidirectional: boolean;
}

const f = Math.fround;

/** The number of a distance, of the key's position less the query's. Computed in float32, as Hugging Face does: borders depend on it. */
export function relativePositionBucket(distance: number, { count: all, maxDistance, bidirectional }: Buckets): number {
  const count = bidirectional ? Math.floor(all / 2) : all;
  const first = bidirectional && distance > 0 ? count : 0;
  const magnitude = bidirectional ? Math.abs(distance) : Math.max(-distance, 0);
  const exact = Math.floor(count / 2);
  if (magnitude < exact) return first + magnitude;
  const share = f(f(Math.log(f(magnitude / exact))) / f(Math.log(maxDistance / exact)));
  return first + Math.min(count - 1, exact + Math.trunc(f(share * (count - exact))));
}

/** The number of each distance, [queries, keys]. */
export function relativePositions(queries: number, keys: number, buckets: Buckets): Int32Array<ArrayBuffer> {
  const numbers = new Map<number, number>();
  for (let distance = 1 - queries; distance < keys; distance++)
    numbers.set(distance, relativePositionBucket(distance, buckets));
  return Int32Array.from({ length: queries * keys }, (_, i) => numbers.get((i % keys) - Math.floor(i / keys))!);
}
