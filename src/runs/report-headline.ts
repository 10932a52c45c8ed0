/** The report's beginning: the first score, how it was reached, what to hold it against. */

import { formatCount, formatValue, plural } from '../core/format.ts';
import { type Content, html, type Markup, quoted } from '../report/markup.ts';
import { term } from '../report/words.ts';
import { headlineScore } from '../tasks/image-task.ts';
import type { TaskName } from '../tasks/kinds.ts';
import { imageTask } from '../tasks/registry.ts';
import { formatScore, type ScoreKind } from '../tasks/task.ts';
import { type EpochRecord, scoreKey } from '../train/history.ts';
import type { ComparisonRun, FinetuneResult } from './result.ts';

/** How outputs are spoken of. */
const OUTPUTS = {
  classes: { one: 'class', many: 'classes' },
  labels: { one: 'label', many: 'labels' },
  values: { one: 'value', many: 'values' },
} as const;

/** What the page leads with: the task's first score on the validation images, or of training where there are no others; or else the loss. */
export function headlineText(result: FinetuneResult<TaskName>): { readonly value: string; readonly text: string } {
  const { evaluation, history, bestEpoch, data } = result;
  const task = imageTask(result.task);
  const kind = task.scores[0]!;
  const of = `${formatCount(evaluation ? evaluation.images : data.trainImages)} ${evaluation ? 'validation' : 'training'} images`;
  const kept = history.find((record) => record.epoch === bestEpoch) ?? history.at(-1);
  const score = evaluation ? headlineScore(task, evaluation) : (kept?.[scoreKey('train', kind.name)] ?? null);
  if (score === null && !evaluation) return { value: formatValue(kept?.trainLoss ?? null), text: `loss on ${of}` };
  return { value: formatScore(kind, score), text: task.headline(of) };
}

/** Title, the score, how it was reached in one sentence, what to hold it against. */
export function headline(result: FinetuneResult<TaskName>): Markup {
  const { model, data, phases, history } = result;
  const { value, text } = headlineText(result);
  const { one, many } = OUTPUTS[imageTask(result.task).labels];
  const plan = phases.map((phase) => `${phase.name} (${plural(phase.epochs, 'epoch')})`).join(', then ');
  return html`<header>
<p class="eyebrow">${model.name} on ${quoted(data.source)}</p>
<h1><b>${value}</b> ${text}</h1>
<p class="lead">${
    model.weights
      ? html`Weights from ${quoted(fileName(model.weights.source))} were fine-tuned`
      : html`From random weights, the model was trained`
  } for ${plural(history.length, 'epoch')} on ${formatCount(data.trainImages)} images of ${plural(data.classes.length, one, many)}${phases.length > 1 && html`: ${plan}`}. ${
    result.frozen.tensors > 0 &&
    html`${formatCount(model.parameters.total - model.parameters.trainable)} of ${formatCount(model.parameters.total)} ${term('parameters')} stayed ${term('frozen')}.`
  }</p>
<ul class="context">${context(result).map((note) => html`<li>${note}</li>`)}</ul>
</header>`;
}

/** Trust in the headline, and what it beats. */
function context(result: FinetuneResult<TaskName>): Content[] {
  const { evaluation, comparisons = [] } = result;
  return [
    ...(evaluation
      ? imageTask(result.task).context(evaluation)
      : ['No images were held out, so this says little about new ones.']),
    ...keptEpoch(result),
    ...comparisons.map((other) => fromScratch(other, imageTask(result.task).scores[0]!)),
  ];
}

/** The epoch that the headline is of, where the curves have a better score. */
function keptEpoch({ task, history, bestEpoch }: FinetuneResult<TaskName>): string[] {
  const kind = imageTask(task).scores[0]!;
  const scoreOf = (record: EpochRecord | undefined) => record?.[scoreKey('validation', kind.name)] ?? null;
  const isBetter = (a: number, b: number) => (kind.better === 'higher' ? a > b : a < b);
  const kept = scoreOf(history.find((record) => record.epoch === bestEpoch));
  const best = history.reduce<EpochRecord | undefined>((top, record) => {
    const [had, has] = [scoreOf(top), scoreOf(record)];
    return has !== null && (had === null || isBetter(has, had)) ? record : top;
  }, undefined);
  if (kept === null || !isBetter(scoreOf(best)!, kept)) return [];
  const last = bestEpoch === history.at(-1)!.epoch ? ', the last,' : '';
  return [`Epoch ${bestEpoch}${last} was kept; epoch ${best!.epoch} had ${formatScore(kind, scoreOf(best))}.`];
}

/** A high score on what was learned from and a low one on new images: the images were learned by heart. */
function fromScratch({ name, score, history, trainingScore = null, note }: ComparisonRun, kind: ScoreKind): Markup {
  const byHeart = trainingScore !== null && trainingScore >= 0.9 && (score ?? 0) < 0.7 * trainingScore;
  return html`The same network <b>${name}</b> reached ${kind.format === 'value' && `${kind.title} `}<b>${formatScore(kind, score)}</b> in ${plural(history.length, 'epoch')}${note !== undefined && html` (${note})`}${
    trainingScore !== null &&
    html`, and ${formatScore(kind, trainingScore)} of the images that it learned from${byHeart && ': it learned them by heart'}`
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
