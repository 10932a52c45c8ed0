/** What the commands print, and how: tables, faults, JSON. */
import { RegraftError } from '../core/errors.ts';

/** To standard output, with a line's end. */
export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** One value as JSON, for programs. */
export function printJson(value: unknown): void {
  print(JSON.stringify(value, null, 2));
}

/** To standard error. */
export function complain(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** A fault in one line. What regraft did not throw on purpose says so. */
export function faultLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  // File names and driver messages may hold line breaks and worse.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  const line = message.replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ').trim();
  if (error instanceof RegraftError) return `${error.name}: ${line}`;
  return `Unexpected fault: ${line}. Please report it; --debug shows where it came from.`;
}

/** Rows in columns, two spaces apart; `right` are flush right. */
export function columns(rows: readonly (readonly string[])[], right: readonly number[] = []): string {
  const widths: number[] = [];
  for (const row of rows)
    row.forEach((cell, c) => {
      widths[c] = Math.max(widths[c] ?? 0, cell.length);
    });
  return rows
    .map((row) =>
      row
        .map((cell, c) => (right.includes(c) ? cell.padStart(widths[c]!) : cell.padEnd(widths[c]!)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** Text for a terminal: plain spaces instead of those that do not break. */
export function plain(text: string): string {
  return text.replaceAll('\u00a0', ' ');
}
