/** Tokenizers of the four families, and of parts that those do not use, beside what Hugging Face's libraries made of the same lines. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openTokenizer, type Truncation } from '../../src/text/index.ts';
import { sharedData } from '../shared-data.ts';
import { comparable, digestOf, FIXTURES, LINES, lineOf, type Recorded, recorded } from './fixtures.ts';
import { sharedLines } from './shared-lines.ts';

interface Windows {
  readonly options: { readonly truncation: true | Truncation; readonly max_length: number; readonly stride: number };
  readonly text: string;
  readonly pair: string | null;
  readonly windows: readonly Recorded[];
}

interface Family {
  readonly lines: readonly unknown[];
  readonly windows: Readonly<Record<string, Windows>>;
  readonly longestFirst: Readonly<Record<string, readonly number[]>>;
  readonly batch: { readonly texts: readonly string[]; readonly ids: number[][]; readonly mask: number[][] };
  readonly decoded: { readonly ids: number[]; readonly all: string; readonly text: string; readonly clean: string };
  readonly words?: {
    readonly words: string[];
    readonly ids: number[];
    readonly wordIds: number[];
    readonly offsets: number[][];
  };
}

const families = recorded<Record<string, Family>>('families.json');
const open = (family: string) =>
  openTokenizer(FIXTURES + family, family === 'gpt2' ? { padToken: '<|endoftext|>' } : {});

describe.each(Object.keys(families))('%s, of the files that older folders have', (name) => {
  const family = families[name]!;

  test('ids, offsets and words of odd lines', async () => {
    const tokenizer = await open(name);
    expect(LINES.length).toBeGreaterThan(140);
    const wrong = LINES.filter(
      (line, i) => JSON.stringify(lineOf(tokenizer.encode(line))) !== JSON.stringify(family.lines[i]),
    );
    expect(wrong).toEqual([]);
  });

  test.each(Object.keys(family.windows))('windows: %s', async (key) => {
    const { options, text, pair, windows } = family.windows[key]!;
    const truncation = options.truncation === true ? 'longest_first' : options.truncation;
    const { overflow, ...first } = (await open(name)).encode(text, {
      ...(pair !== null && { pair }),
      truncation,
      maxLength: options.max_length,
      stride: options.stride,
    });
    const got = [{ ...first, overflow: [] }, ...overflow].map(comparable);
    // The Rust library numbers a second text's later windows 1 whatever the template says, which for T5 and XLM-R is 0.
    const types = ['t5', 'xlmr'].includes(name)
      ? got.map(({ typeIds }) => ({ typeIds }))
      : windows.map(({ typeIds }) => ({ typeIds }));
    expect(got).toEqual(windows.map((one, i) => ({ ...one, ...types[i] })));
  });

  test('of two texts the longer one is cut, until both are', async () => {
    const tokenizer = await open(name);
    const { text } = family.windows.single!;
    const pair = Array.from(text).slice(0, 40).join('');
    for (const [length, ids] of Object.entries(family.longestFirst)) {
      expect(tokenizer.encode(text, { pair, maxLength: Number(length) }).ids).toEqual(ids);
    }
  });

  test('a batch, filled up to a multiple', async () => {
    const { texts, ids, mask } = family.batch;
    const batch = (await open(name)).encodeBatch(texts, { pad: { multipleOf: 8 } });
    expect(batch.map((one) => one.ids)).toEqual(ids);
    expect(batch.map((one) => one.mask)).toEqual(mask);
  });

  test('back to text', async () => {
    const tokenizer = await open(name);
    const { ids, all, text, clean } = family.decoded;
    expect(tokenizer.decode(ids)).toBe(all);
    expect(tokenizer.decode(ids, { skipSpecialTokens: true })).toBe(text);
    expect(tokenizer.decode(ids, { skipSpecialTokens: true, cleanUp: true })).toBe(clean);
  });
});

test.each(['bert', 't5'])('%s: a text that is words already', async (name) => {
  const { words, ids, wordIds, offsets } = families[name]!.words!;
  const encoding = (await open(name)).encode(words);
  expect(encoding.ids).toEqual(ids);
  expect(encoding.words).toEqual(wordIds);
  expect(encoding.offsets).toEqual(offsets);
});

interface WholePipeline {
  readonly json: object;
  readonly lines: readonly unknown[];
  readonly pair: Recorded;
  readonly decoded: { readonly ids: number[]; readonly text: string };
}

test.each(['words', 'llama', 'llama3', 'pieces', 'unigram', 'suffix'])(
  'tokenizer.json of other parts: %s',
  async (name) => {
    const { json, lines, pair, decoded } = recorded<WholePipeline>(`pipelines/${name}.json`);
    const tokenizer = await openTokenizer({ 'tokenizer.json': new TextEncoder().encode(JSON.stringify(json)) });
    const wrong = LINES.filter(
      (line, i) => JSON.stringify(lineOf(tokenizer.encode(line))) !== JSON.stringify(lines[i]),
    );
    expect(wrong).toEqual([]);
    const { text, pair: question } = families.bert!.windows.onlyFirst!;
    expect(comparable(tokenizer.encode(text, { pair: question! }))).toEqual(pair);
    expect(tokenizer.decode(decoded.ids, { skipSpecialTokens: true })).toBe(decoded.text);
  },
);

describe.skipIf(!sharedData)('real vocabularies and some 4,000 lines (needs REGRAFT_DATA)', () => {
  const shared = recorded<{ count: number; tokenizers: Record<string, { lines: string; odd: string }> }>('shared.json');
  const file = (name: string) => join(sharedData!, 'text', name);
  const sources: Readonly<Record<string, () => Record<string, string | Uint8Array>>> = {
    bert: () => ({ 'tokenizer.json': file('vocab-hf/bert-base-uncased.tokenizer.json') }),
    gpt2: () => ({ 'tokenizer.json': file('vocab-hf/gpt2.tokenizer.json') }),
    t5: () => ({ 'spiece.model': file('vocab/t5_tokenizer_base.model') }),
    bertCased: () => ({
      'vocab.txt': file('vocab/bert_base_cased_vocab.txt'),
      'tokenizer_config.json': new TextEncoder().encode('{"do_lower_case": false}'),
    }),
  };

  test.each(Object.keys(sources))('%s: all ids and offsets are those of the Rust library', async (name) => {
    const tokenizer = await openTokenizer(sources[name]!());
    const lines = sharedLines(sharedData!);
    expect(lines.length).toBe(shared.count);
    expect(digestOf(LINES.map((line) => tokenizer.encode(line)))).toBe(shared.tokenizers[name]!.odd);
    expect(digestOf(lines.map((line) => tokenizer.encode(line)))).toBe(shared.tokenizers[name]!.lines);
  });

  test('GPT-2 by vocab.json and merges.txt is GPT-2 by tokenizer.json', async () => {
    const tokenizer = await openTokenizer({
      'vocab.json': file('vocab/gpt2_bpe_encoder.json'),
      'merges.txt': file('vocab/gpt2_bpe_vocab.bpe'),
    });
    expect(digestOf(LINES.map((line) => tokenizer.encode(line)))).toBe(shared.tokenizers.gpt2!.odd);
  });

  test('a sentence model gives the ids that transformers gave', async () => {
    const tokenizer = await openTokenizer(file('minilm'));
    const { rows } = JSON.parse(readFileSync(file('minilm/expected.json'), 'utf8')) as {
      rows: { text: string; input_ids: number[] }[];
    };
    expect(rows.map(({ text }) => tokenizer.encode(text).ids)).toEqual(rows.map(({ input_ids }) => input_ids));
    expect(tokenizer.modelMaxLength).toBe(512);
  });
});
