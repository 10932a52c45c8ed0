/** Every file below a folder, as relative paths. */
import { type Dirent, readdirSync, realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { causeOf, codeOf } from '../../core/cause.ts';
import { DataError } from '../../core/errors.ts';
import { pathOf, textOfName } from '../../device/file-name-node.ts';
import { byReason, type LeftOut } from './left-out.ts';
import { byCodePoint, isClutter } from './photo-tree.ts';

/** What {@link listFiles} found. */
export interface FileList {
  /** With `/` between their parts; one that ends in `/` is a folder without files. */
  readonly paths: readonly string[];
  /** What is neither a file nor a folder that can be opened. */
  readonly unusable: readonly LeftOut[];
}

/**
 * Lists a folder and all below it, clutter left out. Symbolic links are followed, as torchvision does; those that lead nowhere or back
 * up are left out.
 * @throws DataError where the folder itself cannot be listed.
 */
export function listFiles(root: string): FileList {
  const paths: string[] = [];
  const unusable: [reason: string, path: string][] = [];
  const visit = (folder: string, above: readonly string[]): void => {
    const here = join(root, folder);
    const real = realpathSync.native(pathOf(here), 'buffer').toString('latin1');
    if (above.includes(real)) return void unusable.push(['a link that leads back to a folder above it', folder]);
    let entries: [name: string, entry: Dirent<Buffer>][];
    try {
      entries = readdirSync(pathOf(here), { withFileTypes: true, encoding: 'buffer' })
        .map((entry): [string, Dirent<Buffer>] => [textOfName(entry.name), entry])
        .filter(([name]) => !isClutter(name))
        .sort(([a], [b]) => byCodePoint(a, b));
    } catch (error) {
      if (folder === '') throw error;
      return void unusable.push(['a folder that cannot be opened', folder]);
    }
    if (entries.length === 0 && folder !== '') paths.push(`${folder}/`);
    for (const [name, entry] of entries) {
      const path = folder === '' ? name : `${folder}/${name}`;
      const kind = kindOf(join(root, path), entry);
      if (kind === 'folder') visit(path, [...above, real]);
      else if (kind === 'file') paths.push(path);
      else unusable.push([kind, path]);
    }
  };
  try {
    visit('', []);
  } catch (error) {
    const fix = codeOf(error) === 'ENOENT' && isUnexpandedHome(root) ? ` ${QUOTED_HOME}` : '';
    throw new DataError(
      root,
      `${reasonOf(error)}. Expected a folder with one sub-folder of images for each class.${fix}`,
    );
  }
  return { paths, unusable: byReason(unusable) };
}

/** Whether a path begins with the home folder's sign, which only a shell knows. */
export const isUnexpandedHome = (path: string): boolean => /^~(\/|$)/.test(path);

/** What to say of a path that no shell has seen. */
export const QUOTED_HOME = "A quoted ~ is a file's name: leave the quotes out, or write the home folder in full.";

/** @returns 'folder', 'file', or what else it is */
function kindOf(path: string, entry: Dirent<Buffer>): string {
  try {
    const stat = entry.isSymbolicLink() ? statSync(pathOf(path)) : entry;
    return stat.isDirectory() ? 'folder' : stat.isFile() ? 'file' : 'neither a file nor a folder';
  } catch {
    return 'a link that leads nowhere';
  }
}

function reasonOf(error: unknown): string {
  const code = codeOf(error);
  if (code === 'ENOENT') return 'does not exist';
  return code === 'ENOTDIR' ? 'is not a folder' : `cannot be read: ${causeOf(error)}`;
}
