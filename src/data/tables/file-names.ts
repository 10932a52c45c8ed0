/** Which image a cell of a table means: by its path, whole or in part, with its ending or without. */

/** Images by their names and paths. */
export class FileNames {
  readonly #byPath = new Map<string, string[]>();
  readonly #byName = new Map<string, string[]>();

  /** @param paths of images, below one folder, with `/` between their parts */
  constructor(paths: Iterable<string>) {
    for (const path of paths)
      for (const key of new Set([path.normalize('NFC'), withoutEnding(path.normalize('NFC'))])) {
        add(this.#byPath, key, path);
        add(this.#byName, key.slice(key.lastIndexOf('/') + 1), path);
      }
  }

  /**
   * The images that a cell may mean: one where it is clear, none, or several. A cell may have fewer folders than the image's path, or
   * more, as a path of another machine has; where both have folders, they must be the same.
   * @param near folders to prefer, the nearest first: that of the table
   */
  find(cell: string, near: readonly string[]): readonly string[] {
    const wanted = partsOf(cell);
    if (wanted.length === 0) return [];
    for (const start of [...near, '']) {
      const exact = this.#byPath.get([...partsOf(start), ...wanted].join('/'));
      if (exact) return exact;
    }
    const named = this.#byName.get(wanted.at(-1)!) ?? [];
    const fitting = named.filter((path) => {
      const folders = partsOf(path).slice(0, -1);
      return isTail(wanted.slice(0, -1), folders) || isTail(folders, wanted.slice(0, -1));
    });
    const below = near.map((folder) => fitting.filter((path) => path.startsWith(`${folder}/`)));
    return below.find(({ length }) => length === 1) ?? fitting;
  }
}

function add(map: Map<string, string[]>, key: string, path: string): void {
  const same = map.get(key);
  if (same) same.push(path);
  else map.set(key, [path]);
}

/** The parts of a path as a table has it: of Windows too, absolute or not. */
const partsOf = (path: string): string[] =>
  path
    .normalize('NFC')
    .split(/[\\/]+/)
    .filter((part) => part !== '' && part !== '.');

const withoutEnding = (path: string) => path.replace(/(?<=[^/])\.[^./]*$/, '');

/** Whether `long` ends in `short`. */
function isTail(short: readonly string[], long: readonly string[]): boolean {
  return short.length <= long.length && short.every((part, i) => part === long[long.length - short.length + i]);
}
