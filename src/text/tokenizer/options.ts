/** What a tokenizer is opened with. */
export type { OpenBeside } from '../folder.ts';

/** Options of `openTokenizer`. */
export interface OpenTokenizerOptions {
  /** The token that fills up batches, of those that the tokenizer has: for GPT-2, which names none, `<|endoftext|>` will do. */
  readonly padToken?: string;
  /** Whether texts are lowercased, for a vocab.txt without a tokenizer_config.json that says so. */
  readonly lowercase?: boolean;
}
