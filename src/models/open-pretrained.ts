/** Networks of texts out of folders as Hugging Face's transformers writes them. What reads and builds them is loaded when it is needed. */
import type { TokenizerSource } from '../text/index.ts';
import type { OpenPretrainedOptions, Pretrained, SavedPretrained } from './text/pretrained.ts';
import type { FolderFile } from './text/save.ts';

export type { OpenPretrainedOptions, Pretrained, SavedPretrained } from './text/pretrained.ts';

/**
 * Opens a folder of BERT, RoBERTa, XLM-R, DistilBERT, GPT-2 or T5 as Hugging Face's `transformers` writes it: `config.json`, the weights
 * (`model.safetensors` or `pytorch_model.bin`, in one file or several) and the tokenizer. A folder without weights gives a network that starts
 * from random numbers, as Hugging Face initialises it, and a note says so.
 * @param source The folder's path or URL, its files, or sources by the files' names.
 * @param options What the network is for, the classes, where notes go.
 * @throws WeightFileError if a file is missing, damaged or of another network; ArgumentError by name for a setting of `config.json` that is not
 *   known here; StateDictError with everything that does not fit.
 * @example
 * const { model, tokenizer } = await openPretrained('distilbert', { task: 'text-classification', labels: ['no', 'yes'] });
 * const [{ ids, mask }] = tokenizer.encodeBatch(['A fine film.']);
 * const { logits } = model.eval().forward({
 *   input_ids: tensor(Int32Array.from(ids), [1, ids.length]),
 *   attention_mask: tensor(Int32Array.from(mask), [1, ids.length]),
 * });
 */
export function openPretrained(
  source: TokenizerSource,
  options: OpenPretrainedOptions & { readonly tokenizer: false },
): Promise<Omit<Pretrained, 'tokenizer'>>;
export function openPretrained(source: TokenizerSource, options?: OpenPretrainedOptions): Promise<Pretrained>;
export async function openPretrained(
  source: TokenizerSource,
  options: OpenPretrainedOptions = {},
): Promise<Pretrained> {
  return (await import('./text/open.ts')).openPretrained(source, options);
}

/**
 * Writes a network of texts as a folder that {@link openPretrained} and Hugging Face's `transformers` open: `model.safetensors` in float32,
 * `config.json` with the classes, the tokenizer's files as they came. Each file appears whole under its name.
 * @param folder Where to; it is made if it is not there.
 * @param parts What {@link openPretrained} gave.
 * @example
 * await savePretrained('tuned', await openPretrained('distilbert', { task: 'text-classification', labels: ['no', 'yes'] }));
 */
export async function savePretrained(folder: string, parts: SavedPretrained): Promise<void> {
  return (await import('./text/save.ts')).savePretrained(folder, parts);
}

/** The files that {@link savePretrained} writes, for browsers and archives. */
export async function pretrainedFiles(parts: SavedPretrained): Promise<FolderFile[]> {
  return (await import('./text/save.ts')).pretrainedFiles(parts);
}
