/** Running a model over a data set without training it: its scores by a task, or its outputs. */
import type { HostTensors } from '../core/dtype.ts';
import { checkOptions, type OptionNames } from '../core/options.ts';
import { DataLoader, type SkippedSample } from '../data/data-loader.ts';
import type { Dataset, Sample } from '../data/dataset.ts';
import { joinLabels, type Labels } from '../data/labels.ts';
import { enterMode } from '../nn/modes.ts';
import type { AnyModule } from '../nn/module.ts';
import { imageClassification } from '../tasks/image-classification/task.ts';
import { type Scores, type Task, type Tensors, withLoss } from '../tasks/task.ts';
import { autocast } from '../tensor/autocast.ts';
import { noGrad } from '../tensor/autograd.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { Batches, type LoadedBatch } from './batches.ts';
import type { Precision } from './precision.ts';
import { type Progress, shownScores } from './progress.ts';
import type { TrunkCache } from './trunk/trunk-cache.ts';

/** Options of {@link predictLogits}. */
export interface PredictOptions {
  /** 32 by default. */
  readonly batchSize?: number;
  /** Keeps the frozen trunk's activations for the next call over the same data. */
  readonly cache?: TrunkCache | null;
  /** Shows how far it is. */
  readonly progress?: Progress | null;
  /** 'float16' computes in `autocast`, on an adapter that can; 'float32' by default. */
  readonly precision?: Precision;
  /** Computes the loss of a batch; the mean over all weighs each by its images. */
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

/** The outputs for one batch. */
export interface BatchOutputs {
  readonly outputs: HostTensors;
  readonly batch: LoadedBatch;
  /** The mean loss, where it was asked for. */
  readonly loss: number | undefined;
}

/** Loss and scores of a model on a data set. */
export interface Evaluated<Values = unknown> {
  readonly loss: number;
  readonly scores: Scores;
  readonly values: Values | null;
}

/** Options of one pass over a data set. */
interface PassOptions {
  readonly precision?: Precision | undefined;
  readonly progress?: Progress | null | undefined;
  /** Asks for the task's loss of each batch. */
  readonly loss?: boolean;
}

/**
 * The model's outputs batch by batch, in evaluation mode; each module's mode is put back afterwards. Nothing is kept; samples that were left out
 * are in the loader's `skipped`.
 */
export async function* batchOutputs(
  model: AnyModule,
  batches: Batches,
  task: Task,
  { precision, progress, loss = false }: PassOptions = {},
): AsyncGenerator<BatchOutputs, void, undefined> {
  const mixed = { enabled: precision === 'float16' };
  const trainable = model.parameters().filter((p) => p.requires_grad);
  const data = batches.loader.dataset;
  let done = 0;
  const leave = enterMode(model, false);
  try {
    for await (const batch of batches.epoch(0)) {
      const { outputs, batchLoss } = await batches.run(batch, trainable, (forward, targets) =>
        noGrad(() =>
          autocast(mixed, () => {
            const outputs = forward();
            return { outputs, batchLoss: loss && task.loss(outputs, targets, { training: false, batch, data }) };
          }),
        ),
      );
      const [host, value] = await Promise.all([readBack(outputs), batchLoss ? batchLoss.item() : undefined]);
      for (const output of Object.values(outputs)) output.dispose();
      done += batch.indices.length;
      progress?.update(done);
      yield { outputs: host, batch, loss: value };
    }
  } finally {
    leave();
  }
}

/** The model's loss and scores on the samples of a loader. */
export async function evaluateBatches<Values>(
  model: AnyModule,
  batches: Batches,
  task: Task<never, Values>,
  options: Omit<PassOptions, 'loss'> & { readonly title?: string } = {},
): Promise<Evaluated<Values>> {
  const { progress, title = 'Evaluating' } = options;
  const metric = task.metric();
  let lossSum = 0;
  let samples = 0;
  progress?.start(batches.loader.dataset.length, title);
  try {
    for await (const { outputs, batch, loss } of batchOutputs(model, batches, task, { ...options, loss: true })) {
      metric.update(outputs, batch);
      lossSum += loss! * batch.indices.length;
      samples += batch.indices.length;
    }
    const [loss, scores] = [lossSum / samples, metric.scores()];
    progress?.update(samples, { loss, ...shownScores(task.scores, scores) });
    return { loss, scores, values: metric.values() };
  } finally {
    progress?.end();
  }
}

async function readBack(tensors: Tensors): Promise<HostTensors> {
  const parts = Object.entries(tensors).map(async ([name, t]) => [name, { data: await t.data(), shape: t.shape }]);
  return Object.fromEntries(await Promise.all(parts));
}

/** Options of {@link evaluate}. */
export interface EvaluateOptions<Values> extends Pick<PredictOptions, 'batchSize' | 'progress' | 'precision'> {
  /** The task whose loss and scores are computed. */
  readonly task: Task<never, Values>;
}

/** The model's loss and scores on a data set, in evaluation mode. */
export async function evaluate<Values>(
  model: AnyModule,
  data: Dataset<Sample>,
  { task, batchSize = 32, ...options }: EvaluateOptions<Values>,
): Promise<Evaluated<Values>> {
  const loader = new DataLoader<unknown, Sample>(data, { batchSize, groupByLength: true });
  return evaluateBatches(model, new Batches(loader, task, model, null), task, options);
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

/** As {@link predictLogits}, batch by batch: nothing is kept; samples that were left out are in `loader.skipped`. */
export async function* batchLogits(
  model: AnyModule,
  loader: DataLoader<unknown>,
  { cache = null, loss, ...options }: Omit<PredictOptions, 'batchSize'> = {},
): AsyncGenerator<BatchLogits, void, undefined> {
  const task = withLoss(imageClassification(), loss);
  const batches = new Batches(loader, task, model, cache);
  for await (const found of batchOutputs(model, batches, task, { ...options, loss: loss !== undefined })) {
    const { data, shape } = found.outputs.logits!;
    const labels = found.batch.targets.labels!.data as Labels;
    yield {
      logits: data as Float32Array,
      classes: shape.at(-1)!,
      labels,
      loss: found.loss,
      indices: found.batch.indices,
    };
  }
}

/**
 * The model's logits over `data`, in evaluation mode; each module's mode is put back afterwards.
 * @param model Its `forward` gives the logits of a batch, [N, classes].
 * @param data Labelled images, in the order in which they are answered.
 * @param options The size of a batch.
 * @example
 * const { logits, labels, classes } = await predictLogits(model, validation);
 * console.log(evaluateLogits(logits, labels, classes).accuracy);
 */
export async function predictLogits(
  model: AnyModule,
  data: Dataset,
  options: PredictOptions = {},
): Promise<Predictions> {
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
