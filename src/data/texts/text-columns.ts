/** Which columns of a table hold the texts, and which are to be learned: by their names, else by their cells. */
import { DataError } from '../../core/errors.ts';
import { count, someOf } from '../some-of.ts';
import { isEmpty } from '../tables/cells.ts';
import { columnOf, isCounter, splitColumn, withoutHeader } from '../tables/columns.ts';
import { isClassLike, isFlags, isNumeric } from '../tables/labelling.ts';
import type { Table } from '../tables/read-table.ts';

/** What the columns of a table are. */
export interface TextColumns {
  /** One, or two whose texts belong together. */
  readonly texts: readonly number[];
  /** To be learned. */
  readonly labels: readonly number[];
  /** Says which part a row is of; null where none does. */
  readonly split: number | null;
  /** What was decided and may be meant otherwise, a sentence each. */
  readonly notes: readonly string[];
}

/** What the user says of them. */
export interface ColumnChoice {
  readonly text?: string | readonly [first: string, second: string] | undefined;
  readonly labels?: readonly string[] | undefined;
}

const TEXT_NAME =
  /^(?:.*[ _])?(?:text|sentence|review|comment|content|body|message|tweet|sms|utterance|document|description|query|question|title|abstract|post|headline|input|prompt|phrase|statement|article|email|premise|hypothesis|string)s?(?:[ _](?:text|body))?$/i;
const LABEL_NAME =
  /^(?:sentiment|polarity|stars?|rating|score|emotions?|intents?|topics?|is[ _]\w+|gold[ _]label|quality|similarity|relatedness[ _]score|entailment[ _]judgment|outcome|lang(?:uage)?|[yz]|class[ _]index)$/i;
const ID_NAME = /^(?:.*[ _])?(?:id|idx|index|guid|uuid|pairid|promptid|qid\d?)$/i;

/** Names of two texts that belong together. */
const PAIRS: readonly (readonly [first: RegExp, second: RegExp])[] = [
  [/^premise$/i, /^hypothesis$/i],
  [/^question$/i, /^(?:sentence|passage|context|answer)$/i],
  [/^query$/i, /^(?:document|passage|text|sentence)$/i],
  [/^text$/i, /^text[ _]?pair$/i],
];

/** Words between spaces that a cell of text has, on average over the column. */
const WORDS = 2.5;

/** The table with its first row among the samples where that names no columns, and a sentence that says so. */
export function withSamples(table: Table): { readonly table: Table; readonly notes: readonly string[] } {
  if (!table.headed || hasHeader(table)) return { table, notes: [] };
  return { table: withoutHeader(table), notes: [`${table.path} has no header: its first row is a sample.`] };
}

function hasHeader({ columns, rows, decimalComma }: Table): boolean {
  if (columns.some(isKnown)) return true;
  for (const [c, name] of columns.entries()) {
    const cells = rows.map((row) => row.cells[c]!);
    const values = new Set(cells);
    // A value that is among few others is one of them.
    if (values.size <= Math.max(2, cells.length / 2) && values.has(name)) return false;
    if (isNumeric(cells, decimalComma) && !isNumeric([name], decimalComma)) return true;
  }
  return columns.every((name) => name.length <= 40 && !/[.!?]$/.test(name)) && new Set(columns).size === columns.length;
}

const isKnown = (name: string): boolean =>
  isClassLike(name) || LABEL_NAME.test(name) || ID_NAME.test(name) || isText(name);
const isText = (name: string): boolean => TEXT_NAME.test(name.replace(/[ _]?[12ab]$/i, '').replace(/^#[12] /, ''));

/**
 * Decides what the columns of a table are.
 * @throws DataError for a name that no column has, and where it cannot be told which are texts or labels.
 */
export function textColumns(table: Table, { text, labels: names }: ColumnChoice): TextColumns {
  const given = (list: readonly string[]) => list.map((name) => columnOf(table, name));
  const labels = names && given(names);
  const texts = text === undefined ? undefined : given(typeof text === 'string' ? [text] : text);
  const split = splitColumn(table.columns, table.rows, [...(labels ?? []), ...(texts ?? [])]);
  const free = columnsLeft(table, [...(labels ?? []), ...(texts ?? []), ...(split === null ? [] : [split])]);
  const found = texts ? { texts, notes: [] } : findTexts(table, free);
  const rest = free.filter((c) => !found.texts.includes(c));
  return { texts: found.texts, labels: labels ?? findLabels(table, rest, found.texts), split, notes: found.notes };
}

/** The columns but those that are taken, number the rows or are empty. */
function columnsLeft({ columns, rows }: Table, taken: readonly number[]): number[] {
  const cellsOf = (c: number) => rows.map(({ cells }) => cells[c]!);
  return columns.flatMap((name, c) =>
    taken.includes(c) || isCounter(name, cellsOf(c)) || cellsOf(c).every(isEmpty) ? [] : [c],
  );
}

function findTexts(table: Table, free: readonly number[]): { texts: readonly number[]; notes: readonly string[] } {
  const { columns } = table;
  const lengths = new Map(free.map((c) => [c, meanLength(table, c)]));
  const longest = (group: readonly number[]) => group.reduce((a, b) => (lengths.get(b)! > lengths.get(a)! ? b : a));
  const open = free.filter((c) => !isNumeric(cellsOf(table, c), table.decimalComma) && !ID_NAME.test(columns[c]!));
  const pairs = open.flatMap((a) => open.filter((b) => isPair(columns[a]!, columns[b]!)).map((b) => [a, b] as const));
  if (pairs.length > 0)
    return {
      texts: pairs.reduce((a, b) => (lengths.get(b[0])! > lengths.get(a[0])! ? b : a)),
      notes: [],
    };
  const named = open.filter((c) => isText(columns[c]!) && !isClassLike(columns[c]!));
  const wordy = open.filter((c) => words(table, c) >= WORDS);
  const group = [named, wordy, open].find(({ length }) => length > 0);
  if (!group) throw new DataError(table.file, `has no column of texts: ${someOf(columns)}. Name it: { text: '…' }.`);
  const text = longest(group);
  const others = wordy.filter((c) => c !== text);
  const names = someOf(others.map((c) => columns[c]!));
  const notes = [
    `The texts are those of '${columns[text]}'; ${names} ${others.length === 1 ? 'is' : 'are'} not read. Two columns belong together where both are named: { text: ['${columns[others[0]!]}', '${columns[text]}'] }.`,
  ];
  return { texts: [text], notes: others.length > 0 ? notes : [] };
}

/** Whether two columns are called as texts that belong together: `sentence1` and `sentence2`, `premise` and `hypothesis`. */
function isPair(first: string, second: string): boolean {
  if (PAIRS.some(([a, b]) => a.test(first) && b.test(second))) return true;
  const numbered = [
    ['1', '2'],
    ['a', 'b'],
    ['A', 'B'],
  ];
  return numbered.some(([a, b]) => isText(first) && [...twins(first, a!, b!)].includes(second));
}

/** A name with its number, at its end or after a `#`, made that of the twin. */
function* twins(name: string, from: string, to: string): Generator<string> {
  if (name.endsWith(from)) yield `${name.slice(0, -1)}${to}`;
  if (name.startsWith(`#${from} `)) yield `#${to} ${name.slice(3)}`;
}

function findLabels(table: Table, rest: readonly number[], texts: readonly number[]): readonly number[] {
  const { file, columns, decimalComma } = table;
  const plain = rest.filter((c) => !ID_NAME.test(columns[c]!) || isClassLike(columns[c]!));
  const candidates = plain.length > 0 ? plain : rest;
  if (candidates.length === 0)
    throw new DataError(
      file,
      `has no column of labels beside ${someOf(texts.map((c) => columns[c]!))}. Add one, with a label for each text.`,
    );
  const flags = candidates.filter((c) => isFlags(cellsOf(table, c)));
  if (flags.length === candidates.length) return flags;
  const called = candidates.filter((c) => isClassLike(columns[c]!));
  const named = candidates.filter((c) => LABEL_NAME.test(columns[c]!));
  const names = called.filter((c) => !isNumeric(cellsOf(table, c), decimalComma));
  const few = candidates.filter((c) => isFew(cellsOf(table, c)));
  for (const group of [candidates, called, names, named, few]) if (group.length === 1) return group;
  throw new DataError(
    file,
    `has ${count(candidates.length, 'column')} that may be labels: ${someOf(candidates.map((c) => columns[c]!))}. Name those to learn: { labels: ['${columns[called[0] ?? candidates[0]!]}'] }.`,
  );
}

/** Whether cells repeat, as those of classes do. */
const isFew = (cells: readonly string[]): boolean => {
  const values = new Set(cells).size;
  return values > 1 && values <= Math.max(2, Math.min(100, cells.length / 2));
};

const cellsOf = ({ rows }: Table, c: number): string[] => rows.map(({ cells }) => cells[c]!);

const meanLength = (table: Table, c: number): number =>
  cellsOf(table, c).reduce((n, cell) => n + cell.length, 0) / table.rows.length;

/** Words of a cell, on average. */
function words(table: Table, c: number): number {
  const cells = cellsOf(table, c).slice(0, 1000);
  return cells.reduce((n, cell) => n + cell.slice(0, 1000).split(/\s+/).length, 0) / cells.length;
}
