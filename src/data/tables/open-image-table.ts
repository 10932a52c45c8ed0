/** A folder of photos and a table of what they show, to a training and a validation part. */
import { join } from 'node:path';
import { ArgumentError } from '../../core/errors.ts';
import { checkList, checkOneOf, checkOptions, type OptionNames, shown } from '../../core/options.ts';
import { byReason, type LeftOut, reasonByEnding } from '../folders/left-out.ts';
import type { ValidationSource } from '../folders/open-folders.ts';
import { imagesOf, othersOf, type PhotoTree } from '../folders/photo-tree.ts';
import { type OpenedTree, openPhotoTree } from '../folders/photo-zip.ts';
import { ImageDataset } from '../images/image-dataset.ts';
import type { Label } from '../labels.ts';
import { count, someOf } from '../some-of.ts';
import type { TransformLike } from '../transforms/compose.ts';
import type { NamedRows } from './columns.ts';
import { findTables } from './find-tables.ts';
import { HELD_OUT_WAYS, type LabelColumns, type Labelling, labellingOf, type TableKind } from './labelling.ts';
import { partsOf, type TablePart } from './parts.ts';
import { isTable } from './read-table.ts';
import { TableSamples } from './samples.ts';

/** Options of {@link openImageTable}. */
export interface OpenImageTableOptions {
  /** The table's path from the folder. Default: the one in the folder, or beside it, that names its images. */
  table?: string;
  /** The column that names the images. Default: the one whose cells do. */
  files?: string;
  /** The columns to learn. Default: the one called so (label, class, target, tags …), the only one, or all of 0 and 1 or of numbers. */
  labels?: readonly string[];
  /** What they say. Default: by their cells, and told. */
  kind?: TableKind;
  /** What stands between several labels in a cell. Default: by the cells. */
  separator?: string;
  /** Share of the rows that may be unusable (no such image, an empty cell); past it there is an error. Default 0.1. */
  maxLeftOut?: number;
  /** The part held out where neither a table nor a column tells it; 0: none. Default 0.2. */
  validation?: number;
  /** Of that choice. Default 0. */
  seed?: number;
  /** For training; default: ToTensor alone. */
  transform?: TransformLike;
  /** For validation; default: `transform`. */
  validationTransform?: TransformLike;
}

const OPTIONS: OptionNames<OpenImageTableOptions> = {
  table: true,
  files: true,
  labels: true,
  kind: true,
  separator: true,
  maxLeftOut: true,
  validation: true,
  seed: true,
  transform: true,
  validationTransform: true,
};

/** A table of one kind. */
export interface ImageTableOf<K extends TableKind, L extends Label> {
  readonly kind: K;
  /** Of the classes, labels or numbers, in the order of a model's outputs. */
  readonly names: readonly string[];
  readonly train: ImageDataset<L>;
  /** Empty where `validation` is 0 and nothing else tells it. */
  readonly validation: ImageDataset<L>;
  readonly validationFrom: ValidationSource;
  /** Rows (as `train.csv:17`) and files that are not used, by reason. Paths are relative to the folder. */
  readonly leftOut: readonly LeftOut[];
  /** What was decided and may be meant otherwise, a sentence each. */
  readonly notes: readonly string[];
  /** The table, by its path from the folder; null where the classes are folders. */
  readonly table: string | null;
  /** One line that says which columns were taken, and for what. */
  readonly how: string;
}

/** What {@link openImageTable} opened: for `imageClassification`, `multiLabel` or `imageRegression`. */
export type ImageTable =
  | ImageTableOf<'classes', number>
  | ImageTableOf<'labels', Float32Array>
  | ImageTableOf<'values', Float32Array>;

/**
 * Opens photos whose labels are in a table: CSV (comma, semicolon, tab or bar) or JSON Lines with a row for each photo. Which column names
 * the files is found by what its cells match below `root`, with endings and folders or without. A cell with several labels (`cat|dog`, a list) or columns
 * of 0 and 1 give several labels a photo, text and a few whole numbers classes, other numbers values. Tables named as splits (`train.csv`,
 * `valid/_classes.csv`), or a column of `train` and `val`, are the parts; else some rows are held out.
 * @param root The folder of the photos, or a .zip of it; the table is in it, or beside it.
 * @param options The columns, where it cannot be told or another is meant, and what makes an image a model's input.
 * @throws DataError where it cannot be told which table or column is meant, and where more rows are not usable than `maxLeftOut`.
 * @example
 * const { kind, names, train, validation, how } = await openImageTable('trees', { labels: ['age'], kind: 'values' });
 * console.log(how, kind, names, train.length, validation.length);
 */
export async function openImageTable(root: string, options: OpenImageTableOptions = {}): Promise<ImageTable> {
  checkTableOptions('openImageTable', options);
  return tableOf(root, await openPhotoTree(root), options);
}

/** As {@link openImageTable}, of a folder that is listed already. @param root stands for it in errors */
export async function tableOf(
  root: string,
  { tree, unusable }: OpenedTree,
  options: OpenImageTableOptions,
): Promise<ImageTable> {
  const { labels, maxLeftOut = 0.1, validation: share = 0.2, seed = 0 } = options;
  const { transform, validationTransform = transform } = options;
  const tables = await findTables(root, tree, options);
  const parts = partsOf(tables, labels);
  const labelling = labellingOf(columnsOf(parts.train), options);
  const samples = new TableSamples(labelling);
  const classes = labelling.kind === 'values' ? [] : labelling.names;
  const open = (part: TablePart) => {
    const files = samples.add(part).map(({ path, label }) => ({ path: join(root, path), label }));
    return new ImageDataset<Label>(root, classes, files);
  };
  const all = open(parts.train);
  const told = parts.validation && open(parts.validation);
  const used = new Set([parts.train.of, ...(parts.validation ? [parts.validation.of] : [])]);
  for (const rows of used) samples.addBad(rows);
  samples.check(parts.train.of.table.file, maxLeftOut);
  const [train, validation] = told ? [all, told] : share === 0 ? [all, all.subset([])] : all.split(share, { seed });
  const from = parts.validation?.from ?? (share === 0 ? { kind: 'none' } : { kind: 'held out', seed });
  const { path, columns } = parts.train.of.table;
  const learned = parts.train.labels.map((c) => columns[c]!);
  return {
    kind: labelling.kind,
    names: labelling.names,
    train: transform ? train.withTransform(transform) : train,
    validation: validationTransform ? validation.withTransform(validationTransform) : validation,
    validationFrom: from,
    leftOut: [...samples.leftOut, ...parts.leftOut, ...tables.leftOut, ...filesLeftOut(tree, [...used]), ...unusable],
    notes: [...parts.train.of.notes, ...labelling.notes],
    table: path,
    how: `${path}: '${columns[parts.train.of.column]}' names the images, ${contentOf(labelling, learned)}; ${train.length} to train on, ${heldOut(labelling, validation.length, from)}`,
  } as ImageTable;
}

/** @throws ArgumentError for options that do not exist, or are of another kind. */
export function checkTableOptions(op: string, options: OpenImageTableOptions): void {
  checkOptions(op, options, OPTIONS);
  const { labels, kind, maxLeftOut = 0.1 } = options;
  if (labels) checkList(op, 'labels', labels);
  if (labels?.length === 0)
    throw new ArgumentError(`${op}: expected labels as one column or more, got none. Write { labels: ['…'] }.`);
  if (kind !== undefined) checkOneOf(op, 'kind', kind, ['classes', 'labels', 'values']);
  if (!(maxLeftOut >= 0 && maxLeftOut <= 1))
    throw new ArgumentError(
      `${op}: expected maxLeftOut as a share from 0 to 1, got ${shown(maxLeftOut)}. 0.1 lets a tenth of the rows go.`,
    );
}

/** The columns to learn, with their cells. */
function columnsOf({ of: { table }, rows, labels }: TablePart): LabelColumns {
  return {
    file: table.file,
    columns: labels.map((c) => table.columns[c]!),
    rows: rows.map(({ row }) => labels.map((c) => row.cells[c]!)),
    decimalComma: table.decimalComma,
  };
}

/** Images without a row, and files that are neither images nor tables. */
function filesLeftOut(tree: PhotoTree, tables: readonly NamedRows[]): LeftOut[] {
  const named = new Set(tables.flatMap(({ rows }) => rows.map(({ image }) => image)));
  const paths = tables.map(({ table }) => table.path).join(' or ');
  return byReason([
    ...imagesOf(tree)
      .filter((path) => !named.has(path))
      .map((path) => [`no row in ${paths}`, path] as const),
    ...othersOf(tree)
      .filter((path) => !isTable(path))
      .map((path) => [reasonByEnding(path), path] as const),
  ]);
}

/** What is learned from which columns. */
function contentOf({ kind, names }: Labelling, columns: readonly string[]): string {
  if (kind === 'values')
    return `${someOf(columns)} ${columns.length === 1 ? 'is the number' : 'are the numbers'} to learn`;
  const what =
    kind === 'classes' ? `the class (${count(names.length, 'class')})` : `the labels (${count(names.length, 'label')})`;
  return `${someOf(columns)} ${columns.length === 1 ? 'tells' : 'tell'} ${what}`;
}

function heldOut({ kind }: Labelling, images: number, from: ValidationSource): string {
  if (from.kind === 'table') return `${images} to validate, of ${from.table}`;
  if (from.kind === 'folder') return `${images} to validate, in ${from.folder}`;
  if (from.kind === 'column') return `${images} to validate, by '${from.column}'`;
  return from.kind === 'held out' ? `${images} held out, ${HELD_OUT_WAYS[kind]} (seed ${from.seed})` : 'none held out';
}
