/** Seeds: what is none is refused, so that two seeds never are one. */
import { expect, test } from 'vitest';
import { optionFlag } from '../../src/cli/arguments.ts';
import { Generator, manualSeed } from '../../src/core/random.ts';
import { sampleGenerator } from '../../src/data/dataset.ts';

const seed = (text: string) => optionFlag('seed').parseArg!(text, undefined);

test.each([2 ** 32, 2 ** 60, 1e300, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY])('%d', (value) => {
  const rest = `expected a whole number from 0 to 4,294,967,295, got ${value}.`;
  expect(() => manualSeed(value)).toThrow(`manualSeed: ${rest}`);
  expect(() => new Generator(value)).toThrow(`seed: ${rest}`);
  expect(() => seed(String(value))).toThrow('Expected a whole number from 0 to 4,294,967,295.');
});

test('the first and the last', () => {
  expect([seed('0'), seed(' 4294967295 ')]).toEqual([0, 2 ** 32 - 1]);
  expect(new Generator(2 ** 32 - 1).uint32()).not.toBe(new Generator(0).uint32());
  manualSeed(0);
});

test.each(['', ' ', '1e3', '0x10', '+1', '1.0', '00000000001'])("as text, '%s' is none", (text) => {
  expect(() => seed(text)).toThrow('Expected a whole number');
});

test('streams of samples are those of before', () => {
  const first = (index: number, view: number) => sampleGenerator(index, { seed: 7, view }).uint32();
  const words = [first(0, 0), first(1, 0), first(0, 1), first(0, -1)];
  expect(new Set(words).size).toBe(4);
});
