/** Files of a folder that are not used, and why. */
import { DataError } from '../../core/errors.ts';
import { imagesOf, othersOf, type PhotoTree } from './photo-tree.ts';

/** Files that are not used, and why, as what they are: 'beside the class folders'. */
export interface LeftOut {
  readonly reason: string;
  readonly paths: readonly string[];
}

/** Endings of photos that are not read, and what to do about them. */
const NOT_READ: readonly (readonly [RegExp, string])[] = [
  [/^\.(?:heic|heif|hif)$/, 'HEIC, which is not read: save as JPEG'],
  [
    /^\.(?:raw|dng|cr[23w]|nef|nrw|arw|srf|sr2|orf|rw2|raf|pef|rwl|iiq|3fr)$/,
    'camera raw, which is not read: save as JPEG',
  ],
  [/^\.(?:jxl|jp2|j2k|jpf|psd|svg|tga|exr|hdr|dcm|eps|ico)$/, 'not read: save as JPEG or PNG'],
];

/** Why a file without an image's ending is left out. */
export function reasonByEnding(path: string): string {
  const ending = /[^/](\.[^./\s]+)$/.exec(path)?.[1] ?? '';
  const photo = NOT_READ.find(([endings]) => endings.test(ending.toLowerCase()));
  if (photo) return photo[1].startsWith('not') ? `${ending}, ${photo[1]}` : photo[1];
  return ending === '' ? 'no image by its name: it has no ending' : `no images (${ending})`;
}

/** Paths by reason, in the order in which reasons come first. */
export function byReason(pairs: Iterable<readonly [reason: string, path: string]>): LeftOut[] {
  const groups = new Map<string, string[]>();
  for (const [reason, path] of pairs) {
    const group = groups.get(reason);
    if (group) group.push(path);
    else groups.set(reason, [path]);
  }
  return [...groups].map(([reason, paths]) => ({ reason, paths }));
}

/**
 * Lets a share of what a data set has go.
 * @param file stands for it in errors
 * @param all how much there is in words: '12 rows'
 * @param hint a further sentence on what to do
 * @throws DataError where more than the share, or all of it, is left out.
 */
export function checkLeftOut(
  file: string,
  all: string,
  total: number,
  leftOut: readonly LeftOut[],
  share: number,
  hint = '',
): void {
  const bad = leftOut.reduce((n, { paths }) => n + paths.length, 0);
  if (bad <= share * total && (bad < total || bad === 0)) return;
  const reasons = leftOut.map(
    ({ reason, paths }) => `${reason} (${paths.length.toLocaleString('en')}, the first ${paths[0]})`,
  );
  const more = bad < total ? `, or let more go: { maxLeftOut: ${Math.ceil((100 * bad) / total) / 100} }` : '';
  throw new DataError(
    file,
    `${bad.toLocaleString('en')} of ${all} cannot be used: ${reasons.join(', ')}. Mend them${more}.${hint}`,
  );
}

/** All files of `tree` but those in `used`. @param output folders of runs and of weights */
export function leftOutOf(tree: PhotoTree, used: ReadonlySet<string>, output: readonly PhotoTree[]): LeftOut[] {
  const folders = new Set<string>();
  for (const path of used) for (const folder of foldersOf(path)) folders.add(folder);
  const where = (path: string): string => {
    const outside = foldersOf(path).find((folder) => !folders.has(folder));
    return outside === undefined ? 'beside the class folders' : `in ${outside}, which is not used`;
  };
  const skipped = new Set(output.flatMap(othersOf));
  return byReason([
    ...imagesOf(tree)
      .filter((path) => !used.has(path))
      .map((path) => [where(path), path] as const),
    ...othersOf(tree)
      .filter((path) => !skipped.has(path))
      .map((path) => [reasonByEnding(path), path] as const),
    ...output.map((folder) => ['a folder of runs or weights, no class', `${folder.path}/`] as const),
  ]);
}

/** The folders above a file, the outermost first. */
function foldersOf(path: string): string[] {
  const found: string[] = [];
  for (let at = path.indexOf('/'); at >= 0; at = path.indexOf('/', at + 1)) found.push(path.slice(0, at));
  return found;
}
