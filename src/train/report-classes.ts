/** The report's class by class part: confusion matrix, most frequent confusions, scores, worst mistakes. */
import { formatCount, formatPercent, formatValue } from './format.ts';
import type { Evaluation } from './metrics.ts';
import { html, Markup, quoted } from './report-markup.ts';
import type { PicturedMistake } from './result.ts';

/** The matrix as a heat-map table: rows are true classes, colour is the share of the row. One tab stop, then arrow keys. */
export function confusionTable(confusion: Evaluation['confusion'], classes: readonly string[]): Markup {
  const upright = classes.length <= 6 && classes.every((name) => name.length <= 14);
  const size =
    classes.length > 70 ? 'tiny huge' : classes.length > 40 ? 'tiny' : classes.length > 12 ? 'small' : 'roomy';
  return html`<div tabindex="0" class="scroll matrix ${size}${!upright && ' turned'}">
<table id="confusion" role="grid" data-classes="${JSON.stringify(classes)}">
<caption>Images by true class (rows) and predicted class (columns)</caption>
<thead><tr><th scope="col" class="corner">true ↓ predicted →</th>${classes.map((name) => html`<th scope="col" title="${name}"><span>${name}</span></th>`)}</tr></thead>
<tbody>${confusion.map((row, i) => {
    const total = row.reduce((sum, count) => sum + count, 0);
    return html`<tr><th scope="row" title="${classes[i]}"><span>${classes[i]}</span></th>${row.map((count, j) =>
      cell(count, total, i === j, i === 0 && j === 0),
    )}</tr>\n`;
  })}</tbody></table></div>
<output class="readout" id="readout">Blue: right. Orange: wrong. The stronger the colour, the larger the share of the row.<span class="script"> Point at a cell, or move with the arrow keys.</span></output>`;
}

/** In the tab order is one cell, the script moves it; without the script all the counts are there to read. */
function cell(count: number, total: number, right: boolean, first: boolean): Markup {
  const focus = new Markup(first ? ' tabindex="0"' : '');
  if (count === 0) return html`<td class="none"${focus}>0</td>`;
  return html`<td class="${right ? 'hit' : 'miss'}" style="--share:${Math.round((count / total) * 100)}%"${focus}>${count}</td>`;
}

/** The pairs that are mixed up most, most frequent first; null where nothing is, or where there are only two classes. */
export function frequentConfusions(confusion: Evaluation['confusion'], classes: readonly string[]): Markup | null {
  const pairs = confusion
    .flatMap((row, i) => {
      const total = row.reduce((sum, count) => sum + count, 0);
      return row.map((count, j) => ({ i, j, count, share: count / total }));
    })
    .filter(({ i, j, count }) => i !== j && count > 0)
    .sort((a, b) => b.count - a.count || b.share - a.share);
  if (classes.length < 3 || pairs.length === 0) return null;
  return html`<h3>Mixed up most often</h3>
<ol class="pairs">${pairs
    .slice(0, 6)
    .map(
      ({ i, j, count, share }) =>
        html`<li>${quoted(classes[i]!)} taken for ${quoted(classes[j]!)}: <b>${count}</b> of ${count === 1 && share === 1 ? 1 : Math.round(count / share)} <span class="soft">(${formatPercent(share, 0)})</span></li>`,
    )}</ol>`;
}

/** Precision, recall, F1 and support of every class, sortable by the script. */
export function classTable(evaluation: Evaluation, classes: readonly string[]): Markup {
  const { perClass, macro, confusion, images } = evaluation;
  const many = classes.length > 2;
  const score = (value: number | null): Markup =>
    html`<td class="number" data-sort="${value ?? -1}">${value !== null && html`<i class="bar" style="--share:${round(value * 100)}%"></i>`}<span>${formatPercent(value)}</span></td>`;
  return html`<p class="soft">Precision: how many of the images predicted as the class belong to it. Recall: how many of the class's images were found. F1: their harmonic mean.</p>
<div tabindex="0" class="scroll classes">
<table class="sortable">
<caption>Precision, recall and F1 of each class</caption>
<thead><tr><th scope="col">class</th>${['images', 'precision', 'recall', 'F1'].map((name) => html`<th scope="col" class="number">${name}</th>`)}${many && html`<th scope="col" class="taken">most often taken for</th>`}</tr></thead>
<tbody>${perClass.map((scores, i) => {
    const others = confusion[i]!.map((count, j) => ({ count, j })).filter(({ count, j }) => j !== i && count > 0);
    const worst = others.sort((a, b) => b.count - a.count)[0];
    return html`<tr><th scope="row">${classes[i]}</th><td class="number" data-sort="${scores.support}">${formatCount(scores.support)}</td>${score(scores.precision)}${score(scores.recall)}${score(scores.f1)}${many && html`<td>${worst && html`${quoted(classes[worst.j]!)} <span class="soft">${worst.count}×</span>`}</td>`}</tr>\n`;
  })}</tbody>
<tfoot><tr><th scope="row">mean</th><td class="number">${formatCount(images)}</td>${score(macro.precision)}${score(macro.recall)}${score(macro.f1)}${many && html`<td></td>`}</tr></tfoot>
</table></div>`;
}

/** The gallery of the worst mistakes, or the sentence that there are none. */
export function mistakeGallery(mistakes: readonly PicturedMistake[]): Markup {
  if (mistakes.length === 0) return html`<p>None: every validation image was classified correctly.</p>`;
  return html`<p class="soft">The wrong predictions with the highest loss, worst first. Look at the label too: where the model is sure and wrong, the label may be the mistake.</p>
<ul class="gallery">${mistakes.map((mistake) => {
    const { path, label, predicted, probability, loss } = mistake;
    return html`<li><figure>${picture(mistake)}
<figcaption><span class="soft">true</span> <b dir="auto">${label}</b><span class="soft">predicted</span> <span><b dir="auto" class="wrong">${predicted}</b> ${formatPercent(probability, probability > 0.99 ? 2 : 0)}</span><span class="soft">loss</span> <span>${formatValue(loss)}</span><span class="path" dir="auto">${path}</span></figcaption></figure></li>`;
  })}</ul>`;
}

/** Only pictures that the file itself carries: the report never loads anything. */
function picture({ thumbnail, path, label, predicted }: PicturedMistake): Markup {
  if (thumbnail === null || !/^data:image\/(?:jpeg|png|webp|gif|avif);base64,[A-Za-z0-9+/=]+$/.test(thumbnail))
    return html`<div class="missing">no picture</div>`;
  return html`<img src="${thumbnail}" alt="${path}: ${label}, taken for ${predicted}" loading="lazy">`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
