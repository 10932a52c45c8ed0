/**
 * Damages weight files and reads them: `npm run fuzz -- [--format pth-zip] [--cases 20000] [--seed 1] [--first 0] [--published]`.
 * `--published`: every other case damages published weights below REGRAFT_DATA. Prints a row a format, then each find with what
 * makes it again and where its files are; exits with 1 if there is one. A process that takes more memory than run.ts allows is one.
 */
import { parseArgs } from 'node:util';
import { FUZZ_FORMATS } from './fuzz/formats.ts';
import { type FuzzReport, fuzz } from './fuzz/run.ts';

const { values } = parseArgs({
  options: {
    format: { type: 'string' },
    cases: { type: 'string', default: '20000' },
    seed: { type: 'string', default: '1' },
    first: { type: 'string', default: '0' },
    published: { type: 'boolean', default: false },
  },
});
const names = FUZZ_FORMATS.map(({ name }) => name);
if (values.format !== undefined && !names.includes(values.format)) {
  console.error(`fuzz: there is no format '${values.format}'. Choose one of ${names.join(', ')}.`);
  process.exit(2);
}

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

console.log(line(columns));
for (const format of names.filter((name) => name === (values.format ?? name))) {
  const [seed, first] = [Number(values.seed), Number(values.first)];
  const report = await fuzz({ format, cases: Number(values.cases), seed, first, published: values.published });
  console.log(row(report));
  for (const { kind, index, text, saved } of report.finds) {
    console.log(
      `  ${kind}: --format ${format} --seed ${seed} --first ${index} --cases 1; files in ${saved}\n    ${text}`,
    );
    process.exitCode = 1;
  }
}
