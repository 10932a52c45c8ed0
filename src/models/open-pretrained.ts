/** Networks of texts out of folders as Hugging Face's transformers writes them. What reads and builds them is loaded when it is needed. */
import type { Tokenizer, TokenizerSource } from '../text/index.ts';
import type { TextTask } from './text/architectures.ts';
import type { PretrainedConfig } from './text/config.ts';
import type { AnyPretrainedModel } from './text/pretrained-model.ts';
import type { FolderFile } from './text/save.ts';

/** Options of {@link openPretrained}. */
export interface OpenPretrainedOptions {
  /** What the network is for: the encoder gets that head. By default it is the network that `config.json` names, head included. */
  readonly task?: TextTask;
  /** Names of the classes in their order. Where they are not those of `config.json`, the last layer starts anew. */
  readonly labels?: readonly string[];
  /** What the classes are to each other, for `config.json`: one of them, any of them, or numbers. */
  readonly problemType?: 'single_label_classification' | 'multi_label_classification' | 'regression';
  /** Of the weights that start from random numbers; by default they follow from `manualSeed`. */
  readonly seed?: number;
  /** Another folder for the tokenizer; false for none. */
  readonly tokenizer?: TokenizerSource | false;
  /** The token that fills up batches, where the tokenizer names none. */
  readonly padToken?: string;
  /** Whether texts are lowercased, for a vocab.txt without a tokenizer_config.json that says so. */
  readonly lowercase?: boolean;
  /** Gets a line for each thing worth knowing: what starts from random numbers, what was left out. */
  readonly onNote?: (text: string) => void;
}

/** A network of texts with its tokenizer. */
export interface Pretrained<Model extends AnyPretrainedModel = AnyPretrainedModel> {
  /** Takes `{ input_ids, attention_mask, token_type_ids }`, gives a record as its class says. */
  readonly model: Model;
  readonly tokenizer: Tokenizer;
  /** As in `config.json`, with what that leaves out and the labels that were asked for. */
  readonly config: PretrainedConfig;
  /** What the network is for. */
  readonly task: TextTask;
  /** The name of its class in transformers. */
  readonly architecture: string;
  /** Names of the classes in their order. */
  readonly labels: readonly string[];
  /** Parameters that start from random numbers: until they are trained, the network knows nothing. */
  readonly newWeights: readonly string[];
  /** What was worth a note. */
  readonly notes: readonly string[];
  /** The tokenizer's files by their names, as they came. */
  readonly files: Readonly<Record<string, Uint8Array<ArrayBuffer>>>;
}

/**
 * Opens a folder of BERT, RoBERTa, XLM-R, DistilBERT or GPT-2 as Hugging Face's `transformers` writes it: `config.json`, the weights
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

/** What is written of a network of texts. */
export type SavedPretrained = Pick<Pretrained, 'model' | 'config' | 'architecture' | 'files'>;

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
