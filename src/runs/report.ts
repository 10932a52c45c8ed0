/** `report.html`: a fine-tuning run on one self-contained page. */

import { formatPercent, formatValue } from '../core/format.ts';
import { curveChart, type Series } from '../report/chart.ts';
import { type Content, html } from '../report/markup.ts';
import { page } from '../report/page.ts';
import type { Section } from '../tasks/image-task.ts';
import type { TaskName } from '../tasks/kinds.ts';
import { imageTask } from '../tasks/registry.ts';
import type { ScoreKind } from '../tasks/task.ts';
import { type EpochRecord, scoreKey } from '../train/history.ts';
import { headline, headlineText } from './report-headline.ts';
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
export function renderReport(result: FinetuneResult<TaskName>): string {
  const { evaluation, worstMistakes, data } = result;
  const skipped = skippedFiles(result);
  const sections: Section[] = [
    learning(result),
    ...(evaluation ? imageTask(result.task).sections(evaluation, worstMistakes, data.classes) : []),
    { id: 'frozen', title: 'What was frozen', content: freezingProof(result) },
    { id: 'time', title: 'Where the time went', content: timing(result) },
    { id: 'run', title: 'The run', content: runFacts(result) },
    ...(skipped ? [{ id: 'skipped', title: 'Skipped files', content: skipped }] : []),
    { id: 'reproduce-run', title: 'Run it again', content: reproduction(result) },
  ];
  return page(
    `${headlineText(result).value}: ${result.model.name} on ${data.source}`,
    html`<main>
${headline(result)}
${keyFigures(result, evaluation ? imageTask(result.task).figures(evaluation) : [])}
<nav aria-label="Sections">${sections.map(({ id, title }) => html`<a href="#${id}">${title}</a>`)}</nav>
${sections.map(({ id, title, content }) => html`<section id="${id}" aria-labelledby="${id}-title"><h2 id="${id}-title">${title}</h2>${content}</section>\n`)}
<footer>Written by regraft ${result.version}.</footer>
</main>`,
  );
}

/** The curves with their table; of a single epoch, which makes no curve, the table alone. */
function learning(result: FinetuneResult<TaskName>): Section {
  const histories = [result.history, ...(result.comparisons ?? []).map(({ history }) => history)];
  const table = epochTable(result);
  if (histories.every(({ length }) => length === 1)) return { id: 'curves', title: 'The one epoch', content: table };
  const all = html`<details><summary>All epochs as a table</summary>${table}</details>`;
  return { id: 'curves', title: 'Learning curves', content: [curves(result), all] };
}

function curves(result: FinetuneResult<TaskName>): Content {
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
  const scoreChart = ({ name, title, format }: ScoreKind): Content => {
    const lines = series(scoreKey('train', name), scoreKey('validation', name));
    if (lines.length === 0) return null;
    return curveChart({
      ...shared,
      title: capital(title),
      series: lines,
      ...(format === 'percent'
        ? { format: formatPercent, formatTick: (value) => `${Number((value * 100).toFixed(3))}\u00a0%`, max: 1 }
        : { format: formatValue, formatTick: String }),
    });
  };
  const points = stepLosses.flatMap(({ epoch, loss }) => (loss === null ? [] : [[epoch, loss] as const]));
  const [first] = imageTask(result.task).scores;
  return html`<div class="charts">${scoreChart(first!)}${curveChart({
    ...shared,
    title: 'Loss',
    series: series('trainLoss', 'validationLoss'),
    trace: { name: 'training, by step', points },
    format: formatValue,
    formatTick: String,
    min: 0,
  })}</div>`;
}

/** 'accuracy' as 'Accuracy'; 'mAP' as it is. */
const capital = (text: string): string => (/^.[A-Z]/.test(text) ? text : text[0]!.toUpperCase() + text.slice(1));
