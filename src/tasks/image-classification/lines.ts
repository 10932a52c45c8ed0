/** An evaluation on a terminal: all of it where there are few classes, else what is weakest and what is mixed up most. */

import { formatCount, formatPercent } from '../../core/format.ts';
import { columns } from '../../device/columns.ts';
import { accuracyContext } from './accuracy-context.ts';
import { confusedPairs } from './confusion.ts';
import type { ClassScores, Evaluation } from './metrics.ts';

/** More classes than this do not fit a terminal's line as a matrix. */
const MATRIX_CLASSES = 12;
/** More classes than this make a matrix that hides the rest of the end of a run. */
const CLOSING_CLASSES = 10;
/** More classes than this do not fit its height. */
const LISTED_CLASSES = 40;
/** So many of the weakest classes, and of the commonest confusions, stand for all. */
const SHOWN = 15;

type Classes = readonly string[];

/** All there is to tell below the sentence. */
export function evaluationLines(evaluation: Evaluation, classes: Classes): string[] {
  const { topK } = evaluation;
  return [
    ...(topK ? [`${formatPercent(topK.accuracy)} have the right class among the first ${topK.k}.`] : []),
    ...accuracyContext(evaluation),
    '',
    ...(classes.length <= LISTED_CLASSES ? everyClass(evaluation, classes) : weakestClasses(evaluation, classes)),
    '',
    ...(classes.length <= MATRIX_CLASSES ? [matrix(evaluation, classes)] : mixedUp(evaluation, classes)),
  ];
}

/** As much of it as ends a run. */
export function closingLines(evaluation: Evaluation, classes: Classes): string[] {
  return [
    ...accuracyContext(evaluation),
    ...(isUnequal(evaluation) ? [`Averaged over the classes, it is ${formatPercent(evaluation.macro.recall)}.`] : []),
    ...(classes.length <= CLOSING_CLASSES ? ['', matrix(evaluation, classes), ''] : []),
  ];
}

/** Whether one class has at least twice the images of another: the accuracy then is mostly that of the large ones. */
function isUnequal({ perClass }: Evaluation): boolean {
  const counts = perClass.map(({ support }) => support).sort((a, b) => a - b);
  return counts.at(-1)! >= 2 * counts[0]!;
}

type Row = readonly [name: string, scores: ClassScores];

function everyClass({ perClass }: Evaluation, classes: Classes): string[] {
  return [scoreTable(perClass.map((scores, c): Row => [classes[c]!, scores]))];
}

function weakestClasses({ perClass }: Evaluation, classes: Classes): string[] {
  const rows = perClass.flatMap((scores, c): Row[] => (scores.support > 0 ? [[classes[c]!, scores]] : []));
  rows.sort(([, a], [, b]) => (a.f1 ?? 0) - (b.f1 ?? 0));
  return [
    `The weakest of ${formatCount(classes.length)} classes; all of them are in the output of --json.`,
    '',
    scoreTable(rows.slice(0, SHOWN)),
  ];
}

function scoreTable(rows: readonly Row[]): string {
  const cells = rows.map(([name, { precision, recall, f1, support }]) => [
    name,
    formatPercent(precision),
    formatPercent(recall),
    formatPercent(f1),
    String(support),
  ]);
  return columns([['class', 'precision', 'recall', 'F1', 'images'], ...cells], [1, 2, 3, 4]).join('\n');
}

/** The confusion matrix: a row a class, how often it was predicted as each. */
function matrix({ confusion }: Evaluation, classes: Classes): string {
  const rows = confusion.map((row, c) => [classes[c]!, ...row.map(String)]);
  return columns(
    [['is \\ predicted', ...classes], ...rows],
    classes.map((_, c) => c + 1),
  ).join('\n');
}

function mixedUp({ confusion }: Evaluation, classes: Classes): string[] {
  const pairs = confusedPairs(confusion);
  if (pairs.length === 0) return ['No class was taken for another.'];
  const rows = pairs
    .slice(0, SHOWN)
    .map(({ label, predicted, count }) => [classes[label]!, classes[predicted]!, String(count)]);
  return [
    'Mixed up most often; the whole confusion matrix is in the output of --json.',
    '',
    ...columns([['is', 'predicted', 'images'], ...rows], [2]),
  ];
}
