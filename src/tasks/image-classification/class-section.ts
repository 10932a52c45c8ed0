/** The report's scores class by class. */

import { formatCount } from '../../core/format.ts';
import { html, type Markup } from '../../report/markup.ts';
import { term } from '../../report/words.ts';
import { type ScoreRow, scoreTable } from '../score-table.ts';
import { confusedPairs } from './confusion.ts';
import type { Evaluation } from './metrics.ts';

/** Up to so many classes are all in sight; of more, the weakest and the best are, and all of them on demand. */
const LISTED = 100;
/** Up to so many are in the page at all. */
const CARRIED = 2000;
const [WEAKEST, BEST] = [20, 10];

/** Precision, recall, F1 and support by class, sortable by the script. */
export function classSection({ perClass, confusion, macro }: Evaluation, classes: readonly string[]): Markup {
  const taken = new Map<number, string>();
  if (classes.length > 2)
    for (const { label, predicted, count } of confusedPairs(confusion))
      if (!taken.has(label)) taken.set(label, `taken for ${classes[predicted]} ${count}×`);
  const rows = perClass.map(({ support, precision, recall, f1 }, c) => ({
    name: classes[c]!,
    note: taken.get(c),
    support,
    values: [precision, recall, f1],
  }));
  const images = rows.reduce((total, { support }) => total + support, 0);
  const mean = { name: 'mean', support: images, values: [macro.precision, macro.recall, macro.f1] };
  const words = html`<p class="soft">${term('precision', 'Precision')}, ${term('recall')} and ${term('F1')} of each class.</p>`;
  if (rows.length <= LISTED) return html`${words}${classTable('Precision, recall and F1 of each class', rows, mean)}`;

  const ranked = rows.filter(({ support }) => support > 0).sort((a, b) => (a.values[2] ?? 0) - (b.values[2] ?? 0));
  return html`${words}<h3>The ${WEAKEST} weakest</h3>${classTable('The weakest classes by F1', ranked.slice(0, WEAKEST), mean)}
<h3>The ${BEST} best</h3>${classTable('The best classes by F1', ranked.slice(-BEST).reverse(), null)}
${
  rows.length <= CARRIED
    ? html`<details><summary>All ${formatCount(rows.length)} classes</summary>${classTable('Precision, recall and F1 of each class', rows, null)}</details>`
    : html`<p class="soft">All ${formatCount(rows.length)} classes are in <code>metrics.json</code>, under <code>evaluation.perClass</code>.</p>`
}`;
}

const COLUMNS = ['precision', 'recall', 'F1'].map((title) => ({ title, format: 'percent' as const }));

const classTable = (caption: string, rows: readonly ScoreRow[], mean: ScoreRow | null): Markup =>
  scoreTable(caption, 'class', COLUMNS, rows, mean);
