/** A frozen encoder of texts: numbers of tokens go through `fit`, and what is frozen is computed once. */
import { beforeAll, expect, test } from 'vitest';
import type { HostBatch } from '../../src/data/collate.ts';
import type { Dataset, Sample } from '../../src/data/dataset.ts';
import { init, manualSeed } from '../../src/index.ts';
import {
  BertForSequenceClassification,
  DistilBertForSequenceClassification,
  RobertaForSequenceClassification,
} from '../../src/models/index.ts';
import { type AnyModule, crossEntropy } from '../../src/nn/index.ts';
import { AdamW } from '../../src/optim/index.ts';
import type { Task, Tensors } from '../../src/tasks/task.ts';
import { fit } from '../../src/train/fit.ts';

beforeAll(async () => {
  await init();
});

interface Text extends Sample {
  readonly ids: readonly number[];
  readonly label: number;
}

const TEXTS = 10;

/** Texts of three to seven tokens. */
const text = (index: number): Text => ({
  ids: Array.from({ length: 3 + (index % 5) }, (_, t) => 3 + ((7 * index + t * t) % 30)),
  label: index % 2,
  index,
  path: `text ${index}`,
});

const data = (): Dataset<Text> & { loaded: number } => ({
  length: TEXTS,
  loaded: 0,
  async get(index) {
    this.loaded++;
    return text(index);
  },
  key: async (index) => String(index),
});

const targetsOf = (texts: readonly Text[]) => ({
  labels: { data: Int32Array.from(texts, ({ label }) => label), shape: [texts.length] },
});

const task = (padding: number): Task<Text> => ({
  name: 'texts',
  scores: [],
  collate(texts): HostBatch {
    const length = Math.max(...texts.map(({ ids }) => ids.length));
    const shape = [texts.length, length];
    const of = (value: (ids: readonly number[], t: number) => number) => ({
      data: Int32Array.from(texts.flatMap(({ ids }) => Array.from({ length }, (_, t) => value(ids, t)))),
      shape,
    });
    return {
      inputs: { input_ids: of((ids, t) => ids[t] ?? padding), attention_mask: of((ids, t) => Number(t < ids.length)) },
      targets: targetsOf(texts),
      indices: texts.map(({ index }) => index),
      paths: texts.map(({ path }) => path),
    };
  },
  targetsOf: (_, indices) => targetsOf(indices.map(text)),
  forward: (model, inputs) => model.forward(inputs) as Tensors,
  loss: ({ logits }, { labels }) => crossEntropy(logits!, labels!),
  metric: () => ({ update: () => {}, scores: () => ({}), values: () => null }),
});

const BERT = {
  ...{ vocab_size: 33, hidden_size: 8, num_hidden_layers: 2, num_attention_heads: 2, intermediate_size: 9 },
  max_position_embeddings: 12,
};

test.each<[string, number, () => AnyModule, string]>([
  ['bert', 0, () => new BertForSequenceClassification(BERT), 'bert'],
  ['roberta', 1, () => new RobertaForSequenceClassification({ ...BERT, type_vocab_size: 1 }), 'roberta'],
  [
    'distilbert',
    0,
    () =>
      new DistilBertForSequenceClassification({
        ...{ vocab_size: 33, dim: 8, n_layers: 2, n_heads: 2, hidden_dim: 9, max_position_embeddings: 12 },
      }),
    'distilbert',
  ],
])(
  '%s: a frozen encoder runs in the first epoch alone, and the numbers are those without a cache',
  async (_, padding, make, encoder) => {
    const run = async (cache: boolean) => {
      manualSeed(3);
      const model = make();
      model.freeze(encoder);
      const train = data();
      const optimizer = new AdamW(model.parameters(), { lr: 0.01 });
      const { history } = await fit(model, { task: task(padding), train, batchSize: 4, epochs: 3, optimizer, cache });
      return { history, loaded: train.loaded };
    };
    const cached = await run(true);
    expect(cached.history.map((record) => record.cached)).toEqual([false, true, true]);
    expect(cached.loaded).toBe(TEXTS);
    const plain = await run(false);
    for (const [i, { trainLoss }] of plain.history.entries())
      expect(Math.abs(cached.history[i]!.trainLoss! - trainLoss!)).toBeLessThan(1e-5);
  },
);
