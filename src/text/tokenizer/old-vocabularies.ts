/** What folders from before tokenizer.json hold, in the form of that file, as `transformers` converts them. Ids stay what they are. */
import { WeightFileError } from '../../core/errors.ts';
import { isRecord } from '../../io/base/json.ts';
import type { SentencePieceModel } from './sentencepiece.ts';
import type { Special } from './special.ts';

type Json = Readonly<Record<string, unknown>>;

/** A folder's vocabulary as tokenizer.json would have it. */
export interface Converted {
  readonly json: Json;
  /** The special tokens of its family. */
  readonly special: Special;
}

const added = (id: number | undefined, content: string, more: Json = {}): readonly Json[] =>
  id === undefined ? [] : [{ id, content, special: true, normalized: false, ...more }];

const sequence = (id: 'A' | 'B', type_id: number) => ({ Sequence: { id, type_id } });
const token = (id: string, type_id: number) => ({ SpecialToken: { id, type_id } });
const ids = (tokens: Readonly<Record<string, number>>) =>
  Object.fromEntries(Object.entries(tokens).map(([id, number]) => [id, { id, ids: [number], tokens: [id] }]));

/**
 * BERT's vocab.txt: a token a line.
 * @param config tokenizer_config.json
 * @param lowercase whether texts are lowercased, where the config does not say
 * @throws WeightFileError if nothing says and the vocabulary has capital letters, or a special token is missing.
 */
export function fromVocabTxt(
  name: string,
  text: string,
  config: Json,
  special: Special,
  lowercase?: boolean,
): Converted {
  const lines = text.replace(/\r?\n$/, '').split(/\r?\n/);
  const vocab: Record<string, number> = Object.create(null);
  lines.forEach((line, id) => {
    vocab[line] = id;
  });
  const names = { ...BERT, ...special };
  for (const key of ['unk_token', 'cls_token', 'sep_token'] as const) {
    if (names[key]! in vocab) continue;
    throw new WeightFileError(
      name,
      `has no token '${names[key]}': it is no vocabulary of BERT's, or tokenizer_config.json names another.`,
    );
  }
  const [cls, sep] = [names.cls_token!, names.sep_token!];
  const json: Json = {
    added_tokens: Object.values(names).flatMap((content) => added(vocab[content], content)),
    normalizer: {
      type: 'BertNormalizer',
      handle_chinese_chars: config.tokenize_chinese_chars ?? true,
      strip_accents: config.strip_accents ?? null,
      lowercase: config.do_lower_case ?? lowercase ?? lowercaseOf(name, lines, Object.values(names)),
    },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: {
      type: 'TemplateProcessing',
      single: [token(cls, 0), sequence('A', 0), token(sep, 0)],
      pair: [token(cls, 0), sequence('A', 0), token(sep, 0), sequence('B', 1), token(sep, 1)],
      special_tokens: ids({ [cls]: vocab[cls]!, [sep]: vocab[sep]! }),
    },
    decoder: { type: 'WordPiece' },
    model: { type: 'WordPiece', unk_token: names.unk_token, vocab },
  };
  return { json, special: names };
}

/** True where no token has a capital letter. */
function lowercaseOf(name: string, lines: readonly string[], special: readonly string[]): boolean {
  const known = new Set(special);
  const capital = lines.find((line) => line !== line.toLowerCase() && !known.has(line) && !/^\[.*\]$/.test(line));
  if (capital === undefined) return true;
  throw new WeightFileError(
    name,
    `has capital letters ('${capital}'), and nothing says whether texts are lowercased. Put { "do_lower_case": false } into tokenizer_config.json beside it, or pass { lowercase: false }.`,
  );
}

/** GPT-2's and RoBERTa's vocab.json and merges.txt. @param roberta which of the two; by default RoBERTa if it has `<s>` and `</s>` */
export function fromVocabAndMerges(
  vocab: Json,
  merges: string,
  config: Json,
  special: Special,
  roberta?: boolean,
): Converted {
  const rules = merges.split(/\r?\n/).filter((line) => line !== '' && !line.startsWith('#version'));
  const add_prefix_space = config.add_prefix_space ?? false;
  const idOf = (content: string | undefined) =>
    content === undefined ? undefined : (vocab[content] as number | undefined);
  const isRoberta = roberta ?? ('<s>' in vocab && '</s>' in vocab);
  const names = { ...(isRoberta ? ROBERTA : GPT2), ...special };
  const mask = (content: string) => ({ lstrip: content === names.mask_token });
  const [cls, sep] = [names.cls_token, names.sep_token];
  const [bos, bosId] = [names.bos_token!, idOf(names.bos_token)];
  const leading = config.add_bos_token === true && bosId !== undefined;
  const json: Json = {
    added_tokens: [...new Set(Object.values(names))].flatMap((content) => added(idOf(content), content, mask(content))),
    pre_tokenizer: { type: 'ByteLevel', add_prefix_space, trim_offsets: true },
    post_processor: isRoberta
      ? {
          type: 'RobertaProcessing',
          sep: [sep, idOf(sep)],
          cls: [cls, idOf(cls)],
          trim_offsets: true,
          add_prefix_space,
        }
      : leading
        ? {
            type: 'TemplateProcessing',
            single: [token(bos, 0), sequence('A', 0)],
            pair: [token(bos, 0), sequence('A', 0), sequence('B', 1)],
            special_tokens: ids({ [bos]: bosId }),
          }
        : { type: 'ByteLevel', trim_offsets: false },
    decoder: { type: 'ByteLevel' },
    model: { type: 'BPE', vocab, merges: rules },
  };
  return { json, special: names };
}

/** T5's spiece.model, with the tokens for gaps behind its pieces. */
export function fromT5(model: SentencePieceModel, config: Json, special: Special): Converted {
  const names = { ...T5, ...special };
  const count = typeof config.extra_ids === 'number' ? config.extra_ids : 100;
  const gaps = Array.from({ length: count }, (_, i) => [`<extra_id_${count - 1 - i}>`, 0] as const);
  const pieces = [...model.pieces, ...gaps];
  const idOf = (content: string) => pieces.findIndex(([piece]) => piece === content);
  const eos = names.eos_token!;
  return {
    json: {
      ...sentencePieceJson(model, pieces, model.unknown, config.legacy === false ? 'first' : 'always'),
      added_tokens: [
        ...model.fixed.flatMap(({ id, special }) => added(id, pieces[id]![0], { special })),
        ...Object.values(names).flatMap((content) => added(idOf(content), content)),
        ...gaps.flatMap(([content]) => added(idOf(content), content)),
      ],
      post_processor: {
        type: 'TemplateProcessing',
        single: [sequence('A', 0), token(eos, 0)],
        pair: [sequence('A', 0), token(eos, 0), sequence('B', 0), token(eos, 0)],
        special_tokens: ids({ [eos]: idOf(eos) }),
      },
    },
    special: names,
  };
}

/** XLM-R's sentencepiece.bpe.model, whose first pieces are others than its ids. */
export function fromXlmRoberta(model: SentencePieceModel, special: Special): Converted {
  const names = { ...ROBERTA, ...special };
  const first = ['<s>', '<pad>', '</s>', '<unk>'];
  const pieces = [
    ...first.map((piece) => [piece, 0] as const),
    ...model.pieces.slice(3),
    [names.mask_token!, 0] as const,
  ];
  const around = { single: [token('<s>', 0), sequence('A', 0), token('</s>', 0)] };
  return {
    json: {
      ...sentencePieceJson(model, pieces, 3, 'always'),
      added_tokens: [
        ...first.flatMap((content, id) => added(id, content)),
        ...added(pieces.length - 1, names.mask_token!, { lstrip: true }),
      ],
      post_processor: {
        type: 'TemplateProcessing',
        ...around,
        pair: [...around.single, token('</s>', 0), sequence('B', 0), token('</s>', 0)],
        special_tokens: ids({ '<s>': 0, '</s>': 2 }),
      },
    },
    special: names,
  };
}

function sentencePieceJson(
  { characters }: SentencePieceModel,
  vocab: readonly (readonly [string, number])[],
  unk_id: number,
  prepend_scheme: string,
): Json {
  const metaspace = { type: 'Metaspace', replacement: '▁', prepend_scheme };
  let binary = '';
  for (const byte of characters) binary += String.fromCharCode(byte);
  return {
    normalizer: {
      type: 'Sequence',
      normalizers: [
        { type: 'Precompiled', precompiled_charsmap: btoa(binary) },
        { type: 'Strip', strip_left: false, strip_right: true },
        { type: 'Replace', pattern: { Regex: ' {2,}' }, content: '▁' },
      ],
    },
    pre_tokenizer: metaspace,
    decoder: metaspace,
    model: { type: 'Unigram', unk_id, vocab },
  };
}

const BERT: Special = {
  unk_token: '[UNK]',
  sep_token: '[SEP]',
  pad_token: '[PAD]',
  cls_token: '[CLS]',
  mask_token: '[MASK]',
};
const ROBERTA: Special = {
  bos_token: '<s>',
  eos_token: '</s>',
  unk_token: '<unk>',
  sep_token: '</s>',
  pad_token: '<pad>',
  cls_token: '<s>',
  mask_token: '<mask>',
};
const GPT2: Special = { bos_token: '<|endoftext|>', eos_token: '<|endoftext|>', unk_token: '<|endoftext|>' };
const T5: Special = { eos_token: '</s>', unk_token: '<unk>', pad_token: '<pad>' };

/** The special tokens of the family whose tokens a tokenizer.json has, where no other file names them. */
export function familySpecial(json: Json): Special {
  const tokens = new Set(
    (Array.isArray(json.added_tokens) ? json.added_tokens : []).map((one) => (isRecord(one) ? one.content : undefined)),
  );
  return (
    [BERT, ROBERTA, T5, GPT2].find((family) => Object.values(family).every((content) => tokens.has(content))) ?? {}
  );
}
