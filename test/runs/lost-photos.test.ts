/** Photos that go away or change while a run lasts, and between a run and its resuming. */
import { cpSync, existsSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, beforeEach, expect, test } from 'vitest';
import { init } from '../../src/index.ts';
import { type FinetuneOptions, finetune } from '../../src/runs/finetune.ts';
import type { Progress } from '../../src/train/progress.ts';
import { faultOf, temporaryFolder } from '../data/photos.ts';
import { colourPhotos, someWeights } from './colour-photos.ts';

let weights: string;
let photos: string;
let out: string;

beforeAll(async () => {
  await init();
  weights = await someWeights();
});
beforeEach(async () => {
  photos = await colourPhotos(4, 3);
  out = join(temporaryFolder(), 'out');
});

const options = (more: Partial<FinetuneOptions> = {}): FinetuneOptions => ({
  photos,
  weights,
  out,
  model: 'cifarResnet20',
  batchSize: 6,
  epochs: 3,
  cache: false,
  ...more,
});

/** A run with `change` after its first epoch, and the lines that it told. */
async function changed(change: () => void) {
  const notes: string[] = [];
  const progress: Progress = { start: () => {}, update: () => {}, end: () => {}, note: (text) => notes.push(text) };
  const onEpoch = ({ epoch }: { epoch: number }) => (epoch === 1 ? change() : undefined);
  const run = finetune(options({ progress, onEpoch }));
  const result = await run.catch(() => null);
  return { result, notes, fault: result ? '' : await faultOf(() => run, photos) };
}

test('one photo that is gone is told, in notes, metrics and report', async () => {
  const { result, notes } = await changed(() => {
    rmSync(join(photos, 'train/red/2.jpg'));
    rmSync(join(photos, 'val/blue/0.jpg'));
  });
  const reason = 'there is no such file. Check the path.';
  expect(notes.filter((note) => note.startsWith('Skipped')).map((note) => note.replaceAll(photos, 'ROOT'))).toEqual([
    `Skipped ROOT/train/red/2.jpg: ${reason}`,
    `Skipped ROOT/val/blue/0.jpg: ${reason}`,
  ]);
  expect(result!.data.skipped).toEqual([
    { path: 'train/red/2.jpg', reason },
    { path: 'val/blue/0.jpg', reason },
  ]);
  expect(JSON.parse(readFileSync(join(out, 'metrics.json'), 'utf8')).data.skipped.length).toBe(2);
  expect(readFileSync(join(out, 'report.html'), 'utf8')).toContain(reason);
});

test('a class that is gone stops the run; with it back the run goes on as if nothing had happened', async () => {
  const whole = await finetune(options({ out: null }));
  const red = join(photos, 'train/red');
  const { fault } = await changed(() => renameSync(red, `${out}/away`));
  expect(fault).toMatch(
    /^DataError: ROOT\/train\/red\/0\.jpg: there is no such file\. Check the path\. 4 of 12 training images cannot be read, all of class 'red' among them; this is the first\. Put them back, then resume the run; or remove them and begin again\.$/,
  );
  expect(existsSync(join(out, 'checkpoint.safetensors'))).toBe(true);
  renameSync(`${out}/away`, red);
  const resumed = await finetune({ photos, out, resume: true });
  expect(resumed.history.map((r) => r.trainLoss)).toEqual(whole.history.map((r) => r.trainLoss));
});

test('several photos that are gone stop the run in one line', async () => {
  const { fault, notes } = await changed(() => {
    for (const colour of ['red', 'green']) rmSync(join(photos, 'val', colour, '1.jpg'));
  });
  expect(notes.filter((note) => note.startsWith('Skipped'))).toEqual([]);
  expect(fault).toBe(
    'DataError: ROOT/val/green/1.jpg: there is no such file. Check the path. 2 of 9 validation images cannot be read; this is the first. Put them back, then resume the run; or remove them and begin again.',
  );
});

test('resuming sees a photo that changed in nothing but its bytes, and goes on in a copy of the photos', async () => {
  const stop = new AbortController();
  await expect(finetune(options({ signal: stop.signal, onEpoch: () => stop.abort() }))).rejects.toThrow();
  const copy = join(temporaryFolder(), 'copy');
  cpSync(photos, copy, { recursive: true });
  expect((await finetune({ photos: copy, out, resume: true })).history.length).toBe(3);

  const again = new AbortController();
  await expect(finetune(options({ signal: again.signal, onEpoch: () => again.abort() }))).rejects.toThrow();
  const file = join(photos, 'train/red/0.jpg');
  const { atime, mtime } = statSync(file);
  const bytes = readFileSync(file);
  // Below the quantisation tables: another picture of the same length.
  bytes[bytes.length - 40]! ^= 1;
  writeFileSync(file, bytes);
  utimesSync(file, atime, mtime);
  expect(await faultOf(() => finetune({ photos, out, resume: true }), out)).toBe(
    'ArgumentError: ROOT: cannot be resumed: 1\u00a0photo has other content (train/red/0.jpg). Put back what it was begun with, or run it without resume.',
  );
});
