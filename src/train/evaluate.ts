/** Running a model over a data set without training it. */
import { checkOptions, type OptionNames } from '../core/options.ts';
import { DataLoader, type SkippedSample } from '../data/data-loader.ts';
import type { Dataset } from '../data/dataset.ts';
import { joinLabels, type Labels } from '../data/labels.ts';
import type { Module } from '../nn/module.ts';
import { autocast } from '../tensor/autocast.ts';
import { noGrad } from '../tensor/autograd.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { Batches } from './batches.ts';
import type { Precision } from './precision.ts';
import type { Progress } from './progress.ts';
import type { TrunkCache } from './trunk-cache.ts';

/** Options of {@link predictLogits}. */
export interface PredictOptions {
  /** 32 by default. */
  readonly batchSize?: number;
  /** Keeps the frozen trunk's activations for the next call over the same data. */
  readonly cache?: TrunkCache | null;
  /** Told how far it is. */
  readonly progress?: Progress | null;
  /** 'float16' computes in `autocast`, on an adapter that can; 'float32' by default. */
  readonly precision?: Precision;
  /** Is asked for the loss of each batch, weighted by its images. */
  readonly loss?: ((outputs: Tensor, labels: Tensor) => Tensor) | undefined;
}

const OPTIONS: OptionNames<PredictOptions> = {
  batchSize: true,
  cache: true,
  progress: true,
  precision: true,
  loss: true,
};

/** Logits for every readable image of a data set, in its order. */
export interface Predictions {
  /** The outputs, row-major [images, …, classes]. */
  readonly logits: Float32Array;
  readonly classes: number;
  readonly labels: Labels;
  /** The mean of the loss that was asked for. */
  readonly loss?: number;
  /** Places of the images in the data set. */
  readonly indices: readonly number[];
  readonly skipped: readonly SkippedSample[];
}

/** The outputs for one batch of images. */
export interface BatchLogits {
  /** Row-major [images, …, classes]. */
  readonly logits: Float32Array;
  readonly classes: number;
  readonly labels: Labels;
  /** The loss that was asked for. */
  readonly loss: number | undefined;
  /** Places of the images in the data set. */
  readonly indices: readonly number[];
}

/**
 * The model's logits over `data`, in evaluation mode; each module's mode is put back afterwards.
 * @example
 * const { logits, labels, classes } = await predictLogits(model, validation);
 * console.log(evaluateLogits(logits, labels, classes).accuracy);
 */
export async function predictLogits(model: Module, data: Dataset, options: PredictOptions = {}): Promise<Predictions> {
  checkOptions('predictLogits', options, OPTIONS);
  const loader = new DataLoader(data, { batchSize: options.batchSize ?? 32 });
  const labels: Labels[] = [];
  const indices: number[] = [];
  let logits = new Float32Array(0);
  let used = 0;
  let classes = 0;
  let lossSum = 0;
  for await (const batch of batchLogits(model, loader, options)) {
    classes = batch.classes;
    // Once, where all images have as many outputs.
    if (used + batch.logits.length > logits.length) {
      const each = batch.logits.length / batch.indices.length;
      const larger = new Float32Array(used + each * (data.length - indices.length));
      larger.set(logits.subarray(0, used));
      logits = larger;
    }
    logits.set(batch.logits, used);
    used += batch.logits.length;
    labels.push(batch.labels);
    for (const index of batch.indices) indices.push(index);
    lossSum += (batch.loss ?? 0) * batch.indices.length;
  }
  return {
    logits: logits.subarray(0, used),
    classes,
    labels: joinLabels(labels),
    ...(options.loss && { loss: lossSum / indices.length }),
    indices,
    skipped: loader.skipped,
  };
}

/** As {@link predictLogits}, batch by batch: nothing is kept, and what was left out is in `loader.skipped`. */
export async function* batchLogits(
  model: Module,
  loader: DataLoader<unknown>,
  { cache = null, progress, precision, loss }: Omit<PredictOptions, 'batchSize'> = {},
): AsyncGenerator<BatchLogits, void, undefined> {
  const mixed = { enabled: precision === 'float16' };
  const training = model.modules().filter((module) => module.training);
  const trainable = model.parameters().filter((p) => p.requires_grad);
  const batches = new Batches(loader, cache);
  let done = 0;
  model.eval();
  try {
    for await (const batch of batches.epoch(0)) {
      const { outputs, batchLoss } = await batches.run(batch, trainable, (images, labels, forwardDone) =>
        noGrad(() =>
          autocast(mixed, () => {
            const outputs = model.forward(images);
            forwardDone();
            return { outputs, batchLoss: loss?.(outputs, labels) };
          }),
        ),
      );
      const { labels, indices } = batch;
      const logits = await outputs.data<Float32Array>();
      const classes = outputs.shape.at(-1)!;
      outputs.dispose();
      done += indices.length;
      progress?.update(done);
      yield { logits, classes, labels, loss: await batchLoss?.item(), indices };
    }
  } finally {
    for (const module of training) module.training = true;
  }
}
