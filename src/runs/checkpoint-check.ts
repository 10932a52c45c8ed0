/** A checkpoint as it was read, looked through before anything is done with it: files are edited, cut and swapped. */
import type { StateDict, TensorData } from '../core/dtype.ts';
import { RegraftError, WeightFileError } from '../core/errors.ts';
import { sameShape } from '../core/shape.ts';
import { entryOf } from '../models/topology.ts';
import { DEFAULT_TASK, taskKind } from '../tasks/kinds.ts';
import type { ScoreKind } from '../tasks/task.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { judge, monitoredScore } from '../train/best-epoch.ts';
import { notFinite } from '../train/finite.ts';
import { type Part, scoreKey } from '../train/history.ts';
import type { Checkpoint } from './checkpoint.ts';
import type { OptimizerName } from './option-row.ts';
import { planPhases } from './recipe.ts';
import { resolveSettings } from './settings.ts';

type Test = (value: unknown) => boolean;

const number: Test = (value) => typeof value === 'number' && Number.isFinite(value);
const amount: Test = (value) => number(value) && (value as number) >= 0;
const count: Test = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
const share: Test = (value) => amount(value) && (value as number) <= 1;
const word: Test = (value) => count(value) && (value as number) < 2 ** 32;
const text: Test = (value) => typeof value === 'string';
const flag: Test = (value) => typeof value === 'boolean';
const list =
  (test: Test, length?: number): Test =>
  (value) =>
    Array.isArray(value) && value.every(test) && (length ?? value.length) === value.length;
const either =
  (...tests: Test[]): Test =>
  (value) =>
    tests.some((test) => test(value));
const absent: Test = (value) => value === undefined;
const none: Test = (value) => value === null;
const record =
  (test: Test): Test =>
  (value) =>
    typeof value === 'object' && value !== null && !Array.isArray(value) && Object.values(value).every(test);
const fields =
  (tests: Readonly<Record<string, Test>>): Test =>
  (value) =>
    record(() => true)(value) &&
    Object.entries(tests).every(([name, test]) => test((value as Record<string, unknown>)[name]));

const measured = either(number, none);
const tensors: Test = (value) => value instanceof Map;

const EPOCH = fields({
  epoch: count,
  phase: count,
  trainLoss: number,
  validationLoss: measured,
  learningRate: amount,
  seconds: amount,
  validationSeconds: either(absent, amount),
  imagesPerSecond: amount,
  cached: flag,
});

/** An epoch's scores of a task. */
const scoresTest = (kinds: readonly ScoreKind[]): Test =>
  fields(
    Object.fromEntries(
      kinds.flatMap(({ name, format }) =>
        (['train', 'validation'] as Part[]).map((part) => [
          scoreKey(part, name),
          either(format === 'percent' ? share : number, none),
        ]),
      ),
    ),
  );

const PARTS: Readonly<Record<string, Test>> = {
  settings: record(() => true),
  topology: either(
    absent,
    record(() => true),
  ),
  inputs: text,
  date: (value) => text(value) && !Number.isNaN(Date.parse(value as string)),
  phase: count,
  model: tensors,
  optimizer: fields({
    state: tensors,
    groups: list(
      (group) => fields({ lr: amount, params: count })(group) && record(either(amount, flag, list(amount)))(group),
    ),
  }),
  schedule: fields({ type: text, lastEpoch: count, baseLrs: list(amount), lastLrs: list(amount) }),
  scaler: either(
    absent,
    fields({ scale: amount, growthFactor: amount, backoffFactor: amount, growthInterval: count, growthTracker: count }),
  ),
  ema: either(absent, none, fields({ updates: count, state: tensors })),
  random: list(word, 4),
  seconds: fields({ total: amount, parts: record(amount) }),
  start: either(absent, none, fields({ path: text, fromRun: text, sha256: text })),
  progress: fields({
    history: list(EPOCH),
    stepLosses: list(fields({ step: count, epoch: amount, loss: measured })),
    waited: count,
    best: fields({ epoch: count, score: number, loss: number, state: either(none, tensors) }),
  }),
};

/**
 * `checkpoint` if all of it is as regraft writes it.
 * @throws WeightFileError that says which part is not.
 */
export async function checkCheckpoint(path: string, checkpoint: Checkpoint): Promise<Checkpoint> {
  const check = (holds: boolean, part: string) => {
    if (!holds) throw damaged(path, `its ${part} is not as regraft writes it`);
  };
  for (const [part, test] of Object.entries(PARTS)) check(test(checkpoint[part as keyof Checkpoint]), part);
  const { settings, phase, progress } = checkpoint;
  const { history, best } = progress;
  check(text(settings.model), 'settings');
  const { phases, epochs, monitor, task } = await settingsOf(path, checkpoint);
  const kind = taskKind(task ?? DEFAULT_TASK);
  check(list(scoresTest(kind.scores))(history), 'progress');
  check(history.length > 0 && history.length <= epochs, 'history');
  check(
    history.every((record, i) => record.epoch === i + 1 && record.phase >= (history[i - 1]?.phase ?? 0)),
    'history',
  );
  check(
    phases.every((planned, p) => history.filter((record) => record.phase === p).length <= planned.epochs),
    'history',
  );
  check(phase < phases.length && history.at(-1)!.phase === phase, 'phase');
  const kept = history[best!.epoch - 1];
  const { score, loss } = kept ? judge(kept, monitoredScore(kind, monitor ?? undefined)) : {};
  check(loss === best!.loss && score === best!.score, 'best');
  return checkpoint;
}

/** What an optimizer keeps for each parameter. */
const SLOTS: Readonly<Record<OptimizerName, readonly string[]>> = {
  adamw: ['exp_avg', 'exp_avg_sq', 'step'],
  adam: ['exp_avg', 'exp_avg_sq', 'step'],
  sgd: ['momentum_buffer'],
};

/**
 * Compares the tensors of a checkpoint with those of the run, whose model is frozen as in the checkpoint's phase.
 * @param moving what training changes, as it is now
 * @param trained the parameters among it, in the optimizer's groups
 * @param keepsBest whether the run keeps the weights of its best epoch
 * @throws WeightFileError unless they are of the same names, types and shapes, in numbers.
 */
export function checkTensors(
  path: string,
  { settings, model, progress, optimizer, ema }: Checkpoint,
  { moving, trained, keepsBest }: { moving: StateDict; trained: readonly (readonly Tensor[])[]; keepsBest: boolean },
): void {
  const check = (holds: boolean, part: string) => {
    if (!holds) throw damaged(path, `the tensors of its ${part} are not those of the run`);
  };
  const best = progress.best!.state;
  check(fits(model, moving), 'model');
  check(best === null ? !keepsBest : fits(best, moving), 'best epoch');
  const names = settings.optimizer === 'sgd' && settings.momentum === 0 ? [] : SLOTS[settings.optimizer];
  const slots = trained.flatMap((params, g) =>
    params.flatMap(({ shape }, k) =>
      names.map((name) => [`${g}.${k}.${name}`, { dtype: 'float32', shape: name === 'step' ? [1] : shape }] as const),
    ),
  );
  const sizes = (lengths: readonly unknown[]) => lengths.join();
  const isGrouped = sizes(optimizer.groups.map(({ params }) => params)) === sizes(trained.map(({ length }) => length));
  check(isGrouped && fits(optimizer.state, new Map(slots)), 'optimizer');
  const floats = new Map([...moving].filter(([, { dtype }]) => dtype === 'float32'));
  check(settings.ema == null ? !ema : !!ema && fits(ema.state, floats), 'average');
}

type Tensors = ReadonlyMap<string, TensorData>;

function fits(state: Tensors, expected: ReadonlyMap<string, Pick<TensorData, 'dtype' | 'shape'>>): boolean {
  const isSame = ([name, { dtype, shape }]: [string, Pick<TensorData, 'dtype' | 'shape'>]) => {
    const given = state.get(name);
    return given !== undefined && given.dtype === dtype && sameShape(given.shape, shape);
  };
  return state.size === expected.size && [...expected].every(isSame) && notFinite(state) === undefined;
}

async function settingsOf(path: string, { settings, topology }: Checkpoint) {
  try {
    const entry = await entryOf({ model: settings.model, topology });
    const resolved = resolveSettings(settings, entry);
    return { ...resolved, phases: planPhases(resolved, entry) };
  } catch (error) {
    if (!(error instanceof RegraftError)) throw error;
    throw damaged(path, error.message.replace(/^finetune: /, '').replace(/\.$/, ''));
  }
}

/** The fault of a checkpoint that cannot be gone on from. */
export function damaged(path: string, fault: string): WeightFileError {
  return new WeightFileError(path, `is damaged: ${fault}. Delete it, and run without resume.`);
}
