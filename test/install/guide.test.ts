/** The guide's commands as they are typed, one after another, in a folder that has regraft and the files that they name. */
import { rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { init } from '../../src/index.ts';
import { keras } from '../../src/models/index.ts';
import { Page } from '../docs/markdown.ts';
import { makeWorkspace } from '../docs/workspace.ts';
import { dict, pickle, storage, tensor, text, torchZip } from '../io/build.ts';
import { type } from './checkout.ts';

/** In the order in which they are read: later ones use what earlier ones made. */
const PAGES = ['load', 'freeze', 'train', 'predict', 'convert', 'recipes'].map(
  (name) => new Page(`docs/guide/${name}.md`),
);

const commandsOf = (page: Page): string[] =>
  page.blocks.filter(({ language, notRun }) => language === 'sh' && notRun === undefined).flatMap(({ lines }) => lines);

test('the guide has commands that run', () => {
  expect(PAGES.flatMap(commandsOf).length).toBeGreaterThan(25);
});

const isSlow = !!process.env.REGRAFT_SLOW;

describe.skipIf(!isSlow)('the guide’s commands (take minutes: REGRAFT_SLOW=1)', () => {
  let folder: string;
  beforeAll(async () => {
    await init();
    folder = await makeWorkspace();
    await mkdir(join(folder, 'node_modules/.bin'));
    symlinkSync('../regraft/bin/regraft.js', join(folder, 'node_modules/.bin/regraft'));
    const averaged = dict(text('fc.bias'), tensor(storage('0', 2), 0, [2], [1]));
    const checkpoint = torchZip(pickle(dict(text('model_ema'), averaged)), { 0: new Uint8Array(8) });
    writeFileSync(join(folder, 'checkpoint.pt'), checkpoint);
    await keras.saveModel(await keras.ResNet50(), join(folder, 'resnet50.h5'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test.each(PAGES)('$path', { timeout: 1_800_000 }, async (page) => {
    for (const command of commandsOf(page)) await type(command, folder);
  });
});
