/**
 * The options of a fine-tuning run, a row each. The settings' types, checks and defaults, the flags of the command line with their help, what
 * may change when a run goes on, the command to reproduce it and the report's hyperparameters all follow from here.
 */
import { above, atLeast, below, DECAY, oneOf, whole, within } from '../core/check.ts';
import { ArgumentError } from '../core/errors.ts';
import { SEED } from '../core/random.ts';
import { AUTO_AUGMENT_NAME, type AutoAugmentName } from '../data/transforms/compose.ts';
import type { ModelEntry } from '../models/define.ts';
import type { RegressionLoss } from '../tasks/image-regression/task.ts';
import type { ClassWeights } from '../tasks/image-task.ts';
import type { TaskName } from '../tasks/kinds.ts';
import { SCORE_NAMES, TASK_NAMES } from '../tasks/kinds.ts';
import type { Precision } from '../train/precision.ts';
import { IMAGE_ROWS } from './image-options.ts';
import { type Before, CLASS_WEIGHTS, type OptimizerName, type OptionRow, option, TEXT, TEXTS } from './option-row.ts';

const WEIGHT_DECAY: Readonly<Record<OptimizerName, number>> = { adamw: 0.01, adam: 0, sgd: 1e-4 };

const ROWS = {
  /** A name of MODELS, or that of a model out of a file. */
  model: option<string>({
    kind: TEXT,
    // Whoever calls has chosen one by now.
    default: {
      words: 'that of the weight file, or one that suits this machine',
      of: ({ model }) => model,
    },
    flag: '<name>',
    help: 'which network, or the file or folder of a Keras model, an ONNX graph or an earlier run',
    read: String,
  }),
  /** The task; null: as the labels say. */
  task: option<TaskName | null>({
    kind: oneOf(...TASK_NAMES),
    default: { words: 'as the labels say', of: () => null },
    flag: '<name>',
    help: 'what to learn',
    // It follows from the photos.
    onResume: 'derived',
  }),
  /** The table of the labels, by its path from the photos' folder; null: the one that names its images. */
  table: option<string | null>({
    kind: TEXT,
    default: { words: 'the one that names its images', of: () => null },
    flag: '<file>',
    help: 'of photos whose labels are in a table: which, from the folder',
    read: String,
  }),
  /** The column of the table that names the images; null: the one whose cells do. */
  imageColumn: option<string | null>({
    kind: TEXT,
    default: { words: 'the one whose cells do', of: () => null },
    flag: '<name>',
    help: 'its column that names the images',
    read: String,
  }),
  /** The columns of the table to learn; null: the one called so, or all that can be. */
  labelColumns: option<readonly string[] | null>({
    kind: TEXTS,
    default: { words: 'the one called label, class, target …, or all of 0 and 1', of: () => null },
    flag: '<list>',
    help: 'its columns to learn: age,height',
    read: (text) => text.split(','),
  }),
  /** A file, a URL or a published name; null for random weights. */
  weights: option<string | null>({
    kind: TEXT,
    default: {
      words: 'the best published',
      of({ model }, { weights }) {
        if (weights) return weights.DEFAULT.name;
        throw new ArgumentError(
          `finetune: ${model} has no published weights. Name a weight file, or 'random' to train from scratch.`,
        );
      },
    },
    flag: '<file>',
    help: 'weight file, URL, published name, or the folder of an earlier run; "random" for none',
    read: String,
    none: 'random',
    // They are told by their digest.
    onResume: 'free',
  }),
  /** Which dictionary of a checkpoint holds them; null: the one that fits. */
  key: option<string | null>({
    kind: TEXT,
    default: { words: 'the one that fits', of: () => null },
    flag: '<name>',
    help: 'which dictionary of a checkpoint holds the weights',
    read: String,
  }),
  /** What is taken off their names; null: what lets the most of them fit. */
  stripPrefix: option<string | null>({
    kind: TEXT,
    default: { words: 'what lets the most of them fit', of: () => null },
    flag: '<text>',
    help: 'what to take off their names: backbone.',
    read: String,
  }),
  /** The first module that is trained at last; 'none' where everything is. */
  freezeUntil: option<string>({
    kind: TEXT,
    default: {
      words: 'the head',
      of: ({ weights }, { stages }) => (weights === null ? 'none' : stages.at(-1)!),
    },
    flag: '<module>',
    help: 'what to train, from this module on: layer4, none …',
    read: String,
  }),
  /** Of all phases together. */
  epochs: option<number>({
    kind: whole(1),
    default: 10,
    flag: '<n>',
    help: 'passes over the images',
    onResume: 'free',
  }),
  /** Of these, with everything frozen but the head. */
  headEpochs: option<number>({
    kind: whole(0),
    default: {
      words: 'a third',
      of: (before, entry) => {
        const third = Math.max(1, Math.round(before.epochs / 3));
        return forcedHeadEpochs(before, entry) ?? Math.min(before.epochs - 1, third);
      },
    },
    flag: '<n>',
    help: 'of these, with the head alone',
    also: (before, entry) => {
      const forced = forcedHeadEpochs(before, entry);
      const most = forced ?? before.epochs;
      const words = forced === undefined ? `at most epochs (${most})` : `${forced} here, where there is one phase only`;
      return whole(forced ?? 0, words, most);
    },
    onResume: 'derived',
  }),
  /** Images a step. */
  batchSize: option<number>({ kind: whole(1), default: 32, flag: '<n>', help: 'images a step', fact: 'always' }),
  /** AdamW, Adam or SGD. */
  optimizer: option<OptimizerName>({
    kind: oneOf('adamw', 'adam', 'sgd'),
    default: 'adamw',
    flag: '<name>',
    help: '',
    fact: 'always',
  }),
  /** Learning rate while the head alone is trained. */
  lr: option<number>({
    kind: above(0),
    default: {
      words: '0.002; SGD: 0.01',
      // A new head on a frozen trunk takes twice the rate that a whole network does.
      of: ({ optimizer, weights, freezeUntil }) =>
        optimizer === 'sgd' ? 1e-2 : weights === null && freezeUntil === 'none' ? 1e-3 : 2e-3,
    },
    flag: '<rate>',
    help: 'learning rate of the head; "find" tries some on a few batches',
    found: 'find',
  }),
  /** Learning rate once more is unfrozen. */
  unfrozenLr: option<number>({
    kind: above(0),
    // Random weights have nothing to be careful with.
    default: { words: 'a tenth of --lr', of: ({ weights, lr }) => (weights === null ? lr : lr / 10) },
    flag: '<rate>',
    help: 'learning rate after unfreezing',
  }),
  /** The rate of a stage as a share of the next one's, from the head back; null: one rate for all. */
  layerDecay: option<number | null>({
    kind: within(0, 1),
    default: { words: 'one rate for all', of: () => null },
    flag: '<x>',
    help: "each stage's learning rate as a share of the next one's: 0.75",
    fact: 'changed',
  }),
  /** Of the optimizer. */
  weightDecay: option<number>({
    kind: atLeast(0),
    default: { words: '0.01; SGD: 0.0001; Adam: 0', of: ({ optimizer }) => WEIGHT_DECAY[optimizer] },
    flag: '<x>',
    help: '',
    fact: 'always',
  }),
  /** Of SGD. */
  momentum: option<number>({
    kind: within(0, 1),
    default: 0.9,
    flag: '<x>',
    help: 'of SGD',
    fact: (value, { optimizer }) => (optimizer === 'sgd' ? value : undefined),
  }),
  /** Decay of the average of the weights that is validated and kept; null: none. */
  ema: option<number | null>({
    kind: DECAY,
    default: { words: 'none', of: () => null },
    flag: '<decay>',
    help: 'validate and keep a moving average of the weights: 0.999',
    fact: 'changed',
  }),
  /** Share of the target that is spread evenly over all classes. */
  labelSmoothing: option<number>({
    kind: within(0, 1),
    default: 0,
    flag: '<x>',
    help: '',
    tasks: ['image-classification'],
    fact: 'always',
  }),
  /** Gamma of the focal loss, by which what is told well counts less; null: plain cross-entropy. */
  focalGamma: option<number | null>({
    kind: above(0),
    default: { words: 'plain cross-entropy', of: () => null },
    flag: '<gamma>',
    help: 'focal loss: what is told well counts less: 2',
    also: ({ labelSmoothing }) => ({
      words: 'left out where there is labelSmoothing',
      is: (value): value is unknown => value === null || labelSmoothing === 0,
    }),
    tasks: ['image-classification', 'multi-label'],
    fact: 'changed',
  }),
  /** The loss; null: the task's first. */
  loss: option<RegressionLoss | null>({
    kind: oneOf('mse', 'l1', 'huber'),
    default: { words: 'mse', of: () => null },
    flag: '<name>',
    help: 'of regression',
    tasks: ['image-regression'],
    fact: 'changed',
  }),
  /** Factors of the classes in the loss, 'balanced' by how rare they are; null: every photo counts alike. */
  classWeights: option<ClassWeights | null>({
    kind: CLASS_WEIGHTS,
    default: { words: 'every photo alike', of: () => null },
    flag: '<list>',
    help: '"balanced": what is rare counts more; or a number a class, by their names: 1,1,4',
    read: (text) => (text === 'balanced' ? text : text.split(',').map(Number)),
    tasks: ['image-classification', 'multi-label'],
    fact: 'changed',
  }),
  /** Random views of each training image; 0: as in evaluation; null: as the phase needs it. */
  augment: option<number | null>({
    kind: whole(0),
    default: null,
    flag: '<views>',
    help: 'random crops and flips of each image; each costs a pass of the frozen part',
  }),
  /** Operations drawn at random for each view: 'rand' is RandAugment, 'trivial' TrivialAugmentWide; null for none. */
  autoAugment: option<AutoAugmentName | null>({
    kind: AUTO_AUGMENT_NAME,
    default: null,
    flag: '<name>',
    help: 'rand: RandAugment, trivial: TrivialAugmentWide, in each view; without --augment views are new in every epoch',
    also: ({ augment }) => ({
      words: 'left out where there are no random views (augment 0)',
      is: (value): value is unknown => value === null || augment !== 0,
      example: 'Ask for views, or leave augment out',
    }),
    fact: 'changed',
  }),
  /** Alpha of MixUp: each training image is blended with another; null for none. */
  mixup: option<number | null>({
    kind: above(0),
    default: null,
    flag: '<alpha>',
    help: 'MixUp: blends training images and their labels, 0.2 a little; with --cutmix one of both a batch, nothing of the images is cached',
    tasks: ['image-classification', 'multi-label'],
    fact: 'changed',
  }),
  /** Alpha of CutMix: each training image gets a piece of another; null for none. */
  cutmix: option<number | null>({
    kind: above(0),
    default: null,
    flag: '<alpha>',
    help: 'CutMix: pastes pieces of training images into others, 1 of any size',
    tasks: ['image-classification', 'multi-label'],
    fact: 'changed',
  }),
  /** 'float16': mixed precision, where the adapter has 16-bit floats. */
  precision: option<Precision>({
    kind: oneOf('float32', 'float16'),
    default: 'float32',
    flag: '<name>',
    help: 'float16: in mixed precision, where the adapter can',
    fact: (value) => (value === 'float16' ? 'float16 (mixed, dynamic loss scaling)' : undefined),
  }),
  /** Batches whose gradients make one update. */
  accumulate: option<number>({
    kind: whole(1),
    default: 1,
    flag: '<n>',
    help: 'batches to an update',
    fact: 'changed',
  }),
  /** Largest joint norm of the gradients; null for none. */
  clipGradNorm: option<number | null>({
    kind: above(0),
    default: null,
    flag: '<x>',
    help: 'largest norm of the gradients',
    fact: 'changed',
  }),
  /** Epochs without a better validation loss after which a phase ends; 0: never. */
  patience: option<number>({
    kind: whole(0),
    default: 10,
    flag: '<n>',
    help: 'stop after so many epochs without a better validation loss; 0: never',
    onResume: 'free',
    fact: (value) => value || null,
  }),
  /** By how much the loss (or what `monitor` names) has to be better to count for `patience`; null: by anything. */
  minDelta: option<number | null>({
    kind: above(0),
    default: null,
    flag: '<x>',
    help: 'what is better by less does not count for --patience',
    fact: 'changed',
  }),
  /** The score that decides which epoch is the best, and that `patience` watches; null: the task's first decides, and it watches the loss. */
  monitor: option<string | null>({
    kind: oneOf('loss', ...SCORE_NAMES),
    default: { words: "the task's first for the best epoch, loss for --patience", of: () => null },
    flag: '<score>',
    help: 'what the best epoch and --patience go by',
    fact: 'changed',
  }),
  /** Part held out where there is no validation folder. */
  validation: option<number>({
    kind: below(0, 1, '0.2 is a fifth'),
    default: 0.2,
    flag: '<share>',
    help: 'share of the images held out where there is no val folder; 0: none',
  }),
  ...IMAGE_ROWS,
  /** Of order, augmentation, held-out images and new weights. */
  seed: option<number>({
    kind: SEED,
    default: 0,
    flag: '<n>',
    help: 'of order, augmentation and new weights',
    read: (text) => (/^\d{1,10}$/.test(text.trim()) ? Number(text) : text),
    fact: 'always',
  }),
};

/** What a run's numbers depend on, every default filled in: JSON-able. Saved in checkpoints, shown in the report. */
export interface FinetuneSettings extends Readonly<typeof ROWS> {}

/** What may be left to the defaults. */
export type SettingsOptions = { readonly [K in keyof FinetuneSettings]?: FinetuneSettings[K] | undefined };

/** The table, as rows. */
export const OPTIONS = ROWS as unknown as Readonly<Record<keyof FinetuneSettings, OptionRow>>;

/** The rows by name, in their order. */
export const optionRows = () => Object.entries(OPTIONS) as [keyof FinetuneSettings, OptionRow][];

/** `--batch-size`. */
export const flagName = (option: string): string =>
  `--${option.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

/** Whether what is trained from module `path` on is the head alone. */
export function isHead(path: string, { stages }: Pick<ModelEntry, 'stages'>): boolean {
  const head = stages.at(-1)!;
  return path === head || path.startsWith(`${head}.`);
}

/** The head's epochs where there is one phase only. */
function forcedHeadEpochs({ freezeUntil, epochs, weights }: Before, entry: ModelEntry): number | undefined {
  return isHead(freezeUntil, entry) ? epochs : weights === null ? 0 : undefined;
}
