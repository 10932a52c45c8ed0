/** The bytes of a table, CSV or JSON, to cells of text. */
import { DataError } from '../../core/errors.ts';

/** A row of a table. */
export interface TableRow {
  /** Its number in the file, the header's being 1, as a spreadsheet shows it. */
  readonly number: number;
  /** One a column, trimmed; lists are JSON. */
  readonly cells: readonly string[];
}

/** A table of text. */
export interface Table {
  /** The file's path below the folder of the data set. */
  readonly path: string;
  /** The file as errors name it. */
  readonly file: string;
  readonly columns: readonly string[];
  /** Whether their names are a row of the file, which may be a sample after all. */
  readonly headed: boolean;
  readonly rows: readonly TableRow[];
  /** Numbers of rows that are not read, and why. */
  readonly bad: readonly (readonly [reason: string, number: number])[];
  /** Whether numbers have a decimal comma, as where semicolons stand between the cells. */
  readonly decimalComma: boolean;
}

/** What a table says, wherever it lies. */
export type Cells = Omit<Table, 'path' | 'file'>;

const MAX_CELLS = 50_000_000;

/** Whether a file is a table, by the end of its name. */
export const isTable = (path: string): boolean => /\.(?:csv|tsv|jsonl)$/i.test(path);

/**
 * Reads a table. The first row of CSV names the columns; what stands between the cells, a comma, semicolon, tab or bar, is what
 * makes most cells of the first rows. Quotes are text where tabs stand between and every row has as many cells without them.
 * @param path below the folder of the data set; of JSON its end says so
 * @param file names it in errors
 * @throws DataError where it is empty or too large, no UTF-8 (UTF-16 with its mark is read too), or has a quote that is not closed.
 */
export async function readTable(bytes: Uint8Array, path: string, file: string = path): Promise<Table> {
  const text = textOf(bytes, file);
  const cells = await cellsOf(text, path, file);
  if (cells.rows.length > 0) return { path, file, ...cells };
  throw new DataError(file, 'has no rows. Expected a row for each sample, below a row of column names.');
}

async function cellsOf(text: string, path: string, file: string): Promise<Cells> {
  if (/\.(?:jsonl|ndjson)$/i.test(path)) return readJsonLines(text, file);
  if (/\.json$/i.test(path))
    return text.trimStart().startsWith('[') ? readJsonList(text, file) : readJsonLines(text, file);
  return readCsv(text, path, file);
}

function textOf(bytes: Uint8Array, file: string): string {
  const [first, second] = bytes;
  const encoding =
    first === 0xff && second === 0xfe ? 'utf-16le' : first === 0xfe && second === 0xff ? 'utf-16be' : 'utf-8';
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    throw new DataError(
      file,
      `is not ${encoding.toUpperCase()}. Save it as UTF-8; a spreadsheet asks for it on saving.`,
    );
  }
}

async function readCsv(text: string, path: string, file: string): Promise<Cells> {
  const { default: papa } = await import('papaparse');
  const delimiter = delimiterOf(text, path);
  const isPlain = delimiter === '\t' && !quotes(text);
  const { data, errors } = isPlain
    ? { data: text.split(LINE_END).map((line) => line.split('\t')), errors: [] }
    : papa.parse<string[]>(text, { delimiter });
  const unclosed = errors.find(({ code }) => code === 'MissingQuotes');
  if (unclosed)
    throw new DataError(
      file,
      `row ${(unclosed.row ?? 0) + 1} has a quote that is not closed. Close it, or write "" for a quote in a cell.`,
    );
  const [header = [], ...records] = data.map((cells) => cells.map((cell) => cell.trim()));
  const columns = named(header);
  checkCells(columns.length, records.length, file);
  const rows: TableRow[] = [];
  const bad: [string, number][] = [];
  for (const [i, record] of records.entries()) {
    if (record.every((cell) => cell === '')) continue;
    if (record.slice(columns.length).some((cell) => cell !== '')) bad.push(['more cells than columns', i + 2]);
    else rows.push({ number: i + 2, cells: columns.map((_, c) => record[c] ?? '') });
  }
  return { columns, headed: true, rows, bad, decimalComma: delimiter === ';' };
}

/** @throws DataError for more cells than there is memory for: rows that end early have all columns too. */
export function checkCells(columns: number, rows: number, file: string): void {
  if (columns * rows <= MAX_CELLS) return;
  throw new DataError(
    file,
    `has ${columns.toLocaleString('en')} columns in ${rows.toLocaleString('en')} rows; at most ${MAX_CELLS.toLocaleString('en')} cells are read. Leave columns out that are not learned.`,
  );
}

const LINE_END = /\r\n|\n|\r/;

/**
 * Whether quotes stand around cells of a table with tabs, as spreadsheets write them, and are no signs of the text, as corpora have them: where all rows
 * have as many cells without them and one has an open quote, they are text.
 */
function quotes(text: string): boolean {
  if (!/(?:^|[\t\n\r])"/.test(text)) return false;
  const rows = text.split(LINE_END).filter((line) => line !== '');
  const cells = rows.map((line) => line.split('\t'));
  const isEven = cells.every(({ length }) => length === cells[0]!.length);
  return !isEven || cells.every((row) => row.every((cell) => !cell.startsWith('"') || /^"(?:[^"]|"")*"$/.test(cell)));
}

/** Lines that tell what stands between the cells. */
const FIRST = 20;

/**
 * What stands between the cells: tabs in a .tsv; else the sign that makes most cells of the first lines, as many of each, or else that the first
 * line has most of. Signs in quotes do not count.
 */
function delimiterOf(text: string, path: string): string {
  if (/\.tsv$/i.test(path)) return '\t';
  const lines = firstLines(text);
  const count = (sign: string) => lines.map((line) => line.split(sign).length);
  const even = (sign: string) => {
    const [first, ...others] = count(sign);
    return others.every((n) => n === first) ? first! : 1;
  };
  const most = (of: (sign: string) => number) =>
    [',', ';', '\t', '|'].reduce((best, sign) => (of(sign) > of(best) ? sign : best));
  const sign = most(even);
  return even(sign) > 1 ? sign : most((one) => count(one)[0]!);
}

/** The first lines without what stands in quotes. */
function firstLines(text: string): string[] {
  const lines: string[] = [];
  const line = /(?:"[^"]*"|[^\r\n"]+|")*(?:\r\n|\r|\n|$)/y;
  while (lines.length < FIRST && line.lastIndex < text.length) {
    const plain = line
      .exec(text)![0]
      .trim()
      .replace(/"[^"]*"/g, '');
    if (plain !== '') lines.push(plain);
  }
  return lines.length > 0 ? lines : [''];
}

/** Names of columns; those without one get their number. Empty ones at the end are none. */
function named(header: readonly string[]): string[] {
  const length = header.findLastIndex((name) => name !== '') + 1;
  return header.slice(0, length).map((name, c) => name || `column ${c + 1}`);
}

type JsonRecord = Readonly<Record<string, unknown>>;

function readJsonLines(text: string, file: string): Cells {
  const lines = text.split('\n').map((line, i) => [i + 1, line] as const);
  return ofRecords(
    lines.filter(([, line]) => line.trim() !== '').map(([number, line]) => [number, parsed(line)]),
    file,
  );
}

function readJsonList(text: string, file: string): Cells {
  const list = parsed(text);
  if (Array.isArray(list))
    return ofRecords(
      list.map((value, i) => [i + 1, value]),
      file,
    );
  throw new DataError(file, 'is no valid JSON. It is truncated or damaged: get it again.');
}

/** A table of JSON's objects. */
export function ofRecords(values: readonly (readonly [number: number, value: unknown])[], file: string): Cells {
  const records: [number: number, record: JsonRecord][] = [];
  const bad: [string, number][] = [];
  for (const [number, value] of values) {
    if (value !== null && typeof value === 'object' && !Array.isArray(value))
      records.push([number, value as JsonRecord]);
    else bad.push(['no JSON object', number]);
  }
  const columns = [...new Set(records.flatMap(([, record]) => Object.keys(record)))];
  checkCells(columns.length, records.length, file);
  const rows = records.map(([number, record]) => ({ number, cells: columns.map((name) => cellOf(record, name)) }));
  return { columns, headed: false, rows, bad, decimalComma: false };
}

/** What JSON says; undefined where it is none. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function cellOf(record: JsonRecord, name: string): string {
  const value = Object.hasOwn(record, name) ? record[name] : null;
  if (Array.isArray(value)) return JSON.stringify(value);
  // Records in records, as boxes, are neither labels nor texts.
  return value === null || typeof value === 'object' ? '' : String(value).trim();
}
