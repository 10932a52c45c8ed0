/** Networks of texts under their class names in Hugging Face's transformers. */
export type { TextTask } from './architectures.ts';
export {
  type BertConfig,
  BertEmbeddings,
  BertEncoder,
  BertModel,
  type BertModelOptions,
  BertPooler,
  RobertaModel,
  XLMRobertaModel,
} from './bert.ts';
export {
  BertForMaskedLM,
  BertForQuestionAnswering,
  BertForSequenceClassification,
  BertForTokenClassification,
  BertLMPredictionHead,
  BertOnlyMLMHead,
  BertPredictionHeadTransform,
} from './bert-heads.ts';
export type { PretrainedConfig } from './config.ts';
export {
  type DistilBertConfig,
  DistilBertEmbeddings,
  DistilBertForMaskedLM,
  DistilBertForQuestionAnswering,
  DistilBertForSequenceClassification,
  DistilBertForTokenClassification,
  DistilBertModel,
  DistilBertTransformer,
} from './distilbert.ts';
export { EncoderDropout } from './encoder-dropout.ts';
export {
  Conv1D,
  GPT2Attention,
  GPT2Block,
  type GPT2Config,
  GPT2ForSequenceClassification,
  GPT2LMHeadModel,
  GPT2MLP,
  GPT2Model,
} from './gpt2.ts';
export {
  type AnswerOutputs,
  type AnyPretrainedModel,
  type EncoderOutputs,
  type LogitsOutputs,
  PretrainedModel,
  type TextInputs,
} from './pretrained-model.ts';
export {
  RobertaClassificationHead,
  RobertaForMaskedLM,
  RobertaForQuestionAnswering,
  RobertaForSequenceClassification,
  RobertaForTokenClassification,
  RobertaLMHead,
} from './roberta.ts';
export type { FolderFile } from './save.ts';
export {
  type Seq2SeqInputs,
  type Seq2SeqOutputs,
  T5Attention,
  T5Block,
  T5DenseActDense,
  T5ForConditionalGeneration,
  T5LayerCrossAttention,
  T5LayerFF,
  T5LayerNorm,
  T5LayerSelfAttention,
  T5Model,
  T5Stack,
} from './t5.ts';
export type { T5Config } from './t5-config.ts';
