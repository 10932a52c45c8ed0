/** The settings of a run from its options: of a new one with the defaults, of a resumed one as it was begun; and how they are told. */
import { check } from '../core/check.ts';
import { ArgumentError } from '../core/errors.ts';
import { shellWord } from '../core/shell.ts';
import type { ModelEntry } from '../models/define.ts';
import { type TaskName, taskKind } from '../tasks/kinds.ts';
import type { Checkpoint } from './checkpoint.ts';
import type { Fact, OptionRow } from './option-row.ts';
import { type FinetuneSettings, flagName, isHead, optionRows, type SettingsOptions } from './options.ts';
import { type PlannedPhase, planPhases } from './recipe.ts';

/** The settings that `options` leave open, and a check of the others. @throws ArgumentError for one out of range. */
export function resolveSettings(
  options: SettingsOptions & { readonly model: string },
  entry: ModelEntry,
): FinetuneSettings {
  const settings: Record<string, unknown> = { model: options.model };
  for (const [name, row] of optionRows()) {
    const before = settings as unknown as FinetuneSettings;
    const given = options[name];
    const otherwise = typeof row.default === 'object' && row.default ? row.default.of : () => row.default;
    // A given null stands where it is one of the values, as random weights are.
    const value = given === undefined || (given === null && row.none === undefined) ? otherwise(before, entry) : given;
    settings[name] = value === null ? null : check('finetune', name, value, row.kind);
    if (row.also) check('finetune', name, settings[name], row.also(before, entry));
  }
  return settings as unknown as FinetuneSettings;
}

/** The settings of a run whose task is known. @throws ArgumentError for those that are of another task. */
export function settingsFor(task: TaskName, settings: FinetuneSettings, entry: ModelEntry): FinetuneSettings {
  const plain = resolveSettings({ model: settings.model, weights: settings.weights }, entry);
  for (const [name, { tasks }] of optionRows())
    if (tasks && !tasks.includes(task) && settings[name] !== plain[name])
      throw new ArgumentError(
        `finetune: ${name} is an option of ${tasks.join(' and ')}, got one for ${task}. Leave it out.`,
      );
  const { scores } = taskKind(task);
  const { monitor } = settings;
  if (monitor !== null && monitor !== 'loss' && !scores.some(({ name }) => name === monitor))
    throw new ArgumentError(
      `finetune: monitor must be ${['loss', ...scores.map(({ name }) => name)].join(' or ')} for ${task}, got '${monitor}'.`,
    );
  return { ...settings, task };
}

/** The settings among the options of a run: those that were given. */
export function givenSettings(options: SettingsOptions): SettingsOptions {
  return Object.fromEntries(
    optionRows().flatMap(([name]) => (options[name] === undefined ? [] : [[name, options[name]]])),
  );
}

/** What must be the same when a run goes on, by name. None is left out, so that a run outlives options that are new. */
export function lastingSettings(settings: FinetuneSettings): [name: string, value: unknown][] {
  const lasting = optionRows().flatMap(([name, { onResume }]): [string, unknown][] =>
    onResume || settings[name] === null ? [] : [[name, settings[name]]],
  );
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
  const texts = optionRows().flatMap(([name, { onResume }]) => {
    const [was, now] = [text(settings[name]), text(given[name])];
    return given[name] === undefined || onResume === 'free' || was === now ? [] : [`${name} ${was}, now ${now}`];
  });
  if (texts.length > 0)
    throw new ArgumentError(
      `${out}: cannot be resumed with other settings: it was begun with ${texts.join('; ')}. Leave them out, or run it without resume.`,
    );
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
  const { patience, epochs, monitor } = resumed;
  const last = phase === planPhases(resumed, entry).length - 1;
  if (given.epochs !== undefined && last && done < epochs && patience > 0 && progress.waited >= patience)
    throw new ArgumentError(
      `${out}: stopped early, after ${progress.waited} epochs without a better ${monitor ?? 'validation loss'}. To go on, give a patience above ${patience}, or 0 for no end.`,
    );
  return resumed;
}

/** Whether a run of the task, or of one that is not known, has the option. */
const isOptionOf = (task: TaskName | null, { tasks }: Pick<OptionRow, 'tasks'>): boolean =>
  !tasks || !task || tasks.includes(task);

/** The command that repeats a run, with everything spelled out. */
export function reproduceCommand(photos: string, out: string | null, settings: FinetuneSettings): string {
  const values = optionRows().flatMap(([name, row]): [string, unknown][] =>
    isOptionOf(settings.task, row) ? [[name, settings[name] ?? row.none]] : [],
  );
  const words = [...values, ['out', out] as const].flatMap(([name, value]) =>
    value == null ? [] : [flagName(name), shellWord(String(value))],
  );
  return ['npx regraft finetune', shellWord(photos), ...words].join(' ');
}

/** What the report tells of the settings and of what the phases make of them, by name. */
export function hyperparametersOf(
  settings: FinetuneSettings,
  phases: readonly PlannedPhase[],
): Readonly<Record<string, Exclude<Fact, undefined>>> {
  const facts = optionRows().map(([name, row]): [string, Fact] => {
    const { fact, default: otherwise } = row;
    if (!isOptionOf(settings.task, row)) return [name, undefined];
    const setting = settings[name];
    // A list, as of class weights, in one word.
    const value = typeof setting === 'object' && setting ? String(setting) : (setting as string | number | null);
    if (typeof fact === 'function') return [name, fact(value, settings)];
    const isChanged = value !== null && value !== otherwise;
    return [name, fact === 'always' || (fact === 'changed' && isChanged) ? value : undefined];
  });
  const views = phases.map(({ augment }) => (augment > 0 ? `${augment} views (RandomResizedCrop, flip)` : 'none'));
  const told = [
    ...facts,
    [
      'schedule',
      phases.some(({ warmUp }) => warmUp > 0)
        ? 'cosine (after a warm-up epoch unless only the head is trained)'
        : 'cosine',
    ],
    ['augmentation', [...new Set(views)].join(', then ')],
  ] as const;
  return Object.fromEntries(told.flatMap(([name, fact]) => (fact === undefined ? [] : [[name, fact]])));
}
