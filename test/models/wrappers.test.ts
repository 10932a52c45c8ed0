/** Weights under other wrappers' and libraries' names, in one dictionary of several, without a head or with a foreign one. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { convert } from '../../src/convert/index.ts';
import type { StateDict, TensorData } from '../../src/core/dtype.ts';
import { init } from '../../src/graph/init.ts';
import { fitNames, shapesOf } from '../../src/io/base/fit-names.ts';
import { readWeightFile, safetensorsChunks, targetOf, writeWeights } from '../../src/io/index.ts';
import { cifarResnet20, resnet18, type WeightsSource } from '../../src/models/index.ts';

let state: StateDict;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'regraft-wrappers-'));
  await init();
  state = await (await cifarResnet20({ seed: 1 })).stateDict();
});
afterAll(() => rm(folder, { recursive: true }));

const ones = (...shape: number[]): TensorData => {
  const data = new Float32Array(shape.reduce((a, b) => a * b)).fill(1);
  return { shape, dtype: 'float32', data };
};
const renamed = (name: (name: string) => string | undefined, more: Record<string, TensorData> = {}): StateDict =>
  new Map([
    ...[...state].flatMap(([from, t]): [string, TensorData][] => {
      const to = name(from);
      return to === undefined ? [] : [[to, t]];
    }),
    ...Object.entries(more),
  ]);
const file = (of: StateDict): Uint8Array => Buffer.concat([...safetensorsChunks(of, {})]);

/** Loads, and gives the notes; the trunk must be the one that was saved. */
async function load(weights: WeightsSource, options: Parameters<typeof cifarResnet20>[0] = {}): Promise<string[]> {
  const notes: string[] = [];
  const model = await cifarResnet20({ weights, seed: 2, onNote: (note) => notes.push(note), ...options });
  const got = await model.stateDict();
  for (const [name, { data }] of state)
    if (!options.newHead || !name.startsWith('linear'))
      expect(
        got.get(name)!.data.every((x, i) => x === data[i]),
        name,
      ).toBe(true);
  return notes;
}

test.each(['model.', 'a_b/c:', '_orig_mod.module.student.'])('the prefix %s comes off', async (prefix) => {
  expect(await load(file(renamed((name) => prefix + name)))).toEqual([
    `The prefix '${prefix}' is taken off the names.`,
  ]);
});

test('of two networks the first that fits is taken, and the rest is told', async () => {
  const two = new Map([
    ...renamed((name) => `encoder_q.${name}`),
    ...renamed((name) => `encoder_k.${name}`),
    ['queue', ones(2, 2)] as const,
  ]);
  expect(await load(file(two))).toEqual([
    "The prefix 'encoder_q.' is taken off the names.",
    'Left out, being of no layer of the model: encoder_k.conv1.weight, encoder_k.bn1.weight, encoder_k.bn1.bias, ' +
      'encoder_k.bn1.running_mean, encoder_k.bn1.running_var and 112 more.',
  ]);
});

test('a head under another name than the trunk', async () => {
  expect(await load(file(renamed((n) => (n.startsWith('linear') ? `head.${n}` : `backbone.${n}`))))).toEqual([
    "The prefix 'backbone.' is taken off the names.",
    'Renamed: head.linear.weight to linear.weight, head.linear.bias to linear.bias.',
  ]);
});

test('a Sequential of the parts, by order and shape', async () => {
  const parts = ['conv1', 'bn1', 'layer1', 'layer2', 'layer3', 'linear'];
  const number = (name: string) => name.replace(/^\w+/, (part) => String(parts.indexOf(part)));
  const notes = [
    "The names are not the model's: the tensors are matched by their order and shapes (0.weight is conv1.weight, …).",
    'Left out: 19 counters num_batches_tracked.',
  ];
  expect(await load(file(renamed(number)))).toEqual(notes);
  const trunk = renamed((name) => (name.startsWith('linear') ? undefined : number(name)));
  expect(await load(file(trunk), { newHead: true })).toEqual([
    ...notes,
    "The weights have no 'linear': it starts from random numbers.",
  ]);
});

test('names of transformers', async () => {
  const { expected } = targetOf(await resnet18());
  const theirs = (name: string): string =>
    name
      .replace(/^conv1/, 'embedder.embedder.convolution')
      .replace(/^bn1/, 'embedder.embedder.normalization')
      .replace(/^layer(\d)\.(\d)/, (_, i, j) => `encoder.stages.${i - 1}.layers.${j}`)
      .replace('downsample.0', 'shortcut.convolution')
      .replace('downsample.1', 'shortcut.normalization')
      .replace(/\.(conv|bn)(\d)/, (_, kind, i) => `.layer.${i - 1}.${kind === 'bn' ? 'normalization' : 'convolution'}`);
  const shapes = new Map(
    [...expected].map(([name, shape]) => [
      name.startsWith('fc') ? name.replace('fc', 'classifier.1') : `resnet.${theirs(name)}`,
      shape,
    ]),
  );
  const fit = fitNames(shapes, expected);
  expect([...fit.names.values()].sort()).toEqual([...expected.keys()].sort());
  expect(fit.names.get('resnet.encoder.stages.1.layers.0.shortcut.normalization.running_var')).toBe(
    'layer2.0.downsample.1.running_var',
  );
  expect(fit.notes).toEqual(['The names are those of transformers.']);
});

test('another network stays as it is', async () => {
  const { expected } = targetOf(await resnet18());
  const fit = fitNames(shapesOf(renamed((name) => `model.${name}`)), expected);
  expect([...fit.names].every(([from, to]) => from === to)).toBe(true);
  expect(fit.notes).toEqual([]);
});

describe('the head', () => {
  const noHead = () => renamed((name) => (name.startsWith('linear') ? undefined : name));

  test('missing is one error, which says how to go on', async () => {
    await expect(cifarResnet20({ weights: file(noHead()) })).rejects.toThrow(
      'ResNet: 2 missing keys (linear.weight, linear.bias), 0 unexpected, 0 wrong shapes. ' +
        'Pass { newHead: true } to load the rest: the last layer then starts anew.',
    );
  });

  test.each([
    ['missing', {}, ["The weights have no 'linear': it starts from random numbers."]],
    ['of other outputs', { 'linear.weight': ones(7, 64), 'linear.bias': ones(7) }, []],
    ['of another shape', { 'linear.weight': ones(3, 5, 1, 1) }, []],
    [
      'of several layers',
      { 'linear.0.weight': ones(8, 64), 'linear.2.weight': ones(10, 8) },
      ['Left out, being of no layer of the model: linear.0.weight, linear.2.weight.'],
    ],
    [
      'under another name',
      { 'projector.0.weight': ones(8, 64) },
      [
        "The weights have no 'linear': it starts from random numbers.",
        'Left out, being of no layer of the model: projector.0.weight.',
      ],
    ],
  ])('%s, where it starts anew', async (_, head, notes) => {
    const weights = file(new Map([...noHead(), ...Object.entries(head)]));
    expect(await load(weights, { newHead: true })).toEqual(notes);
    expect(await load(weights, { newHead: true, numClasses: 4 })).toEqual(notes);
  });

  test('a trunk that does not fit is an error all the same', async () => {
    const weights = file(renamed((name) => (name.startsWith('layer3.2') ? undefined : name)));
    await expect(cifarResnet20({ weights, newHead: true })).rejects.toThrow(
      /^ResNet: 10 missing keys \(layer3\.2\.conv1\.weight, .*\), 0 unexpected, 0 wrong shapes\. They are weights of another network: name the one they are of\.$/,
    );
  });
});

describe('given prefixes', () => {
  test('stripPrefix takes them off, and leaves out what has none', async () => {
    const both = new Map([
      ...renamed((name) => `student.${name}`),
      ...renamed((name) => `teacher.${name}`, { x: ones(1) }),
    ]);
    const { notes, state: got } = await readWeightFile(file(both), { stripPrefix: 'teacher.' });
    expect([...got.keys()]).toEqual([...state.keys()]);
    expect(notes).toEqual([
      "Left out, without the prefix 'teacher.': student.conv1.weight, student.bn1.weight, student.bn1.bias, " +
        'student.bn1.running_mean, student.bn1.running_var and 112 more.',
    ]);
    expect(await load(file(both), { stripPrefix: 'teacher.' })).toEqual(notes);
  });

  test('one that no name has is an error', async () => {
    await expect(
      readWeightFile(new File([file(renamed((name) => name)) as BlobPart], 'a.pth'), { stripPrefix: 'b.' }),
    ).rejects.toThrow(
      "a.pth: has no tensor whose name begins with 'b.': got conv1.weight, bn1.weight, bn1.bias, bn1.running_mean, bn1.running_var and 111 more.",
    );
  });
});

test('convert finds the names too', async () => {
  const [from, to] = [join(folder, 'a.pth'), join(folder, 'b.safetensors')];
  await writeWeights(
    from,
    renamed((name) => (name.startsWith('linear') ? `fc.${name}` : `model.${name}`)),
  );
  const { notes } = await convert(from, to, { model: 'cifarResnet20' });
  expect(notes).toEqual([
    "The prefix 'model.' is taken off the names.",
    'Renamed: fc.linear.weight to linear.weight, fc.linear.bias to linear.bias.',
  ]);
  expect([...(await readWeightFile(to)).state.keys()].sort()).toEqual([...state.keys()].sort());
});
