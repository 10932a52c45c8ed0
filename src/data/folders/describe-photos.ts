/** An account of photos as lines of text. */
import { columns } from '../../device/columns.ts';
import { count, someOf } from '../some-of.ts';
import type { LeftOut } from './left-out.ts';
import type { PhotoAccount } from './photo-account.ts';

/** More classes than these are summed up. */
const LISTED = 20;

/** The lines to print before training: classes with their counts, what is held out, what was left out and why, equal photos. */
export function describePhotos(account: PhotoAccount): string[] {
  const { classes, validationFrom, leftOut, notes, equal } = account;
  const untested = validationFrom.kind === 'none' ? [] : classes.filter((c) => c.validation === 0).map((c) => c.name);
  return [
    ...(classes.length > LISTED ? summary(account) : table(account)),
    sourceOf(account),
    ...(untested.length > 0 ? [`No photos to validate: ${someOf(untested, '')}.`] : []),
    ...describeLeftOut(leftOut),
    ...block('Equal photos:', [
      ...grouped('in two or more classes: one label is wrong', equal.acrossClasses),
      ...grouped('in training and validation, which flatters the accuracy', equal.acrossParts),
      ...grouped('twice or more in one class', equal.withinClass),
    ]),
    ...notes,
  ];
}

/** What was left out: a reason a line. */
export function describeLeftOut(leftOut: readonly LeftOut[]): string[] {
  return block('Left out:', leftOut);
}

const number = (n: number) => n.toLocaleString('en');
const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);

function totals({ classes }: PhotoAccount): [train: number, validation: number] {
  return [sum(classes.map((c) => c.train)), sum(classes.map((c) => c.validation))];
}

function table(account: PhotoAccount): string[] {
  const rows = [
    ['', 'training', 'validation'],
    ...account.classes.map((c) => [c.name, number(c.train), number(c.validation)]),
    [count(account.classes.length, 'class'), ...totals(account).map(number)],
  ];
  return columns(rows, [1, 2]);
}

function summary(account: PhotoAccount): string[] {
  const [train, validation] = totals(account);
  const sorted = [...account.classes].sort((a, b) => a.train - b.train);
  const [least, median, most] = [sorted[0]!, sorted[sorted.length >> 1]!, sorted.at(-1)!];
  return [
    `${count(sorted.length, 'class')}: ${count(train, 'photo')} to train on, ${number(validation)} to validate.`,
    least.train === most.train
      ? `To train on, every class has ${number(least.train)}.`
      : `To train on, a class has ${number(least.train)} (${least.name}) to ${number(most.train)} (${most.name}), the median ${number(median.train)}.`,
  ];
}

function sourceOf(account: PhotoAccount): string {
  const { validationFrom: from } = account;
  if (from.kind === 'folder') return `Validation: the photos in ${from.folder}.`;
  if (from.kind === 'table') return `Validation: the photos of ${from.table}.`;
  if (from.kind === 'column') return `Validation: the photos that the column '${from.column}' puts there.`;
  if (from.kind === 'none') return 'Validation: none.';
  const [train, validation] = totals(account);
  return `Validation: ${number(validation)} of ${count(train + validation, 'photo')}, held out class by class (seed ${from.seed}).`;
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
