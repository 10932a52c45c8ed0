/** Which tables of a folder, or beside it, tell of its images, and what each is for. */
import { readdirSync } from 'node:fs';
import { dirname, join, posix, resolve } from 'node:path';
import { DataError } from '../../core/errors.ts';
import { byReason, type LeftOut } from '../folders/left-out.ts';
import { byCodePoint, imagesOf, isClutter, nameOf, othersOf, type PhotoTree } from '../folders/photo-tree.ts';
import { type Split, splitOf } from '../folders/split-names.ts';
import { openFileOf } from '../folders/zip-source.ts';
import { count, someOf } from '../some-of.ts';
import { type NamedRows, namedRows } from './columns.ts';
import { FileNames } from './file-names.ts';
import { isTable, readTable } from './read-table.ts';
import { splitsOf } from './table-splits.ts';

/** The tables that are used. */
export interface FoundTables {
  readonly train: NamedRows;
  /** null where no table is that of a validation part. */
  readonly validation: NamedRows | null;
  /** Tables that are not used, by reason. */
  readonly leftOut: readonly LeftOut[];
}

/** What the user says of them. */
export interface TableChoice {
  readonly table?: string | undefined;
  readonly files?: string | undefined;
}

/** A table for each image is none of all images. */
const MOST_TABLES = 50;
const MAX_BYTES = 1 << 27;

/**
 * Finds and reads the tables: those in the folder or, where none of these names an image, those beside it.
 * @throws DataError where there is none, or it cannot be told which of several is meant.
 */
export async function findTables(root: string, tree: PhotoTree, { table, files }: TableChoice): Promise<FoundTables> {
  const names = new FileNames(imagesOf(tree));
  const unnamed: string[] = [];
  const read = async (paths: readonly string[]): Promise<Role[]> => {
    const roles: Role[] = [];
    const splits = splitsOf(paths);
    for (const path of paths) {
      const split = splits.get(path) ?? null;
      const file = join(root, path);
      const near = [posix.dirname(path), ...foldersOf(tree, split)];
      const rows = namedRows(await readTable(await bytesOf(file), path, file), names, near, files);
      if (rows) roles.push({ split, rows });
      else unnamed.push(path);
    }
    return roles;
  };
  if (table !== undefined) {
    const [only] = await read([table]);
    if (!only) throw noImages(root, tree, [table]);
    return { train: only.rows, validation: null, leftOut: [] };
  }
  const inside = othersOf(tree).filter(isTable);
  if (inside.length > MOST_TABLES)
    throw new DataError(
      root,
      `has ${count(inside.length, 'table')}. Name one of all photos: { table: '${inside[0]}' }.`,
    );
  const roles = await read(inside);
  if (roles.length === 0) roles.push(...(await read(tablesBeside(root))));
  if (roles.length === 0) throw noImages(root, tree, unnamed);
  const found = chosen(root, roles);
  const others = unnamed.map((path) => ['a table that names no image here', path] as const);
  return { ...found, leftOut: [...found.leftOut, ...byReason(others)] };
}

/** A table and the split that it is of by its name or folder; null for one of all images. */
interface Role {
  readonly split: Split | null;
  readonly rows: NamedRows;
}

function chosen(root: string, roles: readonly Role[]): FoundTables {
  const samples = roles.filter(({ rows }) => roles.length > 1 && /submission/i.test(rows.table.path));
  const rest = roles.filter((role) => !samples.includes(role));
  const training = rest.length === 1 ? rest : rest.filter(({ split }) => split === null || split === 'train');
  const paths = rest.map(({ rows }) => rows.table.path);
  if (training.length !== 1) {
    const what = training.length === 0 ? 'none to train on' : 'two or more to train on';
    throw new DataError(
      root,
      `has ${count(paths.length, 'table')} (${someOf(paths)}), ${what}. Name the one to use: { table: '${(training[0] ?? rest[0])!.rows.table.path}' }.`,
    );
  }
  const others = rest.filter((role) => role !== training[0]);
  const validation = ['validation', 'test']
    .map((kind) => others.filter(({ split }) => split === kind))
    .find((a) => a.length === 1);
  return {
    train: training[0]!.rows,
    validation: validation?.[0]?.rows ?? null,
    leftOut: byReason([
      ...samples.map(({ rows }) => ['an example of a submission', rows.table.path] as const),
      ...others
        .filter((role) => role !== validation?.[0])
        .map(({ rows }) => ['a table that is not used', rows.table.path] as const),
    ]),
  };
}

/** Folders that are named as a split. */
function foldersOf(tree: PhotoTree, split: Split | null): string[] {
  if (split === null) return [];
  return [...tree.folders.values()].flatMap((folder) => [
    ...(splitOf(nameOf(folder)) === split ? [folder.path] : []),
    ...foldersOf(folder, split),
  ]);
}

function tablesBeside(root: string): string[] {
  const names = readdirSync(dirname(resolve(root))).filter((name) => isTable(name) && !isClutter(name));
  return names.sort(byCodePoint).map((name) => `../${name}`);
}

/** @throws DataError where the file cannot be read or is too large. */
async function bytesOf(path: string): Promise<Uint8Array> {
  const file = await openFileOf(path);
  try {
    if (file.size <= MAX_BYTES) return await file.read(0, file.size);
    throw new DataError(
      path,
      `has ${file.size.toLocaleString('en')} bytes; tables of at most ${MAX_BYTES.toLocaleString('en')} are read. Leave columns out that are not learned.`,
    );
  } finally {
    await file.close();
  }
}

function noImages(root: string, tree: PhotoTree, tables: readonly string[]): DataError {
  const [image] = imagesOf(tree);
  if (image === undefined)
    return new DataError(root, `has no images. Name the folder of the photos. Read are ${tree.extensions.join(' ')}.`);
  if (tables.length === 0)
    return new DataError(
      root,
      `has no table, nor has the folder around it. Expected a .csv, .tsv or .jsonl with a row for each photo, as '${posix.basename(image)},label'.`,
    );
  return new DataError(
    root,
    `no cell of ${someOf(tables)} names one of its ${count(tree.count, 'image')}, as '${image}'. Put the table beside its photos.`,
  );
}
