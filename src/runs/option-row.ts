/** The form of an option of a run: what one row of the table says. */
import { above, type Kind } from '../core/check.ts';
import type { ModelEntry } from '../models/define.ts';
import type { ClassWeights } from '../tasks/image-task.ts';
import type { TaskName } from '../tasks/kinds.ts';

/** Optimizers of {@link finetune} by name. */
export type OptimizerName = 'adamw' | 'adam' | 'sgd';

/** The settings that defaults of others depend on; a row sees those above it. */
export interface Before {
  readonly model: string;
  readonly weights: string | null;
  readonly freezeUntil: string;
  readonly epochs: number;
  readonly augment: number | null;
  readonly optimizer: OptimizerName;
  readonly lr: number;
  readonly labelSmoothing: number;
}

/** A default that is not one value, and how help tells it. */
export interface Default<T> {
  readonly words: string;
  of(before: Before, entry: ModelEntry): T;
}

/** What the report tells of a setting; undefined: nothing. */
export type Fact = string | number | boolean | null | undefined;

/** An option of a run whose settings are `T`. */
export interface OptionRow<T = string | number | null> {
  readonly kind: Kind<NonNullable<T>>;
  /** One value (null: none), or how it follows from the settings of the rows above. */
  readonly default: T | Default<T>;
  /** The flag's argument in help: `<n>`. */
  readonly flag: string;
  /** Help without the default, which is added. */
  readonly help: string;
  /** The argument as a value; by default a number, or one of the kind's names. */
  read?(text: string): unknown;
  /** A word in place of a value that the run is to find. */
  readonly found?: string;
  /** How null is written on the command line. */
  readonly none?: string;
  /** A further check against the settings of the rows above. */
  also?(before: Before, entry: ModelEntry): Kind;
  /** The tasks that it is an option of; by default of all. */
  readonly tasks?: readonly TaskName[];
  /** Of a run that goes on: `free` may be given anew, `derived` follows from what was; all others stay as they were. */
  readonly onResume?: 'free' | 'derived';
  /** Whether the report tells it as it is, tells what is not the default, or what it tells. */
  readonly fact?: 'always' | 'changed' | ((value: T, before: Before) => Fact);
}

/** A row, which passes for a setting: the type of all rows is that of the settings, each with its comment. */
export const option = <T>(row: OptionRow<T>): T => row as unknown as T;

/** Any text. */
export const TEXT: Kind<string> = {
  words: 'a text',
  is: (value): value is string => typeof value === 'string',
  got: (value) => typeof value,
};

/** Texts, one or more. */
export const TEXTS: Kind<readonly string[]> = {
  words: 'a list of names',
  is: (value): value is readonly string[] => Array.isArray(value) && value.length > 0 && value.every(TEXT.is),
  got: (value) => JSON.stringify(value),
};

/** Factors of classes. */
export const CLASS_WEIGHTS: Kind<ClassWeights> = {
  words: "'balanced' or numbers above 0, one a class",
  is: (value): value is ClassWeights =>
    value === 'balanced' || (Array.isArray(value) && value.length > 1 && value.every(above(0).is)),
  got: (value) => JSON.stringify(value),
};
