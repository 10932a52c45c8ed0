/** Tables in fixed-width text, aligned by what a terminal shows of each cell. */
import { textWidth } from '#text-width';
import { printable } from '../core/printable.ts';

/** `text` as a terminal shows it, with spaces after it (before it where `right`) up to `width` cells. */
export function padded(text: string, width: number, right = false): string {
  const shown = printable(text);
  const space = ' '.repeat(Math.max(0, width - textWidth(shown)));
  return right ? space + shown : shown + space;
}

/** The cells that the widest of `texts` takes; 0 where there is none. */
export function widest(texts: Iterable<string>): number {
  let width = 0;
  for (const text of texts) width = Math.max(width, textWidth(printable(text)));
  return width;
}

/** The widths of the columns of `rows`. */
export function columnWidths(rows: readonly (readonly string[])[]): number[] {
  const count = rows.reduce((most, row) => Math.max(most, row.length), 0);
  return Array.from({ length: count }, (_, c) => widest(rows.map((row) => row[c] ?? '')));
}

/** Rows in columns, two spaces apart; `right` are flush right. A line each. */
export function columns(rows: readonly (readonly string[])[], right: readonly number[] = []): string[] {
  const widths = columnWidths(rows);
  return rows.map((row) =>
    row
      .map((cell, c) => padded(cell, widths[c]!, right.includes(c)))
      .join('  ')
      .trimEnd(),
  );
}
