/** What came of a run: accuracy, confusion matrix, scores, worst mistakes; drawn by the report's own functions. */
import { formatPercent } from '../../src/train/format.ts';
import { wilsonInterval } from '../../src/train/metrics.ts';
import { classTable, confusionTable, frequentConfusions, mistakeGallery } from '../../src/train/report-classes.ts';
import { html } from '../../src/train/report-markup.ts';
import { freezingProof, keyFigures } from '../../src/train/report-sections.ts';
import type { FinetuneResult } from '../../src/train/result.ts';
import { byId } from './dom.ts';

export function showNoResult(text: string): void {
  byId('result').innerHTML = html`<p class="empty">${text}</p>`.text;
}

export function showResult(result: FinetuneResult): void {
  const evaluation = result.evaluation!;
  const { accuracy, images, confusion } = evaluation;
  const { classes } = result.data;
  const [low, high] = wilsonInterval(Math.round((accuracy ?? 0) * images), images) ?? [0, 1];
  byId('result').innerHTML =
    html`<p class="headline"><b>${formatPercent(accuracy)}</b> of ${images} held-out photos are classified correctly.</p>
<p class="soft">The weights of epoch ${result.bestEpoch} of ${result.history.length} were kept. With ${images} photos, the 95 % confidence interval is ${formatPercent(low)} to ${formatPercent(high)}.</p>
${keyFigures(result)}
<h3>Confusion matrix</h3>${confusionTable(confusion, classes)}${frequentConfusions(confusion, classes)}
<h3>Worst mistakes</h3>${mistakeGallery(result.worstMistakes)}
<h3>Scores by class</h3>${classTable(evaluation, classes)}
<h3>What was frozen</h3>${freezingProof(result)}`.text;
  // What scrolls must be reachable by keyboard.
  for (const table of byId('result').querySelectorAll<HTMLElement>('.scroll')) {
    table.tabIndex = 0;
    table.setAttribute('role', 'region');
    table.setAttribute('aria-label', table.querySelector('caption')?.textContent ?? 'Table');
  }
}
