/** Lists and counts in messages. */

/** Names in quotes, at most ten of them: `'ants', 'bees' and 3 more`. */
export function someOf(names: readonly string[], quote = "'"): string {
  const shown = names.slice(0, 10).map((name) => `${quote}${name}${quote}`);
  return `${shown.join(', ')}${names.length > 10 ? ` and ${names.length - 10} more` : ''}`;
}

/** `1 image`, `2 images`, `3 classes`. */
export function count(n: number, noun: string): string {
  const plural = /[sx]$/.test(noun) ? 'es' : 's';
  return `${n.toLocaleString('en')} ${noun}${n === 1 ? '' : plural}`;
}
