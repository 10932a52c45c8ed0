/** The guide's commands as they are typed, one after another, in a folder that has regraft and the files that they name. */
import { readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { zipSync } from 'fflate';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { init, type Tensor } from '../../src/index.ts';
import { exportOnnx } from '../../src/io/index.ts';
import { keras } from '../../src/models/index.ts';
import { Conv2d, Linear, Module } from '../../src/nn/index.ts';
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

const layer = (class_name: string, config: object) => ({ class_name, config });
/** A classifier of square photos, as `keras.Sequential` describes it. */
const CLASSIFIER = layer('Sequential', {
  name: 'birds',
  layers: [
    layer('Conv2D', { name: 'conv', filters: 4, kernel_size: 3, batch_input_shape: [null, 16, 16, 3] }),
    layer('GlobalAveragePooling2D', { name: 'pool' }),
    layer('Dense', { name: 'head', units: 2, activation: 'softmax' }),
  ],
});

/** Of an ONNX file. */
class Graph extends Module {
  conv1 = new Conv2d(3, 4, 3, { stride: 2 });
  fc = new Linear(4, 2);
  forward(x: Tensor): Tensor {
    return this.fc.forward(this.conv1.forward(x).relu().mean([2, 3]));
  }
}

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
    const birds = new keras.KerasModel(CLASSIFIER);
    await keras.saveModel(birds, join(folder, 'birds.keras'));
    await keras.saveModel(birds, join(folder, 'keras_model.h5'));
    await exportOnnx(new Graph(), join(folder, 'net.onnx'), { inputShape: [1, 3, 160, 160] });
    await exportOnnx(new Graph(), join(folder, 'efficientnet_lite0.onnx'), { inputShape: [1, 3, 224, 224] });
    // As Teachable Machine packs it.
    const [model, labels] = [readFileSync(join(folder, 'keras_model.h5')), Buffer.from('0 ants\n1 bees\n')];
    writeFileSync(join(folder, 'converted_keras.zip'), zipSync({ 'keras_model.h5': model, 'labels.txt': labels }));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test.each(PAGES)('$path', { timeout: 1_800_000 }, async (page) => {
    for (const command of commandsOf(page)) await type(command, folder);
  });
});
