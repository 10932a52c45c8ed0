/** The table of a run's options: what follows from its rows, for the command line, for a run that goes on and for the report. */
import { expect, test } from 'vitest';
import { optionsOf } from '../../src/cli/arguments.ts';
import { finetuneCommand } from '../../src/cli/finetune.ts';
import { modelEntry } from '../../src/models/models.ts';
import { flagName, OPTIONS, optionRows, type SettingsOptions } from '../../src/runs/options.ts';
import { planPhases } from '../../src/runs/recipe.ts';
import { hyperparametersOf, lastingSettings, reproduceCommand, resolveSettings } from '../../src/runs/settings.ts';

const entry = modelEntry('resnet18');
const settingsOf = (options: SettingsOptions = {}) => resolveSettings({ ...options, model: 'resnet18' }, entry);

/** The options that a command line gives. */
function typed(command: string): SettingsOptions {
  const words = command.split(' ').slice(3);
  const parsed = finetuneCommand().action(() => undefined);
  parsed.parse(words, { from: 'user' });
  const { cache: _, out: __, ...options } = optionsOf(parsed.opts());
  return options;
}

const EVERYTHING: SettingsOptions = {
  table: 'labels.csv',
  imageColumn: 'id',
  labelColumns: ['kind', 'place'],
  weights: null,
  key: 'ema',
  stripPrefix: 'module.',
  freezeUntil: 'layer4',
  epochs: 7,
  batchSize: 3,
  optimizer: 'sgd',
  lr: 0.5,
  unfrozenLr: 0.25,
  layerDecay: 0.75,
  weightDecay: 0,
  momentum: 0,
  ema: 0.999,
  labelSmoothing: 0.125,
  loss: 'l1',
  classWeights: [1, 2.5],
  augment: 4,
  autoAugment: 'rand',
  mixup: 0.2,
  cutmix: 1,
  accumulate: 2,
  precision: 'float16',
  clipGradNorm: 2,
  patience: 0,
  minDelta: 0.5,
  monitor: 'loss',
  validation: 0,
  imageSize: 96,
  mean: [0.5],
  std: [0.5, 0.25, 1],
  orientation: 'ignore',
  inputRange: '-1..1',
  seed: 7,
};

test.each([{}, { classWeights: 'balanced' }, { focalGamma: 2 }, EVERYTHING] as SettingsOptions[])(
  'the command to reproduce a run gives its settings again: %j',
  (options) => {
    const settings = settingsOf(options);
    expect(settingsOf(typed(reproduceCommand('photos', 'out', settings)))).toEqual(settings);
  },
);

test('every option has a flag and is told in the help with its default', () => {
  const help = finetuneCommand().helpInformation().replace(/\s+/g, ' ');
  for (const [name, { flag, default: otherwise }] of optionRows()) {
    expect(help).toContain(`${flagName(name)} ${flag} `);
    const words = typeof otherwise === 'object' ? otherwise?.words : otherwise;
    if (words !== undefined) expect(help).toContain(`default: ${words})`);
  }
});

test('defaults are of their kinds', () => {
  expect(Object.keys(settingsOf())).toEqual(Object.keys(OPTIONS));
  expect(settingsOf(settingsOf())).toEqual(settingsOf());
});

test('what lasts when a run goes on', () => {
  const all = { ...EVERYTHING, weights: 'w.pth', labelSmoothing: 0, focalGamma: 2 };
  const lasting = lastingSettings(settingsOf(all)).map(([name]) => name);
  expect(Object.keys(OPTIONS).filter((name) => !lasting.includes(name))).toEqual([
    'task',
    'weights',
    'epochs',
    'headEpochs',
    'patience',
  ]);
  const none = lastingSettings(settingsOf()).filter(([, value]) => value === null);
  expect(none).toEqual([]);
});

test('the report tells what shaped the training, of other options only those that were set', () => {
  const facts = (options: SettingsOptions) => {
    const settings = settingsOf(options);
    return hyperparametersOf(settings, planPhases(settings, entry));
  };
  const always = {
    batchSize: 32,
    optimizer: 'adamw',
    weightDecay: 0.01,
    labelSmoothing: 0,
    patience: 10,
    imageSize: 224,
    seed: 0,
    schedule: 'cosine',
    augmentation: 'none',
  };
  expect(facts({})).toEqual(always);
  expect(facts(EVERYTHING)).toEqual({
    batchSize: 3,
    optimizer: 'sgd',
    layerDecay: 0.75,
    weightDecay: 0,
    momentum: 0,
    ema: 0.999,
    labelSmoothing: 0.125,
    loss: 'l1',
    classWeights: '1,2.5',
    autoAugment: 'rand',
    mixup: 0.2,
    cutmix: 1,
    accumulate: 2,
    precision: 'float16 (mixed, dynamic loss scaling)',
    clipGradNorm: 2,
    patience: null,
    minDelta: 0.5,
    monitor: 'loss',
    imageSize: 96,
    mean: '0.5',
    std: '0.5,0.25,1',
    seed: 7,
    schedule: 'cosine (after a warm-up epoch unless only the head is trained)',
    augmentation: '4 views (RandomResizedCrop, flip)',
  });
});

test('automatic augmentation shows new views in every epoch, or as many as are asked for', () => {
  const views = (options: SettingsOptions) =>
    planPhases(settingsOf({ freezeUntil: 'layer4', epochs: 6, ...options }), entry).map(({ augment }) => augment);
  expect(views({})).toEqual([0, 0]);
  expect(views({ autoAugment: 'trivial' })).toEqual([6, 6]);
  expect(views({ autoAugment: 'trivial', augment: 2 })).toEqual([2, 2]);
});

test.each([
  [{ optimizer: 'lion' }, "optimizer must be adamw, adam or sgd, got 'lion'."],
  [{ batchSize: 1.5 }, 'batchSize must be a whole number, 1 or more, got 1.5.'],
  [{ momentum: 2 }, 'momentum must be between 0 and 1, got 2.'],
  [{ layerDecay: 2 }, 'layerDecay must be between 0 and 1, got 2.'],
  [{ ema: 1 }, 'ema must be from 0 to below 1, got 1. 0.999 is usual.'],
  [{ focalGamma: 0 }, 'focalGamma must be above 0, got 0.'],
  [{ focalGamma: 2, labelSmoothing: 0.1 }, 'focalGamma must be left out where there is labelSmoothing, got 2.'],
  [{ weightDecay: -1 }, 'weightDecay must be 0 or more, got -1.'],
  [{ validation: 1 }, 'validation must be from 0 to below 1, got 1. 0.2 is a fifth.'],
  [{ seed: -1 }, 'seed must be a whole number from 0 to 4,294,967,295, got -1.'],
  [{ inputRange: '0..2' }, "inputRange must be 0..255, 0..1, -1..1, caffe or torch, got '0..2'."],
  [{ mean: [0, 1] }, 'mean must be a number or three, got [0,1].'],
  [{ lr: '0.1' }, "lr must be above 0, got '0.1'."],
  [{ autoAugment: 'auto' }, "autoAugment must be rand or trivial, got 'auto'."],
  [
    { autoAugment: 'rand', augment: 0 },
    "autoAugment must be left out where there are no random views (augment 0), got 'rand'. Ask for views, or leave augment out.",
  ],
  [{ headEpochs: 3 }, 'headEpochs must be 10 here, where there is one phase only, got 3.'],
])('%j', (options, message) => {
  expect(() => settingsOf(options as SettingsOptions)).toThrow(`finetune: ${message}`);
});

test('a rate may be left to be found, by a word that no other option knows', () => {
  expect(typed('npx regraft finetune photos --lr find')).toEqual({ lr: 'find' });
  expect(optionRows().flatMap(([name, { found }]) => (found === undefined ? [] : [name]))).toEqual(['lr']);
});
