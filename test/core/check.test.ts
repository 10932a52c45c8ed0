/** Kinds of values: what they take, and what is said of anything else. */
import { InvalidArgumentError } from 'commander';
import { expect, test } from 'vitest';
import { argument } from '../../src/cli/arguments.ts';
import { above, atLeast, below, check, each, type Kind, oneOf, whole, within } from '../../src/core/check.ts';
import { ArgumentError } from '../../src/core/errors.ts';

test.each<[Kind, unknown, unknown, string]>([
  [whole(1), 1, 0, 'a whole number, 1 or more, got 0.'],
  [whole(0), 0, 0.5, 'a whole number, 0 or more, got 0.5.'],
  [whole(0, 'a whole number up to 9', 9), 9, 10, 'a whole number up to 9, got 10.'],
  [whole(1), 7, '7', "a whole number, 1 or more, got '7'."],
  [above(0), 1e-9, 0, 'above 0, got 0.'],
  [above(0), 1, Number.POSITIVE_INFINITY, 'above 0, got Infinity.'],
  [atLeast(0), 0, Number.NaN, '0 or more, got NaN.'],
  [within(0, 1), 1, 1.01, 'between 0 and 1, got 1.01.'],
  [below(0, 1, '0.2 is a fifth'), 0, 1, 'from 0 to below 1, got 1. 0.2 is a fifth.'],
  [oneOf('a', 'b', 'c'), 'c', 'toString', "a, b or c, got 'toString'."],
  [each(whole(1)), [1, 2], [1, null], 'a whole number, 1 or more, got [1, null].'],
])('$0.words: $1, not $2', (kind, right, wrong, message) => {
  expect(check('op', 'x', right, kind)).toBe(right);
  expect(() => check('op', 'x', wrong, kind)).toThrow(new ArgumentError(`op: x must be ${message}`));
});

test.each<[Kind, string]>([
  [whole(1), 'Expected a whole number, 1 or more.'],
  [above(0), 'Expected a number above 0.'],
  [atLeast(0), 'Expected a number, 0 or more.'],
  [within(0, 1), 'Expected a number between 0 and 1.'],
  [below(0, 1, '0.2 is a fifth'), 'Expected a number from 0 to below 1: 0.2 is a fifth.'],
])('$0.words on the command line', (kind, message) => {
  for (const text of ['', ' ', 'x', '-1', 'NaN'])
    expect(() => argument(kind)(text)).toThrow(new InvalidArgumentError(message));
});
