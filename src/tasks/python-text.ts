/** What Python's `str` does, for scores that were first written in it. */

/** Python's white space, which is not quite JavaScript's. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are white space there
const SPACE = /[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/;

/** `text.split()`: what lies between white space. */
export function splitSpaces(text: string): string[] {
  return text.split(SPACE).filter((part) => part !== '');
}

/** How often each is there. */
export function counted<T>(items: Iterable<T>): Map<T, number> {
  const counts = new Map<T, number>();
  for (const item of items) counts.set(item, (counts.get(item) ?? 0) + 1);
  return counts;
}

/** How many are in both, each as often as it is in the one that has fewer. */
export function shared<T>(a: ReadonlyMap<T, number>, b: ReadonlyMap<T, number>): number {
  let count = 0;
  for (const [item, times] of a) count += Math.min(times, b.get(item) ?? 0);
  return count;
}
