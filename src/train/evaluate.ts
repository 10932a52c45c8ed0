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

/** The model's logits over `data`, in evaluation mode; each module's mode is put back afterwards. */
export async function predictLogits(model: Module, data: Dataset, options: PredictOptions = {}): Promise<Predictions> {
  const { batchSize = 32, cache = null, progress, precision } = options;
  const mixed = { enabled: precision === 'float16' };
  const training = model.modules().filter((module) => module.training);
  const trainable = model.parameters().filter((p) => p.requires_grad);
  const loader = new DataLoader(data, { batchSize });
  const batches = new Batches(loader, cache);
  const rows: Float32Array[] = [];
  const labels: number[] = [];
  const indices: number[] = [];
  let classes = 0;
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
      classes = logits.shape.at(-1)!;
      rows.push(await logits.data());
      logits.dispose();
      labels.push(...batch.labels);
      indices.push(...batch.indices);
      progress?.update(indices.length);
    }
  } finally {
    for (const module of training) module.training = true;
  }
  const logits = new Float32Array(indices.length * classes);
  let at = 0;
  for (const row of rows) {
    logits.set(row, at);
    at += row.length;
  }
  return { logits, classes, labels: Int32Array.from(labels), indices, skipped: loader.skipped };
}
