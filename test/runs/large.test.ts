/** Lists as long as a large data set, where a call would take each element as an argument and end in "Maximum call stack size exceeded". */
import { afterEach, expect, test, vi } from 'vitest';
import { closingText } from '../../src/cli/closing-text.ts';
import { ArrayDataset, describePhotos } from '../../src/data/index.ts';
import { init, tensor } from '../../src/index.ts';
import { Flatten, Linear, Sequential } from '../../src/nn/index.ts';
import { curveChart } from '../../src/report/chart.ts';
import { MODEL_FILES, predictLogits } from '../../src/runs/index.ts';
import { Curves } from '../../web/view/curves.ts';
import { sampleResult } from './sample-result.ts';

const MANY = 200_000;

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test('predictions of several batches are one array, as large as it must be', async () => {
  await init();
  const model = new Sequential(new Flatten(), new Linear(1, 2));
  const data = new ArrayDataset(new Float32Array(1000), [1000, 1, 1, 1], new Int32Array(1000));
  const { logits, indices } = await predictLogits(model, data, { batchSize: 300 });
  expect(indices.length).toBe(1000);
  expect(logits.buffer.byteLength).toBe(4 * 2 * 1000);
});

test('many reasons to leave files out, many classes', () => {
  const leftOut = Array.from({ length: MANY }, (_, i) => ({ reason: `no images (.${i})`, paths: [`x.${i}`] }));
  const classes = [{ name: 'a', train: 1, validation: 1 }];
  const equal = { acrossClasses: [], acrossParts: [], withinClass: [] };
  const lines = describePhotos({
    ...{ kind: 'classes', train: 1, validation: 1 },
    ...{ classes, validationFrom: { kind: 'none' }, leftOut, notes: [], equal },
  });
  expect(lines.length).toBe(4 + 1 + MANY);
});

test('the end of a run of many classes', () => {
  const result = sampleResult({ classes: ['ants', 'bees'] });
  const of = result.evaluation!.perClass[0]!;
  const evaluation = { ...result.evaluation!, perClass: Array.from({ length: MANY }, () => of) };
  const data = { ...result.data, classes: Array.from({ length: MANY }, String) };
  expect(closingText({ ...result, evaluation, data }, 'out', MODEL_FILES)).toContain('Saved in out:');
});

test('curves of many epochs and steps', () => {
  const values = Array.from({ length: MANY }, (_, i) => i / MANY);
  const series = [{ name: 'training', style: 'train' as const, values }];
  const chart = curveChart({ title: 'Loss', series, phases: [], keptEpoch: 1, format: String, formatTick: String });
  expect(chart.text).toContain('Loss');
});

test('the page’s curves after many steps: bounded in what is drawn', () => {
  vi.useFakeTimers();
  const box = { innerHTML: '' };
  vi.stubGlobal('document', { getElementById: () => box });
  const curves = new Curves();
  curves.reset(10);
  for (let i = 1; i <= MANY; i++) curves.running((10 * i) / MANY, 1 - i / MANY, i / MANY);
  vi.runAllTimers();
  expect(box.innerHTML).toContain('within the epoch');
  expect(box.innerHTML.length).toBeLessThan(150_000);
});

test('many labels that the logits have no class for', () => {
  const labels = tensor(Int32Array.from({ length: MANY }, (_, i) => i));
  expect(() => tensor(new Float32Array(2 * MANY), [MANY, 2]).crossEntropy(labels)).toThrow(
    'crossEntropy: expected labels from 0 to 1 for logits [200000, 2], got 2 at 2. Use a network with 200000 outputs, or name rows to leave out by ignoreIndex.',
  );
});
