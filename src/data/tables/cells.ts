/** Cells of a table as values: numbers, yes or no, lists, nothing. */

/** Whether a cell holds nothing: pandas and databases write that in letters. */
export const isEmpty = (cell: string): boolean => /^(?:nan|null|n\/a|#n\/a)?$/i.test(cell);

/** A cell's number in float32; NaN for what is none. @param comma whether `1,5` is one and a half */
export function numberOf(cell: string, comma: boolean): number {
  const text = comma ? cell.replace(',', '.') : cell;
  const value = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(text) ? Math.fround(Number(text)) : Number.NaN;
  return Number.isFinite(value) ? value : Number.NaN;
}

/** 1 or 0 for a cell that says yes or no; NaN for another. */
export function flagOf(cell: string): number {
  if (/^(?:1(?:[.,]0*)?|true)$/i.test(cell)) return 1;
  return /^(?:0(?:[.,]0*)?|false)$/i.test(cell) ? 0 : Number.NaN;
}

/** A class's name: of a whole number `3.0` that is '3', of text its composed form. */
export const nameOf = (cell: string): string => cell.replace(/^(\d+)\.0*$/, '$1').normalize('NFC');

/** The members of a list as JSON or Python write it, or between separators; each once, in order. @param separator '[' for JSON */
export function listOf(cell: string, separator: string): string[] {
  const members = separator === '[' ? bracketed(cell) : cell.split(separator);
  return [...new Set(members.map((member) => nameOf(member.trim())).filter((name) => name !== ''))];
}

function bracketed(cell: string): string[] {
  try {
    const list: unknown = JSON.parse(cell);
    return (Array.isArray(list) ? list : [list]).map(String);
  } catch {
    // Python's quotes.
    const members = cell.replace(/^\[|\]$/g, '').split(',');
    return members.map((member) => member.trim().replace(/^(['"])(.*)\1$/, '$2'));
  }
}
