/** An account of photos as lines of text. */
import { columns } from '../../device/columns.ts';
import { count, someOf } from '../some-of.ts';
import { HELD_OUT_WAYS, type TableKind } from '../tables/labelling.ts';
import type { LeftOut } from './left-out.ts';
import type { PhotoAccount } from './photo-account.ts';

/** More classes than these are summed up. */
const LISTED = 20;

/** The lines to print before training: classes with their counts, what is held out, what was left out and why, equal photos. */
export function describePhotos(account: PhotoAccount): string[] {
  const { classes, validationFrom, leftOut, notes, equal } = account;
  const words = WORDS[account.kind];
  const untested = validationFrom.kind === 'none' ? [] : classes.filter((c) => c.validation === 0).map((c) => c.name);
  return [
    ...(classes.length === 0 ? [totalOf(account)] : classes.length > LISTED ? summary(account) : table(account)),
    sourceOf(account),
    ...(untested.length > 0 ? [`No photos to validate: ${someOf(untested, '')}.`] : []),
    ...describeLeftOut(leftOut),
    ...block('Equal photos:', [
      ...grouped(words.differing, equal.acrossClasses),
      ...grouped('in training and validation, which flatters the accuracy', equal.acrossParts),
      ...grouped(words.same, equal.withinClass),
    ]),
    ...notes,
  ];
}

/** What was left out: a reason a line. */
export function describeLeftOut(leftOut: readonly LeftOut[]): string[] {
  return block('Left out:', leftOut);
}

const number = (n: number) => n.toLocaleString('en');
/** How the kinds of labels are spoken of. */
const WORDS: Readonly<Record<TableKind, { one: string; differing: string; same: string }>> = {
  classes: {
    one: 'class',
    differing: 'in two or more classes: one label is wrong',
    same: 'twice or more in one class',
  },
  labels: {
    one: 'label',
    differing: 'with different labels: some are wrong',
    same: 'twice or more with the same labels',
  },
  values: {
    one: 'value',
    differing: 'with different values: one is wrong',
    same: 'twice or more with the same values',
  },
};

const totalOf = ({ train, validation }: PhotoAccount): string =>
  `${count(train, 'photo')} to train on, ${number(validation)} to validate.`;

function table(account: PhotoAccount): string[] {
  const rows = [
    ['', 'training', 'validation'],
    ...account.classes.map((c) => [c.name, number(c.train), number(c.validation)]),
    [lastRow(account), number(account.train), number(account.validation)],
  ];
  return columns(rows, [1, 2]);
}

/** Photos have one class each, but any number of labels: those do not add up. */
const lastRow = ({ kind, classes }: PhotoAccount): string =>
  kind === 'classes' ? count(classes.length, 'class') : 'photos';

function summary(account: PhotoAccount): string[] {
  const { one } = WORDS[account.kind];
  const sorted = [...account.classes].sort((a, b) => a.train - b.train);
  const [least, median, most] = [sorted[0]!, sorted[sorted.length >> 1]!, sorted.at(-1)!];
  return [
    `${count(sorted.length, one)}: ${totalOf(account)}`,
    least.train === most.train
      ? `To train on, every ${one} has ${number(least.train)}.`
      : `To train on, a ${one} has ${number(least.train)} (${least.name}) to ${number(most.train)} (${most.name}), the median ${number(median.train)}.`,
  ];
}

function sourceOf(account: PhotoAccount): string {
  const { validationFrom: from } = account;
  if (from.kind === 'folder') return `Validation: the photos in ${from.folder}.`;
  if (from.kind === 'table') return `Validation: the photos of ${from.table}.`;
  if (from.kind === 'column') return `Validation: the photos that the column '${from.column}' puts there.`;
  if (from.kind === 'none') return 'Validation: none.';
  const { kind, train, validation } = account;
  return `Validation: ${number(validation)} of ${count(train + validation, 'photo')}, held out ${HELD_OUT_WAYS[kind]} (seed ${from.seed}).`;
}

function grouped(reason: string, groups: readonly (readonly string[])[]): LeftOut[] {
  return groups.length > 0 ? [{ reason, paths: groups.map((group) => group.slice(0, 2).join(' = ')) }] : [];
}

/** A reason a line, with how often and the first example; nothing where there is none. */
function block(title: string, groups: readonly LeftOut[]): string[] {
  const lines = columns(
    groups.map(({ reason, paths }) => [
      `  ${number(paths.length)}`,
      `${reason} (${paths[0]}${paths.length > 1 ? ' …' : ''})`,
    ]),
    [0],
  );
  return lines.length > 0 ? [title, ...lines] : [];
}
