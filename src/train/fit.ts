/** The training loop: epochs over a data set, validation, schedules, early stopping, and the frozen-trunk cache. */
import type { StateDict } from '../core/dtype.ts';
import { ArgumentError } from '../core/errors.ts';
import { checkOptions, type OptionNames } from '../core/options.ts';
import { DataLoader, type SkippedSample } from '../data/data-loader.ts';
import type { Dataset } from '../data/dataset.ts';
import { crossEntropy } from '../nn/loss.ts';
import type { Module } from '../nn/module.ts';
import { AdamW } from '../optim/adam.ts';
import { clipGradNorm, scaleGrad } from '../optim/clip.ts';
import type { GradScaler } from '../optim/grad-scaler.ts';
import type { Optimizer } from '../optim/optimizer.ts';
import { autocast } from '../tensor/autocast.ts';
import { step } from '../tensor/autograd.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { Batches } from './batches.ts';
import { cacheNote } from './cache-note.ts';
import { epochsSinceGain } from './early-stopping.ts';
import type { Predictions } from './evaluate.ts';
import { notFinite } from './finite.ts';
import { checkFitOptions, checkGroups, checkLoss, mergeSingleImage } from './fit-checks.ts';
import { frozenTensors } from './freezing-proof.ts';
import { LostImages } from './lost-images.ts';
import { availablePrecision, type Precision, scalerFor } from './precision.ts';
import type { Progress } from './progress.ts';
import type { EpochRecord, StepLoss } from './result.ts';
import { TrunkCache, type TrunkCacheOptions } from './trunk-cache.ts';
import { checkLabels, classifies, diverged, type Loss, scoresOf } from './validate.ts';

/** A learning-rate schedule: its `step` is called after every epoch, or every batch; a plateau schedule gets the validation loss. */
export interface Schedule {
  /** After an epoch or a batch; `metric` is the validation loss, or else the training loss. */
  step(metric?: number): void;
}

/** Options of {@link fit}. */
export interface FitOptions {
  /** Images to train on; a loader brings its own batch size, order and seed. */
  readonly train: Dataset | DataLoader<unknown>;
  /** Images to score the model on after each epoch; it never learns from them. */
  readonly validation?: Dataset | undefined;
  /** Passes over the images, those of `from` in this phase included. */
  readonly epochs: number;
  /** AdamW over all parameters (the frozen are skipped), at 1e-3, by default. */
  // biome-ignore lint/suspicious/noExplicitAny: an optimizer of any hyperparameters
  readonly optimizer?: Optimizer<any> | undefined;
  /**
   * The mean loss of a batch: cross-entropy by default. Validation uses the same function, and early stopping and plateaus follow it. There
   * is an accuracy where the outputs are [N, classes] and the labels classes; without one the best epoch is that of lowest loss.
   */
  readonly loss?: Loss | undefined;
  /** 32 by default. */
  readonly batchSize?: number | undefined;
  /** Of the order and the augmentation; 0 by default. */
  readonly seed?: number | undefined;
  /** Share of the target spread over all classes by the default loss in training; validation tells the plain cross-entropy. */
  readonly labelSmoothing?: number | undefined;
  /** Changes the learning rate as training goes on. */
  readonly schedule?: Schedule | undefined;
  /** 'epoch' by default. */
  readonly scheduleEvery?: 'epoch' | 'batch' | undefined;
  /** Largest joint norm of the gradients. */
  readonly clipGradNorm?: number | undefined;
  /** Batches whose gradients make one update, as one batch of all their images would; 1 by default. */
  readonly accumulate?: number | undefined;
  /** Stop when the validation loss (or else the training loss) has not improved by `minDelta` for `patience` epochs. */
  readonly earlyStopping?: { readonly patience: number; readonly minDelta?: number } | undefined;
  /** Put the weights of the best epoch back at the end; true by default where there is validation. */
  readonly keepBest?: boolean | undefined;
  /**
   * 'float16' computes in mixed precision; parameters stay float32. Loss scaling is dynamic: the first few steps may be left out while
   * it finds its scale. On an adapter without 16-bit floats a note says so, and the run is float32's, the default.
   */
  readonly precision?: Precision | undefined;
  /** The loss scaling of a mixed run, where it goes on from an earlier phase; a new one by default. */
  readonly scaler?: GradScaler | undefined;
  /**
   * How large a share of the training or validation images may be unreadable; 1 by default. Below that, a class of which none can be
   * read stops the run too. One image may always be left out.
   */
  readonly maxSkipped?: number | undefined;
  /** Compute what is frozen only once per image and view. On by default; the result is the same without, in float16 but for rounding. */
  readonly cache?: boolean | TrunkCacheOptions | undefined;
  /** Where to go on from: an earlier phase of the run, or a checkpoint. The optimizer and the schedule bring their own state. */
  readonly from?: FitState | undefined;
  /** Which stretch of the run this is, from 0; its epochs are numbered on from those of `from`. */
  readonly phase?: number | undefined;
  /** Epochs of all phases together, for the progress display. */
  readonly totalEpochs?: number | undefined;
  /** Stops the run before its next batch; `fit` then throws the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Awaited before each batch: where a page pauses the run. The time it takes does not count as the epoch's. */
  readonly beforeBatch?: (() => unknown) | undefined;
  /** Told how far it is; `createProgress()` draws a bar. */
  readonly progress?: Progress | null | undefined;
  /** After each epoch, with all that is needed to go on from it. Return false to stop. */
  readonly onEpoch?: ((record: EpochRecord, state: FitState) => unknown) | undefined;
}

const OPTIONS: OptionNames<FitOptions> = {
  train: true,
  validation: true,
  epochs: true,
  optimizer: true,
  loss: true,
  batchSize: true,
  seed: true,
  labelSmoothing: true,
  schedule: true,
  scheduleEvery: true,
  clipGradNorm: true,
  accumulate: true,
  earlyStopping: true,
  keepBest: true,
  precision: true,
  scaler: true,
  maxSkipped: true,
  cache: true,
  from: true,
  phase: true,
  totalEpochs: true,
  signal: true,
  beforeBatch: true,
  progress: true,
  onEpoch: true,
};

/** The best epoch so far: of highest validation accuracy, or else of lowest loss. */
export interface BestEpoch {
  readonly epoch: number;
  readonly score: number;
  readonly loss: number;
  /** What training changes, as it was then; null where it is not kept. */
  readonly state: StateDict | null;
  /** On the validation images; absent without them and after a checkpoint. */
  readonly predictions?: Predictions | undefined;
}

/** How far a run is. */
export interface FitState {
  readonly history: readonly EpochRecord[];
  readonly stepLosses: readonly StepLoss[];
  readonly best: BestEpoch | null;
  /** Epochs since the loss last improved, for early stopping. */
  readonly waited: number;
  /** Images that could not be read and were left out, each once. */
  readonly skipped?: readonly SkippedSample[] | undefined;
}

/** What {@link fit} did. */
export interface FitResult extends FitState {
  /** The epoch (as numbered in `history`) with the best validation accuracy, or else the lowest loss. */
  readonly bestEpoch: number;
  readonly skipped: readonly SkippedSample[];
}

/**
 * Trains the model's unfrozen parameters. What is frozen is left alone, runs once per image where it can be cached, and
 * backward stops before it. Images that cannot be read are left out and told.
 * @throws DataError where none can be read, or more than `maxSkipped` allows.
 * @example
 * const { history } = await fit(model, { train, validation, epochs: 2, batchSize: 8, optimizer });
 * console.table(history, ['epoch', 'trainLoss', 'validationAccuracy']);
 */
export async function fit(model: Module, options: FitOptions): Promise<FitResult> {
  checkOptions('fit', options, OPTIONS);
  checkFitOptions(options);
  const { epochs, validation, seed = 0, accumulate = 1, phase = 0, from, progress, signal } = options;
  if (!model.parameters().some((p) => p.requires_grad))
    throw new ArgumentError('fit: every parameter is frozen. Unfreeze some, or graft a new head.');
  if (options.loss && options.labelSmoothing)
    throw new ArgumentError(
      'fit: labelSmoothing belongs to the default loss, got a loss as well. Smooth inside of that.',
    );
  const crossEntropic = !options.loss || options.loss === crossEntropy;
  const precision = availablePrecision(options.precision ?? 'float32', progress);
  const mixed = { enabled: precision === 'float16' };
  const scaler = (mixed.enabled && options.scaler) || scalerFor(precision);
  const optimizer = options.optimizer ?? new AdamW(model.parameters(), { lr: 1e-3 });
  // Looked up anew for each batch: layers may be frozen, unfrozen or replaced in mid-run.
  const trainable = (): Tensor[] => {
    const all = new Set<Tensor>([...model.parameters(), ...optimizer.paramGroups.flatMap((g) => g.params)]);
    return [...all].filter((p) => p.requires_grad);
  };
  const dropGradients = () => {
    for (const p of trainable()) p.grad = null;
  };
  const applyGradients = (images: number) => {
    const params = trainable();
    scaler.unscale(optimizer);
    if (accumulate > 1) scaleGrad(params, 1 / images);
    if (options.clipGradNorm !== undefined) clipGradNorm(params, options.clipGradNorm);
    scaler.step(optimizer);
    scaler.update();
    dropGradients();
  };
  const loss =
    options.loss ??
    ((logits: Tensor, labels: Tensor) => logits.crossEntropy(labels, { labelSmoothing: options.labelSmoothing }));
  const loader =
    options.train instanceof DataLoader
      ? options.train
      : new DataLoader(options.train, { batchSize: options.batchSize ?? 32, shuffle: true, seed });
  mergeSingleImage(model, loader, progress);
  const cacheFor = (images: number) =>
    options.cache === false ? null : new TrunkCache(images, options.cache === true ? {} : options.cache, progress);
  const left = epochs - (from?.history ?? []).filter((record) => record.phase === phase).length;
  const newViews = !(await viewsReturn(loader));
  const cache = left > (loader.views ?? 1) && !newViews ? cacheFor(loader.dataset.length * (loader.views ?? 1)) : null;
  const validationCache = validation && left > 1 ? cacheFor(validation.length) : null;
  const batches = new Batches(loader, cache);
  const lost = new LostImages(from?.skipped, options.maxSkipped, progress);
  const history = [...(from?.history ?? [])];
  const stepLosses = [...(from?.stepLosses ?? [])];
  const done = epochs - left;
  const total = options.totalEpochs ?? history.length - done + epochs;
  let best = from?.best ?? null;
  const lossOf = (r: EpochRecord) => (validation ? r.validationLoss : r.trainLoss) ?? Number.POSITIVE_INFINITY;
  const epochsWithoutGain = () => {
    const losses = history.filter((r) => r.phase === phase).map(lossOf);
    return epochsSinceGain(losses, options.earlyStopping?.minDelta ?? 0);
  };
  let waited = epochsWithoutGain();
  let structure: readonly unknown[] = [];
  dropGradients();

  try {
    for (let e = done; e < epochs; e++) {
      if (options.earlyStopping && waited >= options.earlyStopping.patience) break;
      const epoch = history.length + 1;
      let began = performance.now();
      const learningRate = optimizer.paramGroups[0]!.lr;
      const now = structureOf(model);
      if (structure.length !== now.length || structure.some((part, k) => part !== now[k])) {
        structure = now;
        checkGroups(model, optimizer);
        await cache?.close();
        await validationCache?.close();
        // What was frozen until now has still the values of the best epoch.
        if (best?.state) best = { ...best, state: new Map([...(await movingState(model)), ...best.state]) };
      }
      let images = 0;
      let lossSum = 0;
      let correct = 0;
      let batchNumber = 0;
      // Images whose gradients wait for the next update.
      let gathered = 0;
      model.train();
      progress?.start(loader.dataset.length, `Epoch ${epoch}/${total}`);
      try {
        // Each result is read while the next batch runs.
        let pending: { loss: Tensor; correct: Tensor | null; count: number } | null = null;
        const settle = async (): Promise<void> => {
          if (!pending) return;
          const { count } = pending;
          const [value, hits] = await Promise.all([pending.loss.item(), pending.correct?.item()]);
          pending = null;
          images += count;
          lossSum += value * count;
          correct += hits ?? Number.NaN;
          const step = (stepLosses.at(-1)?.step ?? 0) + 1;
          const passed = epoch - 1 + Math.min(1, images / loader.dataset.length);
          stepLosses.push({ step, epoch: passed, loss: measured(value) });
          progress?.update(images, {
            loss: lossSum / images,
            ...(hits !== undefined && { accuracy: correct / images }),
          });
        };
        for await (const batch of batches.epoch(epoch - 1)) {
          const held = performance.now();
          await options.beforeBatch?.();
          began += performance.now() - held;
          signal?.throwIfAborted();
          batchNumber++;
          const update = batchNumber % accumulate === 0;
          const count = batch.indices.length;
          gathered += count;
          const result = await batches.run(batch, trainable(), (input, labels, forwardDone) =>
            step(() => {
              const { logits, batchLoss } = autocast(mixed, () => {
                const logits = model.forward(input);
                forwardDone();
                if (crossEntropic) checkLabels('fit', batch, logits.shape[1]!, loader.dataset.classes);
                return { logits, batchLoss: checkLoss(loss(logits, labels)) };
              });
              scaler.scale(accumulate > 1 ? batchLoss.mul(count) : batchLoss).backward();
              if (update) applyGradients(gathered);
              const classified = classifies(logits.shape, batch.labels);
              return { loss: batchLoss, correct: classified ? logits.argmax(1).eq(labels).sum() : null };
            }),
          );
          await settle();
          pending = { ...result, count };
          if (!update) continue;
          gathered = 0;
          if (options.scheduleEvery === 'batch') options.schedule?.step();
        }
        if (gathered > 0) {
          step(() => applyGradients(gathered));
          if (options.scheduleEvery === 'batch') options.schedule?.step();
        }
        await settle();
      } finally {
        progress?.end();
      }
      lost.check('training', loader.dataset, loader.skipped);
      const trainLoss = measured(lossSum / images);
      if (trainLoss === null) throw diverged('the loss is no longer a number', epoch, learningRate);
      const seconds = (performance.now() - began) / 1000;
      signal?.throwIfAborted();
      const trained = performance.now();
      const scores = validation
        ? await scoresOf(model, validation, {
            loss: options.loss,
            batchSize: loader.batchSize,
            cache: validationCache,
            progress,
            title: `Validation ${epoch}/${total}`,
            precision,
          })
        : null;
      const note =
        e === done && cacheNote(model, loader.dataset, { training: cache, validation: validationCache, newViews });
      if (note) progress?.note(note);
      if (validation && scores) lost.check('validation', validation, scores.predictions.skipped);
      if (scores && measured(scores.loss) === null)
        throw diverged('the validation loss is no longer a number', epoch, learningRate);
      const record: EpochRecord = {
        epoch,
        phase,
        trainLoss,
        trainAccuracy: measured(correct / images),
        validationLoss: scores && measured(scores.loss),
        validationAccuracy: scores && measured(scores.accuracy),
        learningRate,
        seconds,
        ...(scores && { validationSeconds: (performance.now() - trained) / 1000 }),
        imagesPerSecond: images / seconds,
        cached: batches.cached,
      };
      history.push(record);
      waited = epochsWithoutGain();
      const score = scores?.accuracy ?? -(scores?.loss ?? trainLoss);
      const tieBreak = scores?.loss ?? trainLoss;
      if (!best || score > best.score || (score === best.score && tieBreak < best.loss)) {
        const keep = options.keepBest ?? validation !== undefined;
        const state = keep ? await movingState(model) : null;
        best = { epoch, score, loss: tieBreak, state, predictions: scores?.predictions };
      }
      if (options.scheduleEvery !== 'batch') options.schedule?.step(tieBreak);
      if ((await options.onEpoch?.(record, { history, stepLosses, best, waited, skipped: lost.found })) === false)
        break;
    }
  } finally {
    await cache?.close();
    await validationCache?.close();
  }
  // Validation would have told.
  if (!validation && notFinite(await movingState(model)) !== undefined)
    throw diverged('the weights are no longer numbers', history.length, optimizer.paramGroups[0]!.lr);
  if (best?.state) model.loadStateDict(best.state, { strict: false });
  return { history, stepLosses, best, waited, bestEpoch: best?.epoch ?? 0, skipped: lost.found };
}

const measured = (value: number | null): number | null => (Number.isFinite(value) ? value : null);

/** Everything in a model that can be frozen or replaced, and whether it is. */
const structureOf = (model: Module): unknown[] => [
  ...model.modules(),
  ...model.parameters().flatMap((p) => [p, p.requires_grad]),
];

/** Whether later epochs show the same floats again: not so for augmentation with a new view each epoch. */
async function viewsReturn({ dataset, views, seed }: DataLoader<unknown>): Promise<boolean> {
  if (views !== undefined || !dataset.key) return true;
  const [first, second] = await Promise.all([0, 1].map((view) => dataset.key!(0, { seed, view })));
  return first === second;
}

/** What training changes: every parameter and buffer that is not frozen, read back. */
export async function movingState(model: Module): Promise<StateDict> {
  const frozen = new Set(frozenTensors(model).map(([name]) => name));
  const moving = [...model.namedParameters(), ...model.namedBuffers()].filter(([name]) => !frozen.has(name));
  const values = await Promise.all(moving.map(([, tensor]) => tensor.toTensorData()));
  return new Map(moving.map(([name], k) => [name, values[k]!]));
}
