/** Tokenizer files and options that are wrong: one line each. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openTokenizer, type Tokenizer } from '../../src/text/index.ts';
import { FIXTURES } from './fixtures.ts';

const bytes = (content: unknown) =>
  new TextEncoder().encode(typeof content === 'string' ? content : JSON.stringify(content));
const words = (more: object = {}) => ({
  model: { type: 'WordLevel', vocab: { a: 0, b: 1, '[PAD]': 2 }, unk_token: '?' },
  added_tokens: [],
  ...more,
});
const open = (files: Readonly<Record<string, unknown>>, options = {}) =>
  openTokenizer(Object.fromEntries(Object.entries(files).map(([name, content]) => [name, bytes(content)])), options);

async function faultOf(run: () => unknown): Promise<string> {
  try {
    await run();
  } catch (error) {
    return `${(error as Error).name}: ${(error as Error).message}`;
  }
  return 'none';
}

const vocab = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', 'a', '##b'];

test.each<[string, Readonly<Record<string, unknown>>, string]>([
  [
    'no tokenizer',
    { 'config.json': {} },
    'config.json: expected a tokenizer: tokenizer.json, vocab.txt, vocab.json with merges.txt, spiece.model or sentencepiece.bpe.model. There is none.',
  ],
  [
    'no files',
    {},
    'no files: expected a tokenizer: tokenizer.json, vocab.txt, vocab.json with merges.txt, spiece.model or sentencepiece.bpe.model. There is none.',
  ],
  [
    'truncated JSON',
    { 'tokenizer.json': '{"model": {' },
    'tokenizer.json: is no valid JSON. It is truncated or damaged: get it again.',
  ],
  ['no model', { 'tokenizer.json': {} }, 'tokenizer.json: model must be an object, got nothing.'],
  [
    'an unknown model',
    { 'tokenizer.json': { model: { type: 'Neural', vocab: {} } } },
    "tokenizer.json: model.type is 'Neural', which is not known.",
  ],
  [
    'an unknown normalizer',
    { 'tokenizer.json': words({ normalizer: { type: 'Sequence', normalizers: [{ type: 'Rot13' }] } }) },
    "tokenizer.json: normalizer.normalizers.0.type is 'Rot13', which is not known.",
  ],
  [
    'an unknown pre-tokenizer',
    { 'tokenizer.json': words({ pre_tokenizer: { type: 'UnicodeScripts' } }) },
    "tokenizer.json: pre_tokenizer.type is 'UnicodeScripts', which is not known.",
  ],
  [
    'an unknown decoder',
    { 'tokenizer.json': words({ decoder: { type: 'X' } }) },
    "tokenizer.json: decoder.type is 'X', which is not known.",
  ],
  [
    'an unknown post-processor',
    { 'tokenizer.json': words({ post_processor: { type: 'X' } }) },
    "tokenizer.json: post_processor.type is 'X', which is not known.",
  ],
  [
    'a pattern of another language',
    {
      'tokenizer.json': words({
        pre_tokenizer: { type: 'Split', behavior: 'Isolated', pattern: { Regex: '(?>a|b)' } },
      }),
    },
    "tokenizer.json: pre_tokenizer.pattern.Regex '(?>a|b)' has no counterpart among JavaScript's regular expressions.",
  ],
  [
    'a split of no kind',
    { 'tokenizer.json': words({ pre_tokenizer: { type: 'Split', behavior: 'isolated', pattern: { String: 'a' } } }) },
    "tokenizer.json: pre_tokenizer.behavior must be one of Removed, Isolated, MergedWithPrevious, MergedWithNext, Contiguous, got 'isolated'.",
  ],
  [
    'an id that is none',
    { 'tokenizer.json': { model: { type: 'WordLevel', vocab: { a: -1 } } } },
    "tokenizer.json: model.vocab has the id -1 for 'a': expected a whole number, 0 or more.",
  ],
  [
    'a merge of unknown tokens',
    { 'tokenizer.json': { model: { type: 'BPE', vocab: { a: 0, b: 1 }, merges: ['a b'] } } },
    "tokenizer.json: model.merges.0 needs the token 'ab', which the vocabulary does not have.",
  ],
  [
    'a merge of three',
    { 'tokenizer.json': { model: { type: 'BPE', vocab: { a: 0 }, merges: ['a a a'] } } },
    'tokenizer.json: model.merges.0 must be two tokens, got a a a.',
  ],
  [
    'random merges',
    { 'tokenizer.json': { model: { type: 'BPE', vocab: { a: 0 }, merges: [], dropout: 0.1 } } },
    'tokenizer.json: model.dropout drops merges at random, which is for training tokenizers. Set it to null.',
  ],
  [
    'a piece without a score',
    { 'tokenizer.json': { model: { type: 'Unigram', unk_id: 0, vocab: [['<unk>']] } } },
    'tokenizer.json: model.vocab.0 must be a piece and its score, got a list of 1 item.',
  ],
  [
    'an unknown piece that is none',
    { 'tokenizer.json': { model: { type: 'Unigram', unk_id: 3, vocab: [['<unk>', 0]] } } },
    'tokenizer.json: model.unk_id is 3, but the vocabulary has 1 pieces.',
  ],
  [
    'a damaged map of characters',
    { 'tokenizer.json': words({ normalizer: { type: 'Precompiled', precompiled_charsmap: '////fw==' } }) },
    'tokenizer.json: normalizer.precompiled_charsmap is no map of characters as SentencePiece compiles them.',
  ],
  [
    'a template of unknown tokens',
    {
      'tokenizer.json': words({
        post_processor: {
          type: 'TemplateProcessing',
          single: [{ SpecialToken: { id: '[CLS]', type_id: 0 } }],
          pair: [],
          special_tokens: {},
        },
      }),
    },
    "tokenizer.json: post_processor.single.0.SpecialToken.id is '[CLS]', which special_tokens does not have.",
  ],
  [
    'a vocabulary without special tokens',
    { 'vocab.txt': 'a\nb\n' },
    "vocab.txt: has no token '[UNK]': it is no vocabulary of BERT's, or tokenizer_config.json names another.",
  ],
  [
    'a vocabulary with capital letters',
    { 'vocab.txt': [...vocab, 'Paris'].join('\n') },
    `vocab.txt: has capital letters ('Paris'), and nothing says whether texts are lowercased. Put { "do_lower_case": false } into tokenizer_config.json beside it, or pass { lowercase: false }.`,
  ],
  ['merges missing', { 'vocab.json': { a: 0 } }, 'vocab.json: expected merges.txt beside it; there is none.'],
  [
    'no model of SentencePiece',
    { 'spiece.model': 'nonsense' },
    'spiece.model: is no SentencePiece model, or is truncated: get it again.',
  ],
  [
    'a side that is none',
    { 'tokenizer.json': words(), 'tokenizer_config.json': { padding_side: 'up' } },
    "tokenizer_config.json: padding_side must be right or left, got 'up'.",
  ],
])('%s', async (_, files, message) => {
  expect(await faultOf(() => open(files))).toBe(`WeightFileError: ${message}`);
});

test('bytes that are no UTF-8', async () => {
  expect(await faultOf(() => openTokenizer({ 'vocab.txt': Uint8Array.of(0x61, 0xe9, 0x0a) }))).toBe(
    'WeightFileError: vocab.txt: is no UTF-8 text.',
  );
});

test('a SentencePiece model of byte pairs', async () => {
  // pieces { "a" }, trainer_spec { model_type: 2 }
  const model = Uint8Array.of(0x0a, 0x03, 0x0a, 0x01, 0x61, 0x12, 0x02, 0x18, 0x02);
  expect(await faultOf(() => openTokenizer({ 'spiece.model': model }))).toBe(
    'WeightFileError: spiece.model: is a SentencePiece model of byte pairs: only unigram models are read. Save tokenizer.json beside it with transformers.',
  );
});

test('folders and arguments', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'text-'));
  const none = `WeightFileError: ${folder}: expected a tokenizer: tokenizer.json, vocab.txt, vocab.json with merges.txt, spiece.model or sentencepiece.bpe.model. There is none.`;
  expect(await faultOf(() => openTokenizer(folder))).toBe(none);
  expect(await faultOf(() => openTokenizer(null as never))).toBe(
    'ArgumentError: openTokenizer: expected a folder or files, got null.',
  );
  expect(await faultOf(() => open({ 'tokenizer.json': words() }, { padToken: '<pad>' }))).toBe(
    "WeightFileError: tokenizer.json: has no token '<pad>', which padToken names.",
  );
  writeFileSync(join(folder, 'vocab.txt'), vocab.join('\r\n'));
  expect((await openTokenizer(folder)).encode('ab').ids).toEqual([2, 5, 6, 3]);
});

test('options of encode, pad and decode', async () => {
  const bert = await openTokenizer(`${FIXTURES}bert`);
  const gpt2 = await openTokenizer(`${FIXTURES}gpt2`);
  const cases: [(tokenizer: Tokenizer) => unknown, string, Tokenizer?][] = [
    [(t) => t.encode(7 as never), 'encode: expected a text or a list of words, got 7.'],
    [(t) => t.encode('a', { maxLength: 0 }), 'encode: maxLength must be a whole number, 1 or more, got 0.'],
    [
      (t) => t.encode('a', { maxLength: 2 }),
      'encode: maxLength is 2, which leaves no room for text beside 2 special tokens. Raise it.',
    ],
    [(t) => t.encode('a', { stride: 2 }), 'encode: stride is of windows, which need maxLength.'],
    [
      (t) => t.encode('a', { truncation: 'longest' as never }),
      "encode: truncation must be longest_first, only_first or only_second, got 'longest'.",
    ],
    [
      (t) => t.encode('a b c d e', { maxLength: 6, stride: 4 }),
      'encode: windows have room for 4 tokens of the text, but stride is 4. Lower it, or raise maxLength.',
    ],
    [
      (t) => t.encode('a b c d e', { maxLength: 6, truncation: 'only_second' }),
      "encode: truncation 'only_second' needs a second text: pass pair.",
    ],
    [
      (t) => t.encode('a b c d e', { pair: 'a', maxLength: 6, truncation: 'only_second' }),
      "encode: 3 tokens are too many, but the second text has 1, and truncation 'only_second' cuts no other. Raise maxLength.",
    ],
    [
      (t) => t.encode('a b c d e', { pair: 'a b c d e', maxLength: 9, stride: 1 }),
      "encode: both texts are too long for 9 tokens, but windows are of one. Pass truncation: 'only_first' or 'only_second'.",
    ],
    [(t) => t.encodeBatch(['a'], { pairs: [] }), 'encodeBatch: there are 1 texts but 0 pairs.'],
    [
      (t) => t.encodeBatch(['a b c'], { pad: { length: 4 } }),
      'pad: length is 4, but an encoding has 5 tokens. Encode with maxLength: 4.',
    ],
    [
      (t) => t.encodeBatch(['a', 'a b'], { pad: { side: 'top' as never } }),
      "pad: side must be right or left, got 'top'.",
    ],
    [
      (t) => t.decode([5, -100]),
      'decode: expected ids, whole numbers from 0 on, got -100. Leave ignored labels (-100) out.',
    ],
    [
      (t) => t.encodeBatch(['a', 'a b c']),
      "pad: the tokenizer has no padding token, so texts of different lengths cannot be in one batch. Name one in openTokenizer's padToken.",
      gpt2,
    ],
  ];
  for (const [run, message, tokenizer = bert] of cases)
    expect(await faultOf(() => run(tokenizer))).toBe(`ArgumentError: ${message}`);
});

test('a text that the vocabulary has nothing for', async () => {
  const tokenizer = await open({ 'tokenizer.json': words({ pre_tokenizer: { type: 'WhitespaceSplit' } }) });
  expect(await faultOf(() => tokenizer.encode('a c'))).toBe(
    "DataError: tokenizer.json: has no token for 'c', and no unknown token: '?' is not in its vocabulary.",
  );
  const unigram = await open({ 'tokenizer.json': { model: { type: 'Unigram', vocab: [['a', 0]], unk_id: null } } });
  expect(await faultOf(() => unigram.encode('a😀'))).toBe(
    "DataError: tokenizer.json: has no token for '😀', and no unknown token: its model's unk_id is null.",
  );
});
