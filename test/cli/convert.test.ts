/** `regraft convert` between formats, as a user runs it. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { regraft } from './regraft.ts';

const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'regraft-cli-convert-'));
});
afterAll(() => rm(folder, { recursive: true }));

test('a Keras model becomes a TF.js model; --json prints the report', async () => {
  const { code, stdout, stderr } = await regraft(
    ['convert', fixture('keras/small.keras'), 'model.json', '--json'],
    folder,
  );
  expect([code, stderr]).toEqual([0, '']);
  expect(JSON.parse(stdout)).toMatchObject({
    formatIn: 'Keras (.keras)',
    formatOut: 'TF.js (model.json)',
    verification: { inputShapes: [[1, 3, 15, 18]], largestDifference: 0 },
  });
  expect(await readdir(folder)).toEqual(['model-shard1of1.bin', 'model.json']);
});

test('what a format cannot hold is one line and exit code 1, and no file', async () => {
  const { code, stdout, stderr } = await regraft(['convert', fixture('io/net.safetensors'), 'net.h5'], folder);
  expect([code, stdout]).toEqual([1, '']);
  expect(stderr).toMatch(
    /^ArgumentError: convert: net\.h5 holds a model, and the input \(safetensors\) tensors without one: .*\n$/,
  );
  expect(await readdir(folder)).not.toContain('net.h5');
});

test('--fold-batch-norm folds into ONNX, and is refused elsewhere', async () => {
  const folded = await regraft(['convert', fixture('keras/small.keras'), 'small.onnx', '--fold-batch-norm'], folder);
  expect([folded.code, folded.stderr]).toEqual([0, '']);
  expect(folded.stdout).toContain(
    '2 batch norms folded into the weights and biases of the convolutions before them: bn1, bn2.',
  );
  const refused = await regraft(['convert', fixture('keras/small.keras'), 'small.json', '--fold-batch-norm'], folder);
  expect([refused.code, refused.stdout]).toEqual([1, '']);
  expect(refused.stderr).toBe(
    'ArgumentError: convert: batch norms are folded into the graph of an .onnx file only (small.json). Leave it out.\n',
  );
});
