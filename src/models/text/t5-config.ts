/** The configuration of T5. */
import { PROBABILITY, whole } from '../../core/check.ts';
import { COUNT, type Config, completed, type Kinds, POSITIVE, type PretrainedConfig } from './config.ts';

/** `config.json` of T5. */
export interface T5Config extends PretrainedConfig {
  /** Width of a token. */
  readonly d_model: number;
  /** Width of a head. */
  readonly d_kv: number;
  /** Width between the two dense layers. */
  readonly d_ff: number;
  readonly num_layers: number;
  /** As many as num_layers where it is null. */
  readonly num_decoder_layers: number | null;
  readonly num_heads: number;
  readonly relative_attention_num_buckets: number;
  readonly relative_attention_max_distance: number;
  readonly dropout_rate: number;
  readonly layer_norm_epsilon: number;
  /** Multiplies the deviations of new weights. */
  readonly initializer_factor: number;
  /** An activation by Hugging Face's name, with `gated-` before it for two dense layers side by side. */
  readonly feed_forward_proj: string;
  readonly pad_token_id: number;
  /** What a decoder begins with; the padding where it is null. */
  readonly decoder_start_token_id: number | null;
  /** Whether the decoder's vectors are divided by the square root of their width before the last layer. */
  readonly scale_decoder_outputs: boolean;
}

const KINDS: Kinds<T5Config> = {
  d_model: COUNT,
  d_kv: COUNT,
  d_ff: COUNT,
  num_layers: COUNT,
  num_heads: COUNT,
  relative_attention_num_buckets: whole(4),
  relative_attention_max_distance: whole(2),
  dropout_rate: PROBABILITY,
  layer_norm_epsilon: POSITIVE,
  pad_token_id: whole(0),
};

const DEFAULTS = {
  model_type: 't5',
  vocab_size: 32128,
  d_model: 512,
  d_kv: 64,
  d_ff: 2048,
  num_layers: 6,
  num_decoder_layers: null,
  num_heads: 8,
  relative_attention_num_buckets: 32,
  relative_attention_max_distance: 128,
  dropout_rate: 0.1,
  layer_norm_epsilon: 1e-6,
  initializer_range: 0.02,
  initializer_factor: 1,
  feed_forward_proj: 'relu',
  is_encoder_decoder: true,
  pad_token_id: 0,
  decoder_start_token_id: null,
  tie_word_embeddings: true,
} as const;

/** A configuration as T5 reads it. @throws ArgumentError by name for what is not known or has no sense. */
export function t5Config(given: Partial<T5Config> | Config): T5Config {
  // Version 1.1 has a last layer of its own and no scale: older files say the first alone.
  const scale = given.scale_decoder_outputs ?? given.tie_word_embeddings !== false;
  return completed<T5Config>(given, { ...DEFAULTS, scale_decoder_outputs: scale as boolean }, KINDS, [
    'is_encoder_decoder',
  ]);
}
