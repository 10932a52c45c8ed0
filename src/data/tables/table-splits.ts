/** The parts that tables are of, by their names and folders. */
import { type Split, splitOf, splitsAmong } from '../folders/split-names.ts';

/** The split that each table is of: by its own name, else by the nearest folder that is named so. */
export function splitsOf(paths: readonly string[]): Map<string, Split> {
  const stem = (path: string) => path.slice(path.lastIndexOf('/') + 1).replace(/\.[^.]*$/, '');
  const byName = splitsAmong(paths.map(stem));
  return new Map(
    paths.flatMap((path): [string, Split][] => {
      const folders = path.split('/').slice(0, -1).reverse();
      const split = byName.get(stem(path)) ?? folders.map(splitOf).find((found) => found !== null);
      return split ? [[path, split]] : [];
    }),
  );
}
