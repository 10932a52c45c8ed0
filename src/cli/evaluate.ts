/** `regraft evaluate`: scores of a fine-tuned model on labelled photos. */
import { Command } from 'commander';
import { oneLine, printable } from '../core/printable.ts';
import type { InputRange } from '../runs/index.ts';
import { storedEvaluation } from '../runs/metrics-json.ts';
import { optionFlag, wholeNumber } from './arguments.ts';
import { evaluationText } from './evaluation-text.ts';
import { complain, print, printJson } from './output.ts';

interface Flags {
  readonly inputRange?: InputRange;
  readonly batchSize?: number;
  readonly json?: true;
}

export function evaluateCommand(): Command {
  return new Command('evaluate')
    .summary('score a fine-tuned model on a folder of labelled photos')
    .description(
      'Scores a fine-tuned model on a folder with one sub-folder a class: accuracy, scores by class, confusion matrix.',
    )
    .argument('<model>', 'folder or file of a fine-tuned model, or a network or a file of its weights')
    .argument('<photos>', 'folder with one sub-folder a class; of one with train/ and val/, val/ is scored')
    .addOption(optionFlag('inputRange'))
    .option('--batch-size <n>', 'images at a time (default: 32)', wholeNumber(1))
    .option('--json', 'print { accuracy, perClass, confusion, … }')
    .addHelpText(
      'after',
      `
Examples:
  regraft evaluate runs/photos photos/val
  regraft evaluate runs/photos photos --json`,
    )
    .action(run);
}

async function run(model: string, photos: string, { inputRange, batchSize, json }: Flags): Promise<void> {
  const { describeLeftOut } = await import('../data/folders/describe-photos.ts');
  const { createProgress, evaluateFolder, openClassifier } = await import('../runs/index.ts');
  const progress = createProgress();
  const classifier = await openClassifier(model, { inputRange, progress });
  const evaluation = await evaluateFolder(classifier, photos, { batchSize, progress });
  const { accuracy, ...scores } = storedEvaluation(evaluation);
  const { classes, perClass, leftOut, skipped } = scores;
  if (json) printJson({ accuracy, ...scores, perClass: perClass.map((of, c) => ({ label: classes[c], ...of })) });
  else print(evaluationText(evaluation));
  for (const line of describeLeftOut(leftOut)) complain(printable(line));
  for (const { path, reason } of skipped) complain(oneLine(`Skipped ${path}: ${reason}`));
}
