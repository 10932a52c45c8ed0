/** Tokenizers out of folders. */
import { joinPath, openSource } from '#files';
import { ArgumentError, WeightFileError } from '../core/errors.ts';
import { shown } from '../core/options.ts';
import type { SourceLike } from '../device/byte-source.ts';
import type { OpenBeside, OpenTokenizerOptions } from './tokenizer/options.ts';
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
  const { name, open } = folderOf(source);
  const { readTokenizer } = await import('./tokenizer/read.ts');
  return readTokenizer(name, open, options);
}

function folderOf(source: TokenizerSource): { readonly name: string; readonly open: OpenBeside } {
  if (typeof source === 'string' || source instanceof URL) {
    const folder = String(source);
    const address = source instanceof URL || /^[a-z][a-z\d+.-]+:\/\//i.test(folder);
    const pathOf = (name: string) => (address ? new URL(name, folder.replace(/\/?$/, '/')) : joinPath(folder, name));
    return { name: folder, open: (name) => openSource(pathOf(name)).catch(absent) };
  }
  if (typeof source !== 'object' || source === null) {
    throw new ArgumentError(`openTokenizer: expected a folder or files, got ${shown(source)}.`);
  }
  const isList = (value: typeof source): value is readonly File[] => Array.isArray(value);
  const files: Readonly<Record<string, SourceLike>> = isList(source)
    ? Object.fromEntries(source.map((file) => [file.name, file]))
    : source;
  const open: OpenBeside = async (name) => {
    const file = Object.hasOwn(files, name) ? files[name] : undefined;
    return file === undefined ? undefined : { ...(await openSource(file)), name };
  };
  return { name: Object.keys(files).join(', ') || 'no files', open };
}

/** @throws what is no message that a file cannot be had. */
function absent(error: unknown): undefined {
  if (!(error instanceof WeightFileError)) throw error;
  return undefined;
}
