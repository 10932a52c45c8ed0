/** Classes, several labels or numbers of a text, or of two texts that belong together. */
import { checkOneOf, checkOptions } from '../../core/options.ts';
import type { HostBatch } from '../../data/collate.ts';
import { stackedLabels } from '../../data/collate.ts';
import type { LabelledImage } from '../../data/dataset.ts';
import type { TableKind } from '../../data/tables/labelling.ts';
import type { LabelledText } from '../../data/texts/text-dataset.ts';
import type { AnyModule } from '../../nn/module.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import type { Tokenizer } from '../../text/tokenizer/tokenizer.ts';
import { type ClassificationOptions, imageClassification } from '../image-classification/task.ts';
import { imageRegression, type RegressionOptions } from '../image-regression/task.ts';
import { type MultiLabelOptions, multiLabel } from '../multi-label/task.ts';
import type { Task, Tensors } from '../task.ts';
import { TextBatches } from '../texts.ts';

/** Options of {@link textClassification}. */
export interface TextClassificationOptions {
  /** That of the network. */
  readonly tokenizer: Tokenizer;
  /** What labels are: 'classes' by default, one of them right; 'labels', each asked for by itself; 'values', numbers. */
  readonly kind?: TableKind | undefined;
  /** Tokens of a text, special ones among them; longer texts are cut, of two the longer one first. By default as many as the network takes, at most 512. */
  readonly maxLength?: number | undefined;
  /** Of classes, as of `imageClassification`. */
  readonly labelSmoothing?: number | undefined;
  /** Of classes, or of labels: a factor for each in the loss. */
  readonly classWeights?: readonly number[] | undefined;
  /** Of classes and labels: the focal loss in place of cross-entropy. */
  readonly focalGamma?: number | undefined;
  /** Of values: 'mse' by default. */
  readonly loss?: RegressionOptions['loss'];
}

const NAMES = {
  tokenizer: true,
  kind: true,
  maxLength: true,
  labelSmoothing: true,
  classWeights: true,
  focalGamma: true,
  loss: true,
} as const;

/**
 * The task of texts with labels: samples have `text`, `pair` where there are two, and `label`, as those of `openTexts`. The network is given
 * `input_ids`, `attention_mask` and, of pairs, `token_type_ids`, int32 [N, length], and gives `logits` [N, outputs]. Loss and scores are
 * those of images with such labels.
 * @param options The tokenizer, and what labels are.
 * @throws ArgumentError for a tokenizer that cannot fill texts up, and for options that do not go together.
 * @example
 * const task = textClassification({ tokenizer: await openTokenizer('bert') }); // fit(model, { task, train, epochs: 3 })
 */
export function textClassification(options: TextClassificationOptions): Task<LabelledText> {
  checkOptions('textClassification', options, NAMES);
  const { tokenizer, kind = 'classes', maxLength } = options;
  checkOneOf('textClassification', 'kind', kind, ['classes', 'labels', 'values']);
  const batches = new TextBatches('textClassification', tokenizer, maxLength);
  const { output, task } = HEADS[kind](options);
  return {
    ...(task as unknown as Task<LabelledText>),
    name: 'text-classification',
    collate: (samples) => collated(batches, samples),
    forward(model: AnyModule, inputs: Tensors): Tensors {
      const { logits }: { readonly logits: Tensor } = model.forward(inputs);
      return { [output]: logits };
    },
  };
}

function collated(batches: TextBatches, samples: readonly LabelledText[]): HostBatch {
  const labels = samples.map(({ label }) => label);
  return {
    inputs: batches.inputs(samples),
    targets: { labels: stackedLabels(labels, (at) => samples[at]!.path) },
    indices: samples.map(({ index }) => index),
    paths: samples.map(({ path }) => path),
  };
}

/** The loss and the scores of a kind of labels, and what they call the outputs. */
interface Head {
  readonly output: string;
  readonly task: Task<LabelledImage>;
}

const given = <T extends object>(options: T): T =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T;

const HEADS: Readonly<Record<TableKind, (options: TextClassificationOptions) => Head>> = {
  classes: ({ labelSmoothing, classWeights, focalGamma }) => ({
    output: 'logits',
    task: imageClassification(given<ClassificationOptions>({ labelSmoothing, classWeights, focalGamma })),
  }),
  labels: ({ classWeights: posWeight, focalGamma }) => ({
    output: 'logits',
    task: multiLabel(given<MultiLabelOptions>({ posWeight, focalGamma })),
  }),
  values: ({ loss }) => ({ output: 'predictions', task: imageRegression(given<RegressionOptions>({ loss })) }),
};
