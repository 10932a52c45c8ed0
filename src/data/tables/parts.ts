/** Which rows of which table train and which validate, and the columns to learn in each. */
import { byReason, type LeftOut } from '../left-out.ts';
import type { ValidationSource } from '../open-folders.ts';
import { type Split, splitOf } from '../split-names.ts';
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
  const split = validation ? null : splitColumn(train, given ?? []);
  const labels = given ?? labelColumns(train, split);
  return split === null ? byTable(train, validation, labels) : byColumn(train, split, labels);
}

function byTable(train: NamedRows, validation: NamedRows | null, labels: readonly number[]): TableParts {
  const part = { of: train, rows: train.rows, labels };
  if (!validation) return { train: part, validation: null, leftOut: [] };
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

function byColumn(of: NamedRows, split: number, labels: readonly number[]): TableParts {
  const cellOf = ({ row }: ImageRow) => row.cells[split]!;
  const rowsOf = (kind: Split) => of.rows.filter((row) => splitOf(cellOf(row)) === kind);
  const kind = (['validation', 'test'] as const).find((name) => rowsOf(name).length > 0);
  const unused = of.rows.filter((row) => ![kind, 'train'].includes(splitOf(cellOf(row)) ?? undefined));
  const from: ValidationSource = { kind: 'column', column: of.table.columns[split]! };
  return {
    train: { of, rows: rowsOf('train'), labels },
    validation: kind ? { of, rows: rowsOf(kind), labels, from } : null,
    leftOut: byReason(unused.map((row) => [`in split '${cellOf(row)}', which is not used`, placeOf(of, row)])),
  };
}
