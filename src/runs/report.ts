/** `report.html`: a fine-tuning run on one self-contained page. */

import { formatPercent, formatValue } from '../core/format.ts';
import { curveChart, type Series } from '../report/chart.ts';
import { type Content, html } from '../report/markup.ts';
import { page } from '../report/page.ts';
import { classSection } from '../tasks/image-classification/class-section.ts';
import { MATRIX_CLASSES } from '../tasks/image-classification/confusion.ts';
import { confusionSection } from '../tasks/image-classification/confusion-section.ts';
import { mistakeGallery } from '../tasks/image-classification/mistake-section.ts';
import type { EpochRecord } from '../train/history.ts';
import { headline, headlineAccuracy } from './report-headline.ts';
import {
  epochTable,
  freezingProof,
  keyFigures,
  reproduction,
  runFacts,
  skippedFiles,
  timing,
} from './report-sections.ts';
import type { FinetuneResult } from './result.ts';

/** The page as one HTML string: no request is ever made from it, and every string of `result` is escaped. */
export function renderReport(result: FinetuneResult): string {
  const { evaluation, data } = result;
  const sections: [id: string, title: string, content: Content][] = [learning(result)];
  if (evaluation) {
    const { confusion } = evaluation;
    const matrix = confusion.length <= MATRIX_CLASSES;
    sections.push([
      'confusion-matrix',
      matrix ? 'Confusion matrix' : 'Mixed up most often',
      confusionSection(confusion, data.classes),
    ]);
    sections.push(['classes', 'Scores by class', classSection(evaluation, data.classes)]);
    sections.push(['mistakes', 'Worst mistakes', mistakeGallery(result.worstMistakes)]);
  }
  sections.push(['frozen', 'What was frozen', freezingProof(result)]);
  sections.push(['time', 'Where the time went', timing(result)]);
  sections.push(['run', 'The run', runFacts(result)]);
  const skipped = skippedFiles(result);
  if (skipped) sections.push(['skipped', 'Skipped files', skipped]);
  sections.push(['reproduce-run', 'Run it again', reproduction(result)]);

  const title = `${formatPercent(headlineAccuracy(result).value)}: ${result.model.name} on ${data.source}`;
  return page(
    title,
    html`<main>
${headline(result)}
${keyFigures(result)}
<nav aria-label="Sections">${sections.map(([id, name]) => html`<a href="#${id}">${name}</a>`)}</nav>
${sections.map(([id, name, content]) => html`<section id="${id}" aria-labelledby="${id}-title"><h2 id="${id}-title">${name}</h2>${content}</section>\n`)}
<footer>Written by regraft ${result.version}.</footer>
</main>`,
  );
}

/** The curves with their table; of a single epoch, which makes no curve, the table alone. */
function learning(result: FinetuneResult): [id: string, title: string, content: Content] {
  const histories = [result.history, ...(result.comparisons ?? []).map(({ history }) => history)];
  const table = epochTable(result);
  if (histories.every(({ length }) => length === 1)) return ['curves', 'The one epoch', table];
  const all = html`<details><summary>All epochs as a table</summary>${table}</details>`;
  return ['curves', 'Learning curves', [curves(result), all]];
}

function curves(result: FinetuneResult): Content {
  const { history, phases, bestEpoch, comparisons = [], stepLosses } = result;
  const series = (train: keyof EpochRecord, validation: keyof EpochRecord): Series[] => {
    const values = (records: readonly EpochRecord[], key: keyof EpochRecord): (number | null)[] => {
      const out: (number | null)[] = [];
      for (const record of records) out[record.epoch - 1] = record[key] as number | null;
      return Array.from(out, (value) => value ?? null);
    };
    const known = (list: readonly (number | null)[]): boolean => list.some((value) => value !== null);
    return [
      { name: 'training', style: 'train' as const, values: values(history, train) },
      { name: 'validation', style: 'validation' as const, values: values(history, validation) },
      ...comparisons.map(({ name, history: other }) => {
        const validated = values(other, validation);
        return known(validated)
          ? { name: `${name}, validation`, style: 'other' as const, values: validated }
          : { name: `${name}, training`, style: 'other' as const, values: values(other, train) };
      }),
    ].filter((line) => known(line.values));
  };
  const shared = { phases, keptEpoch: bestEpoch };
  const points = stepLosses.flatMap(({ epoch, loss }) => (loss === null ? [] : [[epoch, loss] as const]));
  return html`<div class="charts">${curveChart({
    ...shared,
    title: 'Accuracy',
    series: series('trainAccuracy', 'validationAccuracy'),
    format: formatPercent,
    formatTick: (value) => `${Number((value * 100).toFixed(3))}\u00a0%`,
    max: 1,
  })}${curveChart({
    ...shared,
    title: 'Loss',
    series: series('trainLoss', 'validationLoss'),
    trace: { name: 'training, by step', points },
    format: formatValue,
    formatTick: String,
    min: 0,
  })}</div>`;
}
