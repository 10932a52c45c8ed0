/** What the label columns of a table say: one class a photo, several labels, or numbers. */
import { DataError } from '../../core/errors.ts';
import { byCodePoint } from '../folders/photo-tree.ts';
import type { Label } from '../labels.ts';
import { count, someOf } from '../some-of.ts';
import { flagOf, isEmpty, listOf, nameOf, numberOf } from './cells.ts';

/** 'classes': one a photo, as indices; 'labels': several a photo or none, as rows of 0 and 1; 'values': numbers, as rows. */
export type TableKind = 'classes' | 'labels' | 'values';

/** How a validation part is held out of photos with labels of a kind. */
export const HELD_OUT_WAYS: Readonly<Record<TableKind, string>> = {
  classes: 'class by class',
  labels: 'by sets of labels',
  values: 'at random',
};

/** How cells become labels. */
export interface Labelling {
  readonly kind: TableKind;
  /** Of the classes, the labels, or the numbers, in the order of targets. */
  readonly names: readonly string[];
  /** Whether a row tells one label of several, so that a photo may have many rows. */
  readonly mergeable: boolean;
  /** What was decided that may be meant otherwise, a sentence each. */
  readonly notes: readonly string[];
  /** A row's label, or why it has none. */
  labelOf(cells: readonly string[]): Label | string;
}

/** The columns to learn. */
export interface LabelColumns {
  /** The table, in errors. */
  readonly file: string;
  readonly columns: readonly string[];
  /** Cells of the rows to learn from, one a column. */
  readonly rows: readonly (readonly string[])[];
  readonly decimalComma: boolean;
}

/** What the user says of them. */
export interface LabelChoice {
  readonly kind?: TableKind | undefined;
  readonly separator?: string | undefined;
}

/** More whole numbers than these are an amount rather than classes. */
const FEW = 20;
/** Share of a column's cells that are numbers where it is one of numbers; rows with others are left out. */
const MOST = 0.9;
/** Names of columns of classes. */
const CLASS_LIKE =
  /^(?:.*[ _])?(?:labels?|class(?:es)?|targets?|categor(?:y|ies)|tags?)(?:[ _]?(?:ids?|names?|index))?$/i;
/** Names of columns with several labels a cell. */
const PLURAL = /^(?:.*[ _])?(?:labels|classes|targets|categories|tags|attributes|\w*ids)$/i;

/** Whether a column is called as classes are. */
export const isClassLike = (name: string): boolean => CLASS_LIKE.test(name);

/** Whether a column is one of numbers. */
export const isNumeric = (cells: readonly string[], comma: boolean): boolean =>
  areMost(cells, (cell) => numberOf(cell, comma));

/** Whether a column is one of 0 and 1, or true and false. */
export const isFlags = (cells: readonly string[]): boolean => areMost(cells, flagOf);

function areMost(cells: readonly string[], value: (cell: string) => number): boolean {
  const filled = cells.filter((cell) => !isEmpty(cell));
  return filled.filter((cell) => !Number.isNaN(value(cell))).length > MOST * filled.length;
}

/**
 * Decides what label columns say.
 * @throws DataError for columns that cannot be taken together or as the kind that was asked for, and for one class only.
 */
export function labellingOf(given: LabelColumns, { kind, separator }: LabelChoice): Labelling {
  const { file, columns, decimalComma } = given;
  const cellsOf = (c: number) => given.rows.map((row) => row[c]!);
  const flags = columns.every((_, c) => isFlags(cellsOf(c)));
  const numeric = columns.every((_, c) => isNumeric(cellsOf(c), decimalComma));
  if (kind === 'values') {
    if (numeric) return values(columns, decimalComma);
    const odd = columns.find((_, c) => !isNumeric(cellsOf(c), decimalComma))!;
    throw new DataError(
      file,
      `column '${odd}' has no numbers (${exampleOf(cellsOf(columns.indexOf(odd)))}). Name columns of numbers, or another kind.`,
    );
  }
  if (columns.length > 1) {
    if (flags) return kind === 'classes' ? oneHot(columns) : marked(columns, given.rows, kind);
    if (numeric && kind === undefined) return values(columns, decimalComma);
    throw new DataError(
      file,
      `columns ${someOf(columns)} cannot be learned together${kind ? ` as ${kind}` : ''}: one of text, or several of 0 and 1${kind ? '' : ' or of numbers'}, can. Name those: { labels: ['${columns[0]}'] }.`,
    );
  }
  const cells = cellsOf(0).filter((cell) => !isEmpty(cell));
  const found = separator ?? (numeric ? null : separatorIn(columns[0]!, cells));
  if (kind === 'labels' || (kind === undefined && found !== null)) return listed(file, columns[0]!, cells, found);
  const names = [...new Set(cells.map(nameOf))];
  if (kind === undefined && numeric && !areClasses(columns[0]!, names, cells.length))
    return values(columns, decimalComma);
  return classes(file, columns[0]!, names, cells.length, kind === undefined && numeric && !isClassLike(columns[0]!));
}

/** Whether whole numbers are classes, and no amounts. */
function areClasses(column: string, names: readonly string[], rows: number): boolean {
  const few = names.length <= FEW || isClassLike(column);
  return names.every((name) => /^\d+$/.test(name)) && few && names.length <= Math.max(2, rows / 2);
}

function classes(file: string, column: string, found: readonly string[], rows: number, unsure: boolean): Labelling {
  const names = sorted(found);
  if (names.length < 2) {
    const only = names.length === 1 ? `one class only ('${names[0]}')` : 'no classes';
    throw new DataError(file, `column '${column}' has ${only}; a classifier needs two or more.`);
  }
  if (names.length > FEW && names.length > rows / 2)
    throw new DataError(
      file,
      `column '${column}' has ${count(names.length, 'text')} in ${count(rows, 'row')}, which are no classes ('${names[0]}'). Name the column to learn: { labels: ['…'] }.`,
    );
  const index = new Map(names.map((name, c) => [name, c]));
  return {
    kind: 'classes',
    names,
    mergeable: false,
    notes: unsure
      ? [
          `The ${names.length} whole numbers in '${column}' are taken as classes; { kind: 'values' } takes them as amounts.`,
        ]
      : [],
    labelOf: ([cell]) => (isEmpty(cell!) ? EMPTY : (index.get(nameOf(cell!)) ?? UNKNOWN)),
  };
}

function values(columns: readonly string[], comma: boolean): Labelling {
  return {
    kind: 'values',
    names: columns,
    mergeable: false,
    notes: [],
    labelOf: (cells) => rowOf(cells, (cell) => numberOf(cell, comma), 'no number'),
  };
}

/** A column of 0 and 1 for each label. */
function marked(
  columns: readonly string[],
  rows: readonly (readonly string[])[],
  kind: TableKind | undefined,
): Labelling {
  const single = rows.every((row) => row.reduce((n, cell) => n + flagOf(cell), 0) === 1);
  return {
    kind: 'labels',
    names: columns,
    mergeable: false,
    notes:
      single && kind === undefined
        ? [
            `Each sample has one of the ${columns.length} labels; { kind: 'classes' } takes them as classes, of which just one is right.`,
          ]
        : [],
    labelOf: (cells) => rowOf(cells, flagOf, 'neither 0 nor 1'),
  };
}

/** Columns of 0 and 1, just one of which is 1. */
function oneHot(columns: readonly string[]): Labelling {
  return {
    kind: 'classes',
    names: columns,
    mergeable: false,
    notes: [],
    labelOf(cells) {
      const row = rowOf(cells, flagOf, 'neither 0 nor 1');
      if (typeof row === 'string') return row;
      return row.reduce((a, b) => a + b, 0) === 1 ? row.indexOf(1) : 'no class, or several';
    },
  };
}

/** Several labels in one cell. */
function listed(file: string, column: string, cells: readonly string[], separator: string | null): Labelling {
  const membersOf = (cell: string) => (separator === null ? [nameOf(cell)] : listOf(cell, separator));
  const names = sorted([...new Set(cells.flatMap(membersOf))]);
  if (names.length === 0)
    throw new DataError(file, `column '${column}' has no labels. Name another: { labels: ['…'] }.`);
  const index = new Map(names.map((name, c) => [name, c]));
  return {
    kind: 'labels',
    names,
    mergeable: true,
    notes: [],
    labelOf([cell]) {
      if (isEmpty(cell!)) return EMPTY;
      const places = membersOf(cell!).map((name) => index.get(name));
      if (places.includes(undefined)) return UNKNOWN;
      const row = new Float32Array(names.length);
      for (const c of places) row[c!] = 1;
      return row;
    },
  };
}

const EMPTY = 'an empty cell';
const UNKNOWN = 'a label that no training row has';

function rowOf(cells: readonly string[], value: (cell: string) => number, odd: string): Float32Array | string {
  if (cells.some(isEmpty)) return EMPTY;
  const row = Float32Array.from(cells, value);
  return row.some(Number.isNaN) ? odd : row;
}

/** What stands between the labels of a cell; '[' for lists of JSON; null where cells have one label each. */
function separatorIn(column: string, cells: readonly string[]): string | null {
  if (cells.length > 0 && cells.every((cell) => /^\[.*\]$/s.test(cell))) return '[';
  const sure = ['|', ';'].find((sign) => cells.some((cell) => cell.includes(sign)));
  if (sure) return sure;
  // Names of classes have commas and spaces too: where few words make many cells, and the column's name or numbers say so, they separate.
  const different = [...new Set(cells)];
  const separates = (sign: string) => {
    const lists = different.map((cell) => listOf(cell, sign));
    const words = new Set(lists.flat());
    const numbers = [...words].every((word) => /^\d+$/.test(word));
    return (
      lists.some(({ length }) => length > 1) && (numbers || (PLURAL.test(column) && words.size < different.length))
    );
  };
  return [',', ' '].find(separates) ?? null;
}

/** Numbers by size, else by code point. */
function sorted(names: readonly string[]): string[] {
  const numbers = names.every((name) => /^\d+$/.test(name));
  return [...names].sort(numbers ? (a, b) => Number(a) - Number(b) : byCodePoint);
}

const exampleOf = (cells: readonly string[]) => `'${cells.find((cell) => !isEmpty(cell)) ?? ''}'`;
