/** Which column of a table names the images, which one their split, and which are to be learned. */
import { DataError } from '../../core/errors.ts';
import { splitOf } from '../folders/split-names.ts';
import { count, someOf } from '../some-of.ts';
import { isEmpty } from './cells.ts';
import type { FileNames } from './file-names.ts';
import { isClassLike, isFlags, isNumeric } from './labelling.ts';
import type { Table, TableRow } from './read-table.ts';

/** A row of a table and the image that it is about. */
export interface ImageRow {
  readonly row: TableRow;
  readonly image: string;
}

/** A table whose rows name images. */
export interface NamedRows {
  readonly table: Table;
  /** The column that names them. */
  readonly column: number;
  /** That, and others whose cells name as many. */
  readonly naming: readonly number[];
  readonly rows: readonly ImageRow[];
  /** Rows without an image, and why. */
  readonly bad: readonly (readonly [reason: string, number: number])[];
  readonly notes: readonly string[];
}

/** Where a row is, in messages: `train.csv:17`. */
export const placeOf = ({ table }: NamedRows, { row }: ImageRow): string => `${table.path}:${row.number}`;

/**
 * Finds the images that a table is about: the column whose cells name most of them is that of the files; of several, the one with the
 * fullest names. A first row that names an image itself is no header.
 * @param near folders where its images are looked for first
 * @param name the column, where the user says it
 * @returns null where no cell names an image
 * @throws DataError for a name that no column has.
 */
export function namedRows(table: Table, names: FileNames, near: readonly string[], name?: string): NamedRows | null {
  const candidates = name === undefined ? table.columns.map((_, c) => c) : [columnOf(table, name)];
  const scores = candidates.map((c) => {
    const found = table.rows.map(({ cells }) => names.find(cells[c]!, near)).filter(({ length }) => length === 1);
    return new Set(found.flat()).size;
  });
  const most = scores.reduce((a, b) => Math.max(a, b), 0);
  if (most === 0) return null;
  const naming = candidates.filter((_, k) => scores[k] === most);
  const lengthOf = (c: number) => table.rows.reduce((n, { cells }) => n + cells[c]!.length, 0);
  const column = naming.reduce((fullest, c) => (lengthOf(c) > lengthOf(fullest) ? c : fullest));
  const headless = table.headed && names.find(table.columns[column]!, near).length === 1;
  const whole = headless ? withoutHeader(table) : table;
  const rows: ImageRow[] = [];
  const bad = [...table.bad];
  for (const row of whole.rows) {
    const cell = row.cells[column]!;
    const found = names.find(cell, near);
    if (found.length === 1) rows.push({ row, image: found[0]! });
    else if (isEmpty(cell)) bad.push(['no name of an image', row.number]);
    else bad.push([found.length === 0 ? 'its image is not there' : 'its name fits two images or more', row.number]);
  }
  const notes = headless ? [`${table.path} has no header: its first row names an image.`] : [];
  return { table: whole, column, naming, rows, bad, notes };
}

/** The table with its first row, which names no columns, among the others. */
export function withoutHeader(table: Table): Table {
  const columns = table.columns.map((_, c) => `column ${c + 1}`);
  return { ...table, columns, rows: [{ number: 1, cells: table.columns }, ...table.rows] };
}

/** The place of a column. @throws DataError where there is none of that name. */
export function columnOf({ file, columns }: Table, name: string): number {
  const at = columns.indexOf(name);
  if (at >= 0) return at;
  throw new DataError(file, `has no column '${name}'. There are ${someOf(columns)}.`);
}

/** More different cells than these are no names of splits. */
const MOST_SPLITS = 20;

/** The column that says which split a row is of: two of train, val, test or more, and nothing else. @param others columns that are something else */
export function splitColumn(
  columns: readonly string[],
  rows: readonly TableRow[],
  others: readonly number[],
): number | null {
  const at = columns.findIndex((_, c) => {
    if (others.includes(c)) return false;
    const names = new Set(rows.map(({ cells }) => cells[c]!).filter((cell) => !isEmpty(cell)));
    if (names.size > MOST_SPLITS) return false;
    const splits = new Set([...names].map(splitOf));
    return splits.size > 1 && splits.has('train') && !splits.has(null);
  });
  return at < 0 ? null : at;
}

/**
 * The columns to learn: one that is called so (label, class, target …), the only one there is, or all where they are of 0 and 1, or of
 * numbers.
 * @param split the column of splits
 * @throws DataError where it cannot be told.
 */
export function labelColumns({ table, rows, column, naming }: NamedRows, split: number | null): number[] {
  const { file, columns, decimalComma } = table;
  const cellsOf = (c: number) => rows.map(({ row }) => row.cells[c]!);
  const filled = (c: number) => cellsOf(c).some((cell) => !isEmpty(cell));
  const free = columns
    .map((_, c) => c)
    .filter((c) => c !== column && c !== split && filled(c) && !isCounter(columns[c]!, cellsOf(c)));
  if (free.length === 0)
    throw new DataError(
      file,
      `has no column of labels beside '${columns[column]}', which names the images. Add one, with a label for each.`,
    );
  // Numbers to learn may happen to be names of images too.
  const others = free.filter((c) => !naming.includes(c));
  const rest = others.length > 0 ? others : free;
  if (rest.every((c) => isFlags(cellsOf(c)))) return rest;
  const varied = rest.filter((c) => new Set(cellsOf(c)).size > 1);
  const called = rest.filter((c) => isClassLike(columns[c]!));
  const texts = called.filter((c) => !isNumeric(cellsOf(c), decimalComma));
  for (const group of [rest, called, texts, varied]) if (group.length === 1) return group;
  if (called.length === 0 && varied.length > 0 && varied.every((c) => isNumeric(cellsOf(c), decimalComma)))
    return varied;
  throw new DataError(
    file,
    `has ${count(rest.length, 'column')} that may be labels: ${someOf(rest.map((c) => columns[c]!))}. Name those to learn: { labels: ['${columns[called[0] ?? rest[0]!]}'] }.`,
  );
}

/** Whether a column numbers the rows, as pandas writes it. */
export const isCounter = (name: string, cells: readonly string[]): boolean =>
  /^(?:unnamed.*|index|column 1)$/i.test(name) &&
  cells.every((cell, i) => i === 0 || Number(cell) > Number(cells[i - 1]));
