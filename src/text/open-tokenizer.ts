/** Tokenizers out of folders. */
import type { SourceLike } from '../device/byte-source.ts';
import { openFolder } from './folder.ts';
import type { OpenTokenizerOptions } from './tokenizer/options.ts';
import type { Tokenizer } from './tokenizer/tokenizer.ts';

/** Where a tokenizer's files are: the folder's path or URL, the files themselves, or sources by the names that the files have in a folder. */
export type TokenizerSource = string | URL | readonly File[] | Readonly<Record<string, SourceLike>>;

/**
 * The tokenizer of a folder as Hugging Face's `transformers` writes it: `tokenizer.json`, with `tokenizer_config.json` and
 * `special_tokens_map.json` where they are. Older folders have `vocab.txt` (BERT), `vocab.json` and `merges.txt` (GPT-2, RoBERTa),
 * `spiece.model` (T5) or `sentencepiece.bpe.model` (XLM-R) instead.
 * Ids and offsets are those of Hugging Face's `tokenizers`; offsets count UTF-16 units, as JavaScript does.
 * @param source where the files are
 * @param options what the files may leave open
 * @throws WeightFileError if there is none of them, or a file is damaged or asks for something that is not known.
 * @example
 * const tokenizer = await openTokenizer('minilm');
 * const { ids, offsets } = tokenizer.encode('A text.', { maxLength: 128 });
 */
export async function openTokenizer(source: TokenizerSource, options: OpenTokenizerOptions = {}): Promise<Tokenizer> {
  const { name, open } = openFolder('openTokenizer', source);
  const { readTokenizer } = await import('./tokenizer/read.ts');
  return readTokenizer(name, open, options);
}
