/** Checkpoints that were edited, damaged or moved: told, never trusted. */
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { init } from '../../src/index.ts';
import { type Checkpoint, readCheckpointFile } from '../../src/train/checkpoint.ts';
import { checkCheckpoint } from '../../src/train/checkpoint-check.ts';
import { finetune } from '../../src/train/finetune.ts';
import { faultOf, temporaryFolder } from '../data/photos.ts';
import { copyOf, finishedRun } from './finished-run.ts';

let photos: string;
let weights: string;
let finished: string;

beforeAll(async () => {
  await init();
  ({ photos, weights, finished } = await finishedRun());
}, 60_000);

test('weights that are gone, have moved with the run, or lie on a server', async () => {
  const out = copyOf(finished);
  const elsewhere = join(temporaryFolder(), 'weights.safetensors');
  renameSync(weights, elsewhere);
  try {
    expect(await faultOf(() => finetune({ photos, out, resume: true }), out)).toBe(
      `WeightFileError: ${weights}: the weights that the run in ROOT was begun with are not there. Name the file where it is now as weights.`,
    );
    const result = await finetune({ photos, out, resume: true, weights: elsewhere, epochs: 5 });
    expect(result.history.length).toBe(5);
  } finally {
    renameSync(elsewhere, weights);
  }
});

test('every edit is told as damage, or makes no difference to what is run', async () => {
  const checkpoint = await readCheckpointFile(join(finished, 'checkpoint.safetensors'));
  expect(checkCheckpoint('p', checkpoint)).toBe(checkpoint);
  const wrong = [null, 'x', -1, [], {}, 1e300, undefined];
  const faults: string[] = [];
  for (const at of pathsIn(checkpoint).filter((keys) => !/^(inputs|start|date)/.test(keys.join('.'))))
    for (const value of wrong) {
      try {
        checkCheckpoint('p', edited(checkpoint, at, value));
      } catch (error) {
        expect((error as Error).name, at.join('.')).toBe('WeightFileError');
        expect((error as Error).message).toMatch(/^p: is damaged: .+\. Delete it, and run without resume\.$/);
        faults.push((error as Error).message);
      }
    }
  expect(faults.length).toBeGreaterThan(400);
  expect(new Set(faults)).toContain(
    'p: is damaged: epochs must be a whole number, 1 or more, got -1. Delete it, and run without resume.',
  );
  expect(new Set(faults)).toContain(
    'p: is damaged: its random is not as regraft writes it. Delete it, and run without resume.',
  );
});

test.each([
  [
    'optimizer',
    '__proto__',
    "is damaged: optimizer must be adamw, adam or sgd, got '__proto__'. Delete it, and run without resume.",
  ],
  ['imageSize', 3000, undefined],
  ['lr', 1, undefined],
])('a setting that was edited, %s %s', async (key, value, text) => {
  const out = copyOf(finished);
  rewrite(out, (json) => ({ ...json, settings: { ...(json.settings as object), [key]: value } }));
  const fault = await faultOf(() => finetune({ photos, out, resume: true }), out);
  expect(fault).toBe(
    text
      ? `WeightFileError: ROOT/checkpoint.safetensors: ${text}`
      : 'ArgumentError: ROOT: cannot be resumed: the photos, the weights or the settings have changed since. Run it without resume.',
  );
});

test.each(['null', '{}', 'x', '[]', '{"progress":null}'])('a checkpoint that reads %s', async (text) => {
  const out = copyOf(finished);
  rewrite(out, () => text);
  expect(await faultOf(() => finetune({ photos, out, resume: true }), out)).toMatch(
    /^WeightFileError: ROOT\/checkpoint\.safetensors: is damaged: .+\. Delete it, and run without resume\.$/,
  );
});

test('an address in it is not fetched unless it is named', async () => {
  const out = copyOf(finished);
  rewrite(out, (json) => ({ ...json, settings: { ...(json.settings as object), weights: 'http://127.0.0.1:9/w' } }));
  expect(await faultOf(() => finetune({ photos, out, resume: true }), out)).toBe(
    'ArgumentError: ROOT: was begun with weights from http://127.0.0.1:9/w, which are not fetched unless you name them: give them as weights again.',
  );
  rmSync(join(out, 'checkpoint.safetensors'));
  expect(await faultOf(() => finetune({ photos, out, resume: true }), out)).toBe(
    'ArgumentError: ROOT: there is no checkpoint.safetensors to resume from: no run there reached the end of an epoch, or it was deleted. Run it without resume.',
  );
});

/** Every place in plain data, tensors left out. */
function pathsIn(value: unknown, at: readonly string[] = []): string[][] {
  if (typeof value !== 'object' || value === null || value instanceof Map || ArrayBuffer.isView(value))
    return [[...at]];
  return [[...at], ...Object.entries(value).flatMap(([key, part]) => pathsIn(part, [...at, key]))].filter(
    (keys) => keys.length > 0,
  );
}

function edited<T>(value: T, [key, ...rest]: readonly string[], to: unknown): T {
  const copy = (Array.isArray(value) ? [...value] : { ...value }) as Record<string, unknown>;
  copy[key!] = rest.length > 0 ? edited(copy[key!], rest, to) : to;
  return copy as T;
}

/** Edits the text in a checkpoint as one would with a few lines of Python. */
function rewrite(out: string, edit: (json: Partial<Checkpoint>) => unknown): void {
  const path = join(out, 'checkpoint.safetensors');
  const bytes = readFileSync(path);
  const length = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.subarray(8, 8 + length).toString());
  const now = edit(JSON.parse(header.__metadata__.regraft_checkpoint));
  header.__metadata__.regraft_checkpoint = typeof now === 'string' ? now : JSON.stringify(now);
  const text = Buffer.from(JSON.stringify(header));
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(text.length));
  writeFileSync(path, Buffer.concat([size, text, bytes.subarray(8 + length)]));
}
