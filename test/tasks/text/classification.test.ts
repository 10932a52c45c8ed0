/** Text classification: batches of ids, classes, several labels and numbers, lengths that differ, what is refused. */
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, test } from 'vitest';
import { TextDataset, type TextSample } from '../../../src/data/index.ts';
import { cat, init, manualSeed, type Tensor } from '../../../src/index.ts';
import { Linear, Module } from '../../../src/nn/index.ts';
import { AdamW } from '../../../src/optim/index.ts';
import { textClassification } from '../../../src/tasks/text-classification/task.ts';
import { openTokenizer, type Tokenizer } from '../../../src/text/index.ts';
import { evaluate } from '../../../src/train/evaluate.ts';
import { fit } from '../../../src/train/fit.ts';
import { faultOf } from '../../data/photos.ts';

let tokenizer: Tokenizer;
beforeAll(async () => {
  await init();
  tokenizer = await openTokenizer(fileURLToPath(new URL('../../fixtures/text/bert', import.meta.url)));
});

/** The share that each of three letters has among the tokens of a text. */
class Letters extends Module<[Record<string, Tensor>], { logits: Tensor }> {
  readonly head: Linear;
  readonly #ids: readonly number[];

  readonly body: Linear | null;

  constructor(outputs: number, body: Linear | null = null) {
    super();
    this.body = body;
    this.#ids = ['a', 'b', 'c'].map((letter) => tokenizer.tokenToId(letter)!);
    this.head = new Linear(body?.outFeatures ?? this.#ids.length, outputs);
  }

  override forward({ input_ids, attention_mask }: Record<string, Tensor>): { logits: Tensor } {
    const [n] = input_ids!.shape;
    const count = attention_mask!.to('float32').sum(1).reshape([n!, 1]);
    const features = cat(
      this.#ids.map((id) => input_ids!.eq(id).to('float32').sum(1).reshape([n!, 1])),
      1,
    );
    const shares = features.div(count);
    return { logits: this.head.forward(this.body ? this.body.forward(shares).relu() : shares) };
  }
}

const words = (i: number, of: string) =>
  Array.from({ length: 2 + (i % 24) }, (_, k) => of[(k * 7 + i) % of.length]).join(' ');

const data = (label: (i: number) => TextSample['label'], classes: readonly string[], of: (i: number) => string) =>
  new TextDataset(
    'letters',
    classes,
    Array.from({ length: 90 }, (_, i) => ({ path: `${i}`, text: words(i, of(i)), label: label(i) })),
  );

test('a batch: ids, mask and types in int32, filled up to a few lengths, cut at the length', () => {
  const task = textClassification({ tokenizer, maxLength: 12 });
  const { inputs, targets, paths } = task.collate([
    { index: 0, path: 'x:1', text: 'a b', pair: 'c', label: 1 },
    { index: 4, path: 'x:5', text: 'a b c d e f g h i j k l m n', pair: 'b', label: 0 },
  ]);
  const ids = (text: string) => text.split(' ').map((token) => tokenizer.tokenToId(token)!);
  const row = (name: string, at: number) => [...(inputs[name]!.data as Int32Array).subarray(at * 12, at * 12 + 12)];
  expect(Object.keys(inputs)).toEqual(['input_ids', 'attention_mask', 'token_type_ids']);
  expect(inputs.input_ids!.shape).toEqual([2, 12]);
  expect(row('input_ids', 0)).toEqual(ids('[CLS] a b [SEP] c [SEP] [PAD] [PAD] [PAD] [PAD] [PAD] [PAD]'));
  expect(row('input_ids', 1)).toEqual(ids('[CLS] a b c d e f g h [SEP] b [SEP]'));
  expect(row('attention_mask', 0)).toEqual([1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0]);
  expect(row('token_type_ids', 0)).toEqual([0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0]);
  expect([targets.labels!.data, paths]).toEqual([Int32Array.of(1, 0), ['x:1', 'x:5']]);
  const single = task.collate([{ index: 0, path: '', text: 'a b', label: 1 }]).inputs;
  expect([Object.keys(single), single.input_ids!.shape]).toEqual([
    ['input_ids', 'attention_mask'],
    [1, 12],
  ]);
});

test('classes are learned, from texts of many lengths', async () => {
  manualSeed(0);
  const train = data(
    (i) => i % 3,
    ['a', 'b', 'c'],
    (i) => ['aab', 'bbc', 'cca'][i % 3]!,
  );
  const model = new Letters(3);
  const task = textClassification({ tokenizer, labelSmoothing: 0.1 });
  const { history } = await fit(model, {
    task,
    train,
    validation: train,
    epochs: 8,
    batchSize: 16,
    optimizer: new AdamW(model.parameters(), { lr: 0.2 }),
  });
  expect(history.at(-1)!.validationAccuracy).toBe(1);
  const { scores } = await evaluate(model, train, { task });
  expect(scores.accuracy).toBe(1);
});

test('what is frozen runs once for each text, however long: cached from the second epoch on, with the same numbers', async () => {
  const train = data(
    (i) => i % 3,
    ['a', 'b', 'c'],
    (i) => ['aab', 'bbc', 'cca'][i % 3]!,
  );
  const run = async (cache: boolean) => {
    manualSeed(0);
    const model = new Letters(3, new Linear(3, 4));
    model.body!.freeze();
    const task = textClassification({ tokenizer });
    const optimizer = new AdamW(model.parameters(), { lr: 0.1 });
    return fit(model, { task, train, validation: train, epochs: 4, batchSize: 16, optimizer, cache });
  };
  const [cached, plain] = [await run(true), await run(false)];
  expect(cached.history.map((record) => record.cached)).toEqual([false, true, true, true]);
  for (const [epoch, { trainLoss, validationLoss }] of plain.history.entries()) {
    expect(cached.history[epoch]!.trainLoss).toBeCloseTo(trainLoss!, 5);
    expect(cached.history[epoch]!.validationLoss).toBeCloseTo(validationLoss!, 5);
  }
});

test('several labels and numbers are learned', async () => {
  manualSeed(0);
  const has = (i: number) => Float32Array.of(Number(i % 3 !== 0), Number(i % 3 !== 1));
  const labels = data(has, ['x', 'y'], (i) => ['aab', 'bbc', 'cca'][i % 3]!);
  const model = new Letters(2);
  const lr = 0.3;
  const first = await fit(model, {
    task: textClassification({ tokenizer, kind: 'labels', classWeights: [1, 2] }),
    train: labels,
    validation: labels,
    epochs: 8,
    batchSize: 16,
    optimizer: new AdamW(model.parameters(), { lr }),
  });
  expect(first.history.at(-1)!.validationMacroF1).toBe(1);
  const shares = data(
    (i) => Float32Array.of((i % 3) / 2),
    [],
    (i) => ['a', 'ab', 'b'][i % 3]!,
  );
  const regressor = new Letters(1);
  const second = await fit(regressor, {
    task: textClassification({ tokenizer, kind: 'values', loss: 'huber' }),
    train: shares,
    validation: shares,
    epochs: 12,
    batchSize: 16,
    optimizer: new AdamW(regressor.parameters(), { lr }),
  });
  expect(second.history.at(-1)!.validationR2).toBeGreaterThan(0.8);
});

test.each([
  [
    { tokenizer: 'bert' },
    "ArgumentError: textClassification: expected a tokenizer, got 'bert'. Pass that of the network: await openTokenizer(folder).",
  ],
  [{ maxLength: 0 }, 'ArgumentError: textClassification: maxLength must be'],
  [
    { kind: 'words' },
    "ArgumentError: textClassification: expected kind as one of classes, labels, values, got 'words'.",
  ],
  [
    { labelSmoothing: 0.1, focalGamma: 2 },
    'ArgumentError: imageClassification: expected labelSmoothing or focalGamma, got both.',
  ],
  [{ num_labels: 2 }, "ArgumentError: textClassification: expected options that exist, got 'num_labels'."],
])('options %j', async (options, message) => {
  expect(await faultOf(() => textClassification({ tokenizer, ...(options as object) }))).toContain(message);
});

test('a label that the network has no output for', async () => {
  const train = data(
    (i) => i % 3,
    ['a', 'b', 'c'],
    () => 'abc',
  );
  const fault = await faultOf(() => fit(new Letters(2), { task: textClassification({ tokenizer }), train, epochs: 1 }));
  expect(fault).toBe(
    'ArgumentError: fit: expected an output for each of the 3 classes, got a model with 2. Graft a head of 3.',
  );
});
