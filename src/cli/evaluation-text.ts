/** An evaluation on a terminal. */
import { formatCount, formatValue } from '../core/format.ts';
import type { FolderEvaluation } from '../runs/index.ts';
import type { TaskName } from '../tasks/kinds.ts';
import { imageTask } from '../tasks/registry.ts';

/** The outcome in a sentence, how far to trust it, and the scores by class, label or value. */
export function evaluationText(name: TaskName, evaluation: FolderEvaluation<TaskName>): string {
  const task = imageTask(name);
  const { images, classes, folder } = evaluation;
  const sentence = task.sentence(evaluation, `${formatCount(images)} images in ${folder}`);
  const loss = 'loss' in evaluation ? `; loss ${formatValue(evaluation.loss)}` : '';
  return [`${sentence}${loss}.`, ...task.lines(evaluation, classes)].join('\n');
}
