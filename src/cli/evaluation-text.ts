/** An evaluation on a terminal: all of it where there are few classes, else what is weakest and what is mixed up most. */

import { formatCount, formatPercent, formatValue } from '../core/format.ts';
import { columns } from '../device/columns.ts';
import type { ClassScores, FolderEvaluation } from '../runs/index.ts';
import { accuracyContext } from '../tasks/image-classification/accuracy-context.ts';
import { confusedPairs } from '../tasks/image-classification/confusion.ts';

/** More classes than this do not fit a terminal's line as a matrix. */
const MATRIX_CLASSES = 12;
/** More classes than this do not fit its height. */
const LISTED_CLASSES = 40;
/** So many of the weakest classes, and of the commonest confusions, stand for all. */
const SHOWN = 15;

export function evaluationText(evaluation: FolderEvaluation): string {
  const { accuracy, images, loss, classes, folder, topK } = evaluation;
  return [
    `${formatPercent(accuracy)} of ${formatCount(images)} images in ${folder} are classified correctly; loss ${formatValue(loss)}.`,
    ...(topK ? [`${formatPercent(topK.accuracy)} have the right class among the first ${topK.k}.`] : []),
    ...accuracyContext(evaluation),
    '',
    ...(classes.length <= LISTED_CLASSES ? everyClass(evaluation) : weakestClasses(evaluation)),
    '',
    ...(classes.length <= MATRIX_CLASSES ? [matrix(evaluation)] : mixedUp(evaluation)),
  ].join('\n');
}

type Row = readonly [name: string, scores: ClassScores];

function everyClass({ perClass, classes }: FolderEvaluation): string[] {
  return [scoreTable(perClass.map((scores, c): Row => [classes[c]!, scores]))];
}

function weakestClasses({ perClass, classes }: FolderEvaluation): string[] {
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
export function matrix({ confusion, classes }: Pick<FolderEvaluation, 'confusion' | 'classes'>): string {
  const rows = confusion.map((row, c) => [classes[c]!, ...row.map(String)]);
  return columns(
    [['is \\ predicted', ...classes], ...rows],
    classes.map((_, c) => c + 1),
  ).join('\n');
}

function mixedUp({ confusion, classes }: FolderEvaluation): string[] {
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
