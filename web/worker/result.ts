/** A run as the command line would write it down: the page shows it, the report is made of it. */
import type { BlobDataset } from '../../src/data/blob-dataset.ts';
import { currentDevice } from '../../src/device/current.ts';
import type { Module } from '../../src/nn/index.ts';
import { type Predictions, predictLogits } from '../../src/train/evaluate.ts';
import type { FitState } from '../../src/train/fit.ts';
import { evaluateLogits, worstMistakes } from '../../src/train/metrics.ts';
import { type FinetuneSettings, reproduceCommand } from '../../src/train/recipe.ts';
import {
  type FinetuneResult,
  type FreezingProof,
  type Phase,
  type PicturedMistake,
  thinLosses,
} from '../../src/train/result.ts';
import type { Stopwatch } from '../../src/train/stopwatch.ts';
import { dataUrl, imageOf, thumbnailOf } from './photos.ts';
import type { LoadedWeights } from './weights.ts';

declare const __VERSION__: string;

export const VERSION: string = __VERSION__;

export interface Run {
  readonly watch: Stopwatch;
  /** When it began, ISO 8601. */
  readonly date: string;
  readonly settings: FinetuneSettings;
  readonly weights: LoadedWeights | null;
  readonly model: Module;
  readonly train: BlobDataset;
  readonly validation: BlobDataset;
  readonly plan: readonly Phase[];
  readonly state: FitState;
  readonly proof: FreezingProof;
}

export async function resultOf(run: Run): Promise<FinetuneResult> {
  const { watch, settings, weights, model, train, validation, plan, state } = run;
  const predictions = await watch.time('validation', () => state.best?.predictions ?? predictLogits(model, validation));
  const evaluation = evaluateLogits(predictions.logits, predictions.labels, predictions.classes);
  const mistakes = await watch.time('thumbnails', () => pictured(predictions, validation));
  const phases = plan
    .map((phase, p) => ({ ...phase, epochs: state.history.filter((r) => r.phase === p).length }))
    .filter(({ epochs }) => epochs > 0);
  const { description, vendor, architecture, software } = currentDevice().info;
  const reproduce = reproduceCommand('photos', 'model', settings);
  const training = (cached: boolean) =>
    state.history.filter((r) => r.cached === cached).reduce((n, r) => n + r.seconds, 0);
  const { total, parts } = watch.read();
  const seconds = { 'training, whole network': training(false), 'training, trunk cached': training(true), ...parts };
  const { optimizer, batchSize, weightDecay, labelSmoothing, imageSize, seed } = settings;
  return {
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
    evaluation,
    worstMistakes: mistakes,
    frozen: run.proof,
    adapter: { description, vendor, architecture, software },
    seconds: { total, parts: Object.fromEntries(Object.entries(seconds).filter(([, value]) => value > 0)) },
    peakGpuBytes: currentDevice().counters.peakBytes,
  };
}

async function pictured(predictions: Predictions, data: BlobDataset): Promise<PicturedMistake[]> {
  const { logits, labels, classes, indices } = predictions;
  return Promise.all(
    worstMistakes(logits, labels, classes).map(async ({ index, label, predicted, probability, loss }) => {
      const { blob, path } = data.samples[indices[index]!]!;
      const thumbnail = await imageOf(blob as File)
        .then((image) => thumbnailOf(image))
        .then(dataUrl)
        .catch(() => null);
      return { path, thumbnail, label: data.classes[label]!, predicted: data.classes[predicted]!, probability, loss };
    }),
  );
}
