/** The guide: its programs compile and run and print what it says, its commands and links are right. */
import { readdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { init } from '../../src/graph/init.ts';
import { Page, ROOT } from './markdown.ts';
import { typeErrors } from './program.ts';
import { promised, run } from './run.ts';
import { makeWorkspace } from './workspace.ts';

const names = readdirSync(new URL('docs/guide', ROOT)).filter((name) => name.endsWith('.md'));
const pages = names.map((name) => new Page(`docs/guide/${name}`));

test('has all its pages', () => {
  expect(names.sort()).toEqual([
    'browser.md',
    'convert.md',
    'freeze.md',
    'from-keras.md',
    'from-pytorch.md',
    'from-tfjs.md',
    'graft.md',
    'load.md',
    'predict.md',
    'recipes.md',
    'texts.md',
    'train.md',
  ]);
});

test('every TypeScript block of the guide and the README compiles', () => {
  expect(typeErrors([...pages, new Page('README.md')])).toEqual([]);
});

test('it shows commands, and says what programs print', () => {
  expect(pages.flatMap((page) => page.commands()).length).toBeGreaterThanOrEqual(20);
  expect(pages.flatMap(promised).length).toBeGreaterThanOrEqual(20);
});

describe.each(pages)('$path', (page) => {
  test('has no link that leads nowhere, no unknown script, no command that would be refused', () => {
    expect(page.brokenLinks()).toEqual([]);
    expect(page.unknownScripts()).toEqual([]);
    expect(page.wrongCommands()).toEqual([]);
  });
});

describe('programs', () => {
  let folder: string;
  beforeAll(async () => {
    await init();
    folder = await makeWorkspace();
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test.each(pages)(
    '$path runs, and prints what it says',
    async (page) => {
      const printed = await run(page, folder);
      let from = 0;
      for (const line of promised(page)) {
        expect(printed.slice(from)).toContain(line);
        from = printed.indexOf(line, from) + 1;
      }
    },
    300_000,
  );
});
