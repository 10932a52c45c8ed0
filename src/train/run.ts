/**
 * A fine-tuning run from its built model to its result, wherever it runs. The plan is what to do; the host is where: it keeps checkpoints, shows
 * progress, draws small pictures. Knows neither Node nor the DOM.
 */
import type { Dataset } from '../data/dataset.ts';
import type { Transform } from '../data/transform.ts';
import { currentDevice } from '../device/current.ts';
import type { ImagePreset } from '../models/preset.ts';
import type { ModelEntry } from '../models/registry.ts';
import type { Module } from '../nn/index.ts';
import type { ClassificationValues } from '../tasks/image-classification/metric.ts';
import type { PicturedMistake } from '../tasks/image-classification/mistake-section.ts';
import type { Checkpoint } from './checkpoint.ts';
import { weightedLoss } from './class-weights.ts';
import type { FitOptions, FitState } from './fit.ts';
import { FrozenSnapshot } from './freezing-proof.ts';
import type { EpochRecord } from './history.ts';
import { availablePrecision } from './precision.ts';
import type { Progress } from './progress.ts';
import { type FinetuneSettings, freezeFor, type PlannedPhase } from './recipe.ts';
import type { ComparisonRun, FinetuneResult } from './result.ts';
import {
  loaderFor,
  type PhasedRun,
  phasesOf,
  type RunPoint,
  trainFromScratch,
  trainPhases,
  valuesOf,
} from './run-phases.ts';
import { resultOf } from './run-result.ts';
import type { Stopwatch } from './stopwatch.ts';

/** Labelled images of a run. */
export interface RunImages extends Dataset {
  readonly classes: readonly string[];
  label(index: number): number;
  withTransform(transform: Transform): Dataset;
}

/** What a run is to do. */
export interface RunPlan {
  readonly settings: FinetuneSettings;
  readonly entry: ModelEntry;
  readonly phases: readonly PlannedPhase[];
  /** With its weights, and a head for the classes. */
  readonly model: Module;
  /** Where the weights came from; null for random ones. */
  readonly weights: FinetuneResult['model']['weights'];
  /** How images are prepared in training. */
  readonly preset: ImagePreset;
  readonly train: RunImages;
  /** Empty where nothing is held out. */
  readonly validation: RunImages;
  /** Where the images came from, in words. */
  readonly source: string;
  /** Images that were left out before the run began. */
  readonly skipped: FinetuneResult['data']['skipped'];
  /** The command as it was typed, and one that repeats the run. */
  readonly command: string;
  readonly reproduce: string;
  readonly cache?: FitOptions['cache'];
  /** Afterwards trains the same model from random weights too. */
  readonly compareFromScratch?: boolean | undefined;
}

/** Where a run happens. */
export interface RunHost {
  /** regraft's version. */
  readonly version: string;
  /** When the run began, ISO 8601. */
  readonly date: string;
  readonly watch: Stopwatch;
  readonly progress: Progress | null;
  readonly signal?: AbortSignal | undefined;
  /** Awaited before each batch. */
  readonly beforeBatch?: (() => unknown) | undefined;
  /** Where to go on from. */
  readonly checkpoint: Checkpoint | null;
  /** Train no more: the best of what the checkpoint holds is the result. */
  readonly finish?: boolean | undefined;
  /** Whether what ended the training is a wish to keep the best epoch so far. */
  endsEarly?(error: unknown): boolean;
  /** Keeps what is needed to go on from the end of an epoch. */
  writeCheckpoint?(point: RunState): Promise<void>;
  readonly onEpoch?: ((record: EpochRecord) => unknown) | undefined;
  /** The last batch is done; what follows is told by the result alone. */
  onTrained?(): void;
  /** The path of an image as it is shown, and a small picture of it as `data:image/jpeg;base64,…`; null where there is none. */
  picture(index: number): Promise<Pick<PicturedMistake, 'path' | 'thumbnail'>>;
  /** A path as it is shown. */
  shortPath(path: string): string;
}

/** A run at the end of an epoch: what is the same for every host of a {@link Checkpoint}. */
export type RunState = RunPoint & Pick<Checkpoint, 'settings' | 'date' | 'seconds'>;

/** What a run left: the result, and where its worst mistakes are in the validation images. */
export interface FinishedRun {
  readonly result: FinetuneResult;
  readonly mistakes: readonly number[];
}

/** Trains a plan's model, phase by phase, and tells what came of it. The model keeps the weights of the best epoch. */
export async function runFinetune(plan: RunPlan, host: RunHost): Promise<FinishedRun> {
  const { settings, entry, phases, model, train, validation } = plan;
  const { watch, checkpoint, date } = host;
  freezeFor(model, phases[0]!);
  const frozen = await watch.time('proof of freezing', () => FrozenSnapshot.of(model));
  const run = phasedRun(plan, host);
  let state: FitState = checkpoint?.progress ?? { history: [], stepLosses: [], best: null, waited: 0 };
  let ended = performance.now();
  try {
    state = await trainPhases(model, phases, run, {
      from: checkpoint,
      finish: host.finish,
      onEpoch: async (record, now, point) => {
        state = now;
        watch.add('validation', (performance.now() - ended) / 1000 - record.seconds);
        if (host.writeCheckpoint)
          await watch.time('checkpoints', async () =>
            host.writeCheckpoint!({ ...(await point()), settings, date, seconds: watch.read() }),
          );
        await host.onEpoch?.(record);
        ended = performance.now();
      },
    });
  } catch (error) {
    if (!host.endsEarly?.(error) || !state.best) throw error;
    if (state.best.state) model.loadStateDict(state.best.state, { strict: false });
  }
  host.onTrained?.();

  const proof = await watch.time('proof of freezing', () => frozen.proof(model));
  const { peakBytes, compileSeconds: compiling } = currentDevice().counters;
  const { precision } = run;
  const values = run.validation
    ? await watch.time('validation', () =>
        valuesOf(state, model, validation, { precision: precision!, batchSize: settings.batchSize }),
      )
    : null;
  const mistakes = values?.mistakes ?? [];
  const pictured = await watch.time('thumbnails', () =>
    Promise.all(mistakes.map((mistake) => pictureOf(mistake, validation.classes, host))),
  );
  const comparisons = plan.compareFromScratch
    ? [await watch.time('comparison from scratch', () => compared(entry, train.classes.length, run))]
    : [];
  const result = resultOf(plan, host, {
    precision: precision!,
    phases: phasesOf(model, phases, state),
    state,
    evaluation: values?.evaluation ?? null,
    mistakes: pictured,
    frozen: proof,
    peakGpuBytes: peakBytes || null,
    comparisons,
    seconds: { ...watch.read(), compiling },
  });
  return { result, mistakes: mistakes.map(({ index }) => index) };
}

/** A plan's phases as they are trained. */
export function phasedRun(plan: RunPlan, { progress, signal, beforeBatch }: RunHost): PhasedRun {
  const { settings, train, validation, preset, cache } = plan;
  return {
    settings,
    validation: validation.length > 0 ? validation : undefined,
    loader: (phase) => loaderFor(train, phase, settings, preset),
    cache,
    // Of a run begun before there was a choice: float32.
    precision: availablePrecision(settings.precision ?? 'float32', progress),
    signal,
    progress,
    beforeBatch,
    loss: lossOf(settings, train),
  };
}

/** Undefined for the plain cross-entropy. */
function lossOf({ classWeights, labelSmoothing }: FinetuneSettings, train: RunImages): PhasedRun['loss'] {
  if (classWeights === null) return undefined;
  const counts = train.classes.map(() => 0);
  for (let i = 0; i < train.length; i++) counts[train.label(i)]!++;
  const loss = weightedLoss(classWeights, train.classes, counts, labelSmoothing);
  return (logits, labels) => loss.forward(logits, labels);
}

async function pictureOf(
  { index, label, predicted, probability, loss }: ClassificationValues['mistakes'][number],
  classes: readonly string[],
  host: RunHost,
): Promise<PicturedMistake> {
  const names = { label: classes[label]!, predicted: classes[predicted]! };
  return { ...(await host.picture(index)), ...names, probability, loss };
}

async function compared(entry: ModelEntry, classes: number, run: PhasedRun): Promise<ComparisonRun> {
  run.progress?.note('From scratch, for comparison:');
  return trainFromScratch(entry, classes, run);
}
