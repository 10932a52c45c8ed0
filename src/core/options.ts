/** Options by name, and arguments by kind: a wrong one is an error, for callers whose compiler does not tell. */
import { ArgumentError } from './errors.ts';

/** The names of all options of an interface; the compiler sees to it that none is missing and none too many. */
export type OptionNames<T> = { readonly [K in keyof Required<T>]: unknown };

/** What other libraries call an option that has another name here. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  pretrained: 'weights',
  learningrate: 'lr',
  requiresgrad: 'requires_grad',
  trainable: 'requires_grad',
  numworkers: 'workers',
  size: 'crop',
};

/**
 * @param op what the options are for: a function or a class
 * @throws ArgumentError for options that are no object, or for one that does not exist, with the name that comes close.
 */
export function checkOptions<T extends object>(op: string, options: T, names: OptionNames<T>): void {
  if (options === null || typeof options !== 'object' || Array.isArray(options))
    throw new ArgumentError(
      `${op}: expected options as an object, got ${shown(options)}. Write { ${Object.keys(names)[0]}: … }.`,
    );
  const unknown = Object.keys(options).find((name) => !Object.hasOwn(names, name));
  if (unknown === undefined) return;
  const near = closest(unknown, Object.keys(names));
  const fix = near ? `Write ${near}.` : `There are ${Object.keys(names).join(', ')}.`;
  throw new ArgumentError(`${op}: expected options that exist, got '${unknown}'. ${fix}`);
}

/** `value`. @throws ArgumentError if it is no number. */
export function checkNumber(op: string, name: string, value: number): number {
  if (typeof value === 'number') return value;
  throw new ArgumentError(`${op}: expected ${name} as a number, got ${shown(value)}.`);
}

/** @throws ArgumentError if `value` is no array, as where its elements are given one by one. */
export function checkList(op: string, name: string, value: readonly unknown[]): void {
  if (Array.isArray(value)) return;
  const fix = typeof value === 'number' ? ` Write [${value}, …].` : '';
  throw new ArgumentError(`${op}: expected ${name} as an array, got ${shown(value)}.${fix}`);
}

/** @throws ArgumentError if `value` is no function. */
export function checkFunction(op: string, name: string, value: unknown, example: string): void {
  if (typeof value === 'function') return;
  throw new ArgumentError(`${op}: expected ${name} as a function, got ${shown(value)}. Write ${example}.`);
}

/**
 * @param kind what `type` is called: `a module`
 * @param fix ends the message
 * @throws ArgumentError if `value` is no `type`.
 */
export function checkInstance(
  op: string,
  name: string,
  value: unknown,
  type: abstract new (...args: never[]) => unknown,
  kind: string,
  fix: string,
): void {
  if (value instanceof type) return;
  throw new ArgumentError(`${op}: expected ${name} as ${kind}, got ${shown(value)}. ${fix}`);
}

/** @throws ArgumentError if `value` is neither a path nor a URL. */
export function checkPath(op: string, name: string, value: unknown, fix: string): void {
  if ((typeof value === 'string' && value !== '') || value instanceof URL) return;
  throw new ArgumentError(`${op}: expected ${name} as a path, got ${shown(value)}. ${fix}`);
}

/** @throws ArgumentError if `value` is no state dict. */
export function checkStateDict(op: string, value: unknown, fix: string): void {
  if (value instanceof Map) return;
  throw new ArgumentError(`${op}: expected a state dict, a Map, got ${shown(value)}. ${fix}`);
}

/** @throws ArgumentError if `value` is not one of `known`. */
export function checkOneOf(op: string, name: string, value: unknown, known: readonly string[]): void {
  if (known.includes(value as string)) return;
  throw new ArgumentError(`${op}: expected ${name} as one of ${known.join(', ')}, got ${shown(value)}.`);
}

/** The name that `unknown` most probably stands for. */
function closest(unknown: string, names: readonly string[]): string | undefined {
  const bare = (name: string) => name.replace(/_/g, '').toLowerCase();
  const elsewhere = ELSEWHERE[bare(unknown)];
  if (elsewhere && names.includes(elsewhere)) return elsewhere;
  const isPart = (short: string, long: string) => short.length > 2 && bare(long).includes(bare(short));
  const part = names.find((name) => isPart(unknown, name)) ?? names.find((name) => isPart(name, unknown));
  if (part) return part;
  const ranked = names
    .map((name) => ({ name, distance: editDistance(bare(unknown), bare(name)) }))
    .sort((a, b) => a.distance - b.distance);
  return ranked[0] && ranked[0].distance <= Math.max(1, unknown.length / 3) ? ranked[0].name : undefined;
}

/** A value as it is shown in an error. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`;
  if (Array.isArray(value)) return `[${value.slice(0, 8).map(shown).join(', ')}${value.length > 8 ? ', …' : ''}]`;
  if (value === null || typeof value !== 'object') return typeof value === 'function' ? 'a function' : String(value);
  return `an object of type ${value.constructor?.name ?? 'Object'}`;
}

/** Levenshtein's distance: insertions, deletions and replacements that lead from `a` to `b`. */
export function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    row = next;
  }
  return row[b.length]!;
}
