/** `regraft convert`: weight files from one format to another. */
import { Command, Option } from 'commander';
import type { Shape } from '../core/shape.ts';
import type { ConvertOptions, FloatDType } from '../io/index.ts';
import { wholeNumber } from './arguments.ts';
import { print, printJson } from './output.ts';

interface Flags {
  readonly model?: string;
  readonly classes?: number;
  readonly dtype?: FloatDType;
  readonly key?: string;
  readonly json?: true;
}

export function convertCommand(): Command {
  return new Command('convert')
    .summary('convert a weight file to another format')
    .description(
      'Converts a weight file. The input’s format is told from its content, the output’s from its extension.\n' +
        'Prints every tensor with its name, shape and type. With --model, what does not fit that network is refused.',
    )
    .argument('<in>', 'weight file or URL')
    .argument('<out>', 'file to write')
    .option('--model <name>', 'check names and shapes against this network')
    .option('--classes <n>', 'with --model: how many classes it has (default: as published)', wholeNumber(1))
    .addOption(
      new Option('--dtype <type>', 'write floating-point tensors as this').choices(['float32', 'float16', 'bfloat16']),
    )
    .option('--key <name>', 'which dictionary of a checkpoint holds the weights')
    .option('--json', 'print the report as JSON')
    .addHelpText(
      'after',
      `
Examples:
  regraft convert resnet50.pth resnet50.safetensors --model resnet50
  regraft convert checkpoint.pt half.safetensors --dtype float16 --key model_ema`,
    )
    .action(run);
}

async function run(input: string, output: string, { model, classes, dtype, key, json }: Flags): Promise<void> {
  const { convert, formatReport } = await import('../io/index.ts');
  const options: ConvertOptions = { ...(dtype && { dtype }), ...(key !== undefined && { key }) };
  if (model !== undefined) Object.assign(options, { model, expected: await shapesOf(model, classes) });
  const report = await convert(input, output, options);
  if (json) printJson(report);
  else print(formatReport(report));
}

/** Names and shapes of everything that a model's weight file holds. */
async function shapesOf(name: string, numClasses: number | undefined): Promise<Map<string, Shape>> {
  const { modelEntry } = await import('../models/index.ts');
  const model = await modelEntry(name).create(numClasses === undefined ? {} : { numClasses });
  return new Map([...model.namedParameters(), ...model.namedBuffers()].map(([path, { shape }]) => [path, shape]));
}
