/** `regraft finetune`: a folder of photos in; a model, its metrics and a report out. */
import { existsSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { Command } from 'commander';
import { shellWord } from '../core/shell.ts';
import { indexOfFolder } from '../device/file-source-node.ts';
import type { FinetuneOptions } from '../runs/index.ts';
import { optionRows } from '../runs/options.ts';
import type { TaskName } from '../tasks/kinds.ts';
import { optionFlag, optionsOf } from './arguments.ts';
import { closingText } from './closing-text.ts';
import { complain, print, printJson } from './output.ts';
import { onSignal } from './signals.ts';

type Flags = Omit<FinetuneOptions<TaskName>, 'photos' | 'progress' | 'signal'> & { readonly json?: true };

export function finetuneCommand(): Command {
  const command = new Command('finetune')
    .summary('fine-tune a pretrained network on a folder of photos')
    .description(
      'Fine-tunes a pretrained network on labelled photos: a folder with one sub-folder a class, or with train/ and val/ of that kind; or one with a ' +
        'table (CSV, JSON Lines) of a class, several labels or numbers a photo; or a .zip of either.\n' +
        'First a new head is trained on the frozen network; with --freeze-until the stages from there on follow, at a lower rate.',
    )
    .argument('<photos>', 'folder with one sub-folder a class or with a table of labels, or a .zip')
    .option('--out <folder>', 'where the model, metrics.json and report.html go (default: runs/MODEL-PHOTOS)')
    .option('--resume', 'go on from the checkpoint in the --out folder; with --epochs also after the end')
    .option('--finish', 'save the best so far of the interrupted run in the --out folder');
  for (const [name] of optionRows()) command.addOption(optionFlag(name));
  return command
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
  regraft finetune more-photos --weights runs/photos --out runs/more-photos
  regraft finetune trees --label-columns height,age`,
    )
    .action(run);
}

async function run(photos: string, flags: Flags, command: Command): Promise<void> {
  const { json, ...options } = optionsOf(flags);
  const { weights } = options;
  const goesOn = options.resume ? '--resume' : options.finish ? '--finish' : null;
  const isFolder = typeof weights === 'string' && existsSync(weights) && statSync(weights).isDirectory();
  const tuned = isFolder && indexOfFolder(weights) === undefined;
  if (goesOn && options.out === undefined)
    command.error(`error: option '${goesOn}' needs '--out <folder>', the folder of the interrupted run`);
  const { chooseModel, createProgress, finetune, MODEL_FILES: names, storedMetrics } = await import('../runs/index.ts');
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
    const result = await finetune<TaskName>({
      ...options,
      task: options.task ?? 'auto',
      ...(model !== undefined && { model }),
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
function howToGoOn(photos: string, out: string, weights: string | null | undefined): string {
  const source = weights?.includes('://') ? ` --weights ${shellWord(weights)}` : '';
  const command = `npx regraft finetune ${shellWord(photos)} --out ${shellWord(out)}${source}`;
  return `Go on with: ${command} --resume\nOr save the best so far with: ${command} --finish`;
}
