/** `regraft evaluate`: scores of a fine-tuned model on labelled photos. */
import { Command } from 'commander';
import { oneLine } from '../core/printable.ts';
import { formatPercent, formatValue } from '../train/format.ts';
import type { FolderEvaluation } from '../train/index.ts';
import { wholeNumber } from './arguments.ts';
import { columns, complain, print, printJson } from './output.ts';

interface Flags {
  readonly batchSize?: number;
  readonly json?: true;
}

export function evaluateCommand(): Command {
  return new Command('evaluate')
    .summary('score a fine-tuned model on a folder of labelled photos')
    .description(
      'Scores a fine-tuned model on a folder with one sub-folder a class: accuracy, scores by class, confusion matrix.',
    )
    .argument('<model>', 'folder of a fine-tuned model')
    .argument('<photos>', 'folder with one sub-folder a class; of one with train/ and val/, val/ is scored')
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

async function run(model: string, photos: string, { batchSize, json }: Flags): Promise<void> {
  const { createProgress, evaluateFolder, openModel } = await import('../train/index.ts');
  const evaluation = await evaluateFolder(await openModel(model), photos, { batchSize, progress: createProgress() });
  const { accuracy, ...scores } = evaluation;
  const { classes, perClass, skipped } = scores;
  if (json) printJson({ accuracy, ...scores, perClass: perClass.map((of, c) => ({ label: classes[c], ...of })) });
  else print(table(evaluation));
  for (const { path, reason } of skipped) complain(oneLine(`Skipped ${path}: ${reason}`));
}

/** More classes than this do not fit a terminal's line as a matrix. */
const MATRIX_CLASSES = 12;

function table({ accuracy, images, loss, perClass, confusion, classes, folder, topK }: FolderEvaluation): string {
  const scores = perClass.map(({ precision, recall, f1, support }, c) => [
    classes[c]!,
    formatPercent(precision),
    formatPercent(recall),
    formatPercent(f1),
    String(support),
  ]);
  const parts = [
    `${formatPercent(accuracy)} of ${images} images in ${folder} are classified correctly; loss ${formatValue(loss)}.`,
    ...(topK ? [`${formatPercent(topK.accuracy)} have the right class among the first ${topK.k}.`] : []),
    '',
    columns([['class', 'precision', 'recall', 'F1', 'images'], ...scores], [1, 2, 3, 4]),
    '',
  ];
  if (classes.length > MATRIX_CLASSES) parts.push('The confusion matrix is in the output of --json.');
  else {
    const head = ['is \\ predicted', ...classes];
    const rows = confusion.map((row, c) => [classes[c]!, ...row.map(String)]);
    parts.push(
      columns(
        [head, ...rows],
        classes.map((_, c) => c + 1),
      ),
    );
  }
  return parts.join('\n');
}
