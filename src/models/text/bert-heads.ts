/** BERT's heads. */
import { Dropout, init, LayerNorm, Linear, Module, Parameter } from '../../nn/index.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { type Activation, activationOf } from './activations.ts';
import { type BertConfig, BertModel, bertConfig } from './bert.ts';
import { labelsOf } from './config.ts';
import { answers } from './heads.ts';
import {
  type AnswerOutputs,
  initialize,
  type LogitsOutputs,
  PretrainedModel,
  type TextInputs,
} from './pretrained-model.ts';

const dropoutOf = ({ classifier_dropout: own, hidden_dropout_prob: rate }: BertConfig) => new Dropout(own ?? rate);

/** BERT with a head for whole texts, or pairs of them: { logits: [batch, classes] }. */
export class BertForSequenceClassification extends PretrainedModel<BertConfig, LogitsOutputs> {
  bert: BertModel;
  dropout: Dropout;
  classifier: Linear;

  constructor(config: Partial<BertConfig> = {}) {
    super(bertConfig(config));
    this.bert = new BertModel(this.config);
    this.dropout = dropoutOf(this.config);
    this.classifier = new Linear(this.config.hidden_size, labelsOf(this.config).length);
    initialize(this.classifier, this.config.initializer_range);
  }

  override forward(inputs: TextInputs): LogitsOutputs {
    const { pooler_output: pooled } = this.bert.forward(inputs);
    return { logits: this.classifier.forward(this.dropout.forward(pooled!)) };
  }
}

/** BERT with a head for each token: { logits: [batch, time, classes] }. */
export class BertForTokenClassification extends PretrainedModel<BertConfig, LogitsOutputs> {
  bert: BertModel;
  dropout: Dropout;
  classifier: Linear;

  constructor(config: Partial<BertConfig> = {}) {
    super(bertConfig(config));
    this.bert = new BertModel(this.config, { addPoolingLayer: false });
    this.dropout = dropoutOf(this.config);
    this.classifier = new Linear(this.config.hidden_size, labelsOf(this.config).length);
    initialize(this.classifier, this.config.initializer_range);
  }

  override forward(inputs: TextInputs): LogitsOutputs {
    const { last_hidden_state: hidden } = this.bert.forward(inputs);
    return { logits: this.classifier.forward(this.dropout.forward(hidden)) };
  }
}

/** BERT with a head for where an answer begins and ends: { start_logits, end_logits }, [batch, time] each. */
export class BertForQuestionAnswering extends PretrainedModel<BertConfig, AnswerOutputs> {
  bert: BertModel;
  qa_outputs: Linear;

  constructor(config: Partial<BertConfig> = {}) {
    super(bertConfig(config));
    this.bert = new BertModel(this.config, { addPoolingLayer: false });
    this.qa_outputs = new Linear(this.config.hidden_size, 2);
    initialize(this.qa_outputs, this.config.initializer_range);
  }

  override forward(inputs: TextInputs): AnswerOutputs {
    return answers(this.qa_outputs.forward(this.bert.forward(inputs).last_hidden_state));
  }
}

/** A dense layer, an activation and a norm. */
export class BertPredictionHeadTransform extends Module {
  dense: Linear;
  LayerNorm: LayerNorm;
  readonly #activation: Activation;

  constructor({ hidden_size: width, hidden_act: name, layer_norm_eps: eps }: BertConfig) {
    super();
    this.dense = new Linear(width, width);
    this.LayerNorm = new LayerNorm(width, { eps });
    this.#activation = activationOf('hidden_act', name);
  }

  override forward(x: Tensor): Tensor {
    return this.LayerNorm.forward(this.#activation(this.dense.forward(x)));
  }
}

/** Scores of all words for each token. */
export class BertLMPredictionHead extends Module {
  bias: Parameter;
  transform: BertPredictionHeadTransform;
  decoder: Linear;

  constructor(config: BertConfig) {
    super();
    this.bias = new Parameter([config.vocab_size], () => new Float32Array(config.vocab_size));
    this.transform = new BertPredictionHeadTransform(config);
    this.decoder = new Linear(config.hidden_size, config.vocab_size);
  }

  override forward(x: Tensor): Tensor {
    return this.decoder.forward(this.transform.forward(x));
  }
}

/** The head that guesses tokens. */
export class BertOnlyMLMHead extends Module {
  predictions: BertLMPredictionHead;

  constructor(config: BertConfig) {
    super();
    this.predictions = new BertLMPredictionHead(config);
  }

  override forward(x: Tensor): Tensor {
    return this.predictions.forward(x);
  }
}

/** BERT that guesses tokens: { logits: [batch, time, vocabulary] }. Its last layer is the table of words, as the configuration says. */
export class BertForMaskedLM extends PretrainedModel<BertConfig, LogitsOutputs> {
  bert: BertModel;
  cls: BertOnlyMLMHead;

  constructor(config: Partial<BertConfig> = {}) {
    super(bertConfig(config));
    this.bert = new BertModel(this.config, { addPoolingLayer: false });
    this.cls = new BertOnlyMLMHead(this.config);
    initialize(this.cls, this.config.initializer_range);
    init.constant(this.cls.predictions.bias, 0);
    if (!this.config.tie_word_embeddings) return;
    this.cls.predictions.decoder.weight = this.bert.embeddings.word_embeddings.weight;
    this.cls.predictions.decoder.bias = this.cls.predictions.bias;
  }

  override forward(inputs: TextInputs): LogitsOutputs {
    return { logits: this.cls.forward(this.bert.forward(inputs).last_hidden_state) };
  }
}
