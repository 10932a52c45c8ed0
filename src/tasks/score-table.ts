/** The report's tables of scores: a row a class, a label or a value. */
import { formatCount, formatPercent, formatValue } from '../core/format.ts';
import { html, type Markup, quoted } from '../report/markup.ts';
import type { Measured, ScoreKind } from './task.ts';

/** A row of a {@link scoreTable}. */
export interface ScoreRow {
  readonly name: string;
  /** Beside the name. */
  readonly note?: string | undefined;
  /** Images that it is measured on; left out of a table where all rows have the same. */
  readonly support?: number;
  /** One for each column. */
  readonly values: readonly Measured[];
}

/** A table that the script sorts. @param mean its last row, where there is one */
export function scoreTable(
  caption: string,
  first: string,
  columns: readonly Pick<ScoreKind, 'title' | 'format'>[],
  rows: readonly ScoreRow[],
  mean: ScoreRow | null = null,
): Markup {
  const counted = rows.some(({ support }) => support !== undefined);
  const cells = ({ support, values }: ScoreRow) =>
    html`${counted && html`<td class="number" data-sort="${support}">${formatCount(support ?? null)}</td>`}${values.map(
      (value, c) =>
        columns[c]!.format === 'percent'
          ? html`<td class="number bar" data-sort="${value ?? -1}" style="--share:${Math.round((value ?? 0) * 1000) / 10}%">${formatPercent(value)}</td>`
          : html`<td class="number" data-sort="${value ?? ''}">${formatValue(value)}</td>`,
    )}`;
  return html`<div tabindex="0" class="scroll classes">
<table class="sortable">
<caption>${caption}</caption>
<thead><tr><th scope="col">${first}</th>${counted && html`<th scope="col" class="number">images</th>`}${columns.map(({ title }) => html`<th scope="col" class="number">${title}</th>`)}</tr></thead>
<tbody>${rows.map(
    (row) =>
      html`<tr><th scope="row">${quoted(row.name)}${row.note !== undefined && html`<small>${row.note}</small>`}</th>${cells(row)}</tr>\n`,
  )}</tbody>${mean && html`<tfoot><tr><th scope="row">${mean.name}</th>${cells(mean)}</tr></tfoot>`}
</table></div>`;
}
