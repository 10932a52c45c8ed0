/** Scores of a model on held-out data while it trains, and which of them the data and the model's outputs allow. */
import { ArgumentError, RegraftError } from '../core/errors.ts';
import type { Dataset } from '../data/dataset.ts';
import type { Labels } from '../data/labels.ts';
import type { Module } from '../nn/module.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { LoadedBatch } from './batches.ts';
import { type Predictions, predictLogits } from './evaluate.ts';
import { argmaxRows, crossEntropyRows } from './metrics.ts';
import type { Precision } from './precision.ts';
import type { Progress } from './progress.ts';
import type { TrunkCache } from './trunk-cache.ts';

/** The loss of a batch, as a scalar, from the model's outputs and the labels. */
export type Loss = (outputs: Tensor, labels: Tensor) => Tensor;

/** Scores of an epoch. */
export interface Scores {
  readonly loss: number;
  /** Null where outputs and labels are not those of a classifier. */
  readonly accuracy: number | null;
  readonly predictions: Predictions;
}

/** Whether these are scores for two or more classes, and a class for each row: only then is there an accuracy. */
export const classifies = (shape: readonly number[], labels: Labels): boolean =>
  shape.length === 2 && shape[1]! > 1 && labels instanceof Int32Array;

/**
 * The mean loss over `data`, by `loss` or else by plain cross-entropy, and the accuracy where there is one.
 * @throws ArgumentError for labels that the model has no output for.
 */
export async function scoresOf(
  model: Module,
  data: Dataset,
  options: {
    readonly loss: Loss | undefined;
    readonly batchSize: number;
    readonly cache: TrunkCache | null;
    readonly progress: Progress | null | undefined;
    readonly title: string;
    readonly precision: Precision;
  },
): Promise<Scores> {
  const { progress = null, title, ...rest } = options;
  progress?.start(data.length, title);
  try {
    const predictions = await predictLogits(model, data, { ...rest, progress });
    const { logits, labels, classes } = predictions;
    const classified =
      classifies([logits.length / classes, classes], labels) && logits.length === labels.length * classes;
    if (!options.loss) checkLabels('fit', { labels, indices: predictions.indices, paths: [] }, classes, data.classes);
    const losses = options.loss ? [] : crossEntropyRows(logits, labels, classes);
    const loss = predictions.loss ?? losses.reduce((a, b) => a + b, 0) / losses.length;
    const accuracy = classified
      ? argmaxRows(logits, classes).filter((p, k) => p === labels[k]).length / labels.length
      : null;
    progress?.update(predictions.indices.length, { loss, ...(accuracy !== null && { accuracy }) });
    return { loss, accuracy, predictions };
  } finally {
    progress?.end();
  }
}

/** @throws ArgumentError for classes, or a label of the batch, that a model with so many outputs cannot learn. */
export function checkLabels(
  op: string,
  { labels, indices, paths }: Pick<LoadedBatch, 'labels' | 'indices' | 'paths'>,
  outputs: number,
  classes: readonly string[] = [],
): void {
  if (labels instanceof Float32Array)
    throw new ArgumentError(
      `${op}: cross-entropy expected a class for each sample, got float targets. Pass a loss for those, as in { loss: mseLoss }.`,
    );
  const graft = (heads: number) => `Graft a head of ${heads}.`;
  if (classes.length > outputs)
    throw new ArgumentError(
      `${op}: expected an output for each of the ${classes.length} classes, got a model with ${outputs}. ${graft(classes.length)}`,
    );
  const at = labels.findIndex((label) => label >= outputs || (label < 0 && label !== IGNORED));
  if (at < 0) return;
  const most = labels.reduce((a, b) => Math.max(a, b), 0) + 1;
  throw new ArgumentError(
    `${op}: expected labels from 0 to ${outputs - 1}, one for each output of the model, got ${labels[at]} in ` +
      `${paths[at] ?? `sample ${indices[at]}`}. ${labels[at]! < 0 ? 'Number the classes from 0.' : graft(most)}`,
  );
}

/** What cross-entropy leaves out. */
const IGNORED = -100;

/** The error for a loss that is NaN or infinite. */
export function diverged(what: string, epoch: number, learningRate: number): RegraftError {
  return new RegraftError(
    `fit: ${what} in epoch ${epoch}: training has diverged. Lower the learning rate (now ${learningRate}), or clip the gradients.`,
  );
}
