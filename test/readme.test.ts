/** The project's own pages: the commands and scripts that they name exist, their links lead somewhere; test/docs compiles the README's code. */
import { describe, expect, test } from 'vitest';
import { checksByGroup } from './conformance.ts';
import { Page } from './docs/markdown.ts';

const PAGES = ['README.md', 'CONTRIBUTING.md', 'ARCHITECTURE.md', 'CHANGELOG.md', 'bench/RESULTS.md'];

describe.each(PAGES.map((path) => new Page(path)))('$path', (page) => {
  test('every npm script it names exists', () => {
    expect(page.unknownScripts()).toEqual([]);
  });

  test('every command it shows would be accepted', () => {
    expect(page.wrongCommands()).toEqual([]);
  });

  test('every link leads to a file, and to a heading that it has', () => {
    expect(page.brokenLinks()).toEqual([]);
  });
});

test('the README shows commands', () => {
  expect(new Page('README.md').commands().length).toBeGreaterThan(2);
});

test('the README counts the conformance rows', () => {
  const rows = Object.values(checksByGroup).flat().length;
  const [, total] = /conformance rows that pass, of (\d+) \|/.exec(new Page('README.md').text)!;
  expect(Number(total)).toBe(rows);
});
