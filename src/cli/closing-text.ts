/** The end of a fine-tuning run on a terminal: how good the model is, how far to trust that, where it is. */
import { join } from 'node:path';
import { formatCount, formatDuration } from '../core/format.ts';
import { shellWord } from '../core/shell.ts';
import { freezingInWords } from '../runs/freezing-words.ts';
import type { FinetuneResult, MODEL_FILES } from '../runs/index.ts';
import type { TaskName } from '../tasks/kinds.ts';
import { imageTask } from '../tasks/registry.ts';
import { formatScore } from '../tasks/task.ts';
import { scoreKey } from '../train/history.ts';

export function closingText(result: FinetuneResult<TaskName>, out: string, names: typeof MODEL_FILES): string {
  const { task, frozen, data, seconds, comparisons = [] } = result;
  const kind = imageTask(task).scores[0]!;
  const files = Object.values(names).join(', ');
  return [
    '',
    ...outcome(result),
    ...comparisons.map(({ name, score }) => `${formatScore(kind, score)} ${name}, over as many epochs.`),
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

function outcome({ task: name, evaluation, bestEpoch, history, data }: FinetuneResult<TaskName>): string[] {
  const task = imageTask(name);
  if (evaluation) {
    const sentence = task.sentence(evaluation, `${formatCount(evaluation.images)} validation images`);
    return [
      `${sentence} (epoch ${bestEpoch} of ${history.length}, the best, was kept).`,
      ...task.closingLines(evaluation, data.classes),
    ];
  }
  return [
    trainingOutcome(name, history.at(-1)!),
    ...(history.length > 1 ? [`The last of ${history.length} epochs was kept.`] : []),
  ];
}

/** What was reached on the training images, where there were no others. */
function trainingOutcome(name: TaskName, record: FinetuneResult['history'][number]): string {
  const task = imageTask(name);
  const kind = task.scores[0]!;
  const score = record[scoreKey('train', kind.name)] ?? null;
  const reached =
    score === null
      ? `The loss on the training images is ${formatScore({ format: 'value' }, record.trainLoss)}`
      : task.sentence({ images: 0, [kind.name]: score } as never, 'the training images');
  return `${reached}; none were held out, so this says little about new ones.`;
}
