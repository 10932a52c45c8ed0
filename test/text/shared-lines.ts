/** Some 4,000 lines of the shared texts: `scripts/record-text-fixtures.py` chooses the same. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

/** `count` lines, evenly, of those that are not empty. */
function even(lines: readonly string[], count: number): string[] {
  const filled = lines.filter((line) => line !== '');
  const most = Math.min(count, filled.length);
  return Array.from({ length: most }, (_, i) => filled[Math.floor((i * filled.length) / most)]!);
}

interface Squad {
  readonly data: readonly {
    readonly paragraphs: readonly {
      readonly context: string;
      readonly qas: readonly { readonly question: string }[];
    }[];
  }[];
}

/** @param data the folder of shared data */
export function sharedLines(data: string): string[] {
  const bytes = (name: string) => readFileSync(join(data, 'text_data', name));
  const read = (name: string) => bytes(name).toString('utf8').replaceAll('\r\n', '\n').replaceAll('\r', '\n');
  const unzip = (name: string) => gunzipSync(bytes(name)).toString('utf8');
  const { data: articles } = JSON.parse(read('xquad/xquad.en.json')) as Squad;
  const paragraphs = articles.flatMap((article) => article.paragraphs);
  const words = (sentence: string) =>
    sentence
      .split('\n')
      .filter((row) => row !== '')
      .map((row) => row.split('\t')[0]!)
      .join(' ');
  return [
    ...even(
      read('sst2/train.tsv')
        .split('\n')
        .map((line) => line.split('\t')[0]!),
      700,
    ),
    ...even(
      read('sms-spam/SMSSpamCollection')
        .split('\n')
        .map((line) => line.split('\t').at(-1)!),
      700,
    ),
    ...even(unzip('multi30k/train.de.gz').split('\n'), 400),
    ...even(unzip('multi30k/train.en.gz').split('\n'), 400),
    ...even(read('wnut17/wnut17train.conll').split('\n\n').map(words), 700),
    ...paragraphs.map(({ context }) => context),
    ...even(
      paragraphs.flatMap(({ qas }) => qas.map(({ question }) => question)),
      300,
    ),
    ...even(read('tinyshakespeare/input.txt').split('\n'), 300),
    ...even(read('smiles/2019PubChemQC_can_nocharge.smi').split('\n'), 200),
  ];
}
