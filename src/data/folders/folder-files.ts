/** The files of a data set on a disk: below a folder, or in a zip archive. */
import { join } from 'node:path';
import type { DataFiles } from './data-files.ts';
import { openPhotoTree } from './photo-zip.ts';
import { openFileOf } from './zip-source.ts';

/** @throws DataError where the folder cannot be listed. */
export async function filesInFolder(root: string): Promise<DataFiles> {
  const nameOf = (path: string) => join(root, path);
  return { root, ...(await openPhotoTree(root)), nameOf, open: (path) => openFileOf(nameOf(path)) };
}
