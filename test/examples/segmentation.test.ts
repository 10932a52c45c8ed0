/** The example of segmentation, made small. */
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));

let out: string;
beforeAll(async () => {
  out = await mkdtemp(join(tmpdir(), 'regraft-segmentation-'));
});
afterAll(() => rm(out, { recursive: true, force: true }));

test('examples/segmentation.ts, with few pictures and two epochs, learns and writes what it finds', async () => {
  const options = ['--out', out, '--epochs', '2', '--train', '16', '--test', '5'];
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--conditions=regraft-source', '--import', 'tsx', 'examples/segmentation.ts', ...options],
    { cwd: root },
  );
  expect(stdout).toContain('4 classes, 16 images to train on, 5 to validate');
  const epochs = [...stdout.matchAll(/^epoch \d: loss (\d\.\d+), mean IoU \d+\.\d %$/gm)].map(([, loss]) =>
    Number(loss),
  );
  expect(epochs).toHaveLength(2);
  expect(epochs[1]).toBeLessThan(epochs[0]!);
  for (const name of ['ground', 'disk', 'square', 'triangle'])
    expect(stdout).toMatch(new RegExp(`^ {2}${name} +IoU `, 'm'));
  expect(await readdir(join(out, 'found'))).toEqual(['1.png', '2.png', '3.png', '4.png']);
}, 120_000);
