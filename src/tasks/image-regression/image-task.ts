/** Regression of images as runs, saved models and the command line know it. */

import { formatValue } from '../../core/format.ts';
import { columns } from '../../device/columns.ts';
import { html, pathText } from '../../report/markup.ts';
import { gallery } from '../gallery.ts';
import type { ImageTask } from '../image-task.ts';
import { meanOfValues } from '../mirrored.ts';
import { scoreTable } from '../score-table.ts';
import type { Measured } from '../task.ts';
import { REGRESSION_KIND } from './kind.ts';
import type { RegressionEvaluation, ValueScores } from './metrics.ts';
import { imageRegression, type RegressionLoss, type RegressionMistake } from './task.ts';
import { foldUnits, startAtMean, unitsOf } from './units.ts';

/** Numbers by name. */
export type NamedValues = Readonly<Record<string, number>>;

/** The numbers of an image. */
export interface RegressionAnswer {
  readonly values: NamedValues;
}

/** An image whose numbers the model was far from. */
export interface NamedRegressionMistake {
  readonly wanted: NamedValues;
  readonly predicted: NamedValues;
}

const named = (values: ArrayLike<number>, classes: readonly string[]): NamedValues =>
  Object.fromEntries(classes.map((name, k) => [name, values[k]!]));

const inWords = (values: NamedValues): string => {
  const all = Object.entries(values);
  return all.length === 1
    ? formatValue(all[0]![1])
    : all.map(([name, value]) => `${name} ${formatValue(value)}`).join(', ');
};

export const REGRESSION: ImageTask<RegressionEvaluation, RegressionMistake, NamedRegressionMistake, RegressionAnswer> =
  {
    ...REGRESSION_KIND,
    create: ({ loss }, images) =>
      imageRegression({ loss: (loss ?? undefined) as RegressionLoss | undefined, units: unitsOf(images) }),
    scoring: () => imageRegression(),
    mean: meanOfValues,
    async begin(head, images, kept) {
      await foldUnits(head, unitsOf(images), { inverse: true, outputs: kept });
      await startAtMean(
        head,
        kept.map((isKept) => !isKept),
      );
    },
    finish: (head, images) => foldUnits(head, unitsOf(images)),
    named: ({ wanted, predicted }, classes) => ({
      wanted: named(wanted, classes),
      predicted: named(predicted, classes),
    }),
    headline: (of) => `R² on ${of}`,
    sentence: ({ mae, r2 }, of) => `The mean absolute error is ${formatValue(mae)}, R² ${formatValue(r2)}, on ${of}`,
    context: ({ r2, perValue }) => [
      r2 === null
        ? 'R² needs two images or more whose values differ.'
        : 'R² is 1 where every answer is right, and 0 where always answering the mean does as well.',
      ...(perValue.length > 1 ? [`All are means over the ${perValue.length} values.`] : []),
    ],
    figures: ({ mae, rmse }) => [
      ['mean absolute error', formatValue(mae)],
      ['root mean squared error', formatValue(rmse)],
    ],
    sections: ({ perValue, ...mean }, mistakes, classes) => [
      {
        id: 'values',
        title: 'Scores by value',
        content: scoreTable(
          'How near the predictions of each value come',
          'value',
          COLUMNS,
          perValue.map((scores, k) => ({ name: classes[k]!, values: valuesOf(scores) })),
          perValue.length > 1 ? { name: 'mean', values: valuesOf(mean) } : null,
        ),
      },
      {
        id: 'mistakes',
        title: 'Largest errors',
        content: html`<p class="soft">The images that the predictions are furthest from. Look at the wanted values too: they may be the mistake.</p>${gallery(
          mistakes.map(({ path, thumbnail, wanted, predicted }) => ({
            ...{ path, thumbnail },
            alt: `${path}: ${inWords(wanted)}, predicted ${inWords(predicted)}`,
            caption: html`<span>predicted <b class="wrong">${inWords(predicted)}</b>, wanted <b>${inWords(wanted)}</b></span><span class="path">${pathText(path)}</span>`,
          })),
        )}`,
      },
    ],
    lines: (evaluation, classes) => [...REGRESSION.context(evaluation), '', ...table(evaluation, classes)],
    closingLines: (evaluation, classes) =>
      classes.length > 1 ? ['', ...table(evaluation, classes), ''] : REGRESSION.context(evaluation),
    stored: (evaluation) => evaluation,
    json({ mae, rmse, r2, perValue, ...scores }, classes) {
      return { mae, rmse, r2, ...scores, perValue: perValue.map((of, k) => ({ name: classes[k], ...of })) };
    },
    answer: (outputs, classes) => ({ values: named(outputs, classes) }),
    told: ({ values }) =>
      Object.entries(values).map(([label, value]) => ({ label, text: formatValue(value), share: null })),
    csv: { head: (classes) => classes, row: ({ values }) => Object.values(values) },
  };

const COLUMNS = ['mean absolute error', 'root mean squared error', 'R²'].map((title) => ({
  title,
  format: 'value' as const,
}));

const valuesOf = ({ mae, rmse, r2 }: ValueScores): Measured[] => [mae, rmse, r2];

function table({ perValue }: RegressionEvaluation, classes: readonly string[]): string[] {
  const cells = perValue.map((scores, k) => [classes[k]!, ...valuesOf(scores).map((value) => formatValue(value))]);
  return columns([['value', 'mean absolute error', 'root mean squared', 'R²'], ...cells], [1, 2, 3]);
}
