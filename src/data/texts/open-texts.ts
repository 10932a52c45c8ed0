/** Labelled texts, in tables or in folders of text files, to a training, a validation and a test part. */
import type { DataFiles } from '../folders/data-files.ts';
import type { LeftOut } from '../folders/left-out.ts';
import type { ValidationSource } from '../folders/open-folders.ts';
import { othersOf } from '../folders/photo-tree.ts';
import type { Label } from '../labels.ts';
import { classesOf } from '../labels.ts';
import { samplePartsOf } from '../sample-parts.ts';
import { count, someOf } from '../some-of.ts';
import { HELD_OUT_WAYS, type TableKind } from '../tables/labelling.ts';
import { TextDataset, type TextSample } from './text-dataset.ts';
import { readTextFolders } from './text-folders.ts';
import { checkTextOptions, type OpenTextsOptions } from './text-options.ts';
import { isTextTable, readTextTables } from './text-tables.ts';

/** Texts of one kind. */
export interface TextsOf<K extends TableKind, L extends Label> {
  readonly kind: K;
  /** Of the classes, labels or numbers, in the order of a model's outputs. */
  readonly names: readonly string[];
  readonly train: TextDataset<L>;
  /** The validation part, else the test part, else what is held out; empty where `validation` is 0 and there is neither. */
  readonly validation: TextDataset<L>;
  /** The test part, where there is one beside a validation part. */
  readonly test: TextDataset<L>;
  readonly validationFrom: ValidationSource;
  /** Rows (as `train.csv:17`) and files that are not used, by reason. */
  readonly leftOut: readonly LeftOut[];
  /** What was decided and may be meant otherwise, a sentence each. */
  readonly notes: readonly string[];
  /** The columns of the texts and of the labels; null where the classes are folders. */
  readonly columns: { readonly text: readonly string[]; readonly labels: readonly string[] } | null;
  /** One line that says what was taken, and for what. */
  readonly how: string;
}

/** What {@link openTexts} opened. */
export type Texts = TextsOf<'classes', number> | TextsOf<'labels', Float32Array> | TextsOf<'values', Float32Array>;

/**
 * As `openTexts`, of files in a folder, in an archive or dropped on a page.
 * @throws DataError where it cannot be told what is a text or a label, and where more rows are not usable than `maxLeftOut`.
 */
export async function openTextFiles(files: DataFiles, options: OpenTextsOptions = {}): Promise<Texts> {
  checkTextOptions('openTexts', options);
  const { validation: share = 0.2, seed = 0 } = options;
  const hasTables = options.table !== undefined || othersOf(files.tree).some(isTextTable);
  const found = hasTables ? await readTextTables(files, options) : await readTextFolders(files);
  const { kind, names, parts, columns } = found;
  const classes = kind === 'values' ? [] : names;
  const held = { share, seed };
  const split = samplePartsOf(files.root, parts, held, classes.length, ({ label }) =>
    kind === 'values' ? [] : classesOf(label, classes.length),
  );
  const { train, validation, validationFrom: from } = split;
  const open = (samples: readonly TextSample[]) => new TextDataset(files.root, classes, samples);
  const outside = split.outside.length > 0 ? [{ reason: 'in no split', paths: split.outside.map((s) => s.path) }] : [];
  const heldOut = { 'held out': `held out, ${HELD_OUT_WAYS[kind]} (seed ${seed})`, none: 'held out' } as const;
  const told = from.kind === 'held out' || from.kind === 'none' ? heldOut[from.kind] : `to validate`;
  return {
    ...{ kind, names, columns },
    train: open(train),
    validation: open(validation),
    test: open(split.test),
    validationFrom: from,
    leftOut: [...found.leftOut, ...outside, ...files.unusable],
    notes: [...found.notes, ...seenBefore(train, validation)],
    how: `${found.how}; ${count(train.length, 'text')} to train on, ${validation.length.toLocaleString('en').replace(/^0$/, 'none')} ${told}`,
  } as Texts;
}

/** Says so where texts of the validation part are in training too. */
function seenBefore(train: readonly TextSample[], validation: readonly TextSample[]): string[] {
  const key = ({ text, pair }: TextSample) => (pair === undefined ? text : `${text}\0${pair}`);
  const known = new Set(train.map(key));
  const seen = validation.filter((sample) => known.has(key(sample)));
  if (seen.length === 0) return [];
  return [
    `${count(seen.length, 'text')} of the ${validation.length.toLocaleString('en')} to validate ${seen.length === 1 ? 'is' : 'are'} in training too, word for word (${someOf(
      seen.slice(0, 3).map(({ path }) => path),
      '',
    )}).`,
  ];
}
