/** The training loop: epochs over a data set, validation, schedules, early stopping, and the frozen-trunk cache. */
import type { StateDict } from '../core/dtype.ts';
import { ArgumentError, RegraftError } from '../core/errors.ts';
import { checkOptions } from '../core/options.ts';
import { DataLoader } from '../data/data-loader.ts';
import type { Sample } from '../data/dataset.ts';
import { movingTensors } from '../nn/frozen-tensors.ts';
import { crossEntropy } from '../nn/loss.ts';
import type { AnyModule } from '../nn/module.ts';
import { AdamW } from '../optim/adam.ts';
import { AVERAGE, EMA } from '../optim/ema.ts';
import { imageClassification } from '../tasks/image-classification/task.ts';
import { type Task, withLoss } from '../tasks/task.ts';
import { Batches, isCacheable } from './batches.ts';
import { epochsSinceGain, isBetter, judge, monitoredScore } from './best-epoch.ts';
import { trainEpoch } from './epoch.ts';
import { evaluateBatches } from './evaluate.ts';
import { notFinite } from './finite.ts';
import { checkFitOptions, checkGroups, mergeSingleImage } from './fit-checks.ts';
import { FIT_OPTIONS, type FitOptions, type FitResult } from './fit-options.ts';
import { type EpochRecord, measured, scoresOf } from './history.ts';
import { LostImages } from './lost-images.ts';
import { availablePrecision, scalerFor } from './precision.ts';
import { Trainer } from './trainer.ts';
import { cacheNote } from './trunk/cache-note.ts';
import { TrunkCache } from './trunk/trunk-cache.ts';

/**
 * Trains the model's unfrozen parameters. The frozen part is left alone, runs once per image where it can be cached, and
 * backward stops before it. Images that cannot be read are left out and told.
 * @param model Trained in place; at the end it has the weights of the best epoch.
 * @param options The data, the optimizer and the rest; `train` and `epochs` are needed.
 * @throws DataError where none can be read, or more than `maxSkipped` allows.
 * @example
 * const { history } = await fit(model, { train, validation, epochs: 2, batchSize: 8, optimizer });
 * console.table(history, ['epoch', 'trainLoss', 'validationAccuracy']);
 */
export async function fit(model: AnyModule, options: FitOptions): Promise<FitResult> {
  checkOptions('fit', options, FIT_OPTIONS);
  checkFitOptions(options);
  const { epochs, validation, seed = 0, accumulate = 1, phase = 0, from, progress, signal } = options;
  if (!model.parameters().some((p) => p.requires_grad))
    throw new ArgumentError('fit: every parameter is frozen. Unfreeze some, or graft a new head.');
  const task = taskOf(options);
  const monitored = monitoredScore(task, options.monitor);
  const precision = availablePrecision(options.precision ?? 'float32', progress);
  const mixed = precision === 'float16';
  const scaler = (mixed && options.scaler) || scalerFor(precision);
  const optimizer = options.optimizer ?? new AdamW(model.parameters(), { lr: 1e-3 });
  const ema = averageOf(model, options.ema);
  // Validation, and the weights to keep, are of the averages.
  const averaged = <T>(use: () => Promise<T>) => (ema ? ema.applied(use) : use());
  const trainer = new Trainer(model, task, optimizer, {
    accumulate,
    clipGradNorm: options.clipGradNorm,
    scaler,
    ema,
    mixed,
  });
  const loader =
    options.train instanceof DataLoader
      ? options.train
      : new DataLoader<unknown, Sample>(options.train, {
          batchSize: options.batchSize ?? 32,
          shuffle: true,
          seed,
          groupByLength: true,
        });
  mergeSingleImage(model, loader, progress);
  const cacheFor = (samples: number) =>
    options.cache === false ? null : new TrunkCache(samples, options.cache === true ? {} : options.cache, progress);
  const left = epochs - (from?.history ?? []).filter((record) => record.phase === phase).length;
  const newViews = options.mix !== undefined || !(await viewsReturn(loader));
  if (options.mix && options.cache !== false && left > 1 && model.parameters().some((p) => !p.requires_grad))
    progress?.note(
      `${options.mix.name} mixes the training images anew in every epoch: what is frozen runs in each, none of it is cached.`,
    );
  const cache = left > (loader.views ?? 1) && !newViews ? cacheFor(loader.dataset.length * (loader.views ?? 1)) : null;
  const heldOut =
    validation && new DataLoader<unknown, Sample>(validation, { batchSize: loader.batchSize, groupByLength: true });
  const validationCache = heldOut && left > 1 ? cacheFor(heldOut.dataset.length) : null;
  const batches = new Batches(loader, task, model, cache, options.mix);
  const validationBatches = heldOut && new Batches(heldOut, task, model, validationCache);
  const lost = new LostImages(from?.skipped, options.maxSkipped, progress);
  const history = [...(from?.history ?? [])];
  const stepLosses = [...(from?.stepLosses ?? [])];
  const done = epochs - left;
  const total = options.totalEpochs ?? history.length - done + epochs;
  let best = from?.best ?? null;
  // By the loss, unless a score is asked for by name.
  const goesBy = options.monitor === undefined ? null : monitored;
  const watched = (record: EpochRecord) => -judge(record, goesBy).score;
  const epochsWithoutGain = () => {
    const values = history.filter((r) => r.phase === phase).map(watched);
    return epochsSinceGain(values, options.earlyStopping?.minDelta ?? 0);
  };
  let waited = epochsWithoutGain();
  let structure: readonly unknown[] = [];
  const stepSchedule = (every: 'epoch' | 'batch', metric?: number) => {
    if ((options.scheduleEvery ?? 'epoch') === every) options.schedule?.step(metric);
  };
  trainer.dropGradients();

  try {
    for (let e = done; e < epochs; e++) {
      if (options.earlyStopping && waited >= options.earlyStopping.patience) break;
      const epoch = history.length + 1;
      const learningRate = optimizer.paramGroups[0]!.lr;
      const now = structureOf(model);
      if (structure.length !== now.length || structure.some((part, k) => part !== now[k])) {
        structure = now;
        checkGroups(model, optimizer);
        await cache?.close();
        await validationCache?.close();
        // Parameters that were frozen until now still have the values of the best epoch.
        if (best?.state) best = { ...best, state: new Map([...(await movingState(model)), ...best.state]) };
      }
      model.train();
      const trained = await trainEpoch(trainer, batches, {
        epoch,
        title: `Epoch ${epoch}/${total}`,
        scores: task.scores,
        progress,
        signal,
        beforeBatch: options.beforeBatch,
        onUpdate: () => stepSchedule('batch'),
        onLoss: (loss) => stepLosses.push({ step: (stepLosses.at(-1)?.step ?? 0) + 1, ...loss }),
      });
      lost.check('training', loader.dataset, loader.skipped);
      if (trained.loss === null) throw diverged('the loss is no longer a number', epoch, learningRate);
      signal?.throwIfAborted();
      const began = performance.now();
      const title = `Validation ${epoch}/${total}`;
      const held =
        validationBatches &&
        (await averaged(() => evaluateBatches(model, validationBatches, task, { progress, title, precision })));
      const validationSeconds = (performance.now() - began) / 1000;
      const caches = { training: cache, validation: validationCache, newViews };
      const note = e === done && cacheNote(model, isCacheable(loader, task), caches);
      if (note) progress?.note(note);
      if (heldOut) lost.check('validation', heldOut.dataset, heldOut.skipped);
      if (held && measured(held.loss) === null)
        throw diverged('the validation loss is no longer a number', epoch, learningRate);
      const record: EpochRecord = {
        epoch,
        phase,
        trainLoss: trained.loss,
        validationLoss: held ? held.loss : null,
        ...scoresOf('train', task.scores, trained.scores),
        ...scoresOf('validation', task.scores, held ? held.scores : {}),
        learningRate,
        seconds: trained.seconds,
        ...(held && { validationSeconds }),
        imagesPerSecond: trained.samples / trained.seconds,
        cached: batches.cached,
      };
      history.push(record);
      waited = epochsWithoutGain();
      const judgement = judge(record, monitored);
      if (isBetter(judgement, best)) {
        const state = (options.keepBest ?? held !== undefined) ? await averaged(() => movingState(model)) : null;
        best = { epoch, ...judgement, state, ...(held && { values: held.values }) };
      }
      stepSchedule('epoch', watched(record));
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
  else ema?.swap();
  return { history, stepLosses, best, waited, bestEpoch: best?.epoch ?? 0, skipped: lost.found };
}

/** The task of a run, with the loss that was given. */
function taskOf({ task, loss, labelSmoothing }: FitOptions): Task {
  if (labelSmoothing && (loss || task))
    throw new ArgumentError(
      `fit: labelSmoothing belongs to the default loss, got a ${loss ? 'loss' : 'task'} as well. Smooth inside of that.`,
    );
  return withLoss(task ?? imageClassification({ labelSmoothing }), loss === crossEntropy ? undefined : loss);
}

/** The average that a decay asks for, or that was given. */
const averageOf = (model: AnyModule, ema: FitOptions['ema']): EMA | undefined =>
  typeof ema === 'number' ? new EMA(model, { decay: ema, ...AVERAGE }) : ema;

/** The error for a loss that is NaN or infinite. */
function diverged(what: string, epoch: number, learningRate: number): RegraftError {
  return new RegraftError(
    `fit: ${what} in epoch ${epoch}: training has diverged. Lower the learning rate (now ${learningRate}), or clip the gradients.`,
  );
}

/** Everything in a model that can be frozen or replaced, and whether it is. */
const structureOf = (model: AnyModule): unknown[] => [
  ...model.modules(),
  ...model.parameters().flatMap((p) => [p, p.requires_grad]),
];

/** Whether later epochs show the same floats again: not so for augmentation with a new view each epoch. */
export async function viewsReturn({ dataset, views, seed }: DataLoader<unknown, Sample>): Promise<boolean> {
  if (views !== undefined || !dataset.key) return true;
  const [first, second] = await Promise.all([0, 1].map((view) => dataset.key!(0, { seed, view })));
  return first === second;
}

/** Every parameter and buffer that is not frozen, read back: the ones that training changes. */
export async function movingState(model: AnyModule): Promise<StateDict> {
  const moving = movingTensors(model);
  const values = await Promise.all(moving.map(([, tensor]) => tensor.toTensorData()));
  return new Map(moving.map(([name], k) => [name, values[k]!]));
}
