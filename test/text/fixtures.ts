/** What `scripts/record-text-fixtures.py` recorded of Hugging Face's libraries. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Encoding } from '../../src/text/index.ts';

export const FIXTURES: string = fileURLToPath(new URL('../fixtures/text/', import.meta.url));

/** A fixture. */
export function recorded<T>(name: string): T {
  return JSON.parse(readFileSync(FIXTURES + name, 'utf8')) as T;
}

export const LINES: readonly string[] = recorded('lines.json');

/** A recorded encoding; offsets one after another, in UTF-16 units. */
export interface Recorded {
  readonly ids: readonly number[];
  readonly offsets: readonly number[];
  readonly words: readonly (number | null)[];
  readonly typeIds: readonly number[];
}

/** The same of ours. */
export function comparable({ ids, offsets, words, typeIds }: Encoding): Recorded {
  return { ids, offsets: offsets.flat(), words, typeIds };
}

export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** A line of a fixture: ids and offsets, or where they are many their digest, with the words'. */
export function lineOf({ ids, offsets, words }: Encoding): unknown {
  if (ids.length <= 12) return [ids, offsets.flat()];
  return sha256([ids, offsets.flat(), words.map((word) => word ?? '')].map((list) => list.join(',')).join(';')).slice(
    0,
    16,
  );
}

/** The digest of all lines. */
export function digestOf(encodings: Iterable<Encoding>): string {
  const hash = createHash('sha256');
  for (const { ids, offsets } of encodings) hash.update(`${ids.join(',')};${offsets.flat().join(',')}\n`);
  return hash.digest('hex');
}
