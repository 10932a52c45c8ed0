/** The bytes of a table, CSV or JSON Lines, to cells of text. */
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
  /** The file's path below the folder of photos. */
  readonly path: string;
  /** The file as errors name it. */
  readonly file: string;
  readonly columns: readonly string[];
  /** Whether their names are a row of the file, which may be one of an image after all. */
  readonly headed: boolean;
  readonly rows: readonly TableRow[];
  /** Numbers of rows that are not read, and why. */
  readonly bad: readonly (readonly [reason: string, number: number])[];
  /** Whether numbers have a decimal comma, as where semicolons stand between the cells. */
  readonly decimalComma: boolean;
}

/** A table, wherever it lies. */
type Cells = Omit<Table, 'path' | 'file'>;

const MAX_CELLS = 50_000_000;

/** Whether a file is a table, by the end of its name. */
export const isTable = (path: string): boolean => /\.(?:csv|tsv|jsonl)$/i.test(path);

/**
 * Reads a table. The first row of CSV names the columns; what stands between the cells, a comma, semicolon, tab or bar, is what the first
 * row has most of.
 * @param path below the folder of photos
 * @param file names it in errors
 * @throws DataError where it is empty or too large, no UTF-8 (UTF-16 with its mark is read too), or has a quote that is not closed.
 */
export async function readTable(bytes: Uint8Array, path: string, file: string = path): Promise<Table> {
  const text = textOf(bytes, file);
  const cells = /\.jsonl$/i.test(path) ? readJsonLines(text, file) : await readCsv(text, file);
  if (cells.rows.length > 0) return { path, file, ...cells };
  throw new DataError(file, 'has no rows. Expected a row for each photo, below a row of column names.');
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

async function readCsv(text: string, file: string): Promise<Cells> {
  const { default: papa } = await import('papaparse');
  const delimiter = delimiterOf(text);
  const { data, errors } = papa.parse<string[]>(text, { delimiter });
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
function checkCells(columns: number, rows: number, file: string): void {
  if (columns * rows <= MAX_CELLS) return;
  throw new DataError(
    file,
    `has ${columns.toLocaleString('en')} columns in ${rows.toLocaleString('en')} rows; at most ${MAX_CELLS.toLocaleString('en')} cells are read. Leave columns out that are not learned.`,
  );
}

/** What stands between the cells: the sign that the first line has most of outside of quotes. */
function delimiterOf(text: string): string {
  const line = /^[^\r\n]*/.exec(text.replace(/"[^"]*"/g, ''))![0];
  const count = (sign: string) => line.split(sign).length;
  return [',', ';', '\t', '|'].reduce((most, sign) => (count(sign) > count(most) ? sign : most));
}

/** Names of columns; those without one get their number. Empty ones at the end are none. */
function named(header: readonly string[]): string[] {
  const length = header.findLastIndex((name) => name !== '') + 1;
  return header.slice(0, length).map((name, c) => name || `column ${c + 1}`);
}

function readJsonLines(text: string, file: string): Cells {
  const records: [number: number, record: Readonly<Record<string, unknown>>][] = [];
  const bad: [string, number][] = [];
  for (const [i, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    const record = recordOf(line);
    if (record) records.push([i + 1, record]);
    else bad.push(['no JSON object', i + 1]);
  }
  const columns = [...new Set(records.flatMap(([, record]) => Object.keys(record)))];
  checkCells(columns.length, records.length, file);
  const rows = records.map(([number, record]) => ({ number, cells: columns.map((name) => cellOf(record, name)) }));
  return { columns, headed: false, rows, bad, decimalComma: false };
}

function recordOf(line: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(line);
    return value !== null && typeof value === 'object' && !Array.isArray(value) ? { ...value } : null;
  } catch {
    return null;
  }
}

function cellOf(record: Readonly<Record<string, unknown>>, name: string): string {
  const value = Object.hasOwn(record, name) ? record[name] : null;
  if (Array.isArray(value)) return JSON.stringify(value);
  // Records in records, as boxes, are no labels of an image.
  return value === null || typeof value === 'object' ? '' : String(value).trim();
}
