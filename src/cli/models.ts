/** `regraft models`: the networks there are, with what they weigh, score and cost. */
import { availableParallelism } from 'node:os';
import { Command } from 'commander';
import { formatCount, formatPercent } from '../core/format.ts';
import { columns } from '../device/columns.ts';
import { print, printJson } from './output.ts';

export function modelsCommand(): Command {
  return new Command('models')
    .summary('list the networks')
    .description(
      'Lists the networks that can be fine-tuned: parameters, size of the published weights, how many of ImageNet’s photos ' +
        'they get right, and about how many photos a second they take on this machine.',
    )
    .option('--json', 'print [{ name, parameters, megabytes, top1, photosPerSecond, weights, default }]')
    .addHelpText(
      'after',
      `
Examples:
  regraft models
  regraft models --json`,
    )
    .action(run);
}

/** A network as it is listed. */
interface Listed {
  readonly name: string;
  readonly parameters: number;
  /** Of the best published weights; null where there are none. */
  readonly megabytes: number | null;
  /** Share of ImageNet's validation photos; null where there are no published weights. */
  readonly top1: number | null;
  readonly photosPerSecond: number;
  /** Names of published weights. */
  readonly weights: readonly string[];
  /** Whether `finetune` takes it when none is named. */
  readonly default: boolean;
}

async function run({ json }: { readonly json?: true }): Promise<void> {
  const { listAdapters } = await import('#gpu');
  const adapters = await listAdapters();
  const chosen = adapters.find(({ status }) => status === 'chosen');
  const software = chosen?.software ?? true;
  const listed = await list(software);
  if (json) return printJson(listed);
  const rows = listed.map(({ name, parameters, megabytes, top1, photosPerSecond, default: taken }) => [
    name,
    formatCount(parameters, { compact: true }),
    megabytes === null ? '' : `${megabytes < 10 ? megabytes.toFixed(1) : Math.round(megabytes)} MB`,
    top1 === null ? '' : formatPercent(top1),
    photosPerSecond < 10 ? photosPerSecond.toFixed(1) : String(Math.round(photosPerSecond)),
    taken ? 'taken when none is named' : '',
  ]);
  print(columns([['network', 'parameters', 'weights', 'ImageNet', 'photos/s', ''], ...rows], [1, 2, 3, 4]).join('\n'));
  const on = software ? `${availableParallelism()} cores (no GPU was found)` : chosen!.name;
  print(
    `\nPhotos a second: a rough estimate from the arithmetic, for the first pass on ${on}.\n` +
      'Passes after it take a fraction, since what is frozen is kept. Without weights: name a file with --weights.',
  );
}

async function list(software: boolean): Promise<Listed[]> {
  const { networkEntries } = await import('../models/registry.ts');
  const { defaultModel, photosPerSecond } = await import('../runs/default-model.ts');
  const taken = defaultModel({ software });
  return (await networkEntries()).map((entry) => {
    const { name, parameters } = entry;
    const best = entry.weights?.DEFAULT;
    return {
      name,
      parameters,
      megabytes: best ? best.sizeMiB * 1.048576 : null,
      top1: best ? best.metrics.top1 / 100 : null,
      photosPerSecond: photosPerSecond(entry, { software }, availableParallelism()),
      weights: Object.keys(entry.weights ?? {}).filter((key) => key !== 'DEFAULT'),
      default: name === taken,
    };
  });
}
