/** What stands where a model's files should be: told in words, never waited for. */
import { execFileSync } from 'node:child_process';
import { cpSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { classificationTransforms } from '../../src/data/index.ts';
import { cifarResnet20, imagenetPreset } from '../../src/models/index.ts';
import { openModel, saveModel } from '../../src/runs/index.ts';
import { temporaryFolder } from '../data/photos.ts';

const whole = join(temporaryFolder(), 'model');

beforeAll(async () => {
  const model = await cifarResnet20({ numClasses: 2, seed: 1 });
  const transforms = classificationTransforms(imagenetPreset(32, 32));
  await saveModel(whole, { model, name: 'cifarResnet20', classes: ['ants', 'bees'], transforms });
});

/** The fault of a copy of the model in which a file has been replaced. */
async function faultOf(file: string, replace: (path: string) => void): Promise<string> {
  const folder = join(temporaryFolder(), 'model');
  cpSync(whole, folder, { recursive: true });
  rmSync(join(folder, file));
  replace(join(folder, file));
  const message = await openModel(folder).then(
    () => 'opened',
    (error: Error) => error.message,
  );
  return message.replaceAll(folder, 'F');
}

const pipe = (path: string) => execFileSync('mkfifo', [path]);
const device = (path: string) => symlinkSync('/dev/zero', path);

test.skipIf(process.platform === 'win32')('pipes and devices', async () => {
  for (const file of ['model.json', 'model.safetensors']) {
    expect(await faultOf(file, pipe)).toBe(`F/${file}: expected a file, got a pipe. Check the path.`);
    expect(await faultOf(file, device)).toBe(`F/${file}: expected a file, got a device. Check the path.`);
  }
});

test('a description that is too large, and none', async () => {
  const large = (path: string) => {
    // Room on the disk that nothing was written to.
    execFileSync('fallocate', ['--length', '70000000', path]);
  };
  expect(await faultOf('model.json', large)).toBe(
    'F/model.json: has 70,000,000 bytes; expected text of 67,108,864 at most.',
  );
  expect(await faultOf('model.json', () => {})).toBe(
    'F: holds no model.json; expected the folder of a fine-tuned model, as regraft finetune --out writes it.',
  );
});
