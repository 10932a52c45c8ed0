/** Checkpoints that were edited, damaged or moved: told, never trusted. */
import { existsSync, readdirSync, readFileSync, readlinkSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test, vi } from 'vitest';
import type { StateDict, TensorData } from '../../src/core/dtype.ts';
import { init } from '../../src/index.ts';
import { readWeightFile, writeWeights } from '../../src/io/index.ts';
import { readCheckpointFile } from '../../src/runs/checkpoint.ts';
import { checkCheckpoint } from '../../src/runs/checkpoint-check.ts';
import { finetune } from '../../src/runs/finetune.ts';
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
  expect(await checkCheckpoint('p', checkpoint)).toBe(checkpoint);
  const wrong = [null, 'x', -1, [], {}, 1e300, undefined];
  const faults: string[] = [];
  for (const at of pathsIn(checkpoint).filter((keys) => !/^(inputs|start|date)/.test(keys.join('.'))))
    for (const value of wrong) {
      try {
        await checkCheckpoint('p', edited(checkpoint, at, value));
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
  ['stripPrefix', 5, 'is damaged: stripPrefix must be a text, got number. Delete it, and run without resume.'],
  ['key', {}, 'is damaged: key must be a text, got object. Delete it, and run without resume.'],
  ['imageSize', 3000, undefined],
  ['lr', 1, undefined],
])('a setting that was edited, %s %s', async (key, value, text) => {
  const out = copyOf(finished);
  rewrite(out, (json) => ({ ...json, settings: { ...json.settings, [key]: value } }));
  const fault = await faultOf(() => finetune({ photos, out, resume: true }), out);
  expect(fault).toEqual(
    text
      ? `WeightFileError: ROOT/checkpoint.safetensors: ${text}`
      : expect.stringMatching(
          new RegExp(
            `^ArgumentError: ROOT: cannot be resumed: ${key} is ${value}, not [\\d.]+\\. Put back what it was begun with, or run it without resume\\.$`,
          ),
        ),
  );
});

test.each(['null', '{}', 'x', '[]', '{"progress":null}'])('a checkpoint that reads %s', async (text) => {
  const out = copyOf(finished);
  rewrite(out, () => text);
  expect(await faultOf(() => finetune({ photos, out, resume: true }), out)).toMatch(
    /^WeightFileError: ROOT\/checkpoint\.safetensors: is damaged: .+\. Delete it, and run without resume\.$/,
  );
});

test.each<[string, Edit]>([
  ['predictions of its own', (json) => ({ ...json, best: { ...json.best, predictions: { logits: null } } })],
  ["other numbers of the optimizer's", (json) => ({ ...json, groups: [{ ...json.groups[0], betas: true, eps: [1] }] })],
  ['other rates', (json) => ({ ...json, schedule: { ...json.schedule, baseLrs: [1e30], type: '__proto__' } })],
])('%s make no difference to how it goes on', async (_, edit) => {
  const [whole, out] = [copyOf(finished), copyOf(finished)];
  rewrite(out, edit);
  const [expected, result] = [
    await finetune({ photos, out: whole, resume: true, epochs: 5 }),
    await finetune({ photos, out, resume: true, epochs: 5 }),
  ];
  expect(result.history.map((r) => r.validationLoss)).toEqual(expected.history.map((r) => r.validationLoss));
  expect(result.evaluation).toEqual(expected.evaluation);
});

test.each<[string, string, Edit]>([
  ['no best epoch', 'progress', (json) => ({ ...json, best: null })],
  ['another best epoch', 'best', (json) => ({ ...json, best: { ...json.best, epoch: (json.best.epoch % 4) + 1 } })],
  ['a score that no epoch has', 'best', (json) => ({ ...json, best: { ...json.best, score: 99 } })],
])('%s', async (_, part, edit) => {
  const out = copyOf(finished);
  rewrite(out, edit);
  expect(await faultOf(() => finetune({ photos, out, finish: true }), out)).toBe(
    `WeightFileError: ROOT/checkpoint.safetensors: is damaged: its ${part} is not as regraft writes it. Delete it, and run without resume.`,
  );
});

const floats = (shape: number[], value = 0.5): TensorData => ({
  shape,
  dtype: 'float32',
  data: new Float32Array(shape.reduce((n, size) => n * size, 1)).fill(value),
});

test.each<[string, string, (state: StateDict) => unknown]>([
  ['the head is gone', 'model', (state) => state.delete('model/linear.weight')],
  ['the head has another shape', 'model', (state) => state.set('model/linear.weight', floats([64, 3]))],
  ['a frozen layer is there', 'model', (state) => state.set('model/conv1.weight', floats([16, 3, 3, 3]))],
  ['no numbers', 'model', (state) => state.set('model/linear.bias', floats([3], Number.NaN))],
  [
    'another type',
    'model',
    (state) => state.set('model/linear.bias', { ...floats([3]), dtype: 'float64', data: new Float64Array(3) }),
  ],
  [
    'the best epoch is gone',
    'best epoch',
    (state) => [...state.keys()].filter((k) => k.startsWith('best/')).map((k) => state.delete(k)),
  ],
  ['a moment is gone', 'optimizer', (state) => state.delete('optimizer/0.0.exp_avg')],
  ['a moment of another name', 'optimizer', (state) => state.set('optimizer/0.0.__proto__', floats([3]))],
  ['a moment of another parameter', 'optimizer', (state) => state.set('optimizer/0.9.exp_avg', floats([3]))],
  [
    'whole numbers of 64 bits',
    'optimizer',
    (state) => state.set('optimizer/0.0.step', { shape: [1], dtype: 'int64', data: new BigInt64Array(1) }),
  ],
  ['a long count', 'optimizer', (state) => state.set('optimizer/0.0.step', floats([5]))],
])('tensors: %s', async (_, part, edit) => {
  const out = copyOf(finished);
  const path = join(out, 'checkpoint.safetensors');
  const { state, metadata } = await readWeightFile(path);
  const edited = new Map(state);
  edit(edited);
  await writeWeights(path, edited, { metadata });
  expect(await faultOf(() => finetune({ photos, out, resume: true, epochs: 5 }), out)).toBe(
    `WeightFileError: ROOT/checkpoint.safetensors: is damaged: the tensors of its ${part} are not those of the run. Delete it, and run without resume.`,
  );
});

test('another file that it names is not taken for the weights', async () => {
  const out = copyOf(finished);
  const other = join(temporaryFolder(), 'other.safetensors');
  writeFileSync(other, 'not yours');
  rewrite(out, (json) => ({ ...json, start: { ...json.start, path: other, fromRun: other } }));
  expect(await faultOf(() => finetune({ photos, out, resume: true }), out)).toBe(
    `WeightFileError: ${other}: holds other weights than those that the run in ROOT was begun with. Name the file where they are now as weights.`,
  );
  rewrite(out, (json) => ({ ...json, settings: { ...json.settings, weights: other }, start: null }));
  expect(await faultOf(() => finetune({ photos, out, resume: true }), out)).toBe(
    `ArgumentError: ROOT: was begun with weights from ${other}, which are not fetched unless you name them: give them as weights again.`,
  );
});

test('published weights that are not in the cache are not fetched either', async () => {
  const out = copyOf(finished);
  const settings = { model: 'squeezenet1_1', freezeUntil: 'classifier', weights: 'IMAGENET1K_V1' };
  rewrite(out, (json) => ({ ...json, start: null, settings: { ...json.settings, ...settings } }));
  vi.stubEnv('REGRAFT_CACHE', temporaryFolder());
  try {
    expect(await faultOf(() => finetune({ photos, out, resume: true }), out)).toBe(
      'ArgumentError: ROOT: was begun with weights from https://download.pytorch.org/models/squeezenet1_1-b8a52dc0.pth, which are not fetched unless you name them: give them as weights again.',
    );
  } finally {
    vi.unstubAllEnvs();
  }
});

test.runIf(existsSync('/proc/self/fd'))('a run that cannot begin closes its weights', async () => {
  await expect(finetune({ photos, weights, model: 'cifarResnet20', imageSize: 1e9 })).rejects.toThrow('Resize: size');
  const open = readdirSync('/proc/self/fd').map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return '';
    }
  });
  expect(open).not.toContain(weights);
});

test('an address in it is not fetched unless it is named', async () => {
  const out = copyOf(finished);
  rewrite(out, (json) => ({ ...json, settings: { ...json.settings, weights: 'http://127.0.0.1:9/w' } }));
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

// biome-ignore lint/suspicious/noExplicitAny: JSON that is about to be damaged
type Edit = (json: any) => unknown;

/** Edits the text in a checkpoint as one would with a few lines of Python. */
function rewrite(out: string, edit: Edit): void {
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
