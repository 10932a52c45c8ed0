/** Texts with labels in tables: CSV, TSV, JSON or Parquet. */
import { DataError } from '../../core/errors.ts';
import { bytesOf, type DataFiles, opened } from '../folders/data-files.ts';
import { byReason, checkLeftOut, type LeftOut } from '../folders/left-out.ts';
import { othersOf } from '../folders/photo-tree.ts';
import { type Split, splitOf } from '../folders/split-names.ts';
import type { Label } from '../labels.ts';
import { count, someOf } from '../some-of.ts';
import { withoutHeader } from '../tables/columns.ts';
import { type LabelColumns, type Labelling, labellingOf, type TableKind } from '../tables/labelling.ts';
import { isParquet, readParquet } from '../tables/parquet.ts';
import { readTable, type Table, type TableRow } from '../tables/read-table.ts';
import { splitsOf } from '../tables/table-splits.ts';
import { type TextColumns, textColumns, withSamples } from './text-columns.ts';
import type { TextSample } from './text-dataset.ts';
import type { OpenTextsOptions } from './text-options.ts';

/** Samples by the part that they are told to be of; null: of none. */
export interface FoundTexts {
  readonly kind: TableKind;
  readonly names: readonly string[];
  readonly parts: ReadonlyMap<Split | null, readonly TextSample[]>;
  readonly columns: { readonly text: readonly string[]; readonly labels: readonly string[] } | null;
  readonly leftOut: readonly LeftOut[];
  readonly notes: readonly string[];
  /** What was taken, and for what. */
  readonly how: string;
}

const MAX_BYTES = 1 << 28;
/** A table for each text is none of all texts. */
const MOST_TABLES = 50;

/** Whether a file is a table of texts, by the end of its name. */
export const isTextTable = (path: string): boolean => /\.(?:csv|tsv|jsonl?|ndjson|parquet)$/i.test(path);

/** A table and the part that it is of by its name or folder; null where that says nothing. */
interface Role {
  readonly split: Split | null;
  readonly table: Table;
  readonly columns: TextColumns;
}

/**
 * Reads the tables of a data set.
 * @throws DataError where it cannot be told which are meant or what is in them, and where more rows cannot be used than a share.
 */
export async function readTextTables(files: DataFiles, options: OpenTextsOptions): Promise<FoundTexts> {
  const { maxLeftOut = 0.1 } = options;
  const { roles, leftOut, notes } = await chosen(files, options);
  const [first] = roles;
  const { table, columns } = first!;
  const names = (places: readonly number[]) => places.map((c) => table.columns[c]!);
  const labelling = labellingOf(labelColumns(first!), options);
  const parts = new Map<Split | null, TextSample[]>();
  const unusable: [reason: string, path: string][] = [];
  let rows = 0;
  for (const role of roles) {
    rows += role.table.rows.length + role.table.bad.length;
    for (const [reason, number] of role.table.bad) unusable.push([reason, `${role.table.path}:${number}`]);
    for (const row of role.table.rows) {
      const path = `${role.table.path}:${row.number}`;
      const made = sampleOf(role, row, path, labelling);
      if (typeof made === 'string') unusable.push([made, path]);
      else {
        const split = role.columns.split === null ? role.split : splitOf(row.cells[role.columns.split]!);
        const part = parts.get(split);
        if (part) part.push(made);
        else parts.set(split, [made]);
      }
    }
  }
  const bad = byReason(unusable);
  checkLeftOut(table.file, count(rows, 'row'), rows, bad, maxLeftOut);
  const what = { classes: 'class', labels: 'label', values: 'number' }[labelling.kind];
  return {
    ...{ kind: labelling.kind, names: labelling.names, parts },
    columns: { text: names(columns.texts), labels: names(columns.labels) },
    leftOut: [...bad, ...leftOut],
    notes: [...notes, ...columns.notes, ...labelling.notes],
    how: `${someOf(
      roles.map((role) => role.table.path),
      '',
    )}: ${someOf(names(columns.texts))} ${columns.texts.length === 1 ? 'is the text' : 'are the texts'}, ${someOf(names(columns.labels))} to learn (${count(labelling.names.length, what)})`,
  };
}

/** The columns to learn, with the cells of what is trained on. */
function labelColumns({ table, columns: { labels, split } }: Role): LabelColumns {
  const isTraining = (row: TableRow) => split === null || splitOf(row.cells[split]!) === 'train';
  return {
    file: table.file,
    columns: labels.map((c) => table.columns[c]!),
    rows: table.rows.filter(isTraining).map(({ cells }) => labels.map((c) => cells[c]!)),
    decimalComma: table.decimalComma,
  };
}

/** A row as a sample, or why it is none. */
function sampleOf({ columns }: Role, { cells }: TableRow, path: string, labelling: Labelling): TextSample | string {
  const [text, pair] = columns.texts.map((c) => cells[c]!);
  if (text === '' || pair === '') return 'no text';
  const label: Label | string = labelling.labelOf(columns.labels.map((c) => cells[c]!));
  if (typeof label === 'string') return label;
  return { path, text: text!, ...(pair !== undefined && { pair }), label };
}

/** The tables to read: first the one that is trained on, whose columns the others must have. */
async function chosen(
  files: DataFiles,
  options: OpenTextsOptions,
): Promise<{ roles: readonly Role[]; leftOut: readonly LeftOut[]; notes: readonly string[] }> {
  const all = othersOf(files.tree);
  const paths = options.table === undefined ? all.filter(isTextTable) : [options.table];
  if (options.table !== undefined && !all.includes(options.table))
    throw new DataError(files.root, `has no table '${options.table}'. Name it by its path from the folder.`);
  if (paths.length > MOST_TABLES)
    throw new DataError(files.root, `has ${count(paths.length, 'table')}. Name one: { table: '${paths[0]}' }.`);
  const splits = options.table === undefined ? splitsOf(paths) : new Map<string, Split>();
  const training = paths.filter((path) => (splits.get(path) ?? 'train') === 'train');
  const trained = paths.length === 1 ? paths : training;
  if (trained.length !== 1)
    throw new DataError(
      files.root,
      `has ${count(paths.length, 'table')} (${someOf(paths)}), ${trained.length === 0 ? 'none' : 'two or more'} to train on. Name the one to use: { table: '${trained[0] ?? paths[0]}' }.`,
    );
  const { table, notes } = withSamples(await tableOf(files, trained[0]!));
  const columns = textColumns(table, options);
  const first: Role = { split: paths.length === 1 ? null : 'train', table, columns };
  const names = [...columns.texts, ...columns.labels].map((c) => table.columns[c]!);
  const roles = [first];
  const leftOut: [reason: string, path: string][] = [];
  for (const path of paths) {
    if (path === trained[0]) continue;
    const read = await tableOf(files, path);
    // Where the first table's row of names is none, that of the others is none either.
    const other = notes.length > 0 && read.headed ? withoutHeader(read) : read;
    const missing = names.find((name) => !other.columns.includes(name));
    const places = (list: readonly number[]) => list.map((c) => other.columns.indexOf(table.columns[c]!));
    if (missing !== undefined) leftOut.push([`a table without the column '${missing}'`, path]);
    else
      roles.push({
        split: splits.get(path)!,
        table: other,
        columns: { texts: places(columns.texts), labels: places(columns.labels), split: null, notes: [] },
      });
  }
  return { roles, leftOut: byReason(leftOut), notes };
}

async function tableOf(files: DataFiles, path: string): Promise<Table> {
  const file = files.nameOf(path);
  if (!isParquet(path)) return readTable(await bytesOf(files, path, MAX_BYTES), path, file);
  const cells = await opened(files, path, (source) => readParquet(source, file));
  if (cells.rows.length > 0) return { path, file, ...cells };
  throw new DataError(file, 'has no rows. Expected a row for each sample.');
}
