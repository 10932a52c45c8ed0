/** T5, an encoder and a decoder: also version 1.1 and FLAN's. Raffel et al. 2019, https://arxiv.org/abs/1910.10683 */
import { ArgumentError } from '../../core/errors.ts';
import { slotValue } from '../../graph/value.ts';
import { Embedding, init, Linear, Module, ModuleList, Parameter, scaledDotProductAttention } from '../../nn/index.ts';
import { full } from '../../tensor/factory.ts';
import { cat, Tensor } from '../../tensor/tensor.ts';
import { type Activation, activationOf } from './activations.ts';
import { EncoderDropout } from './encoder-dropout.ts';
import { attentionMask, type LogitsOutputs, PretrainedModel, type TextInputs, textSize } from './pretrained-model.ts';
import { relativePositions } from './relative-position.ts';
import { type T5Config, t5Config } from './t5-config.ts';

/** Texts and what they are to become. */
export interface Seq2SeqInputs extends TextInputs {
  /** What the decoder has written so far, int32 [batch, time]; made from `labels` where it is left out. */
  readonly decoder_input_ids?: Tensor | undefined;
  /** 0 where there is padding. */
  readonly decoder_attention_mask?: Tensor | undefined;
  /** The tokens that are to come, int32 [batch, time], -100 where none is. */
  readonly labels?: Tensor | undefined;
  /** What the encoder gave, in place of `input_ids`: it is then not run again. */
  readonly encoder_last_hidden_state?: Tensor | undefined;
}

/** What T5 without a head gives. */
export interface Seq2SeqOutputs {
  /** The decoder's, [batch, time, width]. */
  readonly last_hidden_state: Tensor;
}

/** Division by the root mean square, times a weight. */
export class T5LayerNorm extends Module {
  weight: Parameter;
  readonly eps: number;

  constructor(width: number, eps: number, factor: number) {
    super();
    this.weight = new Parameter([width], () => new Float32Array(width).fill(factor));
    this.eps = eps;
  }

  override forward(x: Tensor): Tensor {
    return x.mul(x.square().mean(-1, { keepdim: true }).add(this.eps).rsqrt()).mul(this.weight);
  }
}

/** A dense layer without bias, its weight normal. */
function dense(inFeatures: number, outFeatures: number, deviation: number): Linear {
  const layer = new Linear(inFeatures, outFeatures, { bias: false });
  init.normal(layer.weight, 0, deviation);
  return layer;
}

/** Attention without a scale, to distances by a table where it has one. */
export class T5Attention extends Module {
  q: Linear;
  k: Linear;
  v: Linear;
  o: Linear;
  declare relative_attention_bias: Embedding;
  readonly #config: T5Config;
  readonly #causal: boolean;
  /** Numbers of distances by the numbers of queries and keys: the same for all batches. */
  readonly #positions = new Map<string, Tensor>();
  readonly #dropout: EncoderDropout;

  constructor(config: T5Config, { causal, biased }: { readonly causal: boolean; readonly biased: boolean }) {
    super();
    const { d_model: width, d_kv: size, num_heads: heads, initializer_factor: factor } = config;
    const inner = heads * size;
    this.q = dense(width, inner, factor * (width * size) ** -0.5);
    this.k = dense(width, inner, factor * width ** -0.5);
    this.v = dense(width, inner, factor * width ** -0.5);
    this.o = dense(inner, width, factor * inner ** -0.5);
    if (biased) {
      this.relative_attention_bias = new Embedding(config.relative_attention_num_buckets, heads);
      this.relative_attention_bias.initialize(factor * width ** -0.5);
    }
    this.#config = config;
    this.#causal = causal;
    this.#dropout = new EncoderDropout(config.dropout_rate);
  }

  /** What is added to the scores, [1, heads, queries, keys]: all layers of a stack take the first one's. */
  bias(queries: number, keys: number): Tensor {
    const { relative_attention_num_buckets: count, relative_attention_max_distance: maxDistance } = this.#config;
    const key = `${queries} ${keys}`;
    const shape = [queries, keys];
    const buckets = { count, maxDistance, bidirectional: !this.#causal };
    const made = () =>
      new Tensor(
        slotValue(shape, 'int32', () => relativePositions(queries, keys, buckets)),
        { requires_grad: false },
      );
    const numbers = this.#positions.get(key) ?? made();
    this.#positions.set(key, numbers);
    return this.relative_attention_bias.forward(numbers).permute([2, 0, 1]).unsqueeze(0);
  }

  override forward(x: Tensor, memory: Tensor, mask?: Tensor, bias?: Tensor): Tensor {
    const { num_heads: heads, d_kv: size } = this.#config;
    const split = (layer: Linear, of: Tensor) => layer.forward(of).reshape([of.shape[0]!, of.shape[1]!, heads, size]);
    const query = split(this.q, x);
    this.#dropout.training = this.training;
    const y = scaledDotProductAttention(query, split(this.k, memory), split(this.v, memory), {
      layout: 'bthd',
      scale: 1,
      causal: this.#causal,
      dropout: this.#dropout.rateFor(query),
      ...(mask && { mask }),
      ...(bias && { bias }),
    });
    return this.o.forward(y.reshape([x.shape[0]!, x.shape[1]!, heads * size]));
  }
}

export class T5LayerSelfAttention extends Module {
  SelfAttention: T5Attention;
  layer_norm: T5LayerNorm;
  dropout: EncoderDropout;

  constructor(config: T5Config, options: { readonly causal: boolean; readonly biased: boolean }) {
    super();
    this.SelfAttention = new T5Attention(config, options);
    this.layer_norm = new T5LayerNorm(config.d_model, config.layer_norm_epsilon, config.initializer_factor);
    this.dropout = new EncoderDropout(config.dropout_rate);
  }

  override forward(x: Tensor, mask?: Tensor, bias?: Tensor): Tensor {
    const normed = this.layer_norm.forward(x);
    return x.add(this.dropout.forward(this.SelfAttention.forward(...given(normed, normed, mask, bias))));
  }
}

export class T5LayerCrossAttention extends Module {
  EncDecAttention: T5Attention;
  layer_norm: T5LayerNorm;
  dropout: EncoderDropout;

  constructor(config: T5Config) {
    super();
    this.EncDecAttention = new T5Attention(config, { causal: false, biased: false });
    this.layer_norm = new T5LayerNorm(config.d_model, config.layer_norm_epsilon, config.initializer_factor);
    this.dropout = new EncoderDropout(config.dropout_rate);
  }

  override forward(x: Tensor, memory: Tensor, mask?: Tensor): Tensor {
    const y = this.EncDecAttention.forward(...given(this.layer_norm.forward(x), memory, mask));
    return x.add(this.dropout.forward(y));
  }
}

/** Two dense layers, the first doubled where it is gated. */
export class T5DenseActDense extends Module {
  declare wi: Linear;
  declare wi_0: Linear;
  declare wi_1: Linear;
  declare wo: Linear;
  declare dropout: EncoderDropout;
  readonly #activation: Activation;

  constructor({
    d_model: width,
    d_ff: inner,
    feed_forward_proj: name,
    initializer_factor: factor,
    ...config
  }: T5Config) {
    super();
    const [, gate, activation = ''] = /^(gated-)?(\w+)$/.exec(name) ?? [];
    this.#activation = activationOf('feed_forward_proj', gate && activation === 'gelu' ? 'gelu_new' : activation);
    const first = () => dense(width, inner, factor * width ** -0.5);
    if (gate) [this.wi_0, this.wi_1] = [first(), first()];
    else this.wi = first();
    this.wo = dense(inner, width, factor * inner ** -0.5);
    this.dropout = new EncoderDropout(config.dropout_rate);
  }

  override forward(x: Tensor): Tensor {
    const y = this.wi
      ? this.#activation(this.wi.forward(x))
      : this.#activation(this.wi_0.forward(x)).mul(this.wi_1.forward(x));
    return this.wo.forward(this.dropout.forward(y));
  }
}

export class T5LayerFF extends Module {
  DenseReluDense: T5DenseActDense;
  layer_norm: T5LayerNorm;
  dropout: EncoderDropout;

  constructor(config: T5Config) {
    super();
    this.DenseReluDense = new T5DenseActDense(config);
    this.layer_norm = new T5LayerNorm(config.d_model, config.layer_norm_epsilon, config.initializer_factor);
    this.dropout = new EncoderDropout(config.dropout_rate);
  }

  override forward(x: Tensor): Tensor {
    return x.add(this.dropout.forward(this.DenseReluDense.forward(this.layer_norm.forward(x))));
  }
}

/** What there is of the arguments. */
const given = (x: Tensor, memory: Tensor, mask?: Tensor, bias?: Tensor) =>
  [x, memory, mask, bias] as unknown as [Tensor, Tensor];

export class T5Block extends Module {
  layer: ModuleList;
  readonly #self: T5LayerSelfAttention;
  readonly #cross: T5LayerCrossAttention | null;
  readonly #ff: T5LayerFF;

  constructor(config: T5Config, { decodes, biased }: { readonly decodes: boolean; readonly biased: boolean }) {
    super();
    this.#self = new T5LayerSelfAttention(config, { causal: decodes, biased });
    this.#cross = decodes ? new T5LayerCrossAttention(config) : null;
    this.#ff = new T5LayerFF(config);
    this.layer = new ModuleList([this.#self, ...(this.#cross ? [this.#cross] : []), this.#ff]);
  }

  /** What is added to the scores of the stack. */
  bias(time: number): Tensor {
    return this.#self.SelfAttention.bias(time, time);
  }

  override forward(x: Tensor, bias: Tensor, mask?: Tensor, memory?: Tensor, memoryMask?: Tensor): Tensor {
    let y = this.#self.forward(x, mask as Tensor, bias);
    if (this.#cross && memory) y = this.#cross.forward(y, memory, memoryMask);
    return this.#ff.forward(y);
  }
}

/** An encoder or a decoder. */
export class T5Stack extends Module {
  embed_tokens: Embedding;
  block: ModuleList;
  final_layer_norm: T5LayerNorm;
  dropout: EncoderDropout;

  constructor(config: T5Config, words: Embedding, decodes: boolean) {
    super();
    const { num_layers: layers, num_decoder_layers: decoders } = config;
    this.embed_tokens = new Embedding(config.vocab_size, config.d_model);
    this.embed_tokens.weight = words.weight;
    const blocks = Array.from(
      { length: decodes ? (decoders ?? layers) : layers },
      (_, i) => new T5Block(config, { decodes, biased: i === 0 }),
    );
    this.block = new ModuleList(blocks);
    this.final_layer_norm = new T5LayerNorm(config.d_model, config.layer_norm_epsilon, config.initializer_factor);
    this.dropout = new EncoderDropout(config.dropout_rate);
  }

  /** Runs the blocks in order, on vectors of words. */
  override forward(x: Tensor, mask?: Tensor, memory?: Tensor, memoryMask?: Tensor): Tensor {
    const blocks = [...this.block] as unknown as T5Block[];
    const bias = blocks[0]!.bias(x.shape[1]!);
    let y = this.dropout.forward(x);
    for (const block of blocks) y = block.forward(y, bias, mask as Tensor, memory, memoryMask);
    return this.dropout.forward(this.final_layer_norm.forward(y));
  }
}

/** T5 without a head. */
export class T5Model<Outputs = Seq2SeqOutputs> extends PretrainedModel<T5Config, Outputs, Seq2SeqInputs> {
  shared: Embedding;
  encoder: T5Stack;
  decoder: T5Stack;

  constructor(config: Partial<T5Config> = {}) {
    super(t5Config(config));
    this.shared = new Embedding(this.config.vocab_size, this.config.d_model);
    this.shared.initialize(this.config.initializer_factor);
    this.encoder = new T5Stack(this.config, this.shared, false);
    this.decoder = new T5Stack(this.config, this.shared, true);
  }

  /** What the encoder makes of texts, [batch, time, width]. */
  encode(inputs: Seq2SeqInputs): Tensor {
    const mask = attentionMask(this.typeName, inputs.attention_mask, textSize(this.typeName, inputs));
    const x = inputs.inputs_embeds ?? this.encoder.embed_tokens.forward(inputs.input_ids!);
    return mask ? this.encoder.forward(x, mask) : this.encoder.forward(x);
  }

  /** The decoder's vectors, [batch, time, width]. */
  decode(inputs: Seq2SeqInputs): Tensor {
    const op = this.typeName;
    const { labels, decoder_attention_mask: written, encoder_last_hidden_state: known } = inputs;
    const ids = inputs.decoder_input_ids ?? (labels && this.shiftRight(labels));
    if (!ids) throw new ArgumentError(`${op}: expected decoder_input_ids or labels, got neither.`);
    const memory = known ?? this.encode(inputs);
    const size = [memory.shape[0]!, memory.shape[1]!] as const;
    const mask = attentionMask(op, written, textSize(op, { input_ids: ids }));
    const memoryMask = attentionMask(op, inputs.attention_mask, size);
    return this.decoder.forward(this.decoder.embed_tokens.forward(ids), mask as Tensor, memory, memoryMask as Tensor);
  }

  /** The tokens that a decoder has read when it is to tell `labels`, int32 [batch, time]: one place later, padding for -100. */
  shiftRight(labels: Tensor): Tensor {
    const { pad_token_id: padding, decoder_start_token_id: start } = this.config;
    const [batch, time] = labels.shape as [number, number];
    const first = full([batch, 1], start ?? padding);
    const all = cat([first, labels.float().slice(1, 0, time - 1)], 1);
    return all
      .eq(-100)
      .where(full([1], padding), all)
      .to('int32');
  }

  override forward(inputs: Seq2SeqInputs): Outputs {
    return { last_hidden_state: this.decode(inputs) } as Outputs;
  }
}

/**
 * T5 that writes texts: { logits: [batch, time, vocabulary] }.
 * @example
 * const { logits } = model.forward({ input_ids, attention_mask, labels });
 */
export class T5ForConditionalGeneration extends T5Model<LogitsOutputs> {
  lm_head: Linear;

  constructor(config: Partial<T5Config> = {}) {
    super(config);
    const { d_model: width, vocab_size: words, initializer_factor: factor } = this.config;
    this.lm_head = dense(width, words, factor);
    if (this.config.tie_word_embeddings) this.lm_head.weight = this.shared.weight;
  }

  /** Gives the last layer a weight of its own: some files of version 1.1 have one, though their configuration says otherwise. */
  override untie(): void {
    const { d_model: width, vocab_size: words, initializer_factor: factor } = this.config;
    this.lm_head = dense(width, words, factor);
  }

  override forward(inputs: Seq2SeqInputs): LogitsOutputs {
    const hidden = this.decode(inputs);
    const { d_model: width, scale_decoder_outputs: scales } = this.config;
    return { logits: this.lm_head.forward(scales ? hidden.mul(width ** -0.5) : hidden) };
  }
}
