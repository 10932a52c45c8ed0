/** The files of a tokenizer, whatever version they are of. */
import { WeightFileError } from '../../core/errors.ts';
import { count, readRange } from '../../io/base/bytes.ts';
import { isRecord, jsonObject } from '../../io/base/json.ts';
import {
  type Converted,
  familySpecial,
  fromT5,
  fromVocabAndMerges,
  fromVocabTxt,
  fromXlmRoberta,
} from './old-vocabularies.ts';
import type { OpenBeside, OpenTokenizerOptions } from './options.ts';
import { Pipeline } from './pipeline.ts';
import { Section } from './section.ts';
import { addedByConfig, type Special, specialOf } from './special.ts';
import { Tokenizer } from './tokenizer.ts';
import type { Side } from './truncate.ts';

type Json = Readonly<Record<string, unknown>>;

const CONFIG = 'tokenizer_config.json';
/** Vocabularies of a quarter million tokens take 20 MB. */
const LIMIT = 128 << 20;
const DEPTH = 40;
/** What older versions write where there is no limit. */
const NO_LIMIT = 1e9;

/** @throws WeightFileError for a folder without a tokenizer, or a fault in a file. */
export async function readTokenizer(
  folder: string,
  open: OpenBeside,
  options: OpenTokenizerOptions,
): Promise<Tokenizer> {
  const files = new Files(open);
  const config = (await files.json(CONFIG)) ?? {};
  const named = specialOf(config, (await files.json('special_tokens_map.json')) ?? {});
  const { name, json, special } = await vocabularyOf(folder, files, config, named, options);
  const pipeline = new Pipeline(new Section(name, '', overridden(json, config)), addedByConfig(CONFIG, config));
  const { padToken = special.pad_token } = options;
  if (padToken !== undefined && pipeline.id(padToken) === undefined && options.padToken !== undefined) {
    throw new WeightFileError(folder, `has no token '${padToken}', which padToken names.`);
  }
  const settings = new Section(CONFIG, '', config);
  const length = settings.number('model_max_length', Infinity);
  return new Tokenizer(pipeline, {
    special: padToken === undefined ? special : { ...special, pad_token: padToken },
    padTypeId: settings.number('pad_token_type_id', 0),
    paddingSide: sideOf(settings, 'padding_side'),
    truncationSide: sideOf(settings, 'truncation_side'),
    modelMaxLength: length > NO_LIMIT ? Infinity : length,
    cleanUp: settings.flag('clean_up_tokenization_spaces', false),
  });
}

function sideOf(config: Section, key: string): Side {
  const side = config.text(key, 'right');
  return side === 'right' || side === 'left' ? side : config.fail(`must be right or left, got '${side}'.`, key);
}

interface Vocabulary extends Converted {
  /** The file that it was read from. */
  readonly name: string;
}

async function vocabularyOf(
  folder: string,
  files: Files,
  config: Json,
  named: Special,
  { lowercase }: OpenTokenizerOptions,
): Promise<Vocabulary> {
  const json = await files.json('tokenizer.json');
  if (json) {
    const special = Object.keys(named).length > 0 ? named : familySpecial(json);
    return { name: 'tokenizer.json', json, special };
  }
  const lines = await files.text('vocab.txt');
  if (lines !== undefined) return { name: 'vocab.txt', ...fromVocabTxt('vocab.txt', lines, config, named, lowercase) };
  const vocab = await files.json('vocab.json');
  if (vocab) {
    const merges = await files.text('merges.txt');
    if (merges === undefined) throw new WeightFileError('vocab.json', 'expected merges.txt beside it; there is none.');
    const roberta = await isRoberta(files, config);
    return { name: 'vocab.json', ...fromVocabAndMerges(vocab, merges, config, named, roberta) };
  }
  for (const name of ['spiece.model', 'sentencepiece.bpe.model']) {
    const bytes = await files.bytes(name);
    if (!bytes) continue;
    const { readSentencePiece } = await import('./sentencepiece.ts');
    const model = readSentencePiece(name, bytes);
    return { name, ...(name === 'spiece.model' ? fromT5(model, config, named) : fromXlmRoberta(model, named)) };
  }
  throw new WeightFileError(
    folder,
    'expected a tokenizer: tokenizer.json, vocab.txt, vocab.json with merges.txt, spiece.model or sentencepiece.bpe.model. There is none.',
  );
}

/** Whether the folder says that it is RoBERTa's, or GPT-2's; undefined if it does not. */
async function isRoberta(files: Files, config: Json): Promise<boolean | undefined> {
  const says = String(config.tokenizer_class ?? (await files.json('config.json'))?.model_type ?? '').toLowerCase();
  return says.includes('roberta') ? true : says.startsWith('gpt2') ? false : undefined;
}

/** tokenizer.json with what tokenizer_config.json says otherwise, as `transformers` does it. */
function overridden(json: Json, config: Json): Json {
  const { normalizer, pre_tokenizer: split } = json;
  const known = (fields: Json) => Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
  const bert = known({
    lowercase: config.do_lower_case,
    strip_accents: config.strip_accents,
    handle_chinese_chars: config.tokenize_chinese_chars,
  });
  const isBert = isRecord(normalizer) && normalizer.type === 'BertNormalizer';
  const isBytes = isRecord(split) && split.type === 'ByteLevel';
  return {
    ...json,
    ...(isBert && { normalizer: { ...normalizer, ...bert } }),
    ...(isBytes && { pre_tokenizer: { ...split, ...known({ add_prefix_space: config.add_prefix_space }) } }),
  };
}

/** Files of the folder, whole; undefined where there is none. */
class Files {
  readonly #open: OpenBeside;

  constructor(open: OpenBeside) {
    this.#open = open;
  }

  async bytes(name: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const source = await this.#open(name);
    if (!source) return undefined;
    try {
      if (source.size > LIMIT) {
        throw new WeightFileError(
          source.name,
          `has ${count(source.size)} bytes: at most ${count(LIMIT)} are read of a tokenizer's file.`,
        );
      }
      return await readRange(source, 0, source.size, 'the tokenizer');
    } finally {
      await source.close();
    }
  }

  async text(name: string): Promise<string | undefined> {
    const bytes = await this.bytes(name);
    if (!bytes) return undefined;
    try {
      return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    } catch {
      throw new WeightFileError(name, 'is no UTF-8 text.');
    }
  }

  async json(name: string): Promise<Json | undefined> {
    const text = await this.text(name);
    return text === undefined ? undefined : jsonObject({ name, size: text.length }, text, DEPTH);
  }
}
