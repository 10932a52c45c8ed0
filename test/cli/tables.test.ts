/** Every table of the command line stands in columns, whatever script the names in it are in. */
import { afterEach, expect, test, vi } from 'vitest';
import { evaluationText } from '../../src/cli/evaluation-text.ts';
import { lineOutput } from '../../src/cli/predict-output.ts';
import { formatReport } from '../../src/convert/index.ts';
import { describePhotos } from '../../src/data/index.ts';
import { columns, padded } from '../../src/device/columns.ts';
import { textWidth } from '../../src/device/text-width-node.ts';
import { Linear, Module } from '../../src/nn/index.ts';
import { evaluateLogits } from '../../src/tasks/image-classification/evaluation-sum.ts';
import type { Tensor } from '../../src/tensor/tensor.ts';

/** Wide, combining, joined from several emoji, plain. */
const NAMES = ['日本の犬', 'cafe\u0301', '👨‍👩‍👧 family', 'plain'];

afterEach(() => vi.restoreAllMocks());

/** The cells before `text` in each of the lines that have it. */
const placesOf = (lines: readonly string[], text: string | RegExp) => [
  ...new Set(lines.flatMap((line) => (line.search(text) < 0 ? [] : [textWidth(line.slice(0, line.search(text)))]))),
];

test('columns: cells on one line, none with an escape, aligned by what a terminal shows', () => {
  expect(
    columns(
      [
        ['a\nb', '1'],
        ['\u001bc', '22'],
      ],
      [1],
    ),
  ).toEqual(['a\\u000ab   1', '\\u001bc   22']);
  expect(columns(NAMES.map((name) => [name, '|']))).toEqual([
    '日本の犬   |',
    'cafe\u0301       |',
    '👨‍👩‍👧 family  |',
    'plain      |',
  ]);
  expect(padded('犬', 4, true)).toBe('  犬');
});

test('the scores, the matrix and what is mixed up', () => {
  const logits = [3, 0, 0, 0, 0, 3, 0, 0, 0, 0, 3, 0, 3, 0, 0, 0];
  const evaluation = evaluateLogits(logits, [0, 1, 2, 3], 4);
  const text = evaluationText('image-classification', {
    ...evaluation,
    classes: NAMES,
    folder: 'val',
    leftOut: [],
    skipped: [],
  });
  const [scores, matrix] = text
    .split('\n\n')
    .slice(1)
    .map((table) => table.split('\n'));
  expect(new Set(scores!.map((line) => textWidth(line.replaceAll('\u00a0', ' ')))).size).toBe(1);
  expect(new Set(matrix!.map(textWidth)).size).toBe(1);
});

test('predictions', () => {
  const printed: string[] = [];
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => printed.push(String(text)) > 0);
  const output = lineOutput({ task: 'image-classification', top: 1, names: NAMES, classes: NAMES });
  for (const name of NAMES) output.add({ file: name, top: [{ label: name, probability: 1 }] }, name);
  expect(printed).toHaveLength(NAMES.length);
  expect(placesOf(printed, /100 %/)).toEqual([9 + 2 + 9 + 3]);
});

test('the photos of a run, and what was left out', () => {
  const classes = NAMES.map((name, i) => ({ name, train: 10 ** i, validation: 1 }));
  const lines = describePhotos({
    ...{ kind: 'classes', train: 1111, validation: 4 },
    classes,
    validationFrom: { kind: 'none' },
    leftOut: [],
    notes: [],
    equal: { acrossClasses: [], acrossParts: [], withinClass: [] },
  });
  expect(new Set(lines.slice(0, NAMES.length + 2).map(textWidth)).size).toBe(1);
});

test('layers of a network, and converted tensors', () => {
  class Named extends Module {
    日本の犬 = new Linear(2, 2);
    plain = new Linear(2, 2);
    forward(x: Tensor): Tensor {
      return x;
    }
  }
  expect(placesOf(new Named().summary().split('\n'), /Linear/)).toEqual([8 + 2]);
  const tensors = NAMES.map((name) => ({
    nameIn: name,
    nameOut: name,
    shape: [2],
    dtypeIn: 'float32' as const,
    dtypeOut: 'float32' as const,
  }));
  const report = { formatIn: 'PyTorch' as const, formatOut: 'safetensors' as const, tensors, notes: [], bytes: 32 };
  expect(placesOf(formatReport(report).split('\n'), /\[2\]/)).toEqual([9 + 2]);
});
