/** What came of a run: accuracy, confusion matrix, scores, worst mistakes; drawn by the report's own functions. */

import { formatPercent, plural } from '../../src/core/format.ts';
import { html, type Markup } from '../../src/report/markup.ts';
import { freezingProof, keyFigures } from '../../src/runs/report-sections.ts';
import type { FinetuneResult } from '../../src/runs/result.ts';
import { accuracyContext } from '../../src/tasks/image-classification/accuracy-context.ts';
import { classSection } from '../../src/tasks/image-classification/class-section.ts';
import { confusionSection } from '../../src/tasks/image-classification/confusion-section.ts';
import { accuracyFigures } from '../../src/tasks/image-classification/figures.ts';
import { mistakeGallery } from '../../src/tasks/image-classification/mistake-section.ts';
import type { Outcome } from '../messages.ts';
import { byId, make } from './dom.ts';

export interface ResultActions {
  readonly compare: () => void;
  /** Grad-CAM over a photo. */
  readonly look: (photo: number, name: string) => void;
}

export function showResult({ result, mistakes }: Outcome, actions: ResultActions): void {
  const evaluation = result.evaluation!;
  const { accuracy, images, confusion } = evaluation;
  const { classes } = result.data;
  byId('result').innerHTML =
    html`<p class="headline"><b>${formatPercent(accuracy)}</b> of ${images} held-out photos are classified correctly.</p>
<p class="soft">The weights of epoch ${result.bestEpoch} of ${result.history.length} were kept. ${accuracyContext(evaluation).join(' ')}</p>
${keyFigures(result, accuracyFigures(evaluation))}
${comparison(result)}
<h3>Confusion matrix</h3>${confusionSection(confusion, classes)}
<h3>Worst mistakes</h3>${mistakeGallery(result.worstMistakes)}
<h3>Scores by class</h3>${classSection(evaluation, classes)}
<h3>What was frozen</h3>${freezingProof(result)}`.text;
  // What scrolls must be reachable by keyboard.
  for (const table of byId('result').querySelectorAll<HTMLElement>('.scroll')) {
    table.tabIndex = 0;
    table.setAttribute('role', 'region');
    table.setAttribute('aria-label', table.querySelector('caption')?.textContent ?? 'Table');
  }
  document.getElementById('compare')?.addEventListener('click', actions.compare);
  for (const [k, caption] of [...byId('result').querySelectorAll('.gallery figcaption')].entries()) {
    const { path } = result.worstMistakes[k]!;
    const look = make('button', {
      type: 'button',
      className: 'look',
      textContent: 'Where it looked',
      attributes: { 'aria-label': `Where it looked in ${path}` },
    });
    look.addEventListener('click', () => actions.look(mistakes[k]!, path));
    caption.append(look);
  }
}

/** The run beside one from random weights, or the button that starts that. */
function comparison({ model, evaluation, comparisons, history }: FinetuneResult): Markup {
  if (!model.weights) return html``;
  const [scratch] = comparisons ?? [];
  if (!scratch)
    return html`<h3>Was the pretraining worth it?</h3>
<p class="row"><button type="button" id="compare">Compare with training from scratch</button> <span class="soft">The same network from random weights, all of it trained, for ${plural(history.length, 'epoch')} on the same photos.</span></p>`;
  const row = (name: string, value: number | null, style: string) =>
    html`<li class="${style}"><div><span>${name}</span><span>${formatPercent(value)}</span></div><i style="--share:${(100 * (value ?? 0)).toFixed(1)}%"></i></li>`;
  return html`<h3>Was the pretraining worth it?</h3>
<ul class="bars">${row('fine-tuned', evaluation!.accuracy, 'first')}${row('from scratch, best epoch', scratch.score, '')}</ul>
<p class="soft">Of the held-out photos, under the same budget: ${plural(scratch.history.length, 'epoch')} on the same photos.</p>`;
}
