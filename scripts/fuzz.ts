/**
 * Damages weight files and reads them. Prints a row a format, then each find with what makes it again and where its files are; exits with 1
 * if there is one. A process that takes more memory than run.ts allows is one.
 */
import { Command, Option } from 'commander';
import { wholeNumber } from '../src/cli/arguments.ts';
import { FUZZ_FORMATS } from './fuzz/formats.ts';
import { type FuzzReport, fuzz } from './fuzz/run.ts';

interface Flags {
  readonly format?: string;
  readonly cases: number;
  readonly seed: number;
  readonly first: number;
  readonly published: boolean;
}

const names = FUZZ_FORMATS.map(({ name }) => name);

const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
const columns = [
  'format',
  'cases',
  'refused',
  'loaded',
  'worst time',
  'most in a case',
  'peak over start',
  'crashes',
  'hangs',
  'wrong',
  'memory',
];
const line = (cells: readonly string[]): string =>
  cells.map((cell, i) => (i ? cell.padStart(columns[i]!.length) : cell.padEnd(13))).join('  ');

function row({ format, cases, refused, loaded, worstMs, mostBytes, peakBytes, finds }: FuzzReport): string {
  const counts = (['crash', 'hang', 'wrong', 'memory'] as const).map(
    (kind) => finds.filter((find) => find.kind === kind).length,
  );
  return line(
    [format, cases, refused, loaded, `${worstMs.toFixed(0)} ms`, mib(mostBytes), mib(peakBytes), ...counts].map(String),
  );
}

async function run({ format: only, ...flags }: Flags): Promise<void> {
  console.log(line(columns));
  for (const format of names.filter((name) => name === (only ?? name))) {
    const report = await fuzz({ format, ...flags });
    console.log(row(report));
    for (const { kind, index, text, saved } of report.finds) {
      console.log(
        `  ${kind}: --format ${format} --seed ${flags.seed} --first ${index} --cases 1; files in ${saved}\n    ${text}`,
      );
      process.exitCode = 1;
    }
  }
}

await new Command('npm run fuzz --')
  .description('Damages weight files of every format and reads them.')
  .addOption(new Option('--format <name>', 'this one only').choices(names))
  .option('--cases <n>', 'files a format', wholeNumber(1), 20_000)
  .option('--seed <n>', 'of the damages', wholeNumber(0), 1)
  .option('--first <n>', 'the case to begin with', wholeNumber(0), 0)
  .option('--published', 'every other case damages published weights below REGRAFT_DATA', false)
  .action(run)
  .parseAsync();
