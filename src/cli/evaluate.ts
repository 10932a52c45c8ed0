/** `regraft evaluate`: scores of a fine-tuned model on labelled photos. */
import { Command } from 'commander';
import { oneLine, printable } from '../core/printable.ts';
import type { InputRange } from '../runs/index.ts';
import { DEFAULT_TASK, type TaskName } from '../tasks/kinds.ts';
import { imageTask } from '../tasks/registry.ts';
import { optionFlag, wholeNumber } from './arguments.ts';
import { evaluationText } from './evaluation-text.ts';
import { complain, print, printJson } from './output.ts';

interface Flags {
  readonly inputRange?: InputRange;
  readonly batchSize?: number;
  readonly flip?: true;
  readonly table?: string;
  readonly imageColumn?: string;
  readonly labelColumns?: readonly string[];
  readonly json?: true;
}

export function evaluateCommand(): Command {
  return new Command('evaluate')
    .summary('score a fine-tuned model on a folder of labelled photos')
    .description(
      'Scores a fine-tuned model on labelled photos: of classes accuracy, scores by class, confusion matrix; of several labels an image ' +
        'mean average precision; of numbers their mean absolute error.',
    )
    .argument('<model>', 'folder or file of a fine-tuned model, or a network or a file of its weights')
    .argument(
      '<photos>',
      'folder with one sub-folder a class or with a table of labels, or a .zip; of one with train/ and val/, val/ is scored',
    )
    .addOption(optionFlag('inputRange'))
    .addOption(optionFlag('table'))
    .addOption(optionFlag('imageColumn'))
    .addOption(optionFlag('labelColumns'))
    .option('--batch-size <n>', 'images at a time (default: 32)', wholeNumber(1))
    .option('--flip', 'look at each image mirrored as well, and answer with the mean')
    .option('--json', 'print { accuracy, perClass, confusion, … }, { mAP, macroF1, … } or { mae, rmse, r2, … }')
    .addHelpText(
      'after',
      `
Examples:
  regraft evaluate runs/photos photos/val
  regraft evaluate runs/photos photos --json`,
    )
    .action(run);
}

async function run(model: string, photos: string, flags: Flags): Promise<void> {
  const { inputRange, json, ...options } = flags;
  const { describeLeftOut } = await import('../data/folders/describe-photos.ts');
  const { createProgress, evaluateFolder, openClassifier } = await import('../runs/index.ts');
  const progress = createProgress();
  const classifier = await openClassifier<TaskName>(model, { task: 'auto', inputRange, progress });
  const found = await evaluateFolder(classifier, photos, { ...options, progress });
  const { task = DEFAULT_TASK } = classifier;
  const { classes, folder, leftOut, skipped, ...evaluation } = found;
  if (json) printJson({ ...imageTask(task).json(evaluation, classes), folder, leftOut, skipped });
  else print(evaluationText(task, found));
  for (const line of describeLeftOut(leftOut)) complain(printable(line));
  for (const { path, reason } of skipped) complain(oneLine(`Skipped ${path}: ${reason}`));
}
