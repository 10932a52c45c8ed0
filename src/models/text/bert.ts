/**
 * BERT, and RoBERTa and XLM-R, which count positions in another way and have heads of their own.
 * Devlin et al. 2018, https://arxiv.org/abs/1810.04805; Liu et al. 2019, https://arxiv.org/abs/1907.11692
 */
import { PROBABILITY } from '../../core/check.ts';
import { ArgumentError } from '../../core/errors.ts';
import { Embedding, LayerNorm, Linear, Module, ModuleList, scaledDotProductAttention } from '../../nn/index.ts';
import { tokenPositions } from '../../ops/tokens.ts';
import { apply, type Tensor } from '../../tensor/tensor.ts';
import { type Activation, activationOf } from './activations.ts';
import {
  COUNT,
  type Config,
  completed,
  type Kinds,
  POSITIVE,
  type PretrainedConfig,
  RATE_OR_NULL,
  TOKEN_OR_NULL,
} from './config.ts';
import { EncoderDropout } from './encoder-dropout.ts';
import {
  attentionMask,
  checkLength,
  type EncoderOutputs,
  initialize,
  PretrainedModel,
  type TextInputs,
  textSize,
} from './pretrained-model.ts';

/** `config.json` of BERT, RoBERTa and XLM-R. */
export interface BertConfig extends PretrainedConfig {
  /** Width of a token. */
  readonly hidden_size: number;
  readonly num_hidden_layers: number;
  readonly num_attention_heads: number;
  /** Width between the two dense layers. */
  readonly intermediate_size: number;
  /** The activation between them, by Hugging Face's name. */
  readonly hidden_act: string;
  readonly hidden_dropout_prob: number;
  readonly attention_probs_dropout_prob: number;
  /** Rows of the table of positions. RoBERTa's texts are shorter by two. */
  readonly max_position_embeddings: number;
  /** Rows of the table of texts' numbers. */
  readonly type_vocab_size: number;
  readonly layer_norm_eps: number;
  readonly pad_token_id: number | null;
  /** Dropout before the head; hidden_dropout_prob where it is null. */
  readonly classifier_dropout: number | null;
}

const KINDS: Kinds<BertConfig> = {
  hidden_size: COUNT,
  num_hidden_layers: COUNT,
  num_attention_heads: COUNT,
  intermediate_size: COUNT,
  max_position_embeddings: COUNT,
  type_vocab_size: COUNT,
  hidden_dropout_prob: PROBABILITY,
  attention_probs_dropout_prob: PROBABILITY,
  layer_norm_eps: POSITIVE,
  pad_token_id: TOKEN_OR_NULL,
  classifier_dropout: RATE_OR_NULL,
};

const DEFAULTS = {
  model_type: 'bert',
  vocab_size: 30522,
  hidden_size: 768,
  num_hidden_layers: 12,
  num_attention_heads: 12,
  intermediate_size: 3072,
  hidden_act: 'gelu',
  hidden_dropout_prob: 0.1,
  attention_probs_dropout_prob: 0.1,
  max_position_embeddings: 512,
  type_vocab_size: 2,
  layer_norm_eps: 1e-12,
  pad_token_id: 0,
  classifier_dropout: null,
  initializer_range: 0.02,
  tie_word_embeddings: true,
} as const;

const OTHERS: Readonly<Record<string, Config>> = {
  roberta: { vocab_size: 50265, pad_token_id: 1 },
  'xlm-roberta': { vocab_size: 30522, pad_token_id: 1 },
};

/**
 * A configuration as these networks read it.
 * @param type the family, where the configuration does not tell
 * @throws ArgumentError by name for what is not known or has no sense.
 */
export function bertConfig(given: Partial<BertConfig> | Config, type = 'bert'): BertConfig {
  const family = String(given.model_type ?? type);
  const defaults = { ...DEFAULTS, ...OTHERS[family], model_type: family };
  const config = completed<BertConfig>(given, defaults, KINDS);
  if (config.hidden_size % config.num_attention_heads !== 0)
    throw new ArgumentError(
      `config of ${family}: hidden_size ${config.hidden_size} is no multiple of the ${config.num_attention_heads} heads.`,
    );
  if (isRoberta(config) && config.pad_token_id === null)
    throw new ArgumentError(`config of ${family}: pad_token_id is null, from which its positions are counted.`);
  return config;
}

const isRoberta = ({ model_type: type }: PretrainedConfig): boolean => type !== 'bert';

/** Words, positions and texts' numbers, added up. */
export class BertEmbeddings extends Module<[TextInputs, readonly [number, number]]> {
  // Declared only, so that the constructor decides their order.
  declare word_embeddings: Embedding;
  declare position_embeddings: Embedding;
  declare token_type_embeddings: Embedding;
  declare LayerNorm: LayerNorm;
  declare dropout: EncoderDropout;
  /** The token from whose number positions are counted; null where they begin at 0. */
  readonly #countedFrom: number | null;

  constructor(config: BertConfig) {
    super();
    const { hidden_size: width, max_position_embeddings: positions, pad_token_id: padding } = config;
    const options = padding === null ? {} : { paddingIdx: padding };
    this.#countedFrom = isRoberta(config) ? padding : null;
    this.word_embeddings = new Embedding(config.vocab_size, width, options);
    if (!isRoberta(config)) this.position_embeddings = new Embedding(positions, width);
    this.token_type_embeddings = new Embedding(config.type_vocab_size, width);
    this.LayerNorm = new LayerNorm(width, { eps: config.layer_norm_eps });
    this.dropout = new EncoderDropout(config.hidden_dropout_prob);
    if (isRoberta(config)) this.position_embeddings = new Embedding(positions, width, options);
  }

  override forward(inputs: TextInputs, [, time]: readonly [number, number]): Tensor {
    const { input_ids: ids, token_type_ids: types, inputs_embeds: embeds } = inputs;
    const words = embeds ?? this.word_embeddings.forward(ids!);
    const { weight } = this.token_type_embeddings;
    // The table of RoBERTa has one row, for all.
    const typed = types && weight.shape[0]! > 1;
    const kinds = typed ? this.token_type_embeddings.forward(types) : weight.slice(0, 0, 1);
    return this.dropout.forward(this.LayerNorm.forward(words.add(kinds).add(this.#positions(inputs, time))));
  }

  /** The most tokens that a text may have. */
  get maxLength(): number {
    return this.position_embeddings.numEmbeddings - (this.#countedFrom === null ? 0 : this.#countedFrom + 1);
  }

  #positions({ input_ids: ids, position_ids: given }: TextInputs, time: number): Tensor {
    const { position_embeddings: table } = this;
    checkLength('BertEmbeddings', time, this.maxLength);
    if (given) return table.forward(given);
    const padding = this.#countedFrom;
    if (padding === null) return table.weight.slice(0, 0, time);
    if (!ids) return table.weight.slice(0, padding + 1, padding + 1 + time);
    return table.forward(apply(tokenPositions, [ids], { padding }));
  }
}

export class RobertaEmbeddings extends BertEmbeddings {}

/** Attention of each token to all. */
export class BertSelfAttention extends Module {
  query: Linear;
  key: Linear;
  value: Linear;
  dropout: EncoderDropout;
  readonly heads: number;

  constructor({ hidden_size: width, num_attention_heads: heads, attention_probs_dropout_prob: rate }: BertConfig) {
    super();
    this.query = new Linear(width, width);
    this.key = new Linear(width, width);
    this.value = new Linear(width, width);
    this.dropout = new EncoderDropout(rate);
    this.heads = heads;
  }

  override forward(x: Tensor, mask?: Tensor): Tensor {
    const [batch, time, width] = x.shape as [number, number, number];
    const heads = (layer: Linear) => layer.forward(x).reshape([batch, time, this.heads, width / this.heads]);
    const query = heads(this.query);
    const y = scaledDotProductAttention(query, heads(this.key), heads(this.value), {
      layout: 'bthd',
      dropout: this.dropout.rateFor(query),
      ...(mask && { mask }),
    });
    return y.reshape(x.shape);
  }
}

/** A dense layer, whose result is added to what the block began with. */
export class BertSelfOutput extends Module {
  dense: Linear;
  LayerNorm: LayerNorm;
  dropout: EncoderDropout;

  constructor(config: BertConfig, width: number = config.hidden_size) {
    super();
    this.dense = new Linear(width, config.hidden_size);
    this.LayerNorm = new LayerNorm(config.hidden_size, { eps: config.layer_norm_eps });
    this.dropout = new EncoderDropout(config.hidden_dropout_prob);
  }

  override forward(x: Tensor, before: Tensor): Tensor {
    return this.LayerNorm.forward(this.dropout.forward(this.dense.forward(x)).add(before));
  }
}

export class BertOutput extends BertSelfOutput {
  constructor(config: BertConfig) {
    super(config, config.intermediate_size);
  }
}

export class BertAttention extends Module {
  self: BertSelfAttention;
  output: BertSelfOutput;

  constructor(config: BertConfig) {
    super();
    this.self = new BertSelfAttention(config);
    this.output = new BertSelfOutput(config);
  }

  override forward(x: Tensor, mask?: Tensor): Tensor {
    return this.output.forward(mask ? this.self.forward(x, mask) : this.self.forward(x), x);
  }
}

export class BertIntermediate extends Module {
  dense: Linear;
  readonly #activation: Activation;

  constructor({ hidden_size: width, intermediate_size: inner, hidden_act: name }: BertConfig) {
    super();
    this.dense = new Linear(width, inner);
    this.#activation = activationOf('hidden_act', name);
  }

  override forward(x: Tensor): Tensor {
    return this.#activation(this.dense.forward(x));
  }
}

export class BertLayer extends Module {
  attention: BertAttention;
  intermediate: BertIntermediate;
  output: BertOutput;

  constructor(config: BertConfig) {
    super();
    this.attention = new BertAttention(config);
    this.intermediate = new BertIntermediate(config);
    this.output = new BertOutput(config);
  }

  override forward(x: Tensor, mask?: Tensor): Tensor {
    const y = mask ? this.attention.forward(x, mask) : this.attention.forward(x);
    return this.output.forward(this.intermediate.forward(y), y);
  }
}

export class BertEncoder extends Module {
  layer: ModuleList;

  constructor(config: BertConfig) {
    super();
    this.layer = new ModuleList(Array.from({ length: config.num_hidden_layers }, () => new BertLayer(config)));
  }

  override forward(x: Tensor, mask?: Tensor): Tensor {
    let y = x;
    for (const layer of this.layer) y = mask ? layer.forward(y, mask) : layer.forward(y);
    return y;
  }
}

/** The first token's vector through a dense layer. */
export class BertPooler extends Module {
  dense: Linear;

  constructor({ hidden_size: width }: BertConfig) {
    super();
    this.dense = new Linear(width, width);
  }

  override forward(x: Tensor): Tensor {
    return this.dense.forward(firstToken(x)).tanh();
  }
}

/** [batch, time, width] to [batch, width]. */
export const firstToken = (x: Tensor): Tensor => x.slice(1, 0, 1).reshape([x.shape[0]!, x.shape[2]!]);

/** Whether an encoder has a pooler: heads that read all tokens have none. */
export interface BertModelOptions {
  /** True by default. */
  readonly addPoolingLayer?: boolean;
}

/**
 * BERT without a head.
 * @example
 * const { last_hidden_state } = model.forward({ input_ids, attention_mask });
 */
export class BertModel extends PretrainedModel<BertConfig, EncoderOutputs> {
  embeddings: BertEmbeddings;
  encoder: BertEncoder;
  pooler: BertPooler | null;

  constructor(config: Partial<BertConfig> = {}, { addPoolingLayer = true }: BertModelOptions = {}) {
    super(bertConfig(config));
    this.embeddings = new BertEmbeddings(this.config);
    this.encoder = new BertEncoder(this.config);
    this.pooler = addPoolingLayer ? new BertPooler(this.config) : null;
    initialize(this, this.config.initializer_range);
  }

  override forward(inputs: TextInputs): EncoderOutputs {
    const size = textSize(this.typeName, inputs);
    const mask = attentionMask(this.typeName, inputs.attention_mask, size);
    const x = this.embeddings.forward(inputs, size);
    const last_hidden_state = mask ? this.encoder.forward(x, mask) : this.encoder.forward(x);
    return { last_hidden_state, ...(this.pooler && { pooler_output: this.pooler.forward(last_hidden_state) }) };
  }
}

/** RoBERTa without a head. */
export class RobertaModel extends BertModel {
  constructor(config: Partial<BertConfig> = {}, options: BertModelOptions = {}) {
    super(bertConfig(config, 'roberta'), options);
  }
}

/** XLM-R without a head. */
export class XLMRobertaModel extends BertModel {
  constructor(config: Partial<BertConfig> = {}, options: BertModelOptions = {}) {
    super(bertConfig(config, 'xlm-roberta'), options);
  }
}
