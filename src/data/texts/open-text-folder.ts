/** Labelled texts on a disk: a table, a folder of tables or of text files, or a zip archive of one. */
import { statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { DataError } from '../../core/errors.ts';
import type { DataFiles } from '../folders/data-files.ts';
import { filesInFolder } from '../folders/folder-files.ts';
import { photoTree } from '../folders/photo-tree.ts';
import { openFileOf } from '../folders/zip-source.ts';
import { openTextFiles, type Texts } from './open-texts.ts';
import type { OpenTextsOptions } from './text-options.ts';

/**
 * Opens texts with labels: a table (CSV with comma, semicolon, tab or bar; JSON or JSON Lines; Parquet) with a row for each text, or two texts
 * that belong together; a folder of tables that are named as splits (`train.tsv`, `dev.tsv`); or a folder of text files, one folder a
 * class. Columns are found by their names and cells, a first row that is a sample is one; what was taken is told. A cell with several labels
 * or columns of 0 and 1 give several labels a text, text and a few whole numbers classes, other numbers values.
 * @param path The table or the folder, or a .zip of either.
 * @param options The columns, where it cannot be told or others are meant.
 * @throws DataError where it cannot be told what is a text or a label, and where more rows are not usable than `maxLeftOut`.
 * @example
 * const { kind, names, train, validation, how } = await openTexts('reviews.csv', { validation: 0.25 });
 * console.log(how, kind, names, train.length, validation.length);
 */
export async function openTexts(path: string, options: OpenTextsOptions = {}): Promise<Texts> {
  const there = statSync(path, { throwIfNoEntry: false });
  if (!there)
    throw new DataError(
      path,
      'does not exist. Expected a table of texts, as .csv, .tsv, .jsonl or .parquet, or a folder.',
    );
  if (!there.isFile() || /\.zip$/i.test(path)) return openTextFiles(await filesInFolder(path), options);
  return openTextFiles(oneFile(path), { table: basename(path), ...options });
}

/** A data set of one file. */
function oneFile(path: string): DataFiles {
  const nameOf = (name: string) => join(dirname(path), name);
  return {
    root: path,
    tree: photoTree([basename(path)], []),
    unusable: [],
    nameOf: (name) => (name === basename(path) ? path : nameOf(name)),
    open: (name) => openFileOf(nameOf(name)),
  };
}
