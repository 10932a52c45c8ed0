/** `regraft inspect`: what a weight file holds, without opening an adapter. */
import { Command } from 'commander';
import { formatBytes, formatCount, plural } from '../core/format.ts';
import { columns } from '../device/columns.ts';
import type { WeightFile } from '../io/index.ts';
import { print, printJson } from './output.ts';

export function inspectCommand(): Command {
  return new Command('inspect')
    .summary('list what a weight file holds')
    .description(
      'Lists the tensors of a weight file of any format with their shapes and types, what it says beside them, which network ' +
        'they are of, and what was left out. Nothing in the file is run, and no GPU is opened.',
    )
    .argument('<file>', 'weight file or URL, or folder of a fine-tuned model')
    .option('--key <name>', 'which dictionary of a checkpoint holds the weights')
    .option(
      '--json',
      'print { format, network, parameters, bytes, metadata, notes, tensors: [{ name, shape, dtype }] }',
    )
    .addHelpText(
      'after',
      `
Examples:
  regraft inspect checkpoint.pth
  regraft inspect runs/photos --json`,
    )
    .action(run);
}

async function run(named: string, { key, json }: { readonly key?: string; readonly json?: true }): Promise<void> {
  const { readWeightFile } = await import('../io/index.ts');
  const { guessNetwork } = await import('../models/index.ts');
  const { weightFileOf } = await import('../runs/index.ts');
  const file = await readWeightFile(weightFileOf(named), key === undefined ? {} : { key });
  const { state, metadata, format, notes } = file;
  const network = (await guessNetwork(file.state)) ?? null;
  const parameters = [...state.values()].reduce((sum, { data }) => sum + data.length, 0);
  const bytes = [...state.values()].reduce((sum, { data }) => sum + data.byteLength, 0);
  if (json) {
    const tensors = [...state].map(([name, { shape, dtype }]) => ({ name, shape, dtype }));
    printJson({ format, network, parameters, bytes, metadata, notes, tensors });
  } else print(report(file, network, parameters, bytes));
}

function networkOf(name: string | null, { model_config }: WeightFile['metadata']): string {
  if (name !== null) return `They are the weights of ${name}.`;
  if (model_config !== undefined) return 'The file has its own Keras model: regraft summary --keras prints the layers.';
  return 'They are of no network that regraft has by name.';
}

/** Texts beside the tensors are cut to this: a topology may have megabytes. */
const SHOWN = 100;

function report(
  { state, metadata, format, notes }: WeightFile,
  network: string | null,
  parameters: number,
  bytes: number,
) {
  const beside = Object.entries(metadata).map(([key, text]) => [
    `  ${key}`,
    text.length > SHOWN ? `${text.slice(0, SHOWN)}… (${plural(text.length, 'character')})` : text,
  ]);
  return [
    ...columns([...state].map(([name, { shape, dtype }]) => [name, `[${shape.join(', ')}]`, dtype])),
    ...(beside.length > 0 ? ['', 'Beside the tensors', ...columns(beside)] : []),
    '',
    ...notes,
    `${format}: ${plural(state.size, 'tensor')}, ${formatCount(parameters)} numbers, ${formatBytes(bytes)}.`,
    networkOf(network, metadata),
  ].join('\n');
}
