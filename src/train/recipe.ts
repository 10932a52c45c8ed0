/** The fine-tuning recipe: its settings with their defaults, the phases they mean, the optimizer and schedule of each. */

import { ArgumentError } from '../core/errors.ts';
import { checkSeed } from '../core/random.ts';
import type { Orientation } from '../data/orientation.ts';
import type { ModelEntry } from '../models/registry.ts';
import type { Module } from '../nn/index.ts';
import { Adam, AdamW, LambdaLR, type LRScheduler, type Optimizer, SGD } from '../optim/index.ts';
import { type ClassWeights, checkClassWeights } from './class-weights.ts';
import type { InputRange } from './open-keras.ts';
import type { Precision } from './precision.ts';
import type { Phase } from './result.ts';
import { shellWord } from './shell.ts';

/** Optimizers of {@link finetune} by name. */
export type OptimizerName = 'adamw' | 'adam' | 'sgd';

/** What a run's numbers depend on, every default filled in: JSON-able. Saved in checkpoints, shown in the report. */
export interface FinetuneSettings {
  /** A name of MODELS, or that of a Keras model. */
  readonly model: string;
  /** A file, a URL or a published name; null for random weights. */
  readonly weights: string | null;
  /** Which dictionary of a checkpoint holds them; null: the one that fits. */
  readonly key: string | null;
  /** What is taken off their names; null: what lets the most of them fit. */
  readonly stripPrefix: string | null;
  /** The first module that is trained at last; 'none' where everything is. */
  readonly freezeUntil: string;
  /** Of all phases together. */
  readonly epochs: number;
  /** Of these, with everything frozen but the head. */
  readonly headEpochs: number;
  /** Images a step. */
  readonly batchSize: number;
  /** AdamW, Adam or SGD. */
  readonly optimizer: OptimizerName;
  /** Learning rate while the head alone is trained. */
  readonly lr: number;
  /** Learning rate once more is unfrozen. */
  readonly unfrozenLr: number;
  /** Of the optimizer. */
  readonly weightDecay: number;
  /** Of SGD. */
  readonly momentum: number;
  /** Share of the target that is spread evenly over all classes. */
  readonly labelSmoothing: number;
  /** Factors of the classes in the loss, 'balanced' by how rare they are; null: every photo counts alike. */
  readonly classWeights: ClassWeights | null;
  /** Random views of each training image; 0: as in evaluation; null: as the phase needs it. */
  readonly augment: number | null;
  /** Batches whose gradients make one update. */
  readonly accumulate: number;
  /** 'float16': mixed precision, where the adapter has 16-bit floats. */
  readonly precision: Precision;
  /** Largest joint norm of the gradients; null for none. */
  readonly clipGradNorm: number | null;
  /** Epochs without a better validation loss after which a phase ends; 0: never. */
  readonly patience: number;
  /** Part held out where there is no validation folder. */
  readonly validation: number;
  /** Side of the images, in pixels. */
  readonly imageSize: number;
  /** 'exif': photos are turned as their EXIF tag says; 'ignore': they are taken as they are stored. */
  readonly orientation: Orientation;
  /** What the images of a Keras model were scaled to, where its file does not tell; null elsewhere. */
  readonly inputRange: InputRange | null;
  /** Of order, augmentation, held-out images and new weights. */
  readonly seed: number;
}

/** What may be left to the defaults. */
export type SettingsOptions = { readonly [K in keyof FinetuneSettings]?: FinetuneSettings[K] | undefined };

/** The settings that `options` leave open, and a check of the others. @throws ArgumentError for one out of range. */
export function resolveSettings(
  options: SettingsOptions & { readonly model: string },
  entry: ModelEntry,
): FinetuneSettings {
  const { model, optimizer = 'adamw' } = options;
  if (!['adamw', 'adam', 'sgd'].includes(optimizer))
    throw new ArgumentError(`finetune: optimizer must be adamw, adam or sgd, got '${optimizer}'.`);
  for (const name of ['freezeUntil', 'weights', 'key', 'stripPrefix'] as const)
    if (options[name] != null && typeof options[name] !== 'string')
      throw new ArgumentError(`finetune: ${name} must be a text, got ${typeof options[name]}.`);
  const weights = options.weights === undefined ? (entry.weights?.DEFAULT.name ?? undefined) : options.weights;
  if (weights === undefined)
    throw new ArgumentError(
      `finetune: ${model} has no published weights. Name a weight file, or 'random' to train from scratch.`,
    );
  const head = entry.stages.at(-1)!;
  const freezeUntil = options.freezeUntil ?? (weights === null ? 'none' : head);
  const epochs = atLeast('epochs', 1, options.epochs ?? 10);
  const forced = isHead(freezeUntil, entry) ? epochs : weights === null ? 0 : undefined;
  const third = Math.min(epochs - 1, Math.max(1, Math.round(epochs / 3)));
  const headEpochs = atLeast('headEpochs', 0, options.headEpochs ?? forced ?? third);
  if (headEpochs > epochs || headEpochs !== (forced ?? headEpochs))
    throw new ArgumentError(
      `finetune: headEpochs must be ${forced === undefined ? `at most epochs (${epochs})` : `${forced} here, where there is one phase only`}, got ${headEpochs}.`,
    );
  // A new head on a frozen trunk takes twice the rate that a whole network does.
  const adamLr = weights === null && freezeUntil === 'none' ? 1e-3 : 2e-3;
  const lr = above('lr', options.lr ?? (optimizer === 'sgd' ? 1e-2 : adamLr));
  return {
    model,
    weights,
    key: options.key ?? null,
    stripPrefix: options.stripPrefix ?? null,
    freezeUntil,
    epochs,
    headEpochs,
    batchSize: atLeast('batchSize', 1, options.batchSize ?? 32),
    optimizer,
    lr,
    // Random weights have nothing to be careful with.
    unfrozenLr: above('unfrozenLr', options.unfrozenLr ?? (weights === null ? lr : lr / 10)),
    weightDecay: within(
      'weightDecay',
      0,
      Number.MAX_VALUE,
      options.weightDecay ?? { adamw: 0.01, adam: 0, sgd: 1e-4 }[optimizer],
    ),
    momentum: within('momentum', 0, 1, options.momentum ?? 0.9),
    labelSmoothing: within('labelSmoothing', 0, 1, options.labelSmoothing ?? 0),
    classWeights: checkClassWeights(options.classWeights ?? null),
    augment: options.augment == null ? null : atLeast('augment', 0, options.augment),
    precision: precisionOf(options.precision ?? 'float32'),
    accumulate: atLeast('accumulate', 1, options.accumulate ?? 1),
    clipGradNorm: options.clipGradNorm == null ? null : above('clipGradNorm', options.clipGradNorm),
    patience: atLeast('patience', 0, options.patience ?? 10),
    validation: heldOut(options.validation ?? 0.2),
    imageSize: atLeast('imageSize', 1, options.imageSize ?? entry.transforms.crop),
    orientation: orientationOf(options.orientation ?? 'exif'),
    inputRange: options.inputRange ?? null,
    seed: checkSeed('finetune: seed', options.seed ?? 0),
  };
}

/** Whether what is trained from module `path` on is the head alone. */
export function isHead(path: string, { stages }: ModelEntry): boolean {
  const head = stages.at(-1)!;
  return path === head || path.startsWith(`${head}.`);
}

function precisionOf(name: Precision): Precision {
  if (name === 'float32' || name === 'float16') return name;
  throw new ArgumentError(`finetune: precision must be float32 or float16, got '${name}'.`);
}

function orientationOf(name: Orientation): Orientation {
  if (name === 'exif' || name === 'ignore') return name;
  throw new ArgumentError(`finetune: orientation must be exif or ignore, got '${name}'.`);
}

function atLeast(name: string, least: number, value: number): number {
  if (Number.isInteger(value) && value >= least) return value;
  throw new ArgumentError(`finetune: ${name} must be a whole number, ${least} or more, got ${value}.`);
}

function above(name: string, value: number): number {
  if (typeof value === 'number' && value > 0 && value < Number.POSITIVE_INFINITY) return value;
  throw new ArgumentError(`finetune: ${name} must be above 0, got ${value}.`);
}

function within(name: string, low: number, high: number, value: number): number {
  if (typeof value === 'number' && value >= low && value <= high) return value;
  const range = high === Number.MAX_VALUE ? `${low} or more` : `between ${low} and ${high}`;
  throw new ArgumentError(`finetune: ${name} must be ${range}, got ${value}.`);
}

function heldOut(value: number): number {
  if (typeof value === 'number' && value >= 0 && value < 1) return value;
  throw new ArgumentError(
    `finetune: validation must be the share of the images to hold out, from 0 to below 1, got ${value}. 0.2 holds a fifth out.`,
  );
}

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
      augment: settings.augment ?? 0,
      warmUp: 0,
    });
  if (headEpochs < epochs)
    phases.push({
      name: freezeUntil === 'none' ? 'all layers' : `${freezeUntil} to head`,
      epochs: epochs - headEpochs,
      learningRate: unfrozenLr,
      frozenUntil: freezeUntil === 'none' ? null : freezeUntil,
      // Where nothing is frozen there is no trunk to compute once, so new views cost nothing.
      augment: settings.augment ?? (freezeUntil === 'none' ? epochs : 0),
      warmUp: 1,
    });
  return phases;
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

/** The command that repeats a run, with everything spelled out. */
export function reproduceCommand(photos: string, out: string | null, settings: FinetuneSettings): string {
  const options = { ...settings, weights: settings.weights ?? 'random', out };
  const words = Object.entries(options).flatMap(([name, value]) =>
    value == null ? [] : [kebab(name), shellWord(String(value))],
  );
  return ['npx regraft finetune', shellWord(photos), ...words].join(' ');
}

/** `--batch-size`. */
function kebab(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}
