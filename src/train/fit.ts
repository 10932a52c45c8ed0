/** The training loop: epochs over a data set, validation, schedules, early stopping, and the frozen-trunk cache. */
import type { TensorData } from '../core/dtype.ts';
import { ArgumentError } from '../core/errors.ts';
import { DataLoader } from '../data/data-loader.ts';
import type { Dataset } from '../data/dataset.ts';
import type { Module } from '../nn/module.ts';
import { clipGradNorm } from '../optim/clip.ts';
import { AdamW } from '../optim/adam.ts';
import type { Optimizer } from '../optim/optimizer.ts';
import { step } from '../tensor/autograd.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { Batches } from './batches.ts';
import { predictLogits } from './evaluate.ts';
import { frozenTensors } from './freezing-proof.ts';
import { argmaxRows, crossEntropyRows } from './metrics.ts';
import type { Progress } from './progress.ts';
import type { EpochRecord, StepLoss } from './result.ts';
import { TrunkCache, type TrunkCacheOptions } from './trunk-cache.ts';

/** A learning-rate schedule: its `step` is called after every epoch, or every batch; a plateau schedule gets the validation loss. */
export interface Schedule {
  step(metric?: number): void;
}

export interface FitOptions {
  /** Images to train on; a loader brings its own batch size, order and seed. */
  readonly train: Dataset | DataLoader<unknown>;
  readonly validation?: Dataset | undefined;
  readonly epochs: number;
  /** AdamW over the trainable parameters, at 1e-3, by default. */
  // biome-ignore lint/suspicious/noExplicitAny: an optimizer of any hyperparameters
  readonly optimizer?: Optimizer<any> | undefined;
  /** Cross-entropy by default. */
  readonly loss?: ((logits: Tensor, labels: Tensor) => Tensor) | undefined;
  /** 32 by default. */
  readonly batchSize?: number | undefined;
  /** Of the order and the augmentation; 0 by default. */
  readonly seed?: number | undefined;
  /** Share of the target spread over all classes, for the default loss. */
  readonly labelSmoothing?: number | undefined;
  readonly schedule?: Schedule | undefined;
  /** 'epoch' by default. */
  readonly scheduleEvery?: 'epoch' | 'batch' | undefined;
  /** Largest joint norm of the gradients. */
  readonly clipGradNorm?: number | undefined;
  /** Batches whose gradients are added up before each update; 1 by default. */
  readonly accumulate?: number | undefined;
  /** Stop when the validation loss has not improved by `minDelta` for `patience` epochs. */
  readonly earlyStopping?: { readonly patience: number; readonly minDelta?: number } | undefined;
  /** Put the weights of the best epoch back at the end; true by default where there is validation. */
  readonly keepBest?: boolean | undefined;
  /** Compute what is frozen only once per image and view. On by default; the result is the same without. */
  readonly cache?: boolean | TrunkCacheOptions | undefined;
  /** Number the epochs from here: a later phase of one run. */
  readonly firstEpoch?: number | undefined;
  readonly progress?: Progress | null | undefined;
  /** After each epoch. Return false to stop. */
  readonly onEpoch?: ((record: EpochRecord) => void | boolean | Promise<void | boolean>) | undefined;
}

export interface FitResult {
  readonly history: readonly EpochRecord[];
  readonly stepLosses: readonly StepLoss[];
  /** The epoch (as numbered in `history`) with the best validation accuracy, or else training loss. */
  readonly bestEpoch: number;
  readonly skipped: readonly { readonly path: string; readonly reason: string }[];
}

/**
 * Trains the model's unfrozen parameters. What is frozen is left alone, runs once per image where it can be cached, and
 * backward stops before it.
 */
export async function fit(model: Module, options: FitOptions): Promise<FitResult> {
  const { epochs, validation, seed = 0, accumulate = 1, firstEpoch = 1, progress } = options;
  const trainable = model.parameters().filter((p) => p.requires_grad);
  if (!trainable.length) throw new ArgumentError('fit: every parameter is frozen. Unfreeze some, or graft a new head.');
  const optimizer = options.optimizer ?? new AdamW(trainable, { lr: 1e-3 });
  const loss = options.loss ?? ((logits: Tensor, labels: Tensor) => logits.crossEntropy(labels, { labelSmoothing: options.labelSmoothing }));
  const loader =
    options.train instanceof DataLoader
      ? options.train
      : new DataLoader(options.train, { batchSize: options.batchSize ?? 32, shuffle: true, seed });
  const cacheFor = (images: number) =>
    options.cache === false ? null : new TrunkCache(images, options.cache === true ? {} : options.cache);
  const cache = cacheFor(loader.dataset.length * (loader.views ?? 1));
  const validationCache = validation ? cacheFor(validation.length) : null;
  const batches = new Batches(loader, cache);
  const history: EpochRecord[] = [];
  const stepLosses: StepLoss[] = [];
  let best: { epoch: number; score: number; loss: number; state: Map<string, TensorData> | null } | null = null;
  let waited = 0;

  try {
    for (let e = 0; e < epochs; e++) {
      const epoch = firstEpoch + e;
      const began = performance.now();
      const learningRate = optimizer.paramGroups[0]!.lr;
      let images = 0;
      let lossSum = 0;
      let correct = 0;
      let batchNumber = 0;
      model.train();
      progress?.start(loader.dataset.length, `Epoch ${epoch}/${firstEpoch + epochs - 1}`);
      try {
        // Each result is read while the next batch runs.
        let pending: { loss: Tensor; correct: Tensor; count: number } | null = null;
        const settle = async (): Promise<void> => {
          if (!pending) return;
          const { count } = pending;
          const [value, hits] = await Promise.all([pending.loss.item(), pending.correct.item()]);
          pending = null;
          images += count;
          lossSum += value * count;
          correct += hits;
          stepLosses.push({ step: stepLosses.length + 1, epoch: epoch - 1 + Math.min(1, images / loader.dataset.length), loss: value });
          progress?.update(images, { loss: lossSum / images, accuracy: correct / images });
        };
        for await (const batch of batches.epoch(e)) {
          batchNumber++;
          const update = batchNumber % accumulate === 0 || batchNumber === loader.length;
          const result = await batches.run(batch, trainable, (input, labels, forwardDone) =>
            step(() => {
              const logits = model.forward(input);
              forwardDone();
              const batchLoss = loss(logits, labels);
              (accumulate > 1 ? batchLoss.mul(1 / accumulate) : batchLoss).backward();
              if (update) {
                if (options.clipGradNorm !== undefined) clipGradNorm(trainable, options.clipGradNorm);
                optimizer.step();
                optimizer.zeroGrad();
              }
              return { loss: batchLoss, correct: logits.argmax(1).eq(labels).sum() };
            }),
          );
          await settle();
          pending = { ...result, count: batch.indices.length };
          if (update && options.scheduleEvery === 'batch') options.schedule?.step();
        }
        await settle();
      } finally {
        progress?.end();
      }
      const seconds = (performance.now() - began) / 1000;
      const scores = validation ? await scoresOf(model, validation, loader.batchSize, validationCache) : null;
      const record: EpochRecord = {
        epoch,
        phase: 0,
        trainLoss: measured(lossSum / images),
        trainAccuracy: measured(correct / images),
        validationLoss: scores && measured(scores.loss),
        validationAccuracy: scores && measured(scores.accuracy),
        learningRate,
        seconds,
        imagesPerSecond: images / seconds,
        cached: batches.cached,
      };
      history.push(record);
      const score = scores?.accuracy ?? -(lossSum / images);
      const tieBreak = scores?.loss ?? lossSum / images;
      if (!best || score > best.score || (score === best.score && tieBreak < best.loss)) {
        const keep = options.keepBest ?? validation !== undefined;
        best = { epoch, score, loss: tieBreak, state: keep ? await movingState(model) : null };
      }
      const goOn = await options.onEpoch?.(record);
      if (options.scheduleEvery !== 'batch') options.schedule?.step(scores?.loss ?? lossSum / images);
      if (options.earlyStopping) {
        const { patience, minDelta = 0 } = options.earlyStopping;
        const losses = history.map((r) => r.validationLoss ?? r.trainLoss ?? Number.POSITIVE_INFINITY);
        const before = Math.min(...losses.slice(0, -1), Number.POSITIVE_INFINITY);
        waited = losses.at(-1)! < before - minDelta ? 0 : waited + 1;
        if (waited >= patience) break;
      }
      if (goOn === false) break;
    }
  } finally {
    await cache?.close();
    await validationCache?.close();
  }
  if (best?.state) model.loadStateDict(best.state, { strict: false });
  return { history, stepLosses, bestEpoch: best?.epoch ?? 0, skipped: loader.skipped };
}

const measured = (value: number): number | null => (Number.isFinite(value) ? value : null);

async function scoresOf(model: Module, data: Dataset, batchSize: number, cache: TrunkCache | null): Promise<{ loss: number; accuracy: number }> {
  const { logits, labels, classes } = await predictLogits(model, data, { batchSize, cache });
  const predicted = argmaxRows(logits, classes);
  const losses = crossEntropyRows(logits, labels, classes);
  return {
    loss: losses.reduce((a, b) => a + b, 0) / losses.length,
    accuracy: predicted.filter((p, k) => p === labels[k]).length / labels.length,
  };
}

/** What training changes: everything but the frozen. */
async function movingState(model: Module): Promise<Map<string, TensorData>> {
  const frozen = new Set(frozenTensors(model).map(([name]) => name));
  const state = await model.stateDict();
  return new Map([...state].filter(([name]) => !frozen.has(name)));
}
