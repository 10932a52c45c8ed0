/** The report's scores class by class. */

import { formatCount, formatPercent } from '../../core/format.ts';
import { html, type Markup, quoted } from '../../report/markup.ts';
import { term } from '../../report/words.ts';
import { confusedPairs } from './confusion.ts';
import type { ClassScores, Evaluation } from './metrics.ts';

/** Up to so many classes are all in sight; of more, the weakest and the best are, and all of them on demand. */
const LISTED = 100;
/** Up to so many are in the page at all. */
const CARRIED = 2000;
const [WEAKEST, BEST] = [20, 10];

interface Row extends ClassScores {
  readonly name: string;
  /** The class that it is taken for most often. */
  readonly taken?: string;
}

/** Precision, recall, F1 and support by class, sortable by the script. */
export function classSection({ perClass, confusion, macro }: Evaluation, classes: readonly string[]): Markup {
  const taken = new Map<number, string>();
  if (classes.length > 2)
    for (const { label, predicted, count } of confusedPairs(confusion))
      if (!taken.has(label)) taken.set(label, `${classes[predicted]} ${count}×`);
  const rows = perClass.map(
    (scores, c): Row => ({ ...scores, name: classes[c]!, ...(taken.has(c) && { taken: taken.get(c)! }) }),
  );
  const images = rows.reduce((total, { support }) => total + support, 0);
  const mean = { name: 'mean', ...macro, support: images };
  const words = html`<p class="soft">${term('precision', 'Precision')}, ${term('recall')} and ${term('F1')} of each class.</p>`;
  if (rows.length <= LISTED) return html`${words}${classTable('Precision, recall and F1 of each class', rows, mean)}`;

  const ranked = rows.filter(({ support }) => support > 0).sort((a, b) => (a.f1 ?? 0) - (b.f1 ?? 0));
  return html`${words}<h3>The ${WEAKEST} weakest</h3>${classTable('The weakest classes by F1', ranked.slice(0, WEAKEST), mean)}
<h3>The ${BEST} best</h3>${classTable('The best classes by F1', ranked.slice(-BEST).reverse(), null)}
${
  rows.length <= CARRIED
    ? html`<details><summary>All ${formatCount(rows.length)} classes</summary>${classTable('Precision, recall and F1 of each class', rows, null)}</details>`
    : html`<p class="soft">All ${formatCount(rows.length)} classes are in <code>metrics.json</code>, under <code>evaluation.perClass</code>.</p>`
}`;
}

function classTable(caption: string, rows: readonly Row[], mean: Row | null): Markup {
  return html`<div tabindex="0" class="scroll classes">
<table class="sortable">
<caption>${caption}</caption>
<thead><tr><th scope="col">class</th><th scope="col" class="number">images</th>${(['precision', 'recall', 'F1'] as const).map((name) => html`<th scope="col" class="number">${name}</th>`)}</tr></thead>
<tbody>${rows.map(
    (row) =>
      html`<tr><th scope="row">${quoted(row.name)}${row.taken !== undefined && html`<small>taken for ${quoted(row.taken)}</small>`}</th>${scoreCells(row)}</tr>\n`,
  )}</tbody>${mean && html`<tfoot><tr><th scope="row">${mean.name}</th>${scoreCells(mean)}</tr></tfoot>`}
</table></div>`;
}

function scoreCells({ support, precision, recall, f1 }: ClassScores): Markup {
  return html`<td class="number" data-sort="${support}">${formatCount(support)}</td>${[precision, recall, f1].map(
    (value) =>
      html`<td class="number bar" data-sort="${value ?? -1}" style="--share:${Math.round((value ?? 0) * 1000) / 10}%">${formatPercent(value)}</td>`,
  )}`;
}
