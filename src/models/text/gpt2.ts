/** GPT-2. Radford et al. 2019, Language models are unsupervised multitask learners. */
import { PROBABILITY } from '../../core/check.ts';
import { ArgumentError } from '../../core/errors.ts';
import {
  type Dropout,
  Embedding,
  init,
  LayerNorm,
  Linear,
  Module,
  ModuleList,
  Parameter,
  scaledDotProductAttention,
} from '../../nn/index.ts';
import { lastTokens } from '../../ops/tokens.ts';
import { apply, type Tensor } from '../../tensor/tensor.ts';
import { type Activation, activationOf } from './activations.ts';
import {
  COUNT,
  type Config,
  completed,
  FLAG,
  type Kinds,
  labelsOf,
  POSITIVE,
  type PretrainedConfig,
  TOKEN_OR_NULL,
} from './config.ts';
import { EncoderDropout } from './encoder-dropout.ts';
import {
  attentionMask,
  checkLength,
  type EncoderOutputs,
  initialize,
  type LogitsOutputs,
  PretrainedModel,
  type TextInputs,
  textSize,
} from './pretrained-model.ts';

/** `config.json` of GPT-2. */
export interface GPT2Config extends PretrainedConfig {
  /** Width of a token. */
  readonly n_embd: number;
  readonly n_layer: number;
  readonly n_head: number;
  /** The most tokens that a text may have. */
  readonly n_positions: number;
  /** Width between the two dense layers; four times n_embd where it is null. */
  readonly n_inner: number | null;
  /** The activation between them, by Hugging Face's name. */
  readonly activation_function: string;
  readonly resid_pdrop: number;
  readonly embd_pdrop: number;
  readonly attn_pdrop: number;
  readonly layer_norm_epsilon: number;
  /** Whether scores are divided by the square root of a head's width. */
  readonly scale_attn_weights: boolean;
  /** Whether they are divided by the layer's number as well. */
  readonly scale_attn_by_inverse_layer_idx: boolean;
  readonly pad_token_id: number | null;
}

const KINDS: Kinds<GPT2Config> = {
  n_embd: COUNT,
  n_layer: COUNT,
  n_head: COUNT,
  n_positions: COUNT,
  n_inner: {
    words: 'a whole number, 1 or more, or null',
    is: (value): value is number | null => value === null || COUNT.is(value),
  },
  resid_pdrop: PROBABILITY,
  embd_pdrop: PROBABILITY,
  attn_pdrop: PROBABILITY,
  layer_norm_epsilon: POSITIVE,
  scale_attn_weights: FLAG,
  scale_attn_by_inverse_layer_idx: FLAG,
  pad_token_id: TOKEN_OR_NULL,
};

const DEFAULTS = {
  model_type: 'gpt2',
  vocab_size: 50257,
  n_embd: 768,
  n_layer: 12,
  n_head: 12,
  n_positions: 1024,
  n_inner: null,
  activation_function: 'gelu_new',
  resid_pdrop: 0.1,
  embd_pdrop: 0.1,
  attn_pdrop: 0.1,
  layer_norm_epsilon: 1e-5,
  initializer_range: 0.02,
  scale_attn_weights: true,
  scale_attn_by_inverse_layer_idx: false,
  pad_token_id: null,
  tie_word_embeddings: true,
} as const;

/** A configuration as GPT-2 reads it. @throws ArgumentError by name for what is not known or has no sense. */
export function gpt2Config(given: Partial<GPT2Config> | Config): GPT2Config {
  const config = completed<GPT2Config>(given, DEFAULTS, KINDS);
  if (config.n_embd % config.n_head !== 0)
    throw new ArgumentError(`config of gpt2: n_embd ${config.n_embd} is no multiple of the ${config.n_head} heads.`);
  return config;
}

/** A dense layer whose weight is [in, out], as GPT-2's files have it. */
export class Conv1D extends Module {
  /** [in, out]. */
  weight: Parameter;
  bias: Parameter;

  constructor(outFeatures: number, inFeatures: number, deviation: number) {
    super();
    this.weight = new Parameter([inFeatures, outFeatures], () => new Float32Array(inFeatures * outFeatures));
    this.bias = new Parameter([outFeatures], () => new Float32Array(outFeatures));
    init.normal(this.weight, 0, deviation);
  }

  override forward(x: Tensor): Tensor {
    const [inFeatures, outFeatures] = this.weight.shape as [number, number];
    const y = x.reshape([-1, inFeatures]).matmul(this.weight).add(this.bias);
    return y.reshape([...x.shape.slice(0, -1), outFeatures]);
  }

  override extraRepr(): string {
    return `nf=${this.weight.shape[1]}, nx=${this.weight.shape[0]}`;
  }
}

/** Attention of each token to itself and those before. */
export class GPT2Attention extends Module {
  c_attn: Conv1D;
  c_proj: Conv1D;
  attn_dropout: EncoderDropout;
  resid_dropout: EncoderDropout;
  readonly heads: number;
  /** What scores are multiplied by. */
  readonly scale: number;

  constructor(config: GPT2Config, layer: number) {
    super();
    const { n_embd: width, n_head: heads, initializer_range: deviation } = config;
    this.c_attn = new Conv1D(3 * width, width, deviation);
    this.c_proj = new Conv1D(width, width, deviation / Math.sqrt(2 * config.n_layer));
    this.attn_dropout = new EncoderDropout(config.attn_pdrop);
    this.resid_dropout = new EncoderDropout(config.resid_pdrop);
    this.heads = heads;
    const divisor = config.scale_attn_by_inverse_layer_idx ? layer + 1 : 1;
    this.scale = (config.scale_attn_weights ? 1 / Math.sqrt(width / heads) : 1) / divisor;
  }

  override forward(x: Tensor, mask?: Tensor): Tensor {
    const [batch, time, width] = x.shape as [number, number, number];
    const all = this.c_attn.forward(x);
    const part = (k: number) =>
      all.slice(2, k * width, (k + 1) * width).reshape([batch, time, this.heads, width / this.heads]);
    const y = scaledDotProductAttention(part(0), part(1), part(2), {
      layout: 'bthd',
      causal: true,
      scale: this.scale,
      dropout: this.attn_dropout.rateFor(all),
      ...(mask && { mask }),
    });
    return this.resid_dropout.forward(this.c_proj.forward(y.reshape(x.shape)));
  }
}

export class GPT2MLP extends Module {
  c_fc: Conv1D;
  c_proj: Conv1D;
  dropout: EncoderDropout;
  readonly #activation: Activation;

  constructor(config: GPT2Config) {
    super();
    const { n_embd: width, n_inner: inner, initializer_range: deviation } = config;
    this.c_fc = new Conv1D(inner ?? 4 * width, width, deviation);
    this.c_proj = new Conv1D(width, inner ?? 4 * width, deviation / Math.sqrt(2 * config.n_layer));
    this.dropout = new EncoderDropout(config.resid_pdrop);
    this.#activation = activationOf('activation_function', config.activation_function);
  }

  override forward(x: Tensor): Tensor {
    return this.dropout.forward(this.c_proj.forward(this.#activation(this.c_fc.forward(x))));
  }
}

export class GPT2Block extends Module {
  ln_1: LayerNorm;
  attn: GPT2Attention;
  ln_2: LayerNorm;
  mlp: GPT2MLP;

  constructor(config: GPT2Config, layer: number) {
    super();
    this.ln_1 = new LayerNorm(config.n_embd, { eps: config.layer_norm_epsilon });
    this.attn = new GPT2Attention(config, layer);
    this.ln_2 = new LayerNorm(config.n_embd, { eps: config.layer_norm_epsilon });
    this.mlp = new GPT2MLP(config);
  }

  override forward(x: Tensor, mask?: Tensor): Tensor {
    const normed = this.ln_1.forward(x);
    const y = (mask ? this.attn.forward(normed, mask) : this.attn.forward(normed)).add(x);
    return this.mlp.forward(this.ln_2.forward(y)).add(y);
  }
}

/** GPT-2 without a head. */
export class GPT2Model extends PretrainedModel<GPT2Config, EncoderOutputs> {
  wte: Embedding;
  wpe: Embedding;
  drop: Dropout;
  h: ModuleList;
  ln_f: LayerNorm;

  constructor(config: Partial<GPT2Config> = {}) {
    super(gpt2Config(config));
    const { n_embd: width, initializer_range: deviation } = this.config;
    this.wte = new Embedding(this.config.vocab_size, width);
    this.wpe = new Embedding(this.config.n_positions, width);
    this.drop = new EncoderDropout(this.config.embd_pdrop);
    this.h = new ModuleList(Array.from({ length: this.config.n_layer }, (_, i) => new GPT2Block(this.config, i)));
    this.ln_f = new LayerNorm(width, { eps: this.config.layer_norm_epsilon });
    for (const table of [this.wte, this.wpe]) initialize(table, deviation);
  }

  override forward(inputs: TextInputs): EncoderOutputs {
    const { input_ids: ids, inputs_embeds: embeds, position_ids: given, token_type_ids: types } = inputs;
    const size = textSize(this.typeName, inputs);
    const mask = attentionMask(this.typeName, inputs.attention_mask, size);
    checkLength(this.typeName, size[1], this.config.n_positions);
    const positions = given ? this.wpe.forward(given) : this.wpe.weight.slice(0, 0, size[1]);
    let x = (embeds ?? this.wte.forward(ids!)).add(positions);
    if (types) x = x.add(this.wte.forward(types));
    x = this.drop.forward(x);
    for (const block of this.h) x = mask ? block.forward(x, mask) : block.forward(x);
    return { last_hidden_state: this.ln_f.forward(x) };
  }
}

/** GPT-2 that tells the next token: { logits: [batch, time, vocabulary] }. Its last layer is the table of words, as the configuration says. */
export class GPT2LMHeadModel extends PretrainedModel<GPT2Config, LogitsOutputs> {
  transformer: GPT2Model;
  lm_head: Linear;

  constructor(config: Partial<GPT2Config> = {}) {
    super(gpt2Config(config));
    this.transformer = new GPT2Model(this.config);
    this.lm_head = new Linear(this.config.n_embd, this.config.vocab_size, { bias: false });
    initialize(this.lm_head, this.config.initializer_range);
    if (this.config.tie_word_embeddings) this.lm_head.weight = this.transformer.wte.weight;
  }

  override forward(inputs: TextInputs): LogitsOutputs {
    return { logits: this.lm_head.forward(this.transformer.forward(inputs).last_hidden_state) };
  }
}

/** GPT-2 with a head for whole texts, at each text's last token: { logits: [batch, classes] }. */
export class GPT2ForSequenceClassification extends PretrainedModel<GPT2Config, LogitsOutputs> {
  transformer: GPT2Model;
  score: Linear;

  constructor(config: Partial<GPT2Config> = {}) {
    super(gpt2Config(config));
    this.transformer = new GPT2Model(this.config);
    this.score = new Linear(this.config.n_embd, labelsOf(this.config).length, { bias: false });
    initialize(this.score, this.config.initializer_range);
  }

  override forward(inputs: TextInputs): LogitsOutputs {
    const { last_hidden_state: hidden } = this.transformer.forward(inputs);
    return { logits: this.score.forward(this.#last(hidden, inputs)) };
  }

  /** The vector of each text's last token: by pad_token_id as transformers does, without one by the mask. */
  #last(hidden: Tensor, { input_ids: ids, attention_mask: mask }: TextInputs): Tensor {
    const [batch, time, width] = hidden.shape as [number, number, number];
    const { pad_token_id: padding } = this.config;
    if (ids && padding !== null) return sumAt(hidden, apply(lastTokens, [ids], { padding }));
    if (mask?.rank === 2) return sumAt(hidden, apply(lastTokens, [mask.to('int32')], { padding: 0 }));
    if (batch === 1) return hidden.slice(1, time - 1, time).reshape([batch, width]);
    throw new ArgumentError(
      `${this.typeName}: expected an attention_mask for ${batch} texts, as config.json has no pad_token_id that tells where each ends.`,
    );
  }
}

/** [batch, time, width] to [batch, width], by what is 1 at one token of each text. */
const sumAt = (hidden: Tensor, at: Tensor): Tensor => hidden.mul(at.reshape([...at.shape, 1])).sum(1);
