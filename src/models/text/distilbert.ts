/** DistilBERT: BERT with half the layers and without kinds of texts. Sanh et al. 2019, https://arxiv.org/abs/1910.01108 */
import { PROBABILITY } from '../../core/check.ts';
import { ArgumentError } from '../../core/errors.ts';
import {
  Dropout,
  Embedding,
  LayerNorm,
  Linear,
  Module,
  ModuleList,
  scaledDotProductAttention,
} from '../../nn/index.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { type Activation, activationOf } from './activations.ts';
import { firstToken } from './bert.ts';
import { COUNT, type Config, completed, type Kinds, labelsOf, type PretrainedConfig, TOKEN_OR_NULL } from './config.ts';
import { EncoderDropout } from './encoder-dropout.ts';
import { answers } from './heads.ts';
import {
  type AnswerOutputs,
  attentionMask,
  checkLength,
  type EncoderOutputs,
  initialize,
  type LogitsOutputs,
  PretrainedModel,
  type TextInputs,
  textSize,
} from './pretrained-model.ts';

/** `config.json` of DistilBERT. */
export interface DistilBertConfig extends PretrainedConfig {
  /** Width of a token. */
  readonly dim: number;
  readonly n_layers: number;
  readonly n_heads: number;
  /** Width between the two dense layers. */
  readonly hidden_dim: number;
  /** The activation between them, by Hugging Face's name. */
  readonly activation: string;
  readonly dropout: number;
  readonly attention_dropout: number;
  /** Dropout before the head for answers. */
  readonly qa_dropout: number;
  /** Dropout before the head for texts. */
  readonly seq_classif_dropout: number;
  /** The most tokens that a text may have. */
  readonly max_position_embeddings: number;
  readonly pad_token_id: number | null;
}

const KINDS: Kinds<DistilBertConfig> = {
  dim: COUNT,
  n_layers: COUNT,
  n_heads: COUNT,
  hidden_dim: COUNT,
  max_position_embeddings: COUNT,
  dropout: PROBABILITY,
  attention_dropout: PROBABILITY,
  qa_dropout: PROBABILITY,
  seq_classif_dropout: PROBABILITY,
  pad_token_id: TOKEN_OR_NULL,
};

const DEFAULTS = {
  model_type: 'distilbert',
  vocab_size: 30522,
  dim: 768,
  n_layers: 6,
  n_heads: 12,
  hidden_dim: 3072,
  activation: 'gelu',
  dropout: 0.1,
  attention_dropout: 0.1,
  qa_dropout: 0.1,
  seq_classif_dropout: 0.2,
  max_position_embeddings: 512,
  pad_token_id: 0,
  initializer_range: 0.02,
  tie_word_embeddings: true,
} as const;

/** Added to variances, whatever the configuration says. */
const EPS = 1e-12;

/** A configuration as DistilBERT reads it. @throws ArgumentError by name for what is not known or has no sense. */
export function distilBertConfig(given: Partial<DistilBertConfig> | Config): DistilBertConfig {
  const config = completed<DistilBertConfig>(given, DEFAULTS, KINDS);
  if (config.dim % config.n_heads !== 0)
    throw new ArgumentError(`config of distilbert: dim ${config.dim} is no multiple of the ${config.n_heads} heads.`);
  return config;
}

/** Words and positions, added up. */
export class DistilBertEmbeddings extends Module<[TextInputs, number]> {
  word_embeddings: Embedding;
  position_embeddings: Embedding;
  LayerNorm: LayerNorm;
  dropout: EncoderDropout;

  constructor({ vocab_size: words, dim: width, max_position_embeddings: positions, ...config }: DistilBertConfig) {
    super();
    const { pad_token_id: padding } = config;
    this.word_embeddings = new Embedding(words, width, padding === null ? {} : { paddingIdx: padding });
    this.position_embeddings = new Embedding(positions, width);
    this.LayerNorm = new LayerNorm(width, { eps: EPS });
    this.dropout = new EncoderDropout(config.dropout);
  }

  override forward({ input_ids: ids, inputs_embeds: embeds, position_ids: given }: TextInputs, time: number): Tensor {
    const { position_embeddings: table } = this;
    checkLength('DistilBertEmbeddings', time, table.numEmbeddings);
    const words = embeds ?? this.word_embeddings.forward(ids!);
    const positions = given ? table.forward(given) : table.weight.slice(0, 0, time);
    return this.dropout.forward(this.LayerNorm.forward(words.add(positions)));
  }
}

class DistilBertSelfAttention extends Module {
  q_lin: Linear;
  k_lin: Linear;
  v_lin: Linear;
  out_lin: Linear;
  dropout: EncoderDropout;
  readonly heads: number;

  constructor({ dim: width, n_heads: heads, attention_dropout: rate }: DistilBertConfig) {
    super();
    this.q_lin = new Linear(width, width);
    this.k_lin = new Linear(width, width);
    this.v_lin = new Linear(width, width);
    this.out_lin = new Linear(width, width);
    this.dropout = new EncoderDropout(rate);
    this.heads = heads;
  }

  override forward(x: Tensor, mask?: Tensor): Tensor {
    const [batch, time, width] = x.shape as [number, number, number];
    const heads = (layer: Linear) => layer.forward(x).reshape([batch, time, this.heads, width / this.heads]);
    const query = heads(this.q_lin);
    const y = scaledDotProductAttention(query, heads(this.k_lin), heads(this.v_lin), {
      layout: 'bthd',
      dropout: this.dropout.rateFor(query),
      ...(mask && { mask }),
    });
    return this.out_lin.forward(y.reshape(x.shape));
  }
}

class FFN extends Module {
  dropout: EncoderDropout;
  lin1: Linear;
  lin2: Linear;
  readonly #activation: Activation;

  constructor({ dim: width, hidden_dim: inner, dropout: rate, activation: name }: DistilBertConfig) {
    super();
    this.dropout = new EncoderDropout(rate);
    this.lin1 = new Linear(width, inner);
    this.lin2 = new Linear(inner, width);
    this.#activation = activationOf('activation', name);
  }

  override forward(x: Tensor): Tensor {
    return this.dropout.forward(this.lin2.forward(this.#activation(this.lin1.forward(x))));
  }
}

class TransformerBlock extends Module {
  attention: DistilBertSelfAttention;
  sa_layer_norm: LayerNorm;
  ffn: FFN;
  output_layer_norm: LayerNorm;

  constructor(config: DistilBertConfig) {
    super();
    this.attention = new DistilBertSelfAttention(config);
    this.sa_layer_norm = new LayerNorm(config.dim, { eps: EPS });
    this.ffn = new FFN(config);
    this.output_layer_norm = new LayerNorm(config.dim, { eps: EPS });
  }

  override forward(x: Tensor, mask?: Tensor): Tensor {
    const attended = mask ? this.attention.forward(x, mask) : this.attention.forward(x);
    const y = this.sa_layer_norm.forward(attended.add(x));
    return this.output_layer_norm.forward(this.ffn.forward(y).add(y));
  }
}

/** The layers in order. */
export class DistilBertTransformer extends Module {
  layer: ModuleList;

  constructor(config: DistilBertConfig) {
    super();
    this.layer = new ModuleList(Array.from({ length: config.n_layers }, () => new TransformerBlock(config)));
  }

  override forward(x: Tensor, mask?: Tensor): Tensor {
    let y = x;
    for (const layer of this.layer) y = mask ? layer.forward(y, mask) : layer.forward(y);
    return y;
  }
}

/** DistilBERT without a head. */
export class DistilBertModel extends PretrainedModel<DistilBertConfig, EncoderOutputs> {
  embeddings: DistilBertEmbeddings;
  transformer: DistilBertTransformer;

  constructor(config: Partial<DistilBertConfig> = {}) {
    super(distilBertConfig(config));
    this.embeddings = new DistilBertEmbeddings(this.config);
    this.transformer = new DistilBertTransformer(this.config);
    initialize(this, this.config.initializer_range);
  }

  override forward(inputs: TextInputs): EncoderOutputs {
    const size = textSize(this.typeName, inputs);
    const mask = attentionMask(this.typeName, inputs.attention_mask, size);
    const x = this.embeddings.forward(inputs, size[1]);
    return { last_hidden_state: mask ? this.transformer.forward(x, mask) : this.transformer.forward(x) };
  }
}

/** DistilBERT with a head for whole texts, or pairs of them: { logits: [batch, classes] }. */
export class DistilBertForSequenceClassification extends PretrainedModel<DistilBertConfig, LogitsOutputs> {
  distilbert: DistilBertModel;
  pre_classifier: Linear;
  classifier: Linear;
  dropout: Dropout;

  constructor(config: Partial<DistilBertConfig> = {}) {
    super(distilBertConfig(config));
    const { dim: width, initializer_range: deviation } = this.config;
    this.distilbert = new DistilBertModel(this.config);
    this.pre_classifier = new Linear(width, width);
    this.classifier = new Linear(width, labelsOf(this.config).length);
    this.dropout = new Dropout(this.config.seq_classif_dropout);
    for (const layer of [this.pre_classifier, this.classifier]) initialize(layer, deviation);
  }

  override forward(inputs: TextInputs): LogitsOutputs {
    const first = firstToken(this.distilbert.forward(inputs).last_hidden_state);
    return { logits: this.classifier.forward(this.dropout.forward(this.pre_classifier.forward(first).relu())) };
  }
}

/** DistilBERT with a head for each token: { logits: [batch, time, classes] }. */
export class DistilBertForTokenClassification extends PretrainedModel<DistilBertConfig, LogitsOutputs> {
  distilbert: DistilBertModel;
  dropout: Dropout;
  classifier: Linear;

  constructor(config: Partial<DistilBertConfig> = {}) {
    super(distilBertConfig(config));
    this.distilbert = new DistilBertModel(this.config);
    this.dropout = new Dropout(this.config.dropout);
    this.classifier = new Linear(this.config.dim, labelsOf(this.config).length);
    initialize(this.classifier, this.config.initializer_range);
  }

  override forward(inputs: TextInputs): LogitsOutputs {
    const { last_hidden_state: hidden } = this.distilbert.forward(inputs);
    return { logits: this.classifier.forward(this.dropout.forward(hidden)) };
  }
}

/** DistilBERT with a head for where an answer begins and ends: { start_logits, end_logits }, [batch, time] each. */
export class DistilBertForQuestionAnswering extends PretrainedModel<DistilBertConfig, AnswerOutputs> {
  distilbert: DistilBertModel;
  qa_outputs: Linear;
  dropout: Dropout;

  constructor(config: Partial<DistilBertConfig> = {}) {
    super(distilBertConfig(config));
    this.distilbert = new DistilBertModel(this.config);
    this.qa_outputs = new Linear(this.config.dim, 2);
    this.dropout = new Dropout(this.config.qa_dropout);
    initialize(this.qa_outputs, this.config.initializer_range);
  }

  override forward(inputs: TextInputs): AnswerOutputs {
    const { last_hidden_state: hidden } = this.distilbert.forward(inputs);
    return answers(this.qa_outputs.forward(this.dropout.forward(hidden)));
  }
}

/** DistilBERT that guesses tokens: { logits: [batch, time, vocabulary] }. Its last layer is the table of words, as the configuration says. */
export class DistilBertForMaskedLM extends PretrainedModel<DistilBertConfig, LogitsOutputs> {
  distilbert: DistilBertModel;
  vocab_transform: Linear;
  vocab_layer_norm: LayerNorm;
  vocab_projector: Linear;
  readonly #activation: Activation;

  constructor(config: Partial<DistilBertConfig> = {}) {
    super(distilBertConfig(config));
    const { dim: width, vocab_size: words, initializer_range: deviation } = this.config;
    this.#activation = activationOf('activation', this.config.activation);
    this.distilbert = new DistilBertModel(this.config);
    this.vocab_transform = new Linear(width, width);
    this.vocab_layer_norm = new LayerNorm(width, { eps: EPS });
    this.vocab_projector = new Linear(width, words);
    for (const layer of [this.vocab_transform, this.vocab_projector]) initialize(layer, deviation);
    if (this.config.tie_word_embeddings)
      this.vocab_projector.weight = this.distilbert.embeddings.word_embeddings.weight;
  }

  override forward(inputs: TextInputs): LogitsOutputs {
    const { last_hidden_state: hidden } = this.distilbert.forward(inputs);
    const y = this.vocab_layer_norm.forward(this.#activation(this.vocab_transform.forward(hidden)));
    return { logits: this.vocab_projector.forward(y) };
  }
}
