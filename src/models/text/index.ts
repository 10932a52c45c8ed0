/** Networks of texts under their class names in Hugging Face's transformers. */
export type { TextTask } from './architectures.ts';
export {
  type BertConfig,
  BertModel,
  type BertModelOptions,
  RobertaModel,
  XLMRobertaModel,
} from './bert.ts';
export {
  BertForMaskedLM,
  BertForQuestionAnswering,
  BertForSequenceClassification,
  BertForTokenClassification,
} from './bert-heads.ts';
export type { PretrainedConfig } from './config.ts';
export {
  type DistilBertConfig,
  DistilBertForMaskedLM,
  DistilBertForQuestionAnswering,
  DistilBertForSequenceClassification,
  DistilBertForTokenClassification,
  DistilBertModel,
} from './distilbert.ts';
export {
  type AnswerOutputs,
  type AnyPretrainedModel,
  type EncoderOutputs,
  type LogitsOutputs,
  PretrainedModel,
  type TextInputs,
} from './pretrained-model.ts';
export {
  RobertaForMaskedLM,
  RobertaForQuestionAnswering,
  RobertaForSequenceClassification,
  RobertaForTokenClassification,
} from './roberta.ts';
export type { FolderFile } from './save.ts';
