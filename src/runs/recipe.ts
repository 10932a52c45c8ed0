/** The fine-tuning recipe: the phases that a run's settings mean, the optimizer and schedule of each. */

import { type BatchTransform, CutMix, MixUp, RandomChoice } from '../data/transforms/mix.ts';
import type { ModelEntry } from '../models/define.ts';
import type { Module } from '../nn/index.ts';
import { Adam, AdamW, LambdaLR, type LRScheduler, type Optimizer, SGD } from '../optim/index.ts';
import { type FinetuneSettings, isHead } from './options.ts';
import type { Phase } from './result.ts';

/** A phase, and what the optimizer and the loader need to know for it. */
export interface PlannedPhase extends Omit<Phase, 'trainableParameters'> {
  /** Random views of each training image; 0: as in evaluation. */
  readonly augment: number;
  /** Epochs over which the learning rate rises. */
  readonly warmUp: number;
}

/** The phases of a run: the head first, then from `freezeUntil` on at a lower rate. */
export function planPhases(settings: FinetuneSettings, entry: ModelEntry): PlannedPhase[] {
  const { freezeUntil, epochs, headEpochs, lr, unfrozenLr } = settings;
  const phases: PlannedPhase[] = [];
  if (headEpochs > 0)
    phases.push({
      name: 'head',
      epochs: headEpochs,
      learningRate: lr,
      frozenUntil: isHead(freezeUntil, entry) ? freezeUntil : entry.stages.at(-1)!,
      augment: viewsOf(settings),
      warmUp: 0,
    });
  if (headEpochs < epochs)
    phases.push({
      name: freezeUntil === 'none' ? 'all layers' : `${freezeUntil} to head`,
      epochs: epochs - headEpochs,
      learningRate: unfrozenLr,
      frozenUntil: freezeUntil === 'none' ? null : freezeUntil,
      // Where nothing is frozen there is no trunk to compute once, so new views cost nothing.
      augment: settings.augment ?? (freezeUntil === 'none' ? epochs : viewsOf(settings)),
      warmUp: 1,
    });
  return phases;
}

/** Random views of each image: as many as were asked for, or else new ones in every epoch of automatic augmentation. */
export const viewsOf = ({ augment, autoAugment, epochs }: FinetuneSettings): number =>
  augment ?? (autoAugment ? epochs : 0);

/** How a run mixes its training batches: by MixUp, CutMix, or one of both at random; undefined: not at all. */
export function mixOf({ mixup, cutmix }: FinetuneSettings, numClasses: number | undefined): BatchTransform | undefined {
  const mixes = [
    ...(mixup === null ? [] : [new MixUp({ alpha: mixup, numClasses })]),
    ...(cutmix === null ? [] : [new CutMix({ alpha: cutmix, numClasses })]),
  ];
  return mixes.length > 1 ? new RandomChoice(mixes) : mixes[0];
}

/** Freezes what the phase freezes; all else is trainable. @throws ArgumentError for a module that is not there. */
export function freezeFor(model: Module, { frozenUntil }: Pick<Phase, 'frozenUntil'>): void {
  if (frozenUntil === null) model.unfreeze();
  else model.freezeUntil(frozenUntil);
}

/** A phase's optimizer over what is trainable now, and its schedule, which counts updates. */
export function optimizerFor(
  model: Module,
  phase: PlannedPhase,
  settings: FinetuneSettings,
  updatesPerEpoch: number,
  // biome-ignore lint/suspicious/noExplicitAny: an optimizer of any hyperparameters
): { optimizer: Optimizer<any>; schedule: LRScheduler } {
  const { weightDecay, momentum } = settings;
  const trainable = model.parameters().filter((p) => p.requires_grad);
  const options = { lr: phase.learningRate, weightDecay };
  const optimizer =
    settings.optimizer === 'sgd'
      ? new SGD(trainable, { ...options, momentum })
      : new { adam: Adam, adamw: AdamW }[settings.optimizer](trainable, options);
  const total = phase.epochs * updatesPerEpoch;
  const rising = Math.min(phase.warmUp * updatesPerEpoch, Math.floor(total / 4));
  const schedule = new LambdaLR(optimizer, (update) => warmUpCosine(update, rising, total));
  return { optimizer, schedule };
}

/** A linear rise over the first `rising` updates, then half a cosine down to 0 at `total`. */
export function warmUpCosine(update: number, rising: number, total: number): number {
  if (update < rising) return (update + 1) / (rising + 1);
  const share = Math.min(1, (update - rising) / Math.max(1, total - rising));
  return (1 + Math.cos(Math.PI * share)) / 2;
}
