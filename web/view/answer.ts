/** Live probabilities of one picture. */
import { formatPercent } from '../../src/core/format.ts';
import { html, quoted } from '../../src/report/markup.ts';
import { byId } from './dom.ts';

/** How many classes are listed. */
const SHOWN = 8;

export function showNoAnswer(text: string): void {
  byId('answer').innerHTML = html`<p class="empty">${text}</p>`.text;
}

/** The classes from the likeliest down. @param spoken whether a screen reader is told: not for every camera frame */
export function showAnswer(classes: readonly string[], probabilities: readonly number[], spoken: boolean): void {
  const ranked = classes
    .map((name, i) => ({ name, probability: probabilities[i]! }))
    .sort((a, b) => b.probability - a.probability)
    .slice(0, SHOWN);
  byId('answer').innerHTML =
    html`<ol>${ranked.map(({ name, probability }, i) => html`<li${i === 0 && html` class="first"`}><div><span>${quoted(name)}</span><span>${formatPercent(probability)}</span></div><i style="--share:${(100 * probability).toFixed(1)}%"></i></li>`)}</ol>`.text;
  byId('answer').dataset.probabilities = JSON.stringify(probabilities);
  if (spoken) byId('spoken').textContent = `${ranked[0]!.name}, ${formatPercent(ranked[0]!.probability)}`;
}
