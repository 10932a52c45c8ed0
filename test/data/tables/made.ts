/** Folders of made-up files for the tests of tables. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { temporaryFolder } from '../photos.ts';

/** `n` of something, by their number. */
export const rows = <T>(n: number, make: (i: number) => T): T[] => Array.from({ length: n }, (_, i) => make(i));

/** Tables by name: lines, or bytes. */
type Tables = Readonly<Record<string, readonly string[] | string | Uint8Array>>;

/** A new folder of files that are empty, which opening a table does not look into, and tables. */
export function files(...parts: readonly (readonly string[] | Tables)[]): string {
  const root = temporaryFolder();
  const write = (name: string, content: string | Uint8Array) => {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), content);
  };
  for (const part of parts)
    if (Array.isArray(part)) for (const name of part) write(name, '');
    else
      for (const [name, content] of Object.entries(part as Tables))
        write(name, typeof content === 'string' || content instanceof Uint8Array ? content : `${content.join('\n')}\n`);
  return root;
}
