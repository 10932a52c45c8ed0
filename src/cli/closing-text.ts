/** The end of a fine-tuning run on a terminal: how good the model is, how far to trust that, where it is. */
import { join } from 'node:path';
import { formatCount, formatDuration, formatPercent } from '../core/format.ts';
import { shellWord } from '../core/shell.ts';
import { freezingInWords } from '../runs/freezing-words.ts';
import type { FinetuneResult, MODEL_FILES } from '../runs/index.ts';
import { accuracyContext } from '../tasks/image-classification/accuracy-context.ts';
import { matrix } from './evaluation-text.ts';

/** More classes than this make a matrix that hides the rest. */
const MATRIX_CLASSES = 10;

export function closingText(result: FinetuneResult, out: string, names: typeof MODEL_FILES): string {
  const { frozen, data, seconds, comparisons = [] } = result;
  const files = Object.values(names).join(', ');
  return [
    '',
    ...outcome(result),
    ...comparisons.map(({ name, accuracy }) => `${formatPercent(accuracy)} ${name}, over as many epochs.`),
    ...(frozen.tensors > 0 ? [freezingInWords(frozen)] : []),
    `${formatDuration(seconds.total)} on ${result.adapter.description}.`,
    ...(data.skipped.length > 0
      ? [`${data.skipped.length} unreadable ${data.skipped.length === 1 ? 'image was' : 'images were'} skipped.`]
      : []),
    `Saved in ${out}: ${files}.`,
    '',
    `Look at it:  ${join(out, names.report)}`,
    `Use it:      npx regraft predict ${shellWord(out)} photo.jpg`,
  ].join('\n');
}

function outcome({ evaluation, bestEpoch, history, data: { classes } }: FinetuneResult): string[] {
  if (!evaluation)
    return [
      `${formatPercent(history.at(-1)!.trainAccuracy)} of the training images are classified correctly; none were held out, so this says little about new ones.`,
      ...(history.length > 1 ? [`The last of ${history.length} epochs was kept.`] : []),
    ];
  return [
    `${formatPercent(evaluation.accuracy)} of ${formatCount(evaluation.images)} validation images are classified correctly (epoch ${bestEpoch} of ${history.length}, the best, was kept).`,
    ...accuracyContext(evaluation),
    ...(unequal(evaluation) ? [`Averaged over the classes, it is ${formatPercent(evaluation.macro.recall)}.`] : []),
    ...(classes.length <= MATRIX_CLASSES ? ['', matrix({ ...evaluation, classes }), ''] : []),
  ];
}

/** Whether one class has at least twice the images of another: the accuracy then is mostly that of the large ones. */
function unequal({ perClass }: NonNullable<FinetuneResult['evaluation']>): boolean {
  const counts = perClass.map(({ support }) => support).sort((a, b) => a - b);
  return counts.at(-1)! >= 2 * counts[0]!;
}
