/** What the commands print, and how: tables, faults, JSON. */
import { causeOf } from '../core/cause.ts';
import { RegraftError } from '../core/errors.ts';
import { oneLine, printable, printableJson } from '../core/printable.ts';

/** Lines for people to standard output. Whatever names and classes they hold, a terminal only shows them. */
export function print(text: string): void {
  process.stdout.write(`${text.split('\n').map(printable).join('\n')}\n`);
}

/** One value as JSON, for programs. */
export function printJson(value: unknown): void {
  process.stdout.write(`${jsonText(value)}\n`);
}

/** A value as indented JSON that a terminal only shows. */
export function jsonText(value: unknown): string {
  return printableJson(JSON.stringify(value, null, 2));
}

/**
 * One row of CSV (RFC 4180). Control characters are escaped as on a terminal, which may be where it goes. Text that a spreadsheet would
 * run as a formula gets an apostrophe in front, which keeps it text there.
 */
export function csvRow(cells: readonly (string | number)[]): string {
  return cells.map((cell) => quotedCell(printable(plainText(String(cell))))).join(',');
}

/** Spaces in front do not stop a spreadsheet, nor wide forms of the signs. Numbers are no formulas. */
function plainText(cell: string): string {
  return /^\s*[=+\-@＝＋－＠]/.test(cell) && !Number.isFinite(Number(cell)) ? `'${cell}` : cell;
}

function quotedCell(text: string): string {
  return /[",\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Lines for people to standard error. */
export function complain(text: string): void {
  process.stderr.write(`${text.split('\n').map(printable).join('\n')}\n`);
}

/** Characters of a fault that are shown: what it quotes may be megabytes. */
const LONGEST = 4000;

/** A fault in one line: regraft's own, the system's in words, and what nobody expected, which says so. */
export function faultLine(error: unknown): string {
  // File names and driver messages may hold line breaks and worse.
  const whole = oneLine(error instanceof Error ? error.message : String(error));
  const line =
    whole.length > LONGEST ? `${whole.slice(0, LONGEST)}… (${whole.length.toLocaleString('en')} characters)` : whole;
  if (error instanceof RegraftError) return `${error.name}: ${line}`;
  const { path, syscall } = (error ?? {}) as NodeJS.ErrnoException;
  if (syscall !== undefined) return `RegraftError: ${oneLine(path ?? syscall)}: ${causeOf(error)}.`;
  return `Unexpected fault: ${line}. Please report it; --debug shows where it came from.`;
}
