/** Bounded concurrency. */

/** Calls `work` on each item, at most `limit` at a time; rejects with the first fault. */
export async function concurrently<T>(
  limit: number,
  items: readonly T[],
  work: (item: T, index: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const lane = async () => {
    while (next < items.length) {
      const i = next++;
      await work(items[i]!, i);
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, lane));
}

/** One who waits, and who came next. */
interface Waiting {
  readonly enter: () => void;
  next?: Waiting;
}

/** A gate that lets `limit` tasks run at once and the rest wait in order. */
export function gate(limit: number): <T>(task: () => Promise<T>) => Promise<T> {
  let running = 0;
  let first: Waiting | undefined;
  let last: Waiting | undefined;
  const wait = () =>
    new Promise<void>((enter) => {
      const place: Waiting = { enter };
      if (first && last) last.next = place;
      else first = place;
      last = place;
    });
  return async (task) => {
    if (running >= limit) await wait();
    else running++;
    try {
      return await task();
    } finally {
      // The place passes to the next in line, or becomes free.
      const next = first;
      first = next?.next;
      if (next) next.enter();
      else running--;
    }
  };
}
