/** Which rows of which table train and which validate, and the columns to learn in each. */
import { byReason, type LeftOut } from '../folders/left-out.ts';
import type { ValidationSource } from '../folders/open-folders.ts';
import { type Split, splitOf } from '../folders/split-names.ts';
import { columnOf, type ImageRow, labelColumns, type NamedRows, placeOf, splitColumn } from './columns.ts';
import type { FoundTables } from './find-tables.ts';

/** Rows of one table. */
export interface TablePart {
  readonly of: NamedRows;
  readonly rows: readonly ImageRow[];
  /** Places of the columns to learn. */
  readonly labels: readonly number[];
}

/** The parts that tables have. */
export interface TableParts {
  readonly train: TablePart;
  /** null where no table and no column tells of one. */
  readonly validation: (TablePart & { readonly from: ValidationSource }) | null;
  /** Tables, and rows as `train.csv:17`, that are of neither part. */
  readonly leftOut: readonly LeftOut[];
}

/**
 * Takes tables apart.
 * @param names the columns to learn, where the user names them
 * @throws DataError for a column that is not there, and where it cannot be told which are to be learned.
 */
export function partsOf({ train, validation }: FoundTables, names: readonly string[] | undefined): TableParts {
  const given = names?.map((name) => columnOf(train.table, name));
  const rows = train.rows.map(({ row }) => row);
  const split = validation ? null : splitColumn(train.table.columns, rows, given ?? []);
  const labels = given ?? labelColumns(train, split);
  if (split !== null) {
    const column = train.table.columns[split]!;
    return bySplit(train, labels, ({ row }) => row.cells[split]!, { kind: 'column', column });
  }
  if (validation) return byTable(train, validation, labels);
  const folders = splitFolders(train.rows);
  if (!folders) return { train: { of: train, rows: train.rows, labels }, validation: null, leftOut: [] };
  return bySplit(train, labels, ({ image }) => folders.of(image), { kind: 'folder', folder: folders.validation });
}

function byTable(train: NamedRows, validation: NamedRows, labels: readonly number[]): TableParts {
  const part = { of: train, rows: train.rows, labels };
  const { columns, path } = validation.table;
  const names = labels.map((c) => train.table.columns[c]!);
  const missing = names.find((name) => !columns.includes(name));
  if (missing !== undefined)
    return {
      train: part,
      validation: null,
      leftOut: [{ reason: `a table without the column '${missing}'`, paths: [path] }],
    };
  const places = names.map((name) => columns.indexOf(name));
  const from: ValidationSource = { kind: 'table', table: path };
  return { train: part, validation: { of: validation, rows: validation.rows, labels: places, from }, leftOut: [] };
}

/** The parts of one table. @param splitName what a row's split is called */
function bySplit(
  of: NamedRows,
  labels: readonly number[],
  splitName: (row: ImageRow) => string,
  from: ValidationSource,
): TableParts {
  const rowsOf = (kind: Split) => of.rows.filter((row) => splitOf(splitName(row)) === kind);
  const train = { of, rows: rowsOf('train'), labels };
  const kind = HELD_OUT.find((name) => rowsOf(name).length > 0);
  const validation = kind ? { of, rows: rowsOf(kind), labels, from } : null;
  const used = new Set([...train.rows, ...(validation?.rows ?? [])]);
  const unused = of.rows.filter((row) => !used.has(row));
  return {
    train,
    validation,
    leftOut: byReason(unused.map((row) => [`in split '${splitName(row)}', which is not used`, placeOf(of, row)])),
  };
}

/** Splits that validate; a test part only where there is nothing else. */
const HELD_OUT = ['validation', 'test'] as const;

/** The folders of splits that all images are in, as `train/1.jpg` and `val/2.jpg`; null where they are not. */
function splitFolders(rows: readonly ImageRow[]): { of(image: string): string; validation: string } | null {
  const of = (image: string) =>
    image
      .split('/')
      .slice(0, -1)
      .find((folder) => splitOf(folder) !== null) ?? '';
  const names = [...new Set(rows.map(({ image }) => of(image)))];
  const validation = HELD_OUT.flatMap((kind) => names.filter((name) => splitOf(name) === kind))[0];
  const whole = !names.includes('') && names.some((name) => splitOf(name) === 'train');
  return whole && validation !== undefined ? { of, validation } : null;
}
