/** `regraft bench`: times the kernels and ResNet-50 on this machine's adapter. */
import { Command } from 'commander';
import { wholeNumber } from './arguments.ts';
import { print } from './output.ts';

interface Flags {
  readonly only?: readonly string[];
  readonly samples: number;
  readonly tune?: true;
  readonly list?: true;
  readonly json?: true;
}

export function benchCommand(): Command {
  return new Command('bench')
    .summary('time the kernels, ResNet-50 and loading')
    .description(
      'Times products, convolutions, their gradients, batch norm, pooling and ResNet-50: forward, fine-tuning, training; ' +
        'then loading photos alone, beside a training step, and both together. ' +
        'Medians after a warm-up; the first run, which compiles, stands apart. Other work on the machine disturbs it.',
    )
    .option('--only <text>', 'workloads whose name contains this; may be repeated', (text, all: string[] = []) => [
      ...all,
      text,
    ])
    .option('--samples <n>', 'samples a workload at most', wholeNumber(1), 7)
    .option('--tune', 'first find the fastest tile for each product; later runs on this adapter use it')
    .option('--list', 'print the names only')
    .option('--json', 'print a JSON line a workload')
    .addHelpText(
      'after',
      `
Columns:
  median, min, n   milliseconds of a step, over n of them
  first            the first step, which plans and compiles
  JS, CPU          until a repeated step is submitted; of this process on all cores
  peak, bound      memory of the step's buffers; of the tensors that are alive at once
  other CPU        cores that other programs took meanwhile
  class            with --tune: m9n8k7 is a product of some 2^9 x 2^7 and 2^7 x 2^8 numbers

Examples:
  regraft bench --only matmul --only "resnet50_fwd_224 b1"
  regraft bench --tune --only resnet50_finetune_224
  regraft bench --json --adapter swiftshader`,
    )
    .action(run);
}

async function run({ only = [], list, ...options }: Flags, command: Command): Promise<void> {
  const { allWorkloads, runBench, selectWorkloads } = await import('../../bench/run.ts');
  const chosen = selectWorkloads(allWorkloads(), only);
  if (chosen.length === 0)
    command.error(`regraft: no workload's name contains ${only.join(' or ')}. \`regraft bench --list\` shows them.`);
  if (list) print(chosen.map(({ name }) => name).join('\n'));
  else if ((await runBench(chosen, options)).length > 0) process.exitCode = 1;
}
