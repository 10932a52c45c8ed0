/** Photos however they come: class folders or a table, in a folder or a zip archive. */
import { DataError } from '../../core/errors.ts';
import { checkTableOptions, type ImageTable, type OpenImageTableOptions, tableOf } from '../tables/open-image-table.ts';
import { isTable } from '../tables/read-table.ts';
import { foldersOf } from './open-folders.ts';
import { othersOf } from './photo-tree.ts';
import { type OpenedTree, openPhotoTree } from './photo-zip.ts';

/** Options that only a table has. */
const OF_TABLES = ['table', 'files', 'labels', 'kind', 'separator'] as const;

/**
 * Opens labelled photos: class folders as `openImageFolders` does, or a table as `openImageTable` does; either may be a .zip, out of which
 * photos are read one at a time. Where there are both, classes and labels of the table count, and folders before numbers of it; a note says so.
 * @param root The folder, or the .zip.
 * @param options Those of `openImageTable`. One that only a table has asks for the table.
 * @throws DataError as these do.
 * @example
 * const { kind, names, train, how } = await openPhotos('photos', { validation: 0.25 });
 * console.log(how, kind, names, train.length);
 */
export async function openPhotos(root: string, options: OpenImageTableOptions = {}): Promise<ImageTable> {
  checkTableOptions('openPhotos', options);
  const listed = await openPhotoTree(root);
  if (OF_TABLES.some((name) => options[name] !== undefined)) return tableOf(root, listed, options);
  const folders = await opened(() => classFolders(root, listed, options));
  if (!(folders instanceof DataError) && !othersOf(listed.tree).some(isTable)) return folders;
  const table = await opened(() => tableOf(root, listed, options));
  if (folders instanceof DataError) {
    if (!(table instanceof DataError)) return table;
    throw othersOf(listed.tree).some(isTable) ? table : folders;
  }
  if (table instanceof DataError)
    return withNote(folders, `The classes are those of the folders; of the tables: ${table.message}`);
  const [used, how] =
    table.kind === 'values'
      ? [folders, "The classes are those of the folders; { kind: 'values' } takes the numbers of the table."]
      : [table, 'The labels are those of the table, not the names of the folders.'];
  return withNote(used, how);
}

function classFolders(root: string, listed: OpenedTree, options: OpenImageTableOptions): ImageTable {
  const { validation, seed, transform, validationTransform } = options;
  const folders = foldersOf(root, listed, {
    ...(validation !== undefined && { validation }),
    ...(seed !== undefined && { seed }),
    ...(transform && { transform }),
    ...(validationTransform && { validationTransform }),
  });
  return { kind: 'classes', names: folders.train.classes, table: null, ...folders };
}

const withNote = (photos: ImageTable, note: string): ImageTable => ({ ...photos, notes: [...photos.notes, note] });

/** What `open` opens, or why that cannot be opened. */
async function opened(open: () => ImageTable | Promise<ImageTable>): Promise<ImageTable | DataError> {
  try {
    return await open();
  } catch (error) {
    if (error instanceof DataError) return error;
    throw error;
  }
}
