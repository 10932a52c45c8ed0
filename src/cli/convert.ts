/** `regraft convert`: weight files and models from one format to another. */
import { Command, Option } from 'commander';
import type { FloatDType } from '../io/index.ts';
import { wholeNumber } from './arguments.ts';
import { print, printJson } from './output.ts';

interface Flags {
  readonly model?: string;
  readonly classes?: number;
  readonly strideIn1x1?: true;
  readonly foldBatchNorm?: true;
  readonly dtype?: FloatDType;
  readonly key?: string;
  readonly stripPrefix?: string;
  readonly json?: true;
}

export function convertCommand(): Command {
  return new Command('convert')
    .summary('convert a weight file or a model to another format')
    .description(
      'Converts a file. The input’s format is told from its content, the output’s from its extension:\n' +
        '  .safetensors .pth .npz  the tensors of any file (a Keras model’s as OIHW)\n' +
        '  .onnx                   the graph of the network that the tensors are of,\n' +
        '                          with its classes: regraft predict takes it as it is\n' +
        '  .h5 .keras .json        a Keras model (.json: TF.js Layers)\n' +
        'Prints every tensor with its name, shape, type and what became of its axes. ' +
        'A network is run before and after (an ONNX output by its own graph); if the outputs differ, nothing is written, and an older file stays. ' +
        'With --model, what does not fit that network is refused.',
    )
    .argument('<in>', 'weight file or URL, or folder of a fine-tuned model or of shards')
    .argument('<out>', 'file to write')
    .option('--model <name>', 'which network the weights are of: resnet50, …, or keras.ResNet50')
    .option('--classes <n>', 'with --model: how many classes it has (default: as the weights)', wholeNumber(1))
    .option('--stride-in-1x1', 'with --model resnet50, 101 or 152: as Keras has it, to take Keras’s weights')
    .option('--fold-batch-norm', 'to .onnx: make batch norms part of the convolutions before them')
    .addOption(
      new Option('--dtype <type>', 'write floating-point tensors as this').choices(['float32', 'float16', 'bfloat16']),
    )
    .option(
      '--key <name>',
      'which dictionary of a checkpoint holds the weights (default: with --model, the one that fits)',
    )
    .option(
      '--strip-prefix <text>',
      'what to take off the names: backbone. (default: with --model, what lets the most of them fit)',
    )
    .option('--json', 'print the report as JSON')
    .addHelpText(
      'after',
      `
Examples:
  regraft convert runs/photos photos.onnx
  regraft convert resnet50.pth resnet50.onnx --fold-batch-norm
  regraft convert mobilenet.keras web/model.json
  regraft convert keras-resnet50.h5 resnet50-v1.safetensors --model resnet50 --stride-in-1x1
  regraft convert checkpoint.pt half.safetensors --dtype float16 --key model_ema`,
    )
    .action(run);
}

async function run(
  named: string,
  output: string,
  { classes: numClasses, strideIn1x1, json, ...flags }: Flags,
): Promise<void> {
  const { convert, formatReport } = await import('../convert/index.ts');
  const { weightFileOf } = await import('../runs/index.ts');
  const input = weightFileOf(named);
  const report = await convert(input, output, {
    ...flags,
    ...(numClasses !== undefined && { numClasses }),
    ...(strideIn1x1 && { modelOptions: { strideIn1x1 } }),
  });
  if (json) printJson(report);
  else print(formatReport(report));
}
