/** Multi-label classification as runs, saved models and the command line know it. */

import { formatCount, formatPercent, formatValue, namesInWords } from '../../core/format.ts';
import { columns } from '../../device/columns.ts';
import { html, pathText, quoted } from '../../report/markup.ts';
import { term } from '../../report/words.ts';
import { gallery } from '../gallery.ts';
import type { ClassWeights, ImageTask, TaskImages } from '../image-task.ts';
import { givenFactors } from '../images.ts';
import { meanOfLabels } from '../mirrored.ts';
import { scoreTable } from '../score-table.ts';
import type { Measured } from '../task.ts';
import { MULTI_LABEL_KIND } from './kind.ts';
import type { LabelScores, MultiLabelEvaluation } from './metrics.ts';
import { type MultiLabelMistake, multiLabel } from './task.ts';

/** A label with how sure the model is of it. */
export interface LabelProbability {
  readonly label: string;
  readonly probability: number;
}

/** The labels that apply to an image. */
export interface MultiLabelAnswer {
  /** Most probable first. */
  readonly labels: readonly LabelProbability[];
}

/** An image whose labels the model got wrong, in names. */
export interface NamedMultiLabelMistake {
  /** Labels that apply and were not found. */
  readonly missed: readonly string[];
  /** Labels that were found and do not apply. */
  readonly wrong: readonly string[];
  readonly loss: Measured;
}

/** More labels than these are cut to the weakest on a terminal. */
const LISTED = 40;
/** So many of the weakest stand for all. */
const SHOWN = 15;

export const MULTI_LABEL: ImageTask<MultiLabelEvaluation, MultiLabelMistake, NamedMultiLabelMistake, MultiLabelAnswer> =
  {
    ...MULTI_LABEL_KIND,
    create: ({ classWeights, focalGamma }, images) =>
      multiLabel({
        focalGamma: focalGamma ?? undefined,
        ...(classWeights && { posWeight: factors(classWeights, images) }),
      }),
    scoring: () => multiLabel(),
    mean: meanOfLabels,
    named: ({ missed, wrong, loss }, classes) => ({
      missed: missed.map((label) => classes[label]!),
      wrong: wrong.map((label) => classes[label]!),
      loss,
    }),
    headline: (of) => `mean average precision on ${of}`,
    sentence: ({ mAP, macroF1 }, of) =>
      `Mean average precision is ${formatPercent(mAP)}, mean F1 ${formatPercent(macroF1)}, on ${of}`,
    context: ({ exactMatch, images, perLabel }) => [
      `Of ${formatPercent(exactMatch)} of the images all labels are right.`,
      `An image has ${formatValue(perLabel.reduce((n, { support }) => n + support, 0) / images)} of the ${formatCount(perLabel.length)} labels on average.`,
    ],
    figures: ({ macroF1, microF1, exactMatch }) => [
      [html`mean ${term('F1')}`, formatPercent(macroF1)],
      [html`${term('F1')} of all decisions`, formatPercent(microF1)],
      ['all labels right', formatPercent(exactMatch)],
    ],
    sections: ({ perLabel, mAP, macroF1 }, mistakes, classes) => [
      {
        id: 'labels',
        title: 'Scores by label',
        content: scoreTable(
          'Average precision, precision, recall and F1 of each label',
          'label',
          COLUMNS,
          perLabel.map((scores, c) => ({ name: classes[c]!, support: scores.support, values: valuesOf(scores) })),
          {
            name: 'mean',
            support: perLabel.reduce((n, { support }) => n + support, 0),
            values: [mAP, null, null, macroF1],
          },
        ),
      },
      {
        id: 'mistakes',
        title: 'Worst mistakes',
        content:
          mistakes.length === 0
            ? html`<p>None: every label of every validation image is right.</p>`
            : html`<p class="soft">The images with the highest loss, worst first. Look at the labels too: they may be the mistake.</p>${gallery(
                mistakes.map(({ path, thumbnail, missed, wrong, loss }) => ({
                  ...{ path, thumbnail },
                  alt: `${path}: ${[...missed.map((name) => `${name} missed`), ...wrong.map((name) => `${name} wrong`)].join(', ')}`,
                  caption: html`${missed.length > 0 && html`<span>missed: <b>${quoted(namesInWords(missed))}</b></span>`}${wrong.length > 0 && html`<span>not there: <b class="wrong">${quoted(namesInWords(wrong))}</b></span>`}<span class="path">${pathText(path)}</span><span class="soft">loss ${formatValue(loss)}</span>`,
                })),
              )}`,
      },
    ],
    lines: (evaluation, classes) => [...MULTI_LABEL.context(evaluation), '', ...table(evaluation, classes)],
    closingLines: (evaluation, classes) => ['', ...table(evaluation, classes), ''],
    stored: (evaluation) => evaluation,
    json({ mAP, macroF1, perLabel, ...scores }, classes) {
      return { mAP, macroF1, ...scores, perLabel: perLabel.map((of, c) => ({ label: classes[c], ...of })) };
    },
    answer(outputs, classes, { top, threshold = 0.5 }) {
      const labels = Array.from(outputs, (logit, c) => ({
        label: classes[c]!,
        probability: 1 / (1 + Math.exp(-logit)),
      }));
      labels.sort((a, b) => b.probability - a.probability);
      return { labels: top === undefined ? labels.filter((of) => of.probability >= threshold) : labels.slice(0, top) };
    },
    told: ({ labels }) =>
      labels.map(({ label, probability }) => ({ label, text: formatPercent(probability), share: probability })),
    csv: {
      head: () => ['labels', 'probabilities'],
      row: ({ labels }) => [
        labels.map(({ label }) => label).join('|'),
        labels.map(({ probability }) => probability).join('|'),
      ],
    },
  };

const COLUMNS = ['average precision', 'precision', 'recall', 'F1'].map((title) => ({
  title,
  format: 'percent' as const,
}));

const valuesOf = ({ ap, precision, recall, f1 }: LabelScores): Measured[] => [ap, precision, recall, f1];

/** The labels with their scores; of many the weakest. */
function table({ perLabel }: MultiLabelEvaluation, classes: readonly string[]): string[] {
  const rows = perLabel.map((scores, c) => ({ name: classes[c]!, ...scores }));
  const isCut = rows.length > LISTED;
  if (isCut) rows.sort((a, b) => (a.ap ?? 2) - (b.ap ?? 2));
  const cells = (isCut ? rows.slice(0, SHOWN) : rows).map(({ name, support, ...scores }) => [
    name,
    ...valuesOf({ support, ...scores }).map((value) => formatPercent(value)),
    String(support),
  ]);
  return [
    ...(isCut
      ? [`The weakest of ${formatCount(rows.length)} labels; all of them are in the output of --json.`, '']
      : []),
    ...columns([['label', 'AP', 'precision', 'recall', 'F1', 'images'], ...cells], [1, 2, 3, 4, 5]),
  ];
}

/**
 * A factor for the images with each label. Balanced, as many count as have it as have it not.
 * @throws ArgumentError for another number of factors than of labels.
 */
function factors(weights: ClassWeights, { classes, length, label }: TaskImages): readonly number[] {
  if (weights !== 'balanced') return givenFactors(weights, classes, 'label', 'labels');
  const counts = classes.map(() => 0);
  for (let i = 0; i < length; i++)
    for (const [c, target] of (label(i) as Float32Array).entries()) if (target >= 0.5) counts[c]!++;
  return counts.map((count) => (count === 0 ? 1 : Math.max(1, length - count) / count));
}
