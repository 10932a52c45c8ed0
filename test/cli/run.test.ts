/** The life of a run on the command line: stopped, gone on with from elsewhere, ended early, without an audience. */
import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import { writeWeights } from '../../src/io/write.ts';
import { resnet18 } from '../../src/models/index.ts';
import { temporaryFolder } from '../data/photos.ts';
import { colourPhotos, someWeights } from '../runs/colour-photos.ts';
import { regraft } from './regraft.ts';

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
let photos: string;
let weights: string;
let home: string;

beforeAll(async () => {
  home = temporaryFolder();
  photos = await colourPhotos(6, 3);
  weights = await someWeights();
});

const begin = (out: string, ...more: string[]) => [
  ...['finetune', photos, '--model', 'cifarResnet20', '--weights', weights, '--batch-size', '8', '--out', out],
  ...more,
];

/** A command that goes on in the background. */
function start(args: readonly string[], cwd: string) {
  const flags = ['--import', import.meta.resolve('tsx'), '--conditions=regraft-source', main];
  return spawn(process.execPath, [...flags, ...args], { cwd, stdio: ['ignore', 'ignore', 'pipe'] });
}

describe('a run that is stopped', () => {
  test('before its first epoch leaves nothing, and says so', async () => {
    const { code, stderr } = await regraft(begin('early'), home, (child, text) => {
      if (text.includes('Training: ')) child.kill('SIGTERM');
    });
    expect(code).toBe(143);
    expect(stderr).toMatch(/\nStopped\. No epoch was finished, nothing was saved\.\n$/);
    expect(existsSync(join(home, 'early'))).toBe(false);
  });

  test('goes on from another folder, to where it was moved; --finish ends it with what it has', async () => {
    const stopped = await regraft(
      ['finetune', relative(home, photos), ...begin('run').slice(2), '--epochs', '40', '--patience', '0'].map((word) =>
        word === weights ? relative(home, weights) : word,
      ),
      home,
      (child, text) => {
        if (text.includes('Epoch 3/40')) child.kill('SIGINT');
      },
    );
    expect(stopped.code, stopped.stderr).toBe(130);
    const elsewhere = join(home, 'a', 'b');
    mkdirSync(elsewhere, { recursive: true });
    renameSync(join(home, 'run'), join(elsewhere, 'moved'));
    const finished = await regraft(['finetune', photos, '--out', 'moved', '--finish'], elsewhere);
    expect(finished.code, finished.stderr).toBe(0);
    expect(finished.stderr).toMatch(/^Ends after epoch [234] of 40, with the best so far\.$/m);
    expect(finished.stdout).toMatch(
      /^\n[\d.]+ % of 9 validation images are classified correctly \(epoch \d of [234], the best, was kept\)\.\nWith 9 images, the 95 % confidence interval is [\d.]+ % to [\d.]+ %\.\nAlways answering the commonest class gives 33\.3 %\.\n\nis \\ predicted {2}blue {2}green {2}red\nblue /,
    );
    // What used no GPU has no peak of its memory.
    expect(readFileSync(join(elsewhere, 'moved', 'report.html'), 'utf8')).not.toContain('peak GPU memory');
    const resumed = await regraft(
      ['finetune', photos, '--out', 'moved', '--resume', '--epochs', '6', '--json'],
      elsewhere,
    );
    expect(resumed.code, resumed.stderr).toBe(0);
    expect(JSON.parse(resumed.stdout).history.length).toBe(6);
  });

  test('is not what it becomes when nobody reads its progress', async () => {
    const child = start(begin('unread', '--epochs', '2'), home);
    child.stderr.once('data', () => child.stderr.destroy());
    const code = await new Promise((resolve) => child.on('close', resolve));
    expect(code).toBe(0);
    expect(readdirSync(join(home, 'unread'))).toContain('model.safetensors');
  });
});

test('a command says nothing of its own accord on a pipe, and no driver does', async () => {
  const flags = ['--import', import.meta.resolve('tsx'), '--conditions=regraft-source', main];
  const command = [process.execPath, ...flags, 'doctor', '--json'].map((word) => `'${word}'`).join(' ');
  const { stdout } = await promisify(execFile)('sh', ['-c', `${command} 2>&1 >/dev/null | cat`], {
    env: { ...process.env, XDG_RUNTIME_DIR: '' },
  });
  expect(stdout).toBe('');
});

test('convert that is stopped leaves no temporary file', async () => {
  const folder = temporaryFolder();
  const file = join(folder, 'resnet18.safetensors');
  await writeWeights(file, (await resnet18({ seed: 1 })).stateDict());
  const child = start(['convert', file, 'resnet18.onnx', '--model', 'resnet18'], folder);
  const watching = setInterval(() => {
    if (readdirSync(folder).some((name) => name.endsWith('.tmp'))) child.kill('SIGINT');
  }, 20);
  const code = await new Promise((resolve) => child.on('close', resolve));
  clearInterval(watching);
  expect([code, readdirSync(folder)]).toEqual([130, ['resnet18.safetensors']]);
});
