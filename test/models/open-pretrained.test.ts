/** Folders of networks of texts: names of tensors in all their forms, heads, labels, what is refused, what is written; a real MiniLM. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import type { StateDict } from '../../src/core/dtype.ts';
import { init, noGrad, type Tensor, tensor } from '../../src/index.ts';
import { readWeights, safetensorsChunks, torchChunks } from '../../src/io/index.ts';
import {
  type AnyPretrainedModel,
  BertForMaskedLM,
  BertForSequenceClassification,
  BertModel,
  type OpenPretrainedOptions,
  openPretrained,
  savePretrained,
} from '../../src/models/index.ts';
import { sharedData } from '../shared-data.ts';

const SIZES = {
  ...{ model_type: 'bert', vocab_size: 9, hidden_size: 6, num_hidden_layers: 2, num_attention_heads: 2 },
  ...{ intermediate_size: 5, max_position_embeddings: 8 },
};
const WORDS = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', 'a', 'b', '##c', '!'].join('\n');

const bytesOf = (value: unknown) => new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value));

async function joined(chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk.slice());
  return Buffer.concat(parts);
}

const tokenizer = { 'vocab.txt': bytesOf(WORDS), 'tokenizer_config.json': bytesOf({ do_lower_case: true }) };

/** A folder with these settings and tensors. */
async function folder(config: object, state?: StateDict): Promise<Record<string, Uint8Array>> {
  return {
    ...tokenizer,
    'config.json': bytesOf({ ...SIZES, ...config }),
    ...(state && { 'model.safetensors': await joined(safetensorsChunks(state)) }),
  };
}

const renamed = (state: StateDict, rename: (name: string) => string | undefined): StateDict =>
  new Map([...state].flatMap(([name, t]) => (rename(name) === undefined ? [] : [[rename(name)!, t] as const])));

async function outputs(model: AnyPretrainedModel): Promise<number[]> {
  const ids = tensor(Int32Array.of(2, 5, 7, 3), [1, 4]);
  const record = noGrad(() => model.eval().forward({ input_ids: ids })) as Record<string, Tensor>;
  return Array.from(await Object.values(record)[0]!.data());
}

const open = (files: Record<string, Uint8Array>, options: OpenPretrainedOptions = {}) => openPretrained(files, options);

beforeAll(async () => {
  await init();
});

describe('weights', () => {
  test('with the prefix, without it, with TensorFlow’s names, in PyTorch’s format, in shards', async () => {
    const model = new BertModel(SIZES, { addPoolingLayer: true });
    const state = await model.stateDict();
    const want = await outputs(model);
    const config = { architectures: ['BertModel'] };
    const old = (name: string) =>
      name.replace('LayerNorm.weight', 'LayerNorm.gamma').replace('LayerNorm.bias', 'LayerNorm.beta');
    for (const rename of [(n: string) => n, (n: string) => `bert.${n}`, old]) {
      const { model: read, newWeights, notes } = await open(await folder(config, renamed(state, rename)));
      expect(await outputs(read)).toEqual(want);
      expect([newWeights, notes]).toEqual([[], []]);
    }
    const bin = { ...(await folder(config)), 'pytorch_model.bin': await joined(torchChunks(state)) };
    expect(await outputs((await open(bin)).model)).toEqual(want);

    const [first, second] = [0, 1].map((k) => new Map([...state].filter((_, i) => i % 2 === k)));
    const map = Object.fromEntries(
      [...state.keys()].map((name, i) => [name, `model-0000${(i % 2) + 1}-of-00002.safetensors`]),
    );
    const shards = {
      ...(await folder(config)),
      'model.safetensors.index.json': bytesOf({ metadata: {}, weight_map: map }),
      'model-00001-of-00002.safetensors': await joined(safetensorsChunks(first!)),
      'model-00002-of-00002.safetensors': await joined(safetensorsChunks(second!)),
    };
    expect(await outputs((await open(shards)).model)).toEqual(want);
  });

  test('of an encoder for a head, which starts anew and is told', async () => {
    const state = await new BertModel(SIZES).stateDict();
    const more: StateDict = new Map([...state, ['embeddings.position_ids', state.get('pooler.dense.bias')!]]);
    more.set('cls.seq_relationship.bias', state.get('pooler.dense.bias')!);
    const files = await folder({ architectures: ['BertForPreTraining'] }, more);
    const options = { task: 'text-classification', labels: ['no', 'yes', 'perhaps'], seed: 3 } as const;
    const { model, newWeights, notes, config, architecture, labels } = await open(files, options);
    expect(model).toBeInstanceOf(BertForSequenceClassification);
    expect(architecture).toBe('BertForSequenceClassification');
    expect(newWeights).toEqual(['classifier.weight', 'classifier.bias']);
    expect(notes).toEqual([
      'Start from random numbers: classifier.weight, classifier.bias.',
      'Left out, being of no layer of the network: cls.seq_relationship.bias.',
    ]);
    expect(config.id2label).toEqual({ 0: 'no', 1: 'yes', 2: 'perhaps' });
    expect(labels).toEqual(['no', 'yes', 'perhaps']);
    expect(await outputs(model)).toEqual(await outputs((await open(files, options)).model));
    await expect(open(files)).rejects.toThrow(
      'config.json: names BertForPreTraining, of which regraft has BertModel, BertForSequenceClassification, BertForTokenClassification, BertForQuestionAnswering, BertForMaskedLM. Pass a task: feature-extraction, text-classification, token-classification, question-answering, masked-language-modelling.',
    );
  });

  test('of a head: kept with its own labels in any order, new with others', async () => {
    const id2label = { 0: 'no', 1: 'yes' };
    const model = new BertForSequenceClassification({ ...SIZES, id2label, label2id: { no: 0, yes: 1 } });
    const files = await folder({ architectures: ['BertForSequenceClassification'], id2label }, await model.stateDict());
    const want = await outputs(model);
    const kept = await open(files, { labels: ['yes', 'no'] });
    expect([await outputs(kept.model), kept.labels, kept.newWeights]).toEqual([want, ['no', 'yes'], []]);
    const other = await open(files, { labels: ['bad', 'good'] });
    expect(other.newWeights).toEqual(['classifier.weight', 'classifier.bias']);
    const wrong = await folder(
      { architectures: ['BertForSequenceClassification'], num_labels: 5 },
      await model.stateDict(),
    );
    await expect(open(wrong)).rejects.toThrow(
      'BertForSequenceClassification: 0 missing keys, 0 unexpected, 2 wrong shapes (classifier.weight: got [2, 6], expected [5, 6], classifier.bias: got [2], expected [5]). Pass the labels that are to be learned: the head then starts anew.',
    );
    expect((await open(wrong, { labels: ['a', 'b', 'c'] })).newWeights).toEqual([
      'classifier.weight',
      'classifier.bias',
    ]);
  });

  test('that are tied: any of their names will do, two that differ will not', async () => {
    const model = new BertForMaskedLM(SIZES);
    const state = await model.stateDict();
    const want = await outputs(model);
    const table = 'bert.embeddings.word_embeddings.weight';
    const config = { architectures: ['BertForMaskedLM'] };
    const without = (...names: string[]) => renamed(state, (name) => (names.includes(name) ? undefined : name));
    for (const names of [
      ['cls.predictions.decoder.weight', 'cls.predictions.decoder.bias'],
      [table, 'cls.predictions.bias'],
    ]) {
      const read = await open(await folder(config, without(...names)));
      expect([await outputs(read.model), read.newWeights]).toEqual([want, []]);
    }
    const twin = state.get(table)!;
    const other = { ...twin, data: (twin.data as Float32Array).map((v) => v + 1) };
    await expect(open(await folder(config, new Map([...state, [table, other]])))).rejects.toThrow(
      'config.json: has bert.embeddings.word_embeddings.weight and cls.predictions.decoder.weight, which config.json says are one tensor, with different values. Set tie_word_embeddings to false there.',
    );
    const lost = renamed(state, (name) => (name.includes('layer.1.output.dense.bias') ? undefined : name));
    await expect(open(await folder(config, lost))).rejects.toThrow(
      'BertForMaskedLM: 1 missing key (bert.encoder.layer.1.output.dense.bias), 0 unexpected, 0 wrong shapes. They are not of the network that config.json tells of.',
    );
  });

  test('that are not there: the network starts as Hugging Face starts it, and that is told', async () => {
    const files = await folder({ initializer_range: 0.5, pad_token_id: 0 });
    const lines: string[] = [];
    const { model, newWeights } = await open(files, { seed: 1, onNote: (text) => lines.push(text) });
    expect(lines).toEqual([
      'The folder has no weights (model.safetensors or another): the network starts from random numbers.',
    ]);
    expect(newWeights.length).toBe(model.namedParameters().length);
    const state = await model.stateDict();
    expect(Array.from(state.get('encoder.layer.0.output.dense.bias')!.data as Float32Array)).toEqual(Array(6).fill(0));
    const words = state.get('embeddings.word_embeddings.weight')!.data as Float32Array;
    expect(Array.from(words.slice(0, 6))).toEqual(Array(6).fill(0));
    const deviation = Math.sqrt(words.reduce((sum, v) => sum + v * v, 0) / (words.length - 6));
    expect(Math.abs(deviation - 0.5)).toBeLessThan(0.15);
    expect(await outputs(model)).toEqual(await outputs((await open(files, { seed: 1 })).model));
    await expect(open({ ...files, 'tf_model.h5': bytesOf('') })).rejects.toThrow(
      'has weights as tf_model.h5 alone, which regraft does not read. Save them with transformers as safetensors.',
    );
  });
});

test.each([
  [
    { model_type: 'electra' },
    "config.json: is of the family 'electra', of which regraft has bert, roberta, xlm-roberta, distilbert, gpt2, t5.",
  ],
  [
    { position_embedding_type: 'relative_key' },
    "config of bert: has position_embedding_type 'relative_key', of which regraft has only 'absolute'.",
  ],
  [{ is_decoder: true }, 'config of bert: has is_decoder true, of which regraft has only false.'],
  [{ hidden_act: 'mish' }, "config: has hidden_act 'mish', of which regraft has gelu,"],
  [{ hidden_size: 7 }, 'config of bert: hidden_size 7 is no multiple of the 2 heads.'],
  [{ hidden_size: '6' }, "config of bert: hidden_size must be a whole number, 1 or more, got '6'."],
  [{ hidden_dropout_prob: 2 }, 'config of bert: hidden_dropout_prob must be a probability from 0 to 1, got 2.'],
  [{ id2label: { a: 'x' } }, 'config: id2label must have a name for each number from 0 to 0, got {"a":"x"}.'],
  [{ quantization_config: { bits: 4 } }, 'config of bert: has quantization_config'],
])('refuses by name: %j', async (config, message) => {
  await expect(open(await folder(config))).rejects.toThrow(message);
});

test('refuses texts that are too long, and ids of another vocabulary', async () => {
  const { model } = await open(await folder({}));
  const ids = (count: number, id: number) => tensor(new Int32Array(count).fill(id), [1, count]);
  expect(() => model.forward({ input_ids: ids(9, 5) })).toThrow(
    'the texts have 9 tokens, the network takes 8. Pass { maxLength: 8 } to the tokenizer.',
  );
  expect(() => model.forward({ input_ids: ids(3, 9) })).toThrow('expected numbers from 0 to 8');
  expect(() => model.forward({})).toThrow('BertModel: expected input_ids or inputs_embeds, got neither.');
  expect(() => model.forward({ input_ids: ids(3, 1), attention_mask: ids(4, 1) })).toThrow(
    'attention_mask must be [1, 3], as the texts are, got [1, 4].',
  );
  const roberta = await open(await folder({ model_type: 'roberta', type_vocab_size: 1, pad_token_id: 1 }));
  expect(() => roberta.model.forward({ input_ids: ids(7, 5) })).toThrow(
    'the texts have 7 tokens, the network takes 6.',
  );
  // The number of the text is 0 for RoBERTa, whatever a tokenizer says.
  const types = { token_type_ids: ids(4, 1) };
  const both = noGrad(() => [
    roberta.model.eval().forward({ input_ids: ids(4, 5), ...types }).last_hidden_state,
    roberta.model.forward({ input_ids: ids(4, 5) }).last_hidden_state,
  ]) as Tensor[];
  expect(await both[0]!.data()).toEqual(await both[1]!.data());
});

test('writes a folder that is opened again, tokenizer and all', async () => {
  const path = await mkdtemp(join(tmpdir(), 'regraft-pretrained-'));
  try {
    const opened = await open(await folder({ dtype: 'float16', some_key: [1, 2] }), {
      task: 'text-classification',
      labels: ['no', 'yes'],
    });
    await savePretrained(join(path, 'tuned'), opened);
    expect((await readdir(join(path, 'tuned'))).sort()).toEqual([
      'config.json',
      'model.safetensors',
      'tokenizer_config.json',
      'vocab.txt',
    ]);
    const config = JSON.parse(await readFile(join(path, 'tuned', 'config.json'), 'utf8'));
    expect(config).toMatchObject({
      architectures: ['BertForSequenceClassification'],
      id2label: { 0: 'no', 1: 'yes' },
      label2id: { no: 0, yes: 1 },
      dtype: 'float32',
      some_key: [1, 2],
    });
    const again = await openPretrained(join(path, 'tuned'));
    expect(await outputs(again.model)).toEqual(await outputs(opened.model));
    expect(again.tokenizer.encode('A bc!').ids).toEqual([2, 5, 6, 7, 8, 3]);
    expect([again.newWeights, again.notes, again.labels]).toEqual([[], [], ['no', 'yes']]);
    await writeFile(join(path, 'tuned', 'config.json'), '{');
    await expect(openPretrained(join(path, 'tuned'))).rejects.toThrow('config.json');
    await expect(openPretrained(path)).rejects.toThrow('has no config.json, which says what network it is of.');
  } finally {
    await rm(path, { recursive: true });
  }
});

test('a tied network is written with each tensor once', async () => {
  const path = await mkdtemp(join(tmpdir(), 'regraft-pretrained-'));
  try {
    const opened = await open(await folder({ architectures: ['BertForMaskedLM'] }));
    await savePretrained(path, opened);
    const state = await readWeights(join(path, 'model.safetensors'));
    expect(state.has('cls.predictions.bias')).toBe(true);
    expect([...state.keys()].filter((name) => name.includes('decoder'))).toEqual([]);
    expect(await outputs((await openPretrained(path)).model)).toEqual(await outputs(opened.model));
  } finally {
    await rm(path, { recursive: true });
  }
});

describe.skipIf(sharedData === undefined)('a real MiniLM (REGRAFT_DATA)', () => {
  test('gives the ids and the embeddings of transformers', async () => {
    const from = join(sharedData!, 'text/minilm');
    const { rows } = JSON.parse(await readFile(join(from, 'expected.json'), 'utf8')) as {
      rows: { text: string; input_ids: number[]; embedding: number[] }[];
    };
    const { model, tokenizer } = await openPretrained(from);
    const encodings = tokenizer.encodeBatch(rows.map(({ text }) => text));
    expect(encodings.map(({ ids, mask }) => ids.filter((_, t) => mask[t] === 1))).toEqual(
      rows.map(({ input_ids }) => input_ids),
    );
    const shape = [rows.length, encodings[0]!.ids.length];
    const int = (key: 'ids' | 'mask' | 'typeIds') =>
      tensor(Int32Array.from(encodings.flatMap((encoding) => encoding[key])), shape);
    const embeddings = noGrad(() => {
      const inputs = { input_ids: int('ids'), attention_mask: int('mask'), token_type_ids: int('typeIds') };
      const { last_hidden_state: hidden } = model.eval().forward(inputs) as Record<string, Tensor>;
      const mask = inputs.attention_mask.to('float32').reshape([...shape, 1]);
      const mean = hidden!.mul(mask).sum(1).div(mask.sum(1));
      return mean.div(mean.square().sum(1, { keepdim: true }).sqrt());
    });
    const values = await embeddings.data();
    const want = rows.flatMap(({ embedding }) => embedding);
    const off = values.reduce((most, v, i) => Math.max(most, Math.abs(v - want[i]!)), 0);
    expect(off).toBeLessThan(1e-4);
  });
});
