/** The report's confusion matrix, and the classes that are mixed up most. */

import { formatCount, formatPercent } from '../../core/format.ts';
import { html, Markup, quoted } from '../../report/markup.ts';
import { type Confusion, confusedPairs, MATRIX_CLASSES, sum } from './confusion.ts';

/** Letters of a class name that the matrix has room for. */
const LETTERS = 20;
/** Letters of a slanted name above one cell. */
const LETTERS_PER_CELL = 6;
/** Pairs that are listed beside the matrix, and where there is none. */
const [PAIRS, PAIRS_ALONE] = [6, 30];

/** The matrix with the pairs that are mixed up most beside it; of many classes, the pairs alone. */
export function confusionSection(confusion: Confusion, classes: readonly string[]): Markup {
  const alone = classes.length > MATRIX_CLASSES;
  return html`<div class="confusion">${!alone && html`<div class="table">${confusionTable(confusion, classes)}</div>`}<div>${
    !alone &&
    html`<output class="readout" id="readout">Rows are the true classes, columns the predicted ones. Blue: right. Orange: wrong. The stronger the colour, the larger the share of the row.<span class="script"> Point at a cell, or move with the arrow keys.</span></output>`
  }${frequentConfusions(confusion, classes, alone ? PAIRS_ALONE : PAIRS)}</div></div>`;
}

/** The matrix as a heat-map table of square cells: colour is the share of the row. One tab stop, then arrow keys. */
function confusionTable(confusion: Confusion, classes: readonly string[]): Markup {
  const size = classes.length > 40 ? 'tiny' : classes.length > 12 ? 'small' : 'roomy';
  const lengths = classes.map((name) => Math.min(LETTERS, name.length));
  // Slanted names of the last columns reach beyond them, those further left by so many letters less.
  const reach = Math.max(...lengths.map((letters, j) => letters - LETTERS_PER_CELL * (classes.length - 1 - j)));
  const digits = String(Math.max(...confusion.flatMap((row) => Object.values(row)))).length;
  return html`<div tabindex="0" class="scroll matrix ${size}" style="--letters:${Math.max(...lengths)};--reach:${reach};--digits:${digits}">
<table id="confusion" role="grid" data-classes="${JSON.stringify(classes)}">
<caption>Images by true class (rows) and predicted class (columns)</caption>
<thead><tr><th scope="col" class="corner">true ↓<br>predicted →</th>${classes.map((name) => html`<th scope="col" title="${name}"><span>${name}</span></th>`)}</tr></thead>
<tbody>${confusion.map((row, i) => {
    const total = sum(row);
    return html`<tr><th scope="row" title="${classes[i]}"><span>${classes[i]}</span></th>${classes.map((_, j) =>
      cell(row[j] ?? 0, total, i === j, i === 0 && j === 0),
    )}</tr>\n`;
  })}</tbody></table></div>`;
}

/** In the tab order is one cell, the script moves it; without the script all the counts are there to read. */
function cell(count: number, total: number, right: boolean, first: boolean): Markup {
  const focus = new Markup(first ? ' tabindex="0"' : '');
  if (count === 0) return html`<td class="none"${focus}>0</td>`;
  return html`<td class="${right ? 'hit' : 'miss'}" style="--share:${Math.round((count / total) * 100)}%"${focus}>${count}</td>`;
}

/** Nothing where there are only two classes, which the matrix tells all about. */
function frequentConfusions(confusion: Confusion, classes: readonly string[], most: number): Markup | null {
  const pairs = confusedPairs(confusion);
  if (classes.length < 3 || pairs.length === 0) return null;
  const rest = pairs.length - most;
  const alone = classes.length > MATRIX_CLASSES;
  return html`${!alone && html`<h3>Mixed up most often</h3>`}
<ol class="pairs">${pairs
    .slice(0, most)
    .map(
      ({ label, predicted, count, share }) =>
        html`<li>${quoted(classes[label]!)} taken for ${quoted(classes[predicted]!)}: <b>${count}</b> of ${Math.round(count / share)} <span class="soft">(${formatPercent(share, 0)})</span></li>`,
    )}</ol>${
    alone &&
    rest > 0 &&
    html`<p class="soft">${formatCount(classes.length)} classes are too many for a matrix on a screen. The other ${formatCount(rest)} pairs are in <code>metrics.json</code>, under <code>evaluation.confusion</code>.</p>`
  }`;
}
