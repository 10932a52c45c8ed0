/** A part of a tokenizer's JSON, whose faults are told with the place where they are. */
import { WeightFileError } from '../../core/errors.ts';
import { shown } from '../../io/base/bytes.ts';
import { isRecord } from '../../io/base/json.ts';

export class Section {
  readonly file: string;
  /** `model.vocab`; '' for the whole file. */
  readonly path: string;
  readonly fields: Readonly<Record<string, unknown>>;

  constructor(file: string, path: string, fields: Readonly<Record<string, unknown>>) {
    this.file = file;
    this.path = path;
    this.fields = fields;
  }

  /** What it is: its `type`. */
  get type(): string {
    return this.text('type');
  }

  /** @throws WeightFileError that begins with the file and the place. */
  fail(detail: string, key?: string): never {
    throw new WeightFileError(this.file, `${[this.#place(key), detail].filter(Boolean).join(' ')}`);
  }

  /** A text. @throws WeightFileError if it is none, or missing without a default. */
  text(key: string, ...byDefault: [string?]): string {
    return this.#value(key, 'a text', (value) => typeof value === 'string', byDefault) as string;
  }

  /** A number. */
  number(key: string, ...byDefault: [number?]): number {
    return this.#value(key, 'a number', (value) => typeof value === 'number', byDefault) as number;
  }

  /** true or false. */
  flag(key: string, ...byDefault: [boolean?]): boolean {
    return this.#value(key, 'true or false', (value) => typeof value === 'boolean', byDefault) as boolean;
  }

  /** A text, or undefined where it is null or missing. */
  textOrNone(key: string): string | undefined {
    return this.fields[key] == null ? undefined : this.text(key);
  }

  /** A list. */
  list(key: string): readonly unknown[] {
    return this.#value(key, 'a list', Array.isArray, []) as readonly unknown[];
  }

  /** A list of objects; none where it is null or missing. */
  sections(key: string): readonly Section[] {
    if (this.fields[key] == null) return [];
    return this.list(key).map((value, i) => this.#section(`${key}.${i}`, value));
  }

  /** An object. */
  section(key: string): Section {
    return this.#section(key, this.fields[key]);
  }

  /** An object, or undefined where it is null or missing. */
  sectionOrNone(key: string): Section | undefined {
    return this.fields[key] == null ? undefined : this.section(key);
  }

  #section(key: string, value: unknown): Section {
    if (!isRecord(value)) return this.fail(`must be an object, got ${shown(value)}.`, key);
    return new Section(this.file, this.#place(key), value);
  }

  #value(key: string, words: string, is: (value: unknown) => boolean, byDefault: readonly unknown[]): unknown {
    const value = this.fields[key] ?? byDefault[0];
    return is(value) ? value : this.fail(`must be ${words}, got ${shown(value)}.`, key);
  }

  #place(key?: string): string {
    return [this.path, key].filter(Boolean).join('.');
  }
}
