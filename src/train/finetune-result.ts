/** What a fine-tuning run has to tell, as metrics.json and the report show it. */
import { relative } from 'node:path';
import { thumbnail } from '../data/encode.ts';
import type { ImageDataset } from '../data/image-dataset.ts';
import type { DeviceInfo } from '../device/adapter.ts';
import type { Module } from '../nn/index.ts';
import type { Evaluation, Mistake } from '../tasks/image-classification/metrics.ts';
import type { ReadableImages } from './finetune-images.ts';
import type { FitState } from './fit.ts';
import { type EpochRecord, thinLosses } from './history.ts';
import type { OpenedWeights } from './open-weights.ts';
import { type FinetuneSettings, type PlannedPhase, reproduceCommand } from './recipe.ts';
import type { ComparisonRun, FinetuneResult, FreezingProof, Phase, PicturedMistake } from './result.ts';
import { version } from './version.ts';

/** All that a result is made of. */
export interface RunFacts {
  readonly options: {
    readonly photos: string;
    readonly out?: string | null | undefined;
    readonly command?: string | undefined;
  };
  readonly settings: FinetuneSettings;
  readonly date: string;
  readonly device: DeviceInfo;
  readonly model: Module;
  readonly opened: OpenedWeights | null;
  readonly images: ReadableImages;
  readonly classes: readonly string[];
  readonly plan: readonly PlannedPhase[];
  readonly phases: readonly Phase[];
  readonly state: FitState;
  /** Null where nothing was held out. */
  readonly evaluation: Evaluation | null;
  readonly mistakes: readonly PicturedMistake[];
  readonly frozen: FreezingProof;
  readonly peakGpuBytes: number | null;
  readonly comparisons: readonly ComparisonRun[];
  readonly seconds: FinetuneResult['seconds'];
}

/** The result of a run. */
export function resultOf(run: RunFacts): FinetuneResult {
  const { options, settings, model, opened, images, phases, state, device, comparisons } = run;
  const reproduce = reproduceCommand(options.photos, options.out ?? null, settings);
  return {
    version,
    date: run.date,
    command: options.command ?? reproduce,
    reproduce,
    model: {
      name: settings.model,
      weights: opened && { source: opened.source, sha256: opened.sha256 },
      parameters: {
        total: model.parameters().reduce((n, t) => n + t.size, 0),
        trainable: Math.max(...phases.map((phase) => phase.trainableParameters)),
      },
    },
    data: {
      source: options.photos,
      classes: run.classes,
      trainImages: images.train.length,
      validationImages: images.validation.length,
      skipped: [...images.bad, ...lostOf(state, options.photos)],
    },
    hyperparameters: hyperparametersOf(settings, run.plan),
    phases,
    history: state.history,
    stepLosses: thinLosses(state.stepLosses),
    bestEpoch: run.evaluation ? state.best!.epoch : state.history.length,
    evaluation: run.evaluation,
    worstMistakes: run.mistakes,
    frozen: run.frozen,
    adapter: {
      description: device.description,
      vendor: device.vendor,
      architecture: device.architecture,
      software: device.software,
    },
    seconds: secondsOf(run.seconds, state.history),
    peakGpuBytes: run.peakGpuBytes,
    ...(comparisons.length > 0 && { comparisons }),
  };
}

/** What could no longer be read in the middle of the run. */
function lostOf({ skipped = [] }: FitState, photos: string): FinetuneResult['data']['skipped'] {
  return skipped.map(({ path, reason }) => ({ path: relative(photos, path), reason }));
}

/** The worst mistakes on the validation images, with thumbnails. */
export async function pictured(
  mistakes: readonly Mistake[],
  data: ImageDataset,
  photos: string,
): Promise<PicturedMistake[]> {
  return Promise.all(
    mistakes.map(async ({ index, label, predicted, probability, loss }) => {
      const { path } = data.samples[index]!;
      return {
        path: relative(photos, path),
        thumbnail: await thumbnail(path, 200, data.transform).catch(() => null),
        label: data.classes[label]!,
        predicted: data.classes[predicted]!,
        probability,
        loss,
      };
    }),
  );
}

function hyperparametersOf(
  settings: FinetuneSettings,
  phases: readonly PlannedPhase[],
): FinetuneResult['hyperparameters'] {
  const {
    optimizer,
    momentum,
    batchSize,
    accumulate,
    precision,
    weightDecay,
    labelSmoothing,
    classWeights,
    clipGradNorm,
    patience,
    imageSize,
    seed,
  } = settings;
  const views = phases.map(({ augment }) => (augment > 0 ? `${augment} views (RandomResizedCrop, flip)` : 'none'));
  return {
    optimizer,
    ...(optimizer === 'sgd' && { momentum }),
    schedule: phases.some(({ warmUp }) => warmUp > 0)
      ? 'cosine (after a warm-up epoch unless only the head is trained)'
      : 'cosine',
    batchSize,
    ...(accumulate > 1 && { accumulate }),
    ...(precision === 'float16' && { precision: 'float16 (mixed, dynamic loss scaling)' }),
    weightDecay,
    labelSmoothing,
    ...(classWeights !== null && { classWeights: String(classWeights) }),
    ...(clipGradNorm !== null && { clipGradNorm }),
    augmentation: [...new Set(views)].join(', then '),
    patience: patience || null,
    imageSize,
    seed,
  };
}

/** The parts in the order in which they come. */
function secondsOf(
  { parts, ...seconds }: FinetuneResult['seconds'],
  history: readonly EpochRecord[],
): FinetuneResult['seconds'] {
  const training = (cached: boolean) => history.filter((r) => r.cached === cached).reduce((n, r) => n + r.seconds, 0);
  const { 'reading weights': reading = 0, 'checking images': checking = 0, ...rest } = parts;
  const all = {
    'reading weights': reading,
    'checking images': checking,
    'training, whole network': training(false),
    'training, unchanged part kept': training(true),
    ...rest,
  };
  return { ...seconds, parts: Object.fromEntries(Object.entries(all).filter(([, seconds]) => seconds > 0)) };
}
