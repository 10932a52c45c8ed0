/** `regraft predict`: class names with probabilities for images. */
import { Command } from 'commander';
import { formatPercent } from '../train/format.ts';
import type { ImagePrediction } from '../train/index.ts';
import { wholeNumber } from './arguments.ts';
import { columns, complain, print, printJson } from './output.ts';

interface Flags {
  readonly weights?: string;
  readonly labels?: string;
  readonly top: number;
  readonly batchSize?: number;
  readonly json?: true;
}

export function predictCommand(): Command {
  return new Command('predict')
    .summary('classify images')
    .description('Classifies images with a fine-tuned model, or with a network and its weights.')
    .argument('<model>', 'folder of a fine-tuned model (or the file that the page gave), or the name of a network')
    .argument('<images...>', 'image files')
    .option('--weights <file>', 'for a network: weight file, URL or published name (default: the best published)')
    .option('--labels <file>', 'for a network: the names of its classes, a line each')
    .option('--top <n>', 'how many classes to print', wholeNumber(1), 5)
    .option('--batch-size <n>', 'images at a time (default: 32)', wholeNumber(1))
    .option('--json', 'print [{ file, top: [{ label, probability }] }]')
    .addHelpText(
      'after',
      `
Examples:
  regraft predict runs/photos new/*.jpg
  regraft predict model.zip photo.jpg
  regraft predict resnet50 --weights resnet50.pth --labels imagenet_classes.txt cat.jpg --json`,
    )
    .action(run);
}

async function run(name: string, images: readonly string[], flags: Flags): Promise<void> {
  const { weights, labels, top, batchSize, json } = flags;
  const { createProgress, openClassifier, predictImages } = await import('../train/index.ts');
  const progress = createProgress();
  const classifier = await openClassifier(name, { weights, labels, progress });
  const { predictions, skipped } = await predictImages(classifier, images, { topK: top, batchSize, progress });
  if (json) printJson(predictions);
  else if (predictions.length > 0) print(table(predictions));
  for (const { path, reason } of skipped) complain(`DataError: ${path}: ${reason}`);
  if (skipped.length > 0) process.exitCode = 1;
}

function table(predictions: readonly ImagePrediction[]): string {
  const rows = predictions.flatMap(({ file, top }) =>
    top.map(({ label, probability }, k) => [k === 0 ? file : '', formatPercent(probability), label]),
  );
  return columns(rows, [1]);
}
