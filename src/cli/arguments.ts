/** Parsers of option values. What they refuse is wrong usage. */
import { InvalidArgumentError, Option } from 'commander';

/** A whole number, `least` or more. */
export function wholeNumber(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== '' && Number.isInteger(value) && value >= least) return value;
    throw new InvalidArgumentError(`Expected a whole number, ${least} or more.`);
  };
}

/** A port of this machine; 0 is any free one. */
export function portNumber(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isInteger(value) && value >= 0 && value <= 65_535) return value;
  throw new InvalidArgumentError('Expected a whole number, 0 to 65535.');
}

/** A seed, as {@link checkSeed} takes it. */
export function seed(text: string): number {
  if (/^\d{1,10}$/.test(text.trim()) && Number(text) < 2 ** 32) return Number(text);
  throw new InvalidArgumentError('Expected a whole number from 0 to 4,294,967,295.');
}

/** A number above 0. */
export function positive(text: string): number {
  const value = Number(text);
  if (value > 0 && Number.isFinite(value)) return value;
  throw new InvalidArgumentError('Expected a number above 0.');
}

/** A number from 0 to 1. */
export function share(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && value >= 0 && value <= 1) return value;
  throw new InvalidArgumentError('Expected a number from 0 to 1.');
}

/** A share that leaves something: a number from 0 to below 1. */
export function part(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && value >= 0 && value < 1) return value;
  throw new InvalidArgumentError('Expected a number from 0 to below 1: 0.2 is a fifth.');
}

/** A number, 0 or more. */
export function notNegative(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && value >= 0 && Number.isFinite(value)) return value;
  throw new InvalidArgumentError('Expected a number, 0 or more.');
}

/** 'balanced', or numbers above 0 with commas between them. */
export function classWeights(text: string): 'balanced' | number[] {
  if (text === 'balanced') return text;
  const numbers = text.split(',').map(Number);
  if (numbers.length > 1 && numbers.every((value) => value > 0 && Number.isFinite(value))) return numbers;
  throw new InvalidArgumentError("Expected 'balanced', or a number above 0 for each class, as in 1,1,4.");
}

/** For Keras models that do not tell how their images were scaled. */
export function inputRangeOption(): Option {
  const ranges = ['0..255', '0..1', '-1..1'];
  return new Option(
    '--input-range <range>',
    'for a Keras model that does not tell: what its images were scaled to',
  ).choices(ranges);
}
