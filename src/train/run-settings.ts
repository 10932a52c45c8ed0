/** The settings of a run from its options: of a new one with the defaults, of a resumed one as it was begun. */
import { ArgumentError } from '../core/errors.ts';
import type { OptionNames } from '../core/options.ts';
import type { ModelEntry } from '../models/registry.ts';
import type { Checkpoint } from './checkpoint.ts';
import { type FinetuneSettings, isHead, planPhases, resolveSettings, type SettingsOptions } from './recipe.ts';

export const SETTINGS: OptionNames<FinetuneSettings> = {
  model: true,
  weights: true,
  key: true,
  stripPrefix: true,
  freezeUntil: true,
  epochs: true,
  headEpochs: true,
  batchSize: true,
  optimizer: true,
  lr: true,
  unfrozenLr: true,
  weightDecay: true,
  momentum: true,
  labelSmoothing: true,
  classWeights: true,
  augment: true,
  accumulate: true,
  precision: true,
  clipGradNorm: true,
  patience: true,
  validation: true,
  imageSize: true,
  orientation: true,
  inputRange: true,
  seed: true,
};

/** What may be other when a run goes on: how long it lasts, and where the weights lie, which are told by their digest. */
const CHANGEABLE: readonly string[] = ['weights', 'epochs', 'patience'];

/** The settings among the options of a run: those that were given. */
export function givenSettings(options: SettingsOptions): SettingsOptions {
  return Object.fromEntries(
    Object.keys(SETTINGS).flatMap((name) => {
      const value = options[name as keyof FinetuneSettings];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

/** What must be the same when a run goes on, by name. */
export function lastingSettings(settings: FinetuneSettings): [name: string, value: unknown][] {
  const lasting = Object.entries(settings).filter(([key]) => ![...CHANGEABLE, 'headEpochs'].includes(key));
  return lasting.sort(([a], [b]) => (a < b ? -1 : 1));
}

/**
 * The settings that the run in folder `out` goes on with: its own, but for those given that may change.
 * @throws ArgumentError for others, and for epochs that leave nothing to do.
 */
export function resumedSettings(
  out: string,
  given: SettingsOptions,
  { settings, phase, progress }: Checkpoint,
  entry: ModelEntry,
): FinetuneSettings {
  const text = (value: unknown) => (value === null ? 'none' : String(value));
  const changed = Object.entries(given).filter(
    ([key, value]) => !CHANGEABLE.includes(key) && text(value) !== text(settings[key as keyof FinetuneSettings]),
  );
  if (changed.length > 0) {
    const texts = changed.map(
      ([key, value]) => `${key} ${text(settings[key as keyof FinetuneSettings])}, now ${text(value)}`,
    );
    throw new ArgumentError(
      `${out}: cannot be resumed with other settings: it was begun with ${texts.join('; ')}. Leave them out, or run it without resume.`,
    );
  }
  const done = progress.history.length;
  if (given.epochs !== undefined && given.epochs < done)
    throw new ArgumentError(
      `${out}: cannot be resumed for ${given.epochs} epochs in all: ${done} are done. Ask for more, or finish it as it is.`,
    );
  const resumed = resolveSettings(
    {
      ...settings,
      ...given,
      model: settings.model,
      headEpochs: isHead(settings.freezeUntil, entry) ? undefined : settings.headEpochs,
    },
    entry,
  );
  const { patience, epochs } = resumed;
  const last = phase === planPhases(resumed, entry).length - 1;
  if (given.epochs !== undefined && last && done < epochs && patience > 0 && progress.waited >= patience)
    throw new ArgumentError(
      `${out}: stopped early, after ${progress.waited} epochs without a better validation loss. To go on, give a patience above ${patience}, or 0 for no end.`,
    );
  return resumed;
}
