/** The learning-rate range test: a short training at rates that rise, and what the loss says of them. */
import { above, check, whole } from '../core/check.ts';
import { RegraftError } from '../core/errors.ts';
import { checkOptions, type OptionNames } from '../core/options.ts';
import { defaultGenerator } from '../core/random.ts';
import { DataLoader } from '../data/data-loader.ts';
import type { Sample } from '../data/dataset.ts';
import { enterMode } from '../nn/modes.ts';
import type { AnyModule } from '../nn/module.ts';
import { AdamW } from '../optim/adam.ts';
import type { AnyOptimizer } from '../optim/optimizer.ts';
import { imageClassification } from '../tasks/image-classification/task.ts';
import { Batches } from './batches.ts';
import { movingState, viewsReturn } from './fit.ts';
import { checkGroups, mergeSingleImage } from './fit-checks.ts';
import type { FitOptions } from './fit-options.ts';
import { scalerFor } from './precision.ts';
import { Trainer } from './trainer.ts';
import { TrunkCache } from './trunk/trunk-cache.ts';

/** Options of {@link findLearningRate}. */
export interface FindLearningRateOptions
  extends Pick<FitOptions, 'task' | 'train' | 'optimizer' | 'batchSize' | 'seed' | 'progress' | 'signal'> {
  /** The first rate; 1e-7 by default. */
  readonly from?: number | undefined;
  /** The last; 10 by default. */
  readonly to?: number | undefined;
  /** Batches that it takes to get there; 100 by default. Where the data have fewer, they are gone through again. */
  readonly steps?: number | undefined;
}

const OPTIONS: OptionNames<FindLearningRateOptions> = {
  task: true,
  train: true,
  optimizer: true,
  batchSize: true,
  seed: true,
  progress: true,
  signal: true,
  from: true,
  to: true,
  steps: true,
};

/** What {@link findLearningRate} found. */
export interface FoundLearningRate {
  /** The suggestion: a tenth of the rate of the lowest loss. */
  readonly lr: number;
  /** The rate at which the loss falls fastest: bolder as a rule. */
  readonly steepest: number;
  /** The rates that were tried, rising. */
  readonly rates: readonly number[];
  /** The smoothed loss at each. */
  readonly losses: readonly number[];
}

/** Share of the smoothed loss that the next one keeps. */
const SMOOTHING = 0.9;
/** The loss, as a multiple of the lowest, at which there is nothing more to learn. */
const ENOUGH = 4;

/**
 * Finds a learning rate by Smith's range test: trains for a few batches while the rate rises exponentially, until the loss has quadrupled. The model,
 * the optimizer and the random numbers are afterwards as they were, bit for bit.
 * @param model What is not frozen is trained, and put back.
 * @param options What to train on; the optimizer is AdamW by default. Groups of an optimizer keep the ratios of their rates.
 * @throws RegraftError where the loss falls at no rate.
 * @see https://arxiv.org/abs/1506.01186
 * @example
 * const { lr } = await findLearningRate(model, { train, batchSize: 8, steps: 30 });
 * await fit(model, { train, epochs: 1, batchSize: 8, optimizer: new AdamW(model.parameters(), { lr }) });
 */
export async function findLearningRate(model: AnyModule, options: FindLearningRateOptions): Promise<FoundLearningRate> {
  checkOptions('findLearningRate', options, OPTIONS);
  const { task = imageClassification(), seed = 0, from = 1e-7, to = 10, steps = 100 } = options;
  check('findLearningRate', 'from', from, above(0));
  check('findLearningRate', 'to', to, above(from));
  check('findLearningRate', 'steps', steps, whole(2));
  const optimizer = options.optimizer ?? new AdamW(model.parameters());
  checkGroups(model, optimizer);
  const loader =
    options.train instanceof DataLoader
      ? options.train
      : new DataLoader<unknown, Sample>(options.train, { batchSize: options.batchSize ?? 32, shuffle: true, seed });
  mergeSingleImage(model, loader);
  const cache = (await viewsReturn(loader)) ? new TrunkCache(loader.dataset.length * (loader.views ?? 1)) : null;
  const [weights, state, random] = [await movingState(model), await optimizer.stateDict(), defaultGenerator.state];
  const leave = enterMode(model, true);
  const trainer = new Trainer(model, task, optimizer, { accumulate: 1, scaler: scalerFor('float32'), mixed: false });
  try {
    const batches = new Batches(loader, task, model, cache);
    const ratesOf = Array.from({ length: steps }, (_, k) => from * (to / from) ** (k / (steps - 1)));
    return suggestion(await rangeTest(trainer, batches, optimizer, ratesOf, options));
  } finally {
    await cache?.close();
    trainer.dropGradients();
    model.loadStateDict(weights, { strict: false });
    optimizer.loadStateDict(state);
    defaultGenerator.state = random;
    leave();
  }
}

/** The losses at the first of `rates`, smoothed, until they are far above the lowest. */
async function rangeTest(
  trainer: Trainer,
  batches: Batches,
  optimizer: AnyOptimizer,
  rates: readonly number[],
  { progress, signal }: FindLearningRateOptions,
): Promise<{ rates: readonly number[]; losses: readonly number[] }> {
  const [head] = optimizer.paramGroups;
  const shares = optimizer.paramGroups.map(({ lr }) => (head!.lr > 0 ? lr / head!.lr : 1));
  const losses: number[] = [];
  let mean = 0;
  let lowest = Number.POSITIVE_INFINITY;
  trainer.dropGradients();
  progress?.start(rates.length, 'Learning rate', 'steps');
  try {
    for (let epoch = 0; losses.length < rates.length; epoch++)
      for await (const batch of batches.epoch(epoch)) {
        signal?.throwIfAborted();
        const rate = rates[losses.length]!;
        for (const [g, group] of optimizer.paramGroups.entries()) group.lr = rate * shares[g]!;
        const loss = await (await trainer.step(batches, batch)).loss.item();
        mean = SMOOTHING * mean + (1 - SMOOTHING) * loss;
        // Without the share of the zero that it began with.
        const smooth = mean / (1 - SMOOTHING ** (losses.length + 1));
        if (!Number.isFinite(smooth) || smooth > ENOUGH * lowest)
          return { rates: rates.slice(0, losses.length), losses };
        lowest = Math.min(lowest, smooth);
        losses.push(smooth);
        progress?.update(losses.length, { loss: smooth });
        if (losses.length === rates.length) break;
      }
    return { rates, losses };
  } finally {
    progress?.end();
  }
}

/** The rates that the losses speak for. @throws RegraftError where none does. */
function suggestion({ rates, losses }: Pick<FoundLearningRate, 'rates' | 'losses'>): FoundLearningRate {
  const lowest = losses.indexOf(losses.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY));
  if (lowest < 1)
    throw new RegraftError(
      'findLearningRate: the loss falls at none of the rates. See that the labels belong to the images, or take more steps.',
    );
  // The rates are evenly spaced in their logarithm: differences stand for slopes.
  const slopes = losses.slice(1, lowest + 1).map((loss, k) => loss - losses[k]!);
  const steepest = slopes.indexOf(slopes.reduce((a, b) => Math.min(a, b)));
  return { lr: rates[lowest]! / 10, steepest: rates[steepest + 1]!, rates, losses };
}
