/** RoBERTa's heads, which XLM-R has too. */
import { Dropout, init, LayerNorm, Linear, Module, Parameter } from '../../nn/index.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { type BertConfig, type BertModel, bertConfig, firstToken, RobertaModel } from './bert.ts';
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

/** Two dense layers over the first token. */
export class RobertaClassificationHead extends Module {
  dense: Linear;
  dropout: Dropout;
  out_proj: Linear;

  constructor(config: BertConfig) {
    super();
    this.dense = new Linear(config.hidden_size, config.hidden_size);
    this.dropout = dropoutOf(config);
    this.out_proj = new Linear(config.hidden_size, labelsOf(config).length);
    initialize(this, config.initializer_range);
  }

  override forward(x: Tensor): Tensor {
    const y = this.dense.forward(this.dropout.forward(firstToken(x))).tanh();
    return this.out_proj.forward(this.dropout.forward(y));
  }
}

const encoder = (config: BertConfig): BertModel => new RobertaModel(config, { addPoolingLayer: false });

/** RoBERTa with a head for whole texts, or pairs of them: { logits: [batch, classes] }. */
export class RobertaForSequenceClassification extends PretrainedModel<BertConfig, LogitsOutputs> {
  roberta: BertModel;
  classifier: RobertaClassificationHead;

  constructor(config: Partial<BertConfig> = {}) {
    super(bertConfig(config, 'roberta'));
    this.roberta = encoder(this.config);
    this.classifier = new RobertaClassificationHead(this.config);
  }

  override forward(inputs: TextInputs): LogitsOutputs {
    return { logits: this.classifier.forward(this.roberta.forward(inputs).last_hidden_state) };
  }
}

/** RoBERTa with a head for each token: { logits: [batch, time, classes] }. */
export class RobertaForTokenClassification extends PretrainedModel<BertConfig, LogitsOutputs> {
  roberta: BertModel;
  dropout: Dropout;
  classifier: Linear;

  constructor(config: Partial<BertConfig> = {}) {
    super(bertConfig(config, 'roberta'));
    this.roberta = encoder(this.config);
    this.dropout = dropoutOf(this.config);
    this.classifier = new Linear(this.config.hidden_size, labelsOf(this.config).length);
    initialize(this.classifier, this.config.initializer_range);
  }

  override forward(inputs: TextInputs): LogitsOutputs {
    const { last_hidden_state: hidden } = this.roberta.forward(inputs);
    return { logits: this.classifier.forward(this.dropout.forward(hidden)) };
  }
}

/** RoBERTa with a head for where an answer begins and ends: { start_logits, end_logits }, [batch, time] each. */
export class RobertaForQuestionAnswering extends PretrainedModel<BertConfig, AnswerOutputs> {
  roberta: BertModel;
  qa_outputs: Linear;

  constructor(config: Partial<BertConfig> = {}) {
    super(bertConfig(config, 'roberta'));
    this.roberta = encoder(this.config);
    this.qa_outputs = new Linear(this.config.hidden_size, 2);
    initialize(this.qa_outputs, this.config.initializer_range);
  }

  override forward(inputs: TextInputs): AnswerOutputs {
    return answers(this.qa_outputs.forward(this.roberta.forward(inputs).last_hidden_state));
  }
}

/** The head that guesses tokens. */
export class RobertaLMHead extends Module {
  bias: Parameter;
  dense: Linear;
  layer_norm: LayerNorm;
  decoder: Linear;

  constructor(config: BertConfig) {
    super();
    const { hidden_size: width, vocab_size: words } = config;
    this.bias = new Parameter([words], () => new Float32Array(words));
    this.dense = new Linear(width, width);
    this.layer_norm = new LayerNorm(width, { eps: config.layer_norm_eps });
    this.decoder = new Linear(width, words);
    initialize(this, config.initializer_range);
    init.constant(this.bias, 0);
  }

  override forward(x: Tensor): Tensor {
    return this.decoder.forward(this.layer_norm.forward(this.dense.forward(x).gelu()));
  }
}

/** RoBERTa that guesses tokens: { logits: [batch, time, vocabulary] }. Its last layer is the table of words, as the configuration says. */
export class RobertaForMaskedLM extends PretrainedModel<BertConfig, LogitsOutputs> {
  roberta: BertModel;
  lm_head: RobertaLMHead;

  constructor(config: Partial<BertConfig> = {}) {
    super(bertConfig(config, 'roberta'));
    this.roberta = encoder(this.config);
    this.lm_head = new RobertaLMHead(this.config);
    if (!this.config.tie_word_embeddings) return;
    this.lm_head.decoder.weight = this.roberta.embeddings.word_embeddings.weight;
    this.lm_head.decoder.bias = this.lm_head.bias;
  }

  override forward(inputs: TextInputs): LogitsOutputs {
    return { logits: this.lm_head.forward(this.roberta.forward(inputs).last_hidden_state) };
  }
}
