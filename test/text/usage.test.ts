/** What users do with a tokenizer beyond single texts: buckets, sides, special tokens, very long texts, files in a browser. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { openTokenizer } from '../../src/text/index.ts';
import { FIXTURES } from './fixtures.ts';

const bert = () => openTokenizer(`${FIXTURES}bert`);

test('offsets slice the text that was given, emoji before them or not', async () => {
  const text = '😀 The fox, naïve 𠮷.';
  const { offsets, specialMask, tokens } = (await bert()).encode(text);
  const pieces = offsets.filter((_, i) => !specialMask[i]).map(([start, end]) => text.slice(start, end));
  expect(pieces.join('')).toBe('😀Thefox,naïve𠮷.');
  expect(tokens.at(0)).toBe('[CLS]');
});

test('half a surrogate pair counts as a replacement character', async () => {
  const tokenizer = await openTokenizer(`${FIXTURES}gpt2`);
  expect(tokenizer.encode('a\ud83d b').ids).toEqual(tokenizer.encode('a\ufffd b').ids);
  expect(tokenizer.encode('a\ud83d b').offsets.at(-1)!.at(-1)).toBe(4);
});

test('padding: lengths, buckets and sides', async () => {
  const tokenizer = await bert();
  const lengths = (pad: object) => tokenizer.encodeBatch(['fox', 'the lazy dog'], { pad }).map(({ ids }) => ids.length);
  expect(lengths({})).toEqual([5, 5]);
  expect(lengths({ length: 9 })).toEqual([9, 9]);
  expect(lengths({ buckets: [32, 16, 8] })).toEqual([8, 8]);
  expect(lengths({ buckets: [4] })).toEqual([5, 5]);
  expect(tokenizer.encodeBatch(['fox', 'the lazy dog'], { pad: false }).map(({ ids }) => ids.length)).toEqual([3, 5]);
  const [left] = tokenizer.encodeBatch(['fox', 'the lazy dog'], { pad: { side: 'left' } });
  expect(left!.mask).toEqual([0, 0, 1, 1, 1]);
  expect(left!.specialMask).toEqual([1, 1, 1, 0, 1]);
  expect(left!.words).toEqual([null, null, null, 0, null]);
  expect(left!.offsets[3]).toEqual([0, 3]);
  expect(tokenizer.encodeBatch([])).toEqual([]);
});

test('tokenizer_config.json: sides, the longest text, special tokens, case', async () => {
  const file = (content: object) => new TextEncoder().encode(JSON.stringify(content));
  const tokenizer = await openTokenizer({
    'vocab.txt': `${FIXTURES}bert/vocab.txt`,
    'tokenizer_config.json': file({
      padding_side: 'left',
      truncation_side: 'left',
      model_max_length: 64,
      do_lower_case: false,
      added_tokens_decoder: {
        900: { content: '<new>', special: true, lstrip: false, rstrip: false, normalized: false, single_word: false },
      },
    }),
    'special_tokens_map.json': file({ mask_token: { content: '[MASK]', lstrip: false } }),
  });
  expect(tokenizer.modelMaxLength).toBe(64);
  expect(tokenizer.specialTokens.mask_token).toEqual({ token: '[MASK]', id: tokenizer.tokenToId('[MASK]') });
  expect(tokenizer.specialTokens.bos_token).toBeUndefined();
  expect(tokenizer.encode('fox<new>').ids.at(-2)).toBe(900);
  expect(tokenizer.vocabularySize).toBe(901);
  const [first] = tokenizer.encodeBatch(['fox', 'the lazy dog']);
  expect(first!.mask).toEqual([0, 0, 1, 1, 1]);
  const cut = tokenizer.encode('the lazy dog', { maxLength: 4, stride: 1 });
  expect(cut.tokens).toEqual(['[CLS]', 'lazy', 'dog', '[SEP]']);
  expect(cut.overflow.map(({ tokens }) => tokens)).toEqual([['[CLS]', 'the', 'lazy', '[SEP]']]);
  expect(tokenizer.encode('Fox').ids).not.toEqual(tokenizer.encode('fox').ids);
});

test('words of byte pairs get the space that a text would have there', async () => {
  const tokenizer = await openTokenizer(`${FIXTURES}gpt2`);
  const words = ['The', 'lazy', 'dog', '😀'];
  const whole = tokenizer.encode(words.join(' '));
  const split = tokenizer.encode(words);
  expect(split.ids).toEqual(whole.ids);
  expect(split.offsets.every(([start, end], i) => words[split.words[i]!]!.slice(start, end) !== '')).toBe(true);
});

test('files as a page has them', async () => {
  const file = (name: string) => new File([readFileSync(`${FIXTURES}roberta/${name}`)], name);
  const tokenizer = await openTokenizer([file('vocab.json'), file('merges.txt')]);
  const folder = await openTokenizer(`${FIXTURES}roberta`);
  expect(tokenizer.encode('a <mask> b')).toEqual(folder.encode('a <mask> b'));
});

test.each(['bert', 'gpt2', 't5'])('%s: a text of 1 MB, and a word of 1 MB, within seconds', async (name) => {
  const tokenizer = await openTokenizer(FIXTURES + name);
  const line = 'The quick brown fox, naïve and 😀, jumps over 𠮷野家.\n';
  const text = line.repeat(Math.ceil((1 << 20) / line.length));
  const begun = process.cpuUsage();
  const { ids, offsets } = tokenizer.encode(text);
  expect(ids.length).toBeGreaterThan(200_000);
  expect(offsets.filter(([, end]) => end > 0).at(-1)![1]).toBeGreaterThan(text.length - 3);
  expect(tokenizer.encode('abcdefghij'.repeat(100_000)).ids.length).toBeGreaterThan(0);
  const { user, system } = process.cpuUsage(begun);
  // Quadratic merges would take hours.
  expect((user + system) / 1e6).toBeLessThan(60);
});
