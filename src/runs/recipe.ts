/** The fine-tuning recipe: the phases that a run's settings mean, the optimizer and schedule of each. */

import { type BatchTransform, CutMix, MixUp, RandomChoice } from '../data/transforms/mix.ts';
import type { ModelEntry } from '../models/define.ts';
import type { Module, Parameter } from '../nn/index.ts';
import { Adam, AdamW, LambdaLR, type LRScheduler, type Optimizer, SGD } from '../optim/index.ts';
import { type FinetuneSettings, isHead } from './options.ts';
import type { Phase } from './result.ts';

/** A phase, and what the optimizer and the loader need to know for it. */
export interface PlannedPhase extends Omit<Phase, 'trainableParameters'> {
  /** Random views of each training image; 0: as in evaluation. */
  readonly augment: number;
  /** Epochs over which the learning rate rises. */
  readonly warmUp: number;
  /** The network's stages, the head last. */
  readonly stages: readonly string[];
}

/** The phases of a run: the head first, then from `freezeUntil` on at a lower rate. */
export function planPhases(settings: FinetuneSettings, entry: ModelEntry): PlannedPhase[] {
  const { freezeUntil, epochs, headEpochs, lr, unfrozenLr } = settings;
  const { stages } = entry;
  const phases: PlannedPhase[] = [];
  if (headEpochs > 0)
    phases.push({
      name: 'head',
      epochs: headEpochs,
      learningRate: lr,
      frozenUntil: isHead(freezeUntil, entry) ? freezeUntil : stages.at(-1)!,
      augment: viewsOf(settings),
      warmUp: 0,
      stages,
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
      stages,
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

/**
 * What is trainable now, as the groups of a phase's optimizer: all at one rate or, with `layerDecay`, a group a stage, the head's first, each at that
 * share of the rate before.
 */
export function groupsOf(
  model: Module,
  { stages, learningRate }: Pick<PlannedPhase, 'stages' | 'learningRate'>,
  { layerDecay }: Pick<FinetuneSettings, 'layerDecay'>,
): { readonly params: readonly Parameter[]; readonly lr: number }[] {
  const trainable = model.parameters().filter((p) => p.requires_grad);
  if (layerDecay === null) return [{ params: trainable, lr: learningRate }];
  const stageOf = new Map<Parameter, number>(trainable.map((p) => [p, 0]));
  // The model itself knows what comes after what: of a graph's layers the tree of names does not tell.
  for (const [s, path] of stages.entries()) {
    model.freezeUntil(path);
    for (const p of trainable) if (p.requires_grad) stageOf.set(p, s);
  }
  for (const p of model.parameters()) p.requires_grad = stageOf.has(p);
  return stages
    .map((_, s) => ({
      params: trainable.filter((p) => stageOf.get(p) === s),
      lr: learningRate * layerDecay ** (stages.length - 1 - s),
    }))
    .reverse()
    .filter(({ params }) => params.length > 0);
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
  const groups = groupsOf(model, phase, settings);
  const options = { lr: phase.learningRate, weightDecay };
  const optimizer =
    settings.optimizer === 'sgd'
      ? new SGD(groups, { ...options, momentum })
      : new { adam: Adam, adamw: AdamW }[settings.optimizer](groups, options);
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
