/** The phases of a fine-tuning run, one after another, from the start or from a checkpoint. */
import { defaultGenerator, manualSeed } from '../core/random.ts';
import { DataLoader } from '../data/data-loader.ts';
import type { Dataset, LabelledImage } from '../data/dataset.ts';
import type { ImagePreset } from '../data/transforms/compose.ts';
import { trainingTransforms } from '../data/transforms/compose.ts';
import type { Transform } from '../data/transforms/transform.ts';
import type { ModelEntry } from '../models/define.ts';
import type { Module } from '../nn/index.ts';
import { AVERAGE, EMA } from '../optim/ema.ts';
import type { ImageValues, Placed } from '../tasks/image-task.ts';
import { DEFAULT_TASK } from '../tasks/kinds.ts';
import type { Task } from '../tasks/task.ts';
import { isBetter, judge } from '../train/best-epoch.ts';
import { type EvaluateOptions, evaluate } from '../train/evaluate.ts';
import { fit, movingState } from '../train/fit.ts';
import { mergeSingleImage } from '../train/fit-checks.ts';
import type { FitOptions, FitState } from '../train/fit-options.ts';
import { type EpochRecord, scoreKey } from '../train/history.ts';
import { scalerFor } from '../train/precision.ts';
import type { Checkpoint } from './checkpoint.ts';
import type { FinetuneSettings } from './options.ts';
import { freezeFor, mixOf, optimizerFor, type PlannedPhase, planPhases, viewsOf } from './recipe.ts';
import type { ComparisonRun, Phase } from './result.ts';
import { resolveSettings } from './settings.ts';

/** Share of the images that may get lost in the middle of a run: all could be read when it began. */
const FEW = 0.05;

/** Where a run can be taken up again: the end of an epoch. */
export type RunPoint = Pick<
  Checkpoint,
  'phase' | 'progress' | 'model' | 'optimizer' | 'schedule' | 'scaler' | 'ema' | 'random'
>;

/** The task of a run, with its settings. */
export type RunTask = Task<LabelledImage, ImageValues<object, Placed>>;

/** What a run needs beside its phases. */
export interface PhasedRun
  extends Pick<FitOptions, 'cache' | 'keepBest' | 'signal' | 'progress' | 'beforeBatch' | 'precision'> {
  readonly settings: FinetuneSettings;
  readonly task: RunTask;
  /** Undefined where nothing is held out. */
  readonly validation: Dataset | undefined;
  /** The training images as a phase wants to see them. */
  readonly loader: (phase: PlannedPhase) => DataLoader;
}

export interface PhaseOptions {
  /** The end of an epoch to go on from. */
  readonly from?: RunPoint | null;
  /** Train no more: the best of what `from` holds is the result. */
  readonly finish?: boolean | undefined;
  /** After each epoch; `point` reads back what is needed to go on from here. */
  readonly onEpoch?: (record: EpochRecord, state: FitState, point: () => Promise<RunPoint>) => unknown;
}

/** Trains `model`, which has the run's weights and head, phase by phase. The weights of the best epoch are kept. */
export async function trainPhases(
  model: Module,
  phases: readonly PlannedPhase[],
  run: PhasedRun,
  { from = null, finish = false, onEpoch }: PhaseOptions = {},
): Promise<FitState> {
  const { settings, loader, ...shared } = run;
  const scaler = scalerFor(run.precision ?? settings.precision);
  let state: FitState = from?.progress ?? { history: [], stepLosses: [], best: null, waited: 0 };
  for (const [p, phase] of phases.entries()) {
    freezeFor(model, phase);
    if (p < (from?.phase ?? 0)) continue;
    if (from && finish) {
      const last = new Map([...from.model, ...(from.ema?.state ?? [])]);
      model.loadStateDict(from.progress.best?.state ?? last, { strict: false });
      return from.progress;
    }
    const train = loader(phase);
    mergeSingleImage(model, train);
    const ema = settings.ema === null ? undefined : new EMA(model, { decay: settings.ema, ...AVERAGE });
    const { optimizer, schedule } = optimizerFor(model, phase, settings, updatesPerEpoch(train, settings));
    if (from?.phase === p) {
      model.loadStateDict(from.model, { strict: false });
      // The numbers of both follow from the settings; only what they have counted and gathered is the checkpoint's.
      const { groups } = await optimizer.stateDict();
      optimizer.loadStateDict({ state: from.optimizer.state, groups });
      // The last step again: of a run that was made longer, the rate is another now.
      schedule.loadState({ ...schedule.state(), lastEpoch: from.schedule.lastEpoch - 1 });
      schedule.step();
      if (from.ema) ema?.loadStateDict(from.ema);
      if (from.scaler) scaler.loadStateDict(from.scaler);
      defaultGenerator.state = from.random;
      // The weights of the best epoch of earlier phases are in the model now, and more of them may move.
    } else
      state = {
        ...state,
        waited: 0,
        best: state.best?.state ? { ...state.best, state: await movingState(model) } : state.best,
      };
    state = await fit(model, {
      ...shared,
      train,
      epochs: phase.epochs,
      totalEpochs: settings.epochs,
      phase: p,
      from: state,
      optimizer,
      schedule,
      scheduleEvery: 'batch',
      mix: mixOf(settings, train.dataset.classes?.length),
      accumulate: settings.accumulate,
      precision: run.precision ?? settings.precision,
      scaler,
      ema,
      clipGradNorm: settings.clipGradNorm ?? undefined,
      maxSkipped: FEW,
      monitor: settings.monitor ?? undefined,
      earlyStopping:
        settings.patience > 0 ? { patience: settings.patience, minDelta: settings.minDelta ?? 0 } : undefined,
      onEpoch: (record, now) =>
        onEpoch?.(record, now, async () => ({
          phase: p,
          progress: now,
          model: !ema && now.best?.epoch === record.epoch && now.best.state ? now.best.state : await movingState(model),
          optimizer: await optimizer.stateDict(),
          schedule: schedule.state(),
          scaler: await scaler.stateDict(),
          ema: (await ema?.stateDict()) ?? null,
          random: defaultGenerator.state,
        })),
    });
  }
  return state;
}

/** All that is told of the kept weights on the held-out images: what the best epoch's validation told, or else it is computed now. */
export async function valuesOf(
  { best }: FitState,
  model: Module,
  validation: Dataset,
  options: EvaluateOptions<ImageValues<object, Placed>>,
): Promise<ImageValues<object, Placed> | null> {
  if (best?.values) return best.values as ImageValues<object, Placed>;
  return (await evaluate(model, validation, options)).values;
}

/** What each planned phase came to, those without an epoch left out. Leaves the model frozen as in the last. */
export function phasesOf(model: Module, phases: readonly PlannedPhase[], { history }: FitState): Phase[] {
  return phases
    .map((phase, p): Phase => {
      freezeFor(model, phase);
      const trainable = model.parameters().filter((t) => t.requires_grad);
      const { name, learningRate, frozenUntil } = phase;
      const epochs = history.filter((r) => r.phase === p).length;
      const trainableParameters = trainable.reduce((n, t) => n + t.size, 0);
      return { name, epochs, learningRate, trainableParameters, frozenUntil };
    })
    .filter(({ epochs }) => epochs > 0);
}

/** The same model from random weights, all of it trained, over as many epochs of the same images. */
export async function trainFromScratch(
  entry: ModelEntry,
  classes: number,
  { settings, ...run }: PhasedRun,
  options: PhaseOptions = {},
): Promise<ComparisonRun> {
  manualSeed(settings.seed);
  const scratch = resolveSettings(
    {
      ...settings,
      weights: null,
      freezeUntil: 'none',
      headEpochs: 0,
      lr: undefined,
      unfrozenLr: undefined,
      augment: viewsOf(settings),
      clipGradNorm: null,
      patience: 0,
    },
    entry,
  );
  const model = await entry.create({ numClasses: classes });
  if (run.task.name !== DEFAULT_TASK) entry.signed?.(model);
  const phases = planPhases(scratch, entry);
  const { history } = await trainPhases(model, phases, { ...run, settings: scratch, keepBest: false }, options);
  const [kind] = run.task.scores;
  const best = history.reduce<EpochRecord | null>(
    (a, b) => (a && !isBetter(judge(b, kind!), judge(a, kind!)) ? a : b),
    null,
  );
  return {
    name: 'from scratch',
    history,
    score: best && best[scoreKey('validation', kind!.name)]!,
    note: 'its best epoch, all parameters trained',
  };
}

/** The training images in batches, as a phase wants to see them. */
export function loaderFor(
  train: Dataset & { withTransform(transform: Transform): Dataset },
  { augment }: Pick<PlannedPhase, 'augment'>,
  { batchSize, seed, autoAugment }: FinetuneSettings,
  preset: ImagePreset,
): DataLoader {
  // Gentler than ImageNet's: a few hundred photos cannot afford crops of a twelfth.
  const gentle = { ...preset, scale: [0.5, 1] as const, ...(autoAugment && { autoAugment }) };
  const data = augment > 0 ? train.withTransform(trainingTransforms(gentle)) : train;
  return new DataLoader(data, { batchSize, shuffle: true, seed, ...(augment > 0 && { views: augment }) });
}

function updatesPerEpoch(loader: DataLoader, { accumulate }: FinetuneSettings): number {
  return Math.ceil(loader.length / accumulate);
}
