/** What a user says of labelled texts. */
import { ArgumentError } from '../../core/errors.ts';
import { checkList, checkOneOf, checkOptions, type OptionNames, shown } from '../../core/options.ts';
import type { TableKind } from '../tables/labelling.ts';

/** Options of {@link openTexts}. */
export interface OpenTextsOptions {
  /** The table's path from the folder. Default: those of the folder, by their names. */
  table?: string;
  /** The column of the texts, or two whose texts belong together. Default: by names (text, sentence, review …; sentence1 and sentence2) and cells. */
  text?: string | readonly [first: string, second: string];
  /** The columns to learn. Default: the one called so (label, class, sentiment …), the only one, or all of 0 and 1. */
  labels?: readonly string[];
  /** What they say. Default: by their cells, and told. */
  kind?: TableKind;
  /** What stands between several labels in a cell. Default: by the cells. */
  separator?: string;
  /** Share of the rows that may be unusable (no text, no label); past it there is an error. Default 0.1. */
  maxLeftOut?: number;
  /** The part held out where neither a file nor a column tells it; 0: none. Default 0.2. */
  validation?: number;
  /** Of that choice. Default 0. */
  seed?: number;
}

const OPTIONS: OptionNames<OpenTextsOptions> = {
  table: true,
  text: true,
  labels: true,
  kind: true,
  separator: true,
  maxLeftOut: true,
  validation: true,
  seed: true,
};

/** @throws ArgumentError for options that do not exist, or are of another kind. */
export function checkTextOptions(op: string, options: OpenTextsOptions): void {
  checkOptions(op, options, OPTIONS);
  const { text, labels, kind, maxLeftOut = 0.1 } = options;
  if (text !== undefined && typeof text !== 'string' && !(Array.isArray(text) && text.length === 2))
    throw new ArgumentError(
      `${op}: expected text as a column or two, got ${shown(text)}. Write { text: 'review' }, or { text: ['premise', 'hypothesis'] }.`,
    );
  if (labels) checkList(op, 'labels', labels);
  if (labels?.length === 0)
    throw new ArgumentError(`${op}: expected labels as one column or more, got none. Write { labels: ['…'] }.`);
  if (kind !== undefined) checkOneOf(op, 'kind', kind, ['classes', 'labels', 'values']);
  if (!(maxLeftOut >= 0 && maxLeftOut <= 1))
    throw new ArgumentError(
      `${op}: expected maxLeftOut as a share from 0 to 1, got ${shown(maxLeftOut)}. 0.1 lets a tenth of the rows go.`,
    );
}
