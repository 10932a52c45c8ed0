/** `config.json` as Hugging Face's transformers writes it: what all networks of texts have in common, and the checks of what it says. */
import { check, type Kind, oneOf, PROBABILITY, whole } from '../../core/check.ts';
import { ArgumentError } from '../../core/errors.ts';
import { shown } from '../../core/options.ts';

/** A JSON object. */
export type Config = Readonly<Record<string, unknown>>;

/** What every network of texts is told. Names are those of `config.json`; what regraft does not read stays in it. */
export interface PretrainedConfig extends Config {
  /** Family of networks: 'bert', 'roberta', … */
  readonly model_type: string;
  /** Rows of the table of words. */
  readonly vocab_size: number;
  /** Names of the classes by their numbers, which are texts in JSON. */
  readonly id2label: Readonly<Record<string, string>>;
  /** Numbers of the classes by their names. */
  readonly label2id: Readonly<Record<string, number>>;
  /** Deviation of new weights. */
  readonly initializer_range: number;
  /** Whether the table of words is the last layer's weight as well. */
  readonly tie_word_embeddings: boolean;
}

/** The number of classes. */
export const labelsOf = ({ id2label }: Pick<PretrainedConfig, 'id2label'>): string[] =>
  Object.keys(id2label).map((_, i) => id2label[i]!);

/** `id2label` and `label2id` of classes in their order. */
export function labelMaps(labels: readonly string[]): Pick<PretrainedConfig, 'id2label' | 'label2id'> {
  return {
    id2label: Object.fromEntries(labels.map((label, i) => [String(i), label])),
    label2id: Object.fromEntries(labels.map((label, i) => [label, i])),
  };
}

/** A check of each key that a family reads. */
export type Kinds<C> = { readonly [K in keyof C]?: Kind };

export const COUNT = whole(1);
export const POSITIVE: Kind<number> = {
  words: 'above 0',
  is: (value): value is number => typeof value === 'number' && value > 0,
};
export const FLAG: Kind<boolean> = { words: 'true or false', is: (value) => typeof value === 'boolean' };
export const RATE_OR_NULL: Kind<number | null> = {
  words: 'a probability from 0 to 1, or null',
  is: (value): value is number | null => value === null || PROBABILITY.is(value),
};
export const TOKEN_OR_NULL: Kind<number | null> = {
  words: 'the number of a token, or null',
  is: (value): value is number | null => value === null || whole(0).is(value),
};

/** Settings that change what a network computes, with the only value that is known here. */
const REFUSED: Config = {
  position_embedding_type: 'absolute',
  is_decoder: false,
  add_cross_attention: false,
  is_encoder_decoder: false,
  sinusoidal_pos_embds: false,
  pruned_heads: {},
  quantization_config: null,
  embedding_size: null,
};

const COMMON: Kinds<PretrainedConfig> = {
  vocab_size: COUNT,
  initializer_range: { words: '0 or more', is: (value): value is number => typeof value === 'number' && value >= 0 },
  tie_word_embeddings: FLAG,
  problem_type: {
    words: 'regression, single_label_classification, multi_label_classification or null',
    is: (value): value is string | null =>
      value === null || oneOf('regression', 'single_label_classification', 'multi_label_classification').is(value),
  },
};

/**
 * A configuration with what it leaves out filled in.
 * @param allowed settings of {@link REFUSED} that this family has after all
 * @throws ArgumentError by name for a setting that is not known, or has no sense.
 */
export function completed<C extends PretrainedConfig>(
  given: Config,
  defaults: Omit<C, 'id2label' | 'label2id'>,
  kinds: Kinds<C>,
  allowed: readonly string[] = [],
): C {
  const told = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  const config = {
    ...{ initializer_range: 0.02, tie_word_embeddings: true, problem_type: null },
    ...defaults,
    ...told,
    ...labelMaps(givenLabels(told)),
  };
  const op = `config of ${config.model_type}`;
  for (const [key, only] of Object.entries(REFUSED)) {
    if (allowed.includes(key) || config[key] === undefined || config[key] === null) continue;
    if (JSON.stringify(config[key]) !== JSON.stringify(only))
      throw new ArgumentError(
        `${op}: has ${key} ${shown(config[key])}, of which regraft has only ${only === null ? 'none' : shown(only)}.`,
      );
  }
  for (const [key, kind] of Object.entries({ ...COMMON, ...kinds }))
    check(op, key, (config as Config)[key], kind as Kind);
  return config as unknown as C;
}

/** The classes that `id2label` or `num_labels` tell; two without a name by default. */
function givenLabels({ id2label, num_labels: count }: Config): string[] {
  if (typeof id2label !== 'object' || id2label === null) {
    const labels = typeof count === 'number' ? check('config', 'num_labels', count, COUNT) : 2;
    return Array.from({ length: labels }, (_, i) => `LABEL_${i}`);
  }
  const names = Object.entries(id2label);
  const labels = names.map((_, i) => (id2label as Config)[i]);
  if (labels.length > 0 && labels.every((label) => typeof label === 'string')) return labels as string[];
  throw new ArgumentError(
    `config: id2label must have a name for each number from 0 to ${Math.max(0, names.length - 1)}, got ${JSON.stringify(id2label).slice(0, 80)}.`,
  );
}
