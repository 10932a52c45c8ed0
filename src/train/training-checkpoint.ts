/** Checkpoints of a training loop of one's own: everything that the next step depends on, in one file without code. */
import { writeFileAtomic } from '#files';
import { causeOf } from '../core/cause.ts';
import { ArgumentError, WeightFileError } from '../core/errors.ts';
import { checkInstance, checkOptions, checkPath, type OptionNames } from '../core/options.ts';
import { defaultGenerator } from '../core/random.ts';
import type { SourceLike } from '../device/byte-source.ts';
import { type AnyModule, Module } from '../nn/module.ts';
import type { GradScaler, LRScheduler, ScheduleState } from '../optim/index.ts';
import type { AnyOptimizer } from '../optim/optimizer.ts';
import { partsChunks, readParts } from './parts-file.ts';

/** The parts of a loop that a checkpoint keeps. */
export interface TrainingState {
  readonly model: AnyModule;
  readonly optimizer?: AnyOptimizer;
  readonly schedule?: LRScheduler;
  /** The loss scaling of mixed precision. */
  readonly scaler?: GradScaler;
}

const STATE: OptionNames<TrainingState> = { model: true, optimizer: true, schedule: true, scaler: true };

const MARK = 'regraft_training';

/**
 * Saves a model, and the optimizer, schedule and loss scaling that train it, with the state of the generator behind everything random.
 * A loop that loads them goes on bit for bit. The path gets the whole file or stays as it was.
 * @param path Where to.
 * @param state `extra` is any JSON of your own: the epoch, a history, a loader's `state`.
 * @throws RegraftError if the file cannot be written.
 * @example
 * await saveCheckpoint('epoch.safetensors', { model, optimizer, schedule, extra: { epoch } });
 */
export async function saveCheckpoint(
  path: string | URL,
  state: TrainingState & { readonly extra?: unknown },
): Promise<void> {
  checkPath('saveCheckpoint', 'where to save', path, "Write saveCheckpoint('epoch.safetensors', { model }).");
  checkOptions('saveCheckpoint', state, { ...STATE, extra: true });
  checkModel('saveCheckpoint', state.model);
  const { model, optimizer, schedule, scaler, extra = null } = state;
  requireJSON(extra);
  const [weights, slots, scaling] = await Promise.all([model.stateDict(), optimizer?.stateDict(), scaler?.stateDict()]);
  const json = {
    extra,
    random: defaultGenerator.state,
    groups: slots?.groups ?? null,
    schedule: schedule?.state() ?? null,
    scaler: scaling ?? null,
  };
  await writeFileAtomic(path, partsChunks({ model: weights, optimizer: slots?.state }, MARK, json));
}

/**
 * Restores a checkpoint of {@link saveCheckpoint} into a model, an optimizer and a schedule that were made alike.
 * @param source A path, URL, File or bytes of a file that {@link saveCheckpoint} wrote.
 * @param state The parts to restore: one that is not named is left as it is.
 * @returns the `extra` that was saved with them.
 * @throws WeightFileError for a file that is no checkpoint or damaged; ArgumentError where it lacks what is asked for, or has it for other
 * groups; StateDictError where the model is another. The model is then as it was before.
 * @example
 * const { epoch } = await loadCheckpoint<{ epoch: number }>('epoch.safetensors', { model, optimizer, schedule });
 */
export async function loadCheckpoint<T = unknown>(source: SourceLike, state: TrainingState): Promise<T> {
  checkOptions('loadCheckpoint', state, STATE);
  checkModel('loadCheckpoint', state.model);
  const { model, optimizer, schedule, scaler } = state;
  const name = typeof source === 'string' ? source : 'checkpoint';
  const { json, part } = await readParts(source, MARK, 'checkpoint of saveCheckpoint');
  if (!isSaved(json)) throw new WeightFileError(name, 'is damaged: it does not say what it holds.');
  const missing = Object.entries({
    optimizer: [optimizer, json.groups],
    schedule: [schedule, json.schedule],
    scaler: [scaler, json.scaler],
  })
    .filter(([, [wanted, saved]]) => wanted && !saved)
    .map(([part]) => part);
  if (missing.length)
    throw new ArgumentError(
      `${name}: expected a checkpoint of ${missing.join(' and ')} too, got one without. Leave it out, or save it as well.`,
    );
  const damaged = await damagedPart(json, state);
  if (damaged) throw new WeightFileError(name, `is damaged: its ${damaged} is not as saveCheckpoint writes it.`);
  const before = await model.stateDict();
  model.loadStateDict(part('model'), { fix: 'Make the model that was saved.' });
  try {
    optimizer?.loadStateDict({ state: part('optimizer'), groups: json.groups! });
    schedule?.loadState(json.schedule as never);
  } catch (error) {
    model.loadStateDict(before);
    throw error;
  }
  scaler?.loadStateDict(json.scaler as never);
  defaultGenerator.state = json.random;
  return json.extra as T;
}

const checkModel = (op: string, model: unknown): void =>
  checkInstance(op, 'model', model, Module, 'a module', 'Write { model }.');

/** @throws ArgumentError for what JSON has no text for. */
function requireJSON(extra: unknown): void {
  try {
    if (JSON.stringify(extra) !== undefined) return;
  } catch (error) {
    throw new ArgumentError(
      `saveCheckpoint: expected extra as JSON, got a value that is none (${causeOf(error).split('\n', 1)[0]}). Convert it first, as in Number(…).`,
    );
  }
  throw new ArgumentError('saveCheckpoint: expected extra as JSON, got a function or a symbol. Leave it out.');
}

/**
 * Name of the saved part whose form is not that of the present one. Parts of another kind, or for other groups, are refused when they
 * are loaded.
 */
async function damagedPart(
  { groups, schedule, scaler }: Saved,
  state: Omit<TrainingState, 'model'>,
): Promise<string | undefined> {
  const own = state.optimizer?.paramGroups.map(({ params, ...numbers }) => ({ ...numbers, params: params.length }));
  if (own && groups?.length === own.length && !groups.every((group, i) => isAlike({ ...own[i], ...group }, own[i])))
    return 'optimizer';
  // A plateau has no best metric at first.
  const fresh = JSON.parse(JSON.stringify(state.schedule?.state() ?? null, (key, v) => (key === 'best' ? null : v)));
  if (fresh && (schedule as ScheduleState).type === fresh.type && !isAlike(schedule, fresh)) return 'schedule';
  if (state.scaler && !isAlike(scaler, await state.scaler.stateDict())) return 'scaler';
  return undefined;
}

/** Whether `saved` has what `own` has, of the same types: finite numbers (or null where that is null), lists as long. */
function isAlike(saved: unknown, own: unknown): boolean {
  if (own === null) return saved === null || Number.isFinite(saved);
  if (typeof own === 'number') return Number.isFinite(saved);
  if (typeof own !== 'object') return typeof saved === typeof own;
  if (saved === null || typeof saved !== 'object') return false;
  if (Array.isArray(own) && (saved as readonly unknown[]).length !== own.length) return false;
  return Object.entries(own).every(([key, value]) => isAlike((saved as Record<string, unknown>)[key], value));
}

interface Saved {
  readonly extra: unknown;
  readonly random: readonly number[];
  readonly groups: readonly Record<string, unknown>[] | null;
  readonly schedule: object | null;
  readonly scaler: object | null;
}

/** Whether it has the parts that {@link saveCheckpoint} writes. */
function isSaved(json: unknown): json is Saved {
  if (json === null || typeof json !== 'object') return false;
  const { random, groups, schedule, scaler } = json as Saved;
  const isObject = (value: unknown) => value !== null && typeof value === 'object' && !Array.isArray(value);
  return (
    Array.isArray(random) &&
    random.length === 4 &&
    random.every((word) => Number.isInteger(word) && word >= 0 && word < 2 ** 32) &&
    (groups === null || (Array.isArray(groups) && groups.every(isObject))) &&
    (schedule === null || isObject(schedule)) &&
    (scaler === null || isObject(scaler))
  );
}
