/** `regraft predict`: class names with probabilities for images. */
import { Command } from 'commander';
import { within } from '../core/check.ts';
import { oneLine, printable } from '../core/printable.ts';
import type { BadImage } from '../data/images/image-dataset.ts';
import type { ImagePrediction, InputRange } from '../runs/index.ts';
import { DEFAULT_TASK, type TaskName } from '../tasks/kinds.ts';
import { argument, optionFlag, wholeNumber } from './arguments.ts';
import { complain } from './output.ts';
import { csvOutput, jsonOutput, lineOutput } from './predict-output.ts';
import { readStandardInput } from './standard-input.ts';

interface Flags {
  readonly weights?: string;
  readonly labels?: string;
  readonly imageSize?: number;
  readonly inputRange?: InputRange;
  readonly top?: number;
  readonly threshold?: number;
  readonly batchSize?: number;
  readonly flip?: true;
  readonly csv?: true;
  readonly json?: true;
  readonly gallery?: string;
}

export function predictCommand(): Command {
  return new Command('predict')
    .summary('classify images, or what else a model was trained to')
    .description(
      'Classifies images with a fine-tuned model, or with a network and its weights: one line each, with the class and how sure the model is; of a model for several labels those that apply, of one for numbers the numbers. ' +
        'What cannot be read is named on standard error, and the exit code is 1 then.',
    )
    .argument(
      '<model>',
      'folder of a fine-tuned model (or the file that the page gave) or of the Hugging Face hub, a Keras model, an ONNX or TF.js graph, or the name of a network',
    )
    .argument('<images...>', 'files, folders (with those below), patterns, URLs; - reads an image or a list from stdin')
    .option('--weights <file>', 'for a network: weight file, URL or published name (default: the best published)')
    .option('--labels <file>', 'for a network or a graph: the names of its classes, a line each')
    .option('--image-size <pixels>', 'for a network: side of its images (default: as its weights tell)', wholeNumber(1))
    .addOption(optionFlag('inputRange'))
    .option(
      '--top <n>',
      'how many classes of each image (default: 1; with --json 5), or labels (default: those that apply)',
      wholeNumber(1),
    )
    .option(
      '--threshold <p>',
      'of several labels an image: those this probable apply (default: 0.5)',
      argument(within(0, 1)),
    )
    .option('--batch-size <n>', 'images at a time (default: 32)', wholeNumber(1))
    .option('--flip', 'look at each image mirrored as well, and answer with the mean')
    .option(
      '--csv',
      'print file,label,probability; of several labels file,labels,probabilities; of numbers a column each',
    )
    .option(
      '--json',
      'print [{ file, top | labels: [{ label, probability }] }], or [{ file, values: { name: number } }]',
    )
    .option('--gallery <file>', 'write a page with the images and their classes, in one HTML file')
    .addHelpText(
      'after',
      `
Examples:
  regraft predict runs/photos new/
  regraft predict runs/photos new/ --gallery new.html
  regraft predict runs/photos "new/**/*.jpg" --csv > new.csv
  regraft predict model.zip photo.jpg --top 3
  find new -name "*.jpg" | regraft predict runs/photos -
  regraft predict resnet50 --weights resnet50.pth cat.jpg --json`,
    )
    .action(run);
}

async function run(name: string, named: readonly string[], flags: Flags, command: Command): Promise<void> {
  const { weights, labels, imageSize, inputRange, batchSize, flip, csv, json, gallery } = flags;
  if (csv && json) command.error("error: option '--csv' cannot be used with option '--json'");
  const { findImages } = await import('../data/folders/image-inputs.ts');
  const { describeLeftOut } = await import('../data/folders/describe-photos.ts');
  const stdin = named.includes('-') ? await readStandardInput() : { inputs: [] };
  const { images, bad, leftOut } = await findImages(named.flatMap((input) => (input === '-' ? stdin.inputs : [input])));
  for (const fault of bad) tell(fault);
  for (const line of describeLeftOut(leftOut)) complain(printable(line));
  if (images.length === 0) return;

  const { createProgress, openClassifier, predictEach, writeGallery } = await import('../runs/index.ts');
  const progress = createProgress();
  const classifier = await openClassifier<TaskName>(name, {
    task: 'auto',
    weights,
    labels,
    imageSize,
    inputRange,
    progress,
  });
  const { task = DEFAULT_TASK, classes } = classifier;
  const one = task === DEFAULT_TASK ? (json ? 5 : 1) : undefined;
  const { top = one, threshold } = flags;
  const names = new Map(images.map((image) => [image.path, image.path === stdin.image ? '-' : image.name]));
  const nameOf = (file: string) => names.get(file) ?? file;
  const columns = { task, top, threshold, names: [...names.values()], classes };
  const output = json ? jsonOutput() : csv ? csvOutput(columns) : lineOutput(columns);

  const files = images.map(({ path }) => path);
  // On a terminal the lines themselves are the progress.
  const bar = process.stdout.isTTY ? null : progress;
  const printed = printing(
    predictEach(classifier, files, { topK: top, threshold, batchSize, flip, progress: bar }),
    (found) => {
      if (isBad(found)) tell({ ...found, path: found.path === stdin.image ? '-' : found.path });
      else output.add(found.file === stdin.image ? { ...found, file: '-' } : found, nameOf(found.file));
    },
  );
  if (gallery === undefined) for await (const _ of printed);
  else await writeGallery(gallery, printed, { model: name, task, count: files.length, nameOf });
  output.end();
  if (gallery !== undefined) complain(`The gallery is in ${gallery}.`);
}

/** Passes on what it has shown. */
async function* printing<T>(items: AsyncIterable<T>, show: (item: T) => void): AsyncGenerator<T, void, undefined> {
  for await (const item of items) {
    show(item);
    yield item;
  }
}

const isBad = (found: ImagePrediction<TaskName> | BadImage): found is BadImage => 'reason' in found;

/** Names what was not classified; the rest goes on. */
function tell({ path, reason }: BadImage): void {
  complain(oneLine(`DataError: ${path}: ${reason}`));
  process.exitCode = 1;
}
