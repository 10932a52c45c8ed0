/** `regraft finetune`: a folder of photos in; a model, its metrics and a report out. */
import { existsSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { Command, Option } from 'commander';
import type { FinetuneOptions } from '../train/index.ts';
import { shellWord } from '../train/shell.ts';
import { classWeights, inputRangeOption, notNegative, part, positive, seed, share, wholeNumber } from './arguments.ts';
import { closingText } from './closing-text.ts';
import { complain, print, printJson } from './output.ts';
import { onSignal } from './signals.ts';

type Flags = Omit<FinetuneOptions, 'photos' | 'weights' | 'progress' | 'signal'> & {
  readonly weights?: string;
  readonly json?: true;
};

export function finetuneCommand(): Command {
  return new Command('finetune')
    .summary('fine-tune a pretrained network on a folder of photos')
    .description(
      'Fine-tunes a pretrained network on a folder of photos: one sub-folder a class, or train/ and val/ of that kind.\n' +
        'First a new head is trained on the frozen network; with --freeze-until the stages from there on follow, at a lower rate.',
    )
    .argument('<photos>', 'folder with one sub-folder a class')
    .option(
      '--model <name>',
      'which network, or the file or folder of a Keras model or an earlier run (default: that of the weight file, or one that suits this machine)',
    )
    .option(
      '--weights <file>',
      'weight file, URL, published name, or the folder of an earlier run; "random" for none (default: the best published)',
    )
    .option('--key <name>', 'which dictionary of a checkpoint holds the weights (default: the one that fits)')
    .option(
      '--strip-prefix <text>',
      'what to take off their names: backbone. (default: what lets the most of them fit)',
    )
    .option('--out <folder>', 'where the model, metrics.json and report.html go (default: runs/MODEL-PHOTOS)')
    .option('--resume', 'go on from the checkpoint in the --out folder; with --epochs also after the end')
    .option('--finish', 'save the best so far of the interrupted run in the --out folder')
    .option('--freeze-until <module>', 'what to train, from this module on: layer4, none … (default: the head)')
    .option('--epochs <n>', 'passes over the images (default: 10)', wholeNumber(1))
    .option('--head-epochs <n>', 'of these, with the head alone (default: a third)', wholeNumber(0))
    .option('--batch-size <n>', 'images a step (default: 32)', wholeNumber(1))
    .addOption(new Option('--optimizer <name>', '(default: adamw)').choices(['adamw', 'adam', 'sgd']))
    .option('--lr <rate>', 'learning rate of the head (default: 0.002; SGD: 0.01)', positive)
    .option('--unfrozen-lr <rate>', 'learning rate after unfreezing (default: a tenth of --lr)', positive)
    .option('--weight-decay <x>', '(default: 0.01; SGD: 0.0001; Adam: 0)', notNegative)
    .option('--momentum <x>', 'of SGD (default: 0.9)', share)
    .option('--label-smoothing <x>', '(default: 0)', share)
    .option(
      '--class-weights <list>',
      '"balanced": what is rare counts more; or a number a class, by their names: 1,1,4 (default: every photo alike)',
      classWeights,
    )
    .option(
      '--augment <views>',
      'random crops and flips of each image; each costs a pass of the frozen part',
      wholeNumber(0),
    )
    .option('--accumulate <n>', 'batches to an update (default: 1)', wholeNumber(1))
    .addOption(
      new Option('--precision <name>', 'float16: in mixed precision, where the adapter can (default: float32)').choices(
        ['float32', 'float16'],
      ),
    )
    .option('--clip-grad-norm <x>', 'largest norm of the gradients', positive)
    .option(
      '--patience <n>',
      'stop after so many epochs without a better validation loss; 0: never (default: 10)',
      wholeNumber(0),
    )
    .option(
      '--validation <share>',
      'share of the images held out where there is no val folder; 0: none (default: 0.2)',
      part,
    )
    .option('--image-size <pixels>', 'side of the images (default: that of the weights)', wholeNumber(1))
    .addOption(
      new Option(
        '--orientation <how>',
        'ignore: photos as they are stored (default: turned as their EXIF tag says)',
      ).choices(['exif', 'ignore']),
    )
    .addOption(inputRangeOption())
    .option('--seed <n>', 'of order, augmentation and new weights (default: 0)', seed)
    .option('--no-cache', 'compute the frozen part in every epoch; the result is the same')
    .option('--compare-from-scratch', 'then train from random weights for as many epochs, to compare')
    .option('--json', 'print the metrics as JSON')
    .addHelpText(
      'after',
      `
Examples:
  regraft finetune photos
  regraft finetune photos --model resnet50 --weights resnet50.pth --freeze-until layer4 --epochs 12 --out runs/photos
  regraft finetune photos --out runs/photos --resume
  regraft finetune photos --out runs/photos --resume --epochs 30
  regraft finetune more-photos --weights runs/photos --out runs/more-photos`,
    )
    .action(run);
}

async function run(photos: string, flags: Flags, command: Command): Promise<void> {
  const { json, weights, ...options } = flags;
  const goesOn = options.resume ? '--resume' : options.finish ? '--finish' : null;
  const tuned = weights !== undefined && existsSync(weights) && statSync(weights).isDirectory();
  if (goesOn && options.out === undefined)
    command.error(`error: option '${goesOn}' needs '--out <folder>', the folder of the interrupted run`);
  const {
    chooseModel,
    createProgress,
    finetune,
    MODEL_FILES: names,
    storedMetrics,
  } = await import('../train/index.ts');
  const progress = createProgress();
  const model = options.model ?? (goesOn || tuned ? undefined : await chooseModel(weights, progress, options));
  const start = basename(resolve(model ?? weights ?? ''));
  const out = options.out ?? join('runs', `${start}-${basename(resolve(photos))}`);
  let saved = goesOn !== null;
  const stopped = onSignal((code) => {
    complain(`\nStopped. ${saved ? howToGoOn(photos, out, weights) : 'No epoch was finished, nothing was saved.'}`);
    process.exit(code);
  });
  try {
    const result = await finetune({
      ...options,
      ...(model !== undefined && { model }),
      ...(weights !== undefined && { weights: weights === 'random' ? null : weights }),
      photos,
      out,
      command: ['npx', 'regraft', ...process.argv.slice(2)].map(shellWord).join(' '),
      progress,
      onEpoch: () => {
        saved = true;
      },
    });
    if (json) printJson(storedMetrics(result));
    else print(closingText(result, out, names));
  } finally {
    stopped();
  }
}

/** Both ways on for a run that was stopped. What is not a file of this machine has to be named again. */
function howToGoOn(photos: string, out: string, weights: string | undefined): string {
  const source = weights?.includes('://') ? ` --weights ${shellWord(weights)}` : '';
  const command = `npx regraft finetune ${shellWord(photos)} --out ${shellWord(out)}${source}`;
  return `Go on with: ${command} --resume\nOr save the best so far with: ${command} --finish`;
}
