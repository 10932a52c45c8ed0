/** Parsers of option values. What they refuse is wrong usage. */
import { InvalidArgumentError, Option } from 'commander';
import { type Kind, whole } from '../core/check.ts';
import { type FinetuneSettings, flagName, OPTIONS, optionRows } from '../runs/options.ts';

/** The parser of a value of that kind. @param read the text as a value; by default as a number */
export function argument<T>(kind: Kind<T>, read: (text: string) => unknown = numberOf): (text: string) => T {
  return (text) => {
    const value = read(text);
    if (kind.is(value)) return value;
    const { words, example } = kind;
    const noun = /^\d/.test(words) ? 'a number, ' : /^(a |')/.test(words) ? '' : 'a number ';
    throw new InvalidArgumentError(`Expected ${noun}${words}${example ? `: ${example}` : ''}.`);
  };
}

/** A number; of a blank text none. */
const numberOf = (text: string): number => (text.trim() === '' ? Number.NaN : Number(text));

/** A whole number, `least` or more. */
export const wholeNumber = (least: number): ((text: string) => number) => argument(whole(least));

/** A port of this machine; 0 is any free one. */
export const portNumber: (text: string) => number = argument(whole(0, 'a whole number, 0 to 65535', 65_535));

/** The flag of an option of fine-tuning. */
export function optionFlag(name: keyof FinetuneSettings): Option {
  const { kind, default: otherwise, flag, help, read, found } = OPTIONS[name];
  const words = typeof otherwise === 'object' ? otherwise?.words : otherwise;
  const told = words === undefined ? [] : [`(default: ${words})`];
  const option = new Option(`${flagName(name)} ${flag}`, [help, ...told].join(' ').trimStart());
  if (kind.names) return option.choices(kind.names);
  const parse = argument(kind, read);
  return option.argParser((text) => (text === found ? text : parse(text)));
}

/** Parsed flags as options: null for what is written in its place, which commander would take for an empty text. */
export function optionsOf<F extends object>(flags: F): F {
  const isNone = (name: string, value: unknown) =>
    optionRows().some(([option, { none }]) => option === name && none !== undefined && none === value);
  return Object.fromEntries(
    Object.entries(flags).map(([name, value]) => [name, isNone(name, value) ? null : value]),
  ) as F;
}
