/** The files of a data set on a disk: below a folder, or in a zip archive. */
import { join } from 'node:path';
import { openPhotoTree } from '../folders/photo-zip.ts';
import { openFileOf } from '../folders/zip-source.ts';
import type { DataFiles } from './data-files.ts';

/** @throws DataError where the folder cannot be listed. */
export async function filesInFolder(root: string): Promise<DataFiles> {
  const nameOf = (path: string) => join(root, path);
  return { root, ...(await openPhotoTree(root)), nameOf, open: (path) => openFileOf(nameOf(path)) };
}
