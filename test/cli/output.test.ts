/** What the commands print, as text. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { csvRow, faultLine } from '../../src/cli/output.ts';
import { DataError } from '../../src/core/errors.ts';

const caught = (work: () => unknown) => {
  try {
    return work();
  } catch (error) {
    return error;
  }
};

test('a fault is one line: regraft’s own, the system’s in words, an unexpected one', () => {
  expect(faultLine(new DataError('a\u001b[2J\nb', 'is empty.'))).toBe('DataError: a\\u001b[2J b: is empty.');
  expect(faultLine(caught(() => readFileSync('/no/such')))).toBe('RegraftError: /no/such: there is no such file.');
  expect(faultLine(new TypeError('x is undefined'))).toBe(
    'Unexpected fault: x is undefined. Please report it; --debug shows where it came from.',
  );
  expect(faultLine(null)).toMatch(/^Unexpected fault: null\./);
});

test('CSV: quoted where it must be, exact numbers', () => {
  expect(csvRow(['a,b', 'say "no"', ' x', 0.25, 'plain'])).toBe('"a,b","say ""no"""," x",0.25,plain');
  expect(csvRow(['a\u001b[31m\nb'])).toBe('a\\u001b[31m\\u000ab');
});

test('CSV: no cell is a formula to a spreadsheet', () => {
  const formulas = ['=cmd()', '+1+1', '-2+3', '@SUM(A1)', ' =1+1', '\t=1+1', '＝1'];
  expect(formulas.map((cell) => csvRow([cell]).replaceAll('"', ''))).toEqual(
    formulas.map((cell) => `'${cell.replace('\t', '\\u0009')}`),
  );
  expect(csvRow(['=HYPERLINK("http://a")'])).toBe('"\'=HYPERLINK(""http://a"")"');
  expect(csvRow(['-1', '+0.5', -3e-5, 'a=b', '', './-x.png'])).toBe('-1,+0.5,-0.00003,a=b,,./-x.png');
});

test('a fault is cut where it quotes megabytes', () => {
  expect(faultLine(new DataError('x'.repeat(1e6), 'is empty.'))).toBe(
    `DataError: ${'x'.repeat(4000)}… (1,000,011 characters)`,
  );
});
