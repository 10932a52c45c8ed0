/** A run as the command line would write it down: the page shows it, the report is made of it. */
import type { BlobDataset } from '../../src/data/blob-dataset.ts';
import { currentDevice } from '../../src/device/current.ts';
import type { Module } from '../../src/nn/index.ts';

import type { Mistake } from '../../src/tasks/image-classification/metrics.ts';
import type { FitState } from '../../src/train/fit.ts';
import { thinLosses } from '../../src/train/history.ts';

import { reproduceCommand } from '../../src/train/recipe.ts';

import type { FinetuneResult, FreezingProof, PicturedMistake } from '../../src/train/result.ts';
import { phasesOf, valuesOf } from '../../src/train/run-phases.ts';
import type { Stopwatch } from '../../src/train/stopwatch.ts';
import type { Outcome } from '../messages.ts';
import { dataUrl, imageOf, thumbnailOf } from './photos.ts';
import type { Plan } from './plan.ts';

declare const __VERSION__: string;

export const VERSION: string = __VERSION__;

export interface Run {
  readonly watch: Stopwatch;
  /** When it began, ISO 8601. */
  readonly date: string;
  readonly plan: Plan;
  readonly model: Module;
  readonly state: FitState;
  readonly proof: FreezingProof;
}

/** @param idOf the id of a photo's file */
export async function outcomeOf(run: Run, idOf: (blob: Blob) => number): Promise<Outcome> {
  const { watch, plan, model, state } = run;
  const { settings, weights, train, validation } = plan;
  const values = await watch.time('validation', () =>
    valuesOf(state, model, validation, { batchSize: settings.batchSize }),
  );
  const mistakes = await watch.time('thumbnails', () => pictured(values?.mistakes ?? [], validation));
  const phases = phasesOf(model, plan.phases, state);
  const { description, vendor, architecture, software } = currentDevice().info;
  const reproduce = reproduceCommand('photos', 'model', settings);
  const training = (cached: boolean) =>
    state.history.filter((r) => r.cached === cached).reduce((n, r) => n + r.seconds, 0);
  const { total, parts } = watch.read();
  const seconds = {
    'training, whole network': training(false),
    'training, unchanged part kept': training(true),
    ...parts,
  };
  const { optimizer, batchSize, weightDecay, labelSmoothing, imageSize, seed } = settings;
  const result: FinetuneResult = {
    version: VERSION,
    date: run.date,
    command: reproduce,
    reproduce,
    model: {
      name: settings.model,
      weights: weights && { source: weights.source, sha256: weights.sha256 },
      parameters: {
        total: model.parameters().reduce((n, p) => n + p.size, 0),
        trainable: Math.max(...phases.map((p) => p.trainableParameters)),
      },
    },
    data: {
      source: 'photos in the browser',
      classes: train.classes,
      trainImages: train.length,
      validationImages: validation.length,
      skipped: [],
    },
    hyperparameters: { optimizer, schedule: 'cosine', batchSize, weightDecay, labelSmoothing, imageSize, seed },
    phases,
    history: state.history,
    stepLosses: thinLosses(state.stepLosses),
    bestEpoch: state.best?.epoch ?? 1,
    evaluation: values?.evaluation ?? null,
    worstMistakes: mistakes.map(({ mistake }) => mistake),
    frozen: run.proof,
    adapter: { description, vendor, architecture, software },
    seconds: { total, parts: Object.fromEntries(Object.entries(seconds).filter(([, value]) => value > 0)) },
    peakGpuBytes: currentDevice().counters.peakBytes,
  };
  return { result, mistakes: mistakes.map(({ blob }) => idOf(blob)) };
}

async function pictured(
  mistakes: readonly Mistake[],
  data: BlobDataset,
): Promise<{ mistake: PicturedMistake; blob: Blob }[]> {
  return Promise.all(
    mistakes.map(async ({ index, label, predicted, probability, loss }) => {
      const { blob, path } = data.samples[index]!;
      const thumbnail = await imageOf(blob as File)
        .then((image) => thumbnailOf(image))
        .then(dataUrl)
        .catch(() => null);
      const names = { label: data.classes[label]!, predicted: data.classes[predicted]! };
      return { mistake: { path, thumbnail, ...names, probability, loss }, blob };
    }),
  );
}
