/** Running a model over a data set without training it. */
import { DataLoader, type SkippedSample } from '../data/data-loader.ts';
import type { Dataset } from '../data/dataset.ts';
import type { Module } from '../nn/module.ts';
import { autocast } from '../tensor/autocast.ts';
import { noGrad } from '../tensor/autograd.ts';
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
  readonly progress?: Progress | null;
  /** 'float16' computes in `autocast`, on an adapter that can; 'float32' by default. */
  readonly precision?: Precision;
}

/** Logits for every readable image of a data set, in its order. */
export interface Predictions {
  /** Row-major [images, classes]. */
  readonly logits: Float32Array;
  readonly classes: number;
  readonly labels: Int32Array;
  /** Places of the images in the data set. */
  readonly indices: readonly number[];
  readonly skipped: readonly SkippedSample[];
}

/** The logits of one batch of images. */
export interface BatchLogits {
  /** Row-major [images, classes]. */
  readonly logits: Float32Array;
  readonly classes: number;
  readonly labels: Int32Array;
  /** Places of the images in the data set. */
  readonly indices: readonly number[];
}

/** The model's logits over `data`, in evaluation mode; each module's mode is put back afterwards. */
export async function predictLogits(model: Module, data: Dataset, options: PredictOptions = {}): Promise<Predictions> {
  const loader = new DataLoader(data, { batchSize: options.batchSize ?? 32 });
  const rows: Float32Array[] = [];
  const labels: number[] = [];
  const indices: number[] = [];
  let classes = 0;
  for await (const batch of batchLogits(model, loader, options)) {
    classes = batch.classes;
    rows.push(batch.logits);
    labels.push(...batch.labels);
    indices.push(...batch.indices);
  }
  const logits = new Float32Array(indices.length * classes);
  let at = 0;
  for (const row of rows) {
    logits.set(row, at);
    at += row.length;
  }
  return { logits, classes, labels: Int32Array.from(labels), indices, skipped: loader.skipped };
}

/** As {@link predictLogits}, batch by batch: nothing is kept, and what was left out is in `loader.skipped`. */
export async function* batchLogits(
  model: Module,
  loader: DataLoader<unknown>,
  { cache = null, progress, precision }: Omit<PredictOptions, 'batchSize'> = {},
): AsyncGenerator<BatchLogits, void, undefined> {
  const mixed = { enabled: precision === 'float16' };
  const training = model.modules().filter((module) => module.training);
  const trainable = model.parameters().filter((p) => p.requires_grad);
  const batches = new Batches(loader, cache);
  let done = 0;
  model.eval();
  try {
    for await (const batch of batches.epoch(0)) {
      const logits = await batches.run(batch, trainable, (images, _, forwardDone) =>
        noGrad(() => {
          const output = autocast(mixed, () => model.forward(images));
          forwardDone();
          return output;
        }),
      );
      const values = await logits.data<Float32Array>();
      const classes = logits.shape.at(-1)!;
      logits.dispose();
      done += batch.indices.length;
      progress?.update(done);
      yield { logits: values, classes, labels: batch.labels, indices: batch.indices };
    }
  } finally {
    for (const module of training) module.training = true;
  }
}
