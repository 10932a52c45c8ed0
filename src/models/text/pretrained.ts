/** What a folder of a network of texts is opened with, and what comes of it. */
import type { Tokenizer, TokenizerSource } from '../../text/index.ts';
import type { TextTask } from './architectures.ts';
import type { PretrainedConfig } from './config.ts';
import type { AnyPretrainedModel } from './pretrained-model.ts';

/** Options of `openPretrained`. */
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

/** What is written of a network of texts. */
export type SavedPretrained = Pick<Pretrained, 'model' | 'config' | 'architecture' | 'files'>;
