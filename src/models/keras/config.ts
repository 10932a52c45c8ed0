/** Reading layer configurations: typed access to JSON that came out of a file, with the layer's name in every error. */
import { ArgumentError } from '../../core/errors.ts';

/** A JSON object. */
export type Json = Readonly<Record<string, unknown>>;

export function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Other names that the same classes have in saved models. */
const ALIASES: Readonly<Record<string, string>> = {
  Model: 'Functional',
  BatchNormalizationV1: 'BatchNormalization',
  BatchNormalizationV2: 'BatchNormalization',
  Convolution2D: 'Conv2D',
  MaxPool2D: 'MaxPooling2D',
  AvgPool2D: 'AveragePooling2D',
  GlobalAvgPool2D: 'GlobalAveragePooling2D',
  GlobalMaxPool2D: 'GlobalMaxPooling2D',
};

/** The options of one layer, as Keras's `get_config` writes them. */
export class LayerConfig {
  readonly className: string;
  readonly name: string;
  readonly json: Json;

  constructor(className: string, name: string, json: Json) {
    this.className = className;
    this.name = name;
    this.json = json;
  }

  /** The class under the name that Keras itself gives it. */
  get officialName(): string {
    return Object.hasOwn(ALIASES, this.className) ? ALIASES[this.className]! : this.className;
  }

  /** An error that says which layer it is about. */
  error(detail: string): ArgumentError {
    return new ArgumentError(`keras: layer '${this.name}' (${this.className}): ${detail}`);
  }

  get(key: string): unknown {
    return Object.hasOwn(this.json, key) ? this.json[key] : undefined;
  }

  boolean(key: string, otherwise: boolean): boolean {
    const value = this.get(key) ?? otherwise;
    if (typeof value === 'boolean') return value;
    throw this.error(`${key} must be true or false, got ${JSON.stringify(value)}.`);
  }

  string(key: string, otherwise: string): string {
    const value = this.get(key) ?? otherwise;
    if (typeof value === 'string') return value;
    throw this.error(`${key} must be text, got ${JSON.stringify(value)}.`);
  }

  number(key: string, otherwise?: number): number {
    const value = this.get(key) ?? otherwise;
    if (typeof value === 'number' && Number.isFinite(value)) return value;
    throw this.error(`${key} must be a number, got ${JSON.stringify(value)}.`);
  }

  /** A whole number from 1 up. */
  count(key: string, otherwise?: number): number {
    const value = this.number(key, otherwise);
    if (Number.isInteger(value) && value > 0 && value <= 2 ** 31) return value;
    throw this.error(`${key} must be a positive whole number, got ${value}.`);
  }

  /** One number for both axes, or [height, width]. */
  pair(key: string, otherwise?: number | readonly [number, number]): [number, number] {
    const value = this.get(key) ?? otherwise;
    const both = typeof value === 'number' ? [value, value] : value;
    if (Array.isArray(both) && both.length === 2 && both.every((v) => Number.isInteger(v) && v > 0))
      return [both[0], both[1]];
    throw this.error(`${key} must be one or two positive whole numbers, got ${JSON.stringify(value)}.`);
  }

  /** 'same' or 'valid'. */
  padding(): 'same' | 'valid' {
    const value = this.string('padding', 'valid').toLowerCase();
    if (value === 'same' || value === 'valid') return value;
    throw this.error(`padding must be 'same' or 'valid', got '${value}'.`);
  }

  /** @throws ArgumentError unless channels come last, which is what models here are read in. */
  requireChannelsLast(): void {
    const format = this.get('data_format');
    if (format === undefined || format === null || format === 'channels_last') return;
    throw this.error(`data_format must be 'channels_last', got ${JSON.stringify(format)}. Save it in that format.`);
  }

  /** @throws ArgumentError if an option that changes the result is set to something else than `neutral`. */
  requireNeutral(key: string, ...neutral: readonly unknown[]): void {
    const value = this.get(key);
    if (value === undefined || value === null || neutral.includes(value)) return;
    throw this.error(`${key} = ${JSON.stringify(value)} is not supported.`);
  }
}
