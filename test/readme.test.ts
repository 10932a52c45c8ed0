/** The README's commands and scripts exist, its files are there; test/docs compiles its code. */
import { expect, test } from 'vitest';
import { Page } from './docs/markdown.ts';

const readme = new Page('README.md');

test('every npm script it names exists', () => {
  expect(readme.unknownScripts()).toEqual([]);
});

test('every command it shows would be accepted', () => {
  expect(readme.commands().length).toBeGreaterThan(2);
  expect(readme.wrongCommands()).toEqual([]);
});

test('every file it links to exists', () => {
  expect(readme.brokenLinks()).toEqual([]);
});
