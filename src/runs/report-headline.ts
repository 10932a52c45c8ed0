/** The report's beginning: the accuracy, how it was reached, what to hold it against. */

import { formatCount, formatPercent, plural } from '../core/format.ts';
import { type Content, html, type Markup, quoted } from '../report/markup.ts';
import { term } from '../report/words.ts';
import { accuracyContext } from '../tasks/image-classification/accuracy-context.ts';
import type { Measured } from '../tasks/task.ts';
import type { EpochRecord } from '../train/history.ts';
import type { ComparisonRun, FinetuneResult } from './result.ts';

/** The accuracy that the page leads with: on the validation images, or on the training images where there are no others. */
export function headlineAccuracy(result: FinetuneResult): { value: Measured; images: number; validation: boolean } {
  if (result.evaluation)
    return { value: result.evaluation.accuracy, images: result.evaluation.images, validation: true };
  const kept = result.history.find((record) => record.epoch === result.bestEpoch) ?? result.history.at(-1);
  return { value: kept?.trainAccuracy ?? null, images: result.data.trainImages, validation: false };
}

/** Title, the accuracy, how it was reached in one sentence, what to hold it against. */
export function headline(result: FinetuneResult): Markup {
  const { model, data, phases, history } = result;
  const { value, images, validation } = headlineAccuracy(result);
  const plan = phases.map((phase) => `${phase.name} (${plural(phase.epochs, 'epoch')})`).join(', then ');
  return html`<header>
<p class="eyebrow">${model.name} on ${quoted(data.source)}</p>
<h1><b>${formatPercent(value)}</b> of ${formatCount(images)} ${validation ? 'validation' : 'training'} images classified correctly</h1>
<p class="lead">${
    model.weights
      ? html`Weights from ${quoted(fileName(model.weights.source))} were fine-tuned`
      : html`From random weights, the model was trained`
  } for ${plural(history.length, 'epoch')} on ${formatCount(data.trainImages)} images of ${plural(data.classes.length, 'class', 'classes')}${phases.length > 1 && html`: ${plan}`}. ${
    result.frozen.tensors > 0 &&
    html`${formatCount(model.parameters.total - model.parameters.trainable)} of ${formatCount(model.parameters.total)} ${term('parameters')} stayed ${term('frozen')}.`
  }</p>
<ul class="context">${context(result).map((note) => html`<li>${note}</li>`)}</ul>
</header>`;
}

/** Trust in the headline, and what it beats. */
function context(result: FinetuneResult): Content[] {
  const { evaluation, comparisons = [] } = result;
  return [
    ...(evaluation ? accuracyContext(evaluation) : ['No images were held out, so this says little about new ones.']),
    ...keptEpoch(result),
    ...comparisons.map(fromScratch),
  ];
}

/** The epoch that the headline is of, where the curves have a higher accuracy. */
function keptEpoch({ history, bestEpoch }: FinetuneResult): string[] {
  const kept = history.find((record) => record.epoch === bestEpoch)?.validationAccuracy ?? null;
  const highest = history.reduce<EpochRecord | null>(
    (best, r) => ((r.validationAccuracy ?? -1) > (best?.validationAccuracy ?? -1) ? r : best),
    null,
  );
  if (kept === null || !highest || highest.validationAccuracy! <= kept) return [];
  const last = bestEpoch === history.at(-1)!.epoch ? ', the last,' : '';
  return [
    `Epoch ${bestEpoch}${last} was kept; epoch ${highest.epoch} had ${formatPercent(highest.validationAccuracy)}.`,
  ];
}

/** A high accuracy on what was learned from and a low one on new images: the images were learned by heart. */
function fromScratch({ name, accuracy, history, trainingAccuracy = null, note }: ComparisonRun): Markup {
  const byHeart = trainingAccuracy !== null && trainingAccuracy >= 0.9 && (accuracy ?? 0) < 0.7 * trainingAccuracy;
  return html`The same network <b>${name}</b> reached <b>${formatPercent(accuracy)}</b> in ${plural(history.length, 'epoch')}${note !== undefined && html` (${note})`}${
    trainingAccuracy !== null &&
    html`, and ${formatPercent(trainingAccuracy)} of the images that it learned from${byHeart && ': it learned them by heart'}`
  }.`;
}

/** The last part of a path or URL, without the query. */
function fileName(source: string): string {
  return (
    source
      .replace(/[?#].*$/, '')
      .split(/[\\/]/)
      .filter(Boolean)
      .at(-1) ?? source
  );
}
