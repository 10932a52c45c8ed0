/** A folder of photos, or a zip archive of one, as a tree. */
import { openTree } from './image-folder.ts';
import type { LeftOut } from './left-out.ts';
import { type PhotoTree, photoTree } from './photo-tree.ts';
import { isArchive, pathsInArchive } from './zip-source.ts';

/** Everything below a folder, or in an archive. */
export interface OpenedTree {
  readonly tree: PhotoTree;
  readonly unusable: readonly LeftOut[];
}

/** As openTree, of an archive too. @throws DataError where neither can be listed. */
export async function openPhotoTree(root: string): Promise<OpenedTree> {
  if (!(await isArchive(root))) return openTree(root);
  return { tree: photoTree(await pathsInArchive(root)), unusable: [] };
}
