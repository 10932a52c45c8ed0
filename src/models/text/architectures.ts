/** Every network of texts by the name that `config.json` has for it under `architectures`, and by its task. */
import { ArgumentError } from '../../core/errors.ts';
import { BertModel, bertConfig, RobertaModel, XLMRobertaModel } from './bert.ts';
import {
  BertForMaskedLM,
  BertForQuestionAnswering,
  BertForSequenceClassification,
  BertForTokenClassification,
} from './bert-heads.ts';
import type { Config, PretrainedConfig } from './config.ts';
import {
  DistilBertForMaskedLM,
  DistilBertForQuestionAnswering,
  DistilBertForSequenceClassification,
  DistilBertForTokenClassification,
  DistilBertModel,
  distilBertConfig,
} from './distilbert.ts';
import { GPT2ForSequenceClassification, GPT2LMHeadModel, GPT2Model, gpt2Config } from './gpt2.ts';
import type { AnyPretrainedModel } from './pretrained-model.ts';
import {
  RobertaForMaskedLM,
  RobertaForQuestionAnswering,
  RobertaForSequenceClassification,
  RobertaForTokenClassification,
} from './roberta.ts';
import { T5ForConditionalGeneration, T5Model } from './t5.ts';
import { t5Config } from './t5-config.ts';

/** What a network of texts is for. */
export type TextTask =
  | 'feature-extraction'
  | 'text-classification'
  | 'token-classification'
  | 'question-answering'
  | 'masked-language-modelling'
  | 'language-modelling'
  | 'seq2seq';

// biome-ignore lint/suspicious/noExplicitAny: a configuration is checked by the class that takes it
type ModelClass = new (config: any) => AnyPretrainedModel;

interface Family {
  /** The field that heads keep their encoder in, where they do: what its parameters' names begin with. */
  readonly prefix: string;
  /** The configuration with what it leaves out. @throws ArgumentError for what is not known. */
  config(given: Config): PretrainedConfig;
  /** The class for each task, and its name. */
  readonly classes: Readonly<Partial<Record<TextTask, readonly [name: string, ModelClass]>>>;
}

const roberta = (type: string, name: string, base: ModelClass): Family => ({
  prefix: 'roberta',
  config: (given) => bertConfig(given, type),
  classes: {
    'feature-extraction': [`${name}Model`, base],
    'text-classification': [`${name}ForSequenceClassification`, RobertaForSequenceClassification],
    'token-classification': [`${name}ForTokenClassification`, RobertaForTokenClassification],
    'question-answering': [`${name}ForQuestionAnswering`, RobertaForQuestionAnswering],
    'masked-language-modelling': [`${name}ForMaskedLM`, RobertaForMaskedLM],
  },
});

/** By `model_type`. */
export const FAMILIES: Readonly<Record<string, Family>> = {
  bert: {
    prefix: 'bert',
    config: (given) => bertConfig(given),
    classes: {
      'feature-extraction': ['BertModel', BertModel],
      'text-classification': ['BertForSequenceClassification', BertForSequenceClassification],
      'token-classification': ['BertForTokenClassification', BertForTokenClassification],
      'question-answering': ['BertForQuestionAnswering', BertForQuestionAnswering],
      'masked-language-modelling': ['BertForMaskedLM', BertForMaskedLM],
    },
  },
  roberta: roberta('roberta', 'Roberta', RobertaModel),
  'xlm-roberta': roberta('xlm-roberta', 'XLMRoberta', XLMRobertaModel),
  distilbert: {
    prefix: 'distilbert',
    config: distilBertConfig,
    classes: {
      'feature-extraction': ['DistilBertModel', DistilBertModel],
      'text-classification': ['DistilBertForSequenceClassification', DistilBertForSequenceClassification],
      'token-classification': ['DistilBertForTokenClassification', DistilBertForTokenClassification],
      'question-answering': ['DistilBertForQuestionAnswering', DistilBertForQuestionAnswering],
      'masked-language-modelling': ['DistilBertForMaskedLM', DistilBertForMaskedLM],
    },
  },
  gpt2: {
    prefix: 'transformer',
    config: gpt2Config,
    classes: {
      'feature-extraction': ['GPT2Model', GPT2Model],
      'text-classification': ['GPT2ForSequenceClassification', GPT2ForSequenceClassification],
      'language-modelling': ['GPT2LMHeadModel', GPT2LMHeadModel],
    },
  },
  t5: {
    prefix: '',
    config: t5Config,
    classes: {
      'feature-extraction': ['T5Model', T5Model],
      seq2seq: ['T5ForConditionalGeneration', T5ForConditionalGeneration],
    },
  },
};

/** A network that a configuration describes, still to be built. */
export interface Architecture {
  /** As in `architectures`. */
  readonly name: string;
  readonly task: TextTask;
  readonly prefix: string;
  readonly config: PretrainedConfig;
  build(): AnyPretrainedModel;
}

/**
 * The network of a configuration.
 * @param path for messages
 * @param task what it is for; the network that the configuration names by default
 * @throws ArgumentError in one line for a family, a network or a task that there is none of.
 */
export function architectureOf(path: string, given: Config, task?: TextTask): Architecture {
  const type = given.model_type;
  if (typeof type !== 'string' || !Object.hasOwn(FAMILIES, type))
    throw new ArgumentError(
      `${path}: is of ${typeof type === 'string' ? `the family '${type}'` : 'no model_type'}, of which regraft has ${Object.keys(FAMILIES).join(', ')}.`,
    );
  const { prefix, classes, config: read } = FAMILIES[type]!;
  const chosen = task ?? namedTask(path, given, classes);
  const found = classes[chosen];
  if (!found)
    throw new ArgumentError(
      `${path}: task must be ${Object.keys(classes).join(', ')} for the family '${type}', got ${chosen}.`,
    );
  const [name, Model] = found;
  const config = read({ ...given, architectures: [name] });
  return { name, task: chosen, prefix, config, build: () => new Model(config) };
}

/** The task of the network that `architectures` names; the one without a head where it names none. */
function namedTask(path: string, { architectures }: Config, classes: Family['classes']): TextTask {
  const named = Array.isArray(architectures) ? architectures.map(String) : [];
  if (named.length === 0) return 'feature-extraction';
  const found = Object.entries(classes).find(([, [name]]) => named.includes(name));
  if (found) return found[0] as TextTask;
  throw new ArgumentError(
    `${path}: names ${named.join(', ')}, of which regraft has ${Object.values(classes)
      .map(([name]) => name)
      .join(', ')}. Pass a task: ${Object.keys(classes).join(', ')}.`,
  );
}
