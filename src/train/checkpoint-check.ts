/** A checkpoint as it was read, looked through before anything is done with it: files are edited, cut and swapped. */
import { RegraftError, WeightFileError } from '../core/errors.ts';
import { modelEntry } from '../models/registry.ts';
import type { Checkpoint } from './checkpoint.ts';
import { planPhases, resolveSettings } from './recipe.ts';

type Test = (value: unknown) => boolean;

const number: Test = (value) => typeof value === 'number' && Number.isFinite(value);
const amount: Test = (value) => number(value) && (value as number) >= 0;
const count: Test = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
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
  trainLoss: measured,
  trainAccuracy: measured,
  validationLoss: measured,
  validationAccuracy: measured,
  learningRate: amount,
  seconds: amount,
  imagesPerSecond: amount,
  cached: flag,
});

const PARTS: Readonly<Record<string, Test>> = {
  settings: record(() => true),
  inputs: text,
  date: (value) => text(value) && !Number.isNaN(Date.parse(value as string)),
  phase: count,
  model: tensors,
  optimizer: fields({
    state: tensors,
    groups: list(
      (group) => fields({ lr: amount, params: count })(group) && record(either(amount, flag, list(amount)))(group),
      1,
    ),
  }),
  schedule: fields({ type: text, lastEpoch: count, baseLrs: list(amount, 1), lastLrs: list(amount, 1) }),
  scaler: either(absent, record(either(amount, flag))),
  random: list(word, 4),
  seconds: fields({ total: amount, parts: record(amount) }),
  start: either(absent, none, fields({ path: text, fromRun: text, sha256: text })),
  progress: fields({
    history: list(EPOCH),
    stepLosses: list(fields({ step: count, epoch: amount, loss: measured })),
    waited: count,
    best: either(none, fields({ epoch: count, score: number, loss: measured, state: either(none, tensors) })),
  }),
};

/**
 * `checkpoint` if all of it is as regraft writes it.
 * @throws WeightFileError that says which part is not.
 */
export function checkCheckpoint(path: string, checkpoint: Checkpoint): Checkpoint {
  const check = (holds: boolean, part: string) => {
    if (!holds) throw damaged(path, `its ${part} is not as regraft writes it`);
  };
  for (const [part, test] of Object.entries(PARTS)) check(test(checkpoint[part as keyof Checkpoint]), part);
  const { settings, phase, progress, optimizer } = checkpoint;
  const { history, best } = progress;
  check(text(settings.model), 'settings');
  const { phases, epochs } = settingsOf(path, checkpoint);
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
  check(best === null || (best.epoch >= 1 && best.epoch <= history.length), 'best');
  const params = optimizer.groups[0]!.params as number;
  const owned = [...optimizer.state.keys()].every((key) => {
    const [, parameter] = /^0\.(\d+)\.\w+$/.exec(key) ?? [];
    return parameter !== undefined && Number(parameter) < params;
  });
  check(owned, 'optimizer');
  return checkpoint;
}

function settingsOf(path: string, { settings }: Checkpoint) {
  try {
    const entry = modelEntry(settings.model);
    const { epochs, ...resolved } = resolveSettings(settings, entry);
    return { epochs, phases: planPhases({ epochs, ...resolved }, entry) };
  } catch (error) {
    if (!(error instanceof RegraftError)) throw error;
    throw damaged(path, error.message.replace(/^finetune: /, '').replace(/\.$/, ''));
  }
}

/** The fault of a checkpoint that cannot be gone on from. */
export function damaged(path: string, fault: string): WeightFileError {
  return new WeightFileError(path, `is damaged: ${fault}. Delete it, and run without resume.`);
}
