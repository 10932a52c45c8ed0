/**
 * A fine-tuning run from its built model to its result, wherever it runs. The plan is what to do; the host is where: it keeps checkpoints, shows
 * progress, draws small pictures. Knows neither Node nor the DOM.
 */
import { currentDevice } from '../device/current.ts';
import type { ModelEntry } from '../models/define.ts';
import type { TaskImages } from '../tasks/image-task.ts';
import { imageTask } from '../tasks/registry.ts';
import type { FitState } from '../train/fit-options.ts';
import { FrozenSnapshot } from '../train/freezing-proof.ts';
import { availablePrecision } from '../train/precision.ts';
import type { FinishedRun, RunHost, RunPlan } from './host.ts';
import { loaderFor, type PhasedRun, phasesOf, trainFromScratch, trainPhases, valuesOf } from './phases.ts';
import { freezeFor } from './recipe.ts';
import type { ComparisonRun } from './result.ts';
import { type RunOutcome, resultOf } from './result-of.ts';

/** Trains a plan's model, phase by phase, and tells what came of it. The model keeps the weights of the best epoch. */
export async function runFinetune(plan: RunPlan, host: RunHost): Promise<FinishedRun> {
  const { settings, entry, phases, model, validation } = plan;
  const kind = imageTask(plan.task);
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
        valuesOf(state, model, validation, { task: run.task, precision: precision!, batchSize: settings.batchSize }),
      )
    : null;
  const mistakes = values?.mistakes ?? [];
  const pictured = await watch.time('thumbnails', () =>
    Promise.all(
      mistakes.map(async (mistake) => ({
        ...(await host.picture(mistake.index)),
        ...kind.named(mistake, plan.classes),
      })),
    ),
  );
  const comparisons = plan.compareFromScratch
    ? [await watch.time('comparison from scratch', () => compared(entry, plan.classes.length, run))]
    : [];
  await kind.finish?.(model.getSubmodule(entry.head), imagesOf(plan));
  const result = resultOf(plan, host, {
    precision: precision!,
    phases: phasesOf(model, phases, state),
    state,
    evaluation: (values?.evaluation ?? null) as RunOutcome['evaluation'],
    mistakes: pictured as unknown as RunOutcome['mistakes'],
    frozen: proof,
    peakGpuBytes: peakBytes || null,
    comparisons,
    seconds: { ...watch.read(), compiling },
  });
  return { result, mistakes: mistakes.map(({ index }) => index) };
}

/** A plan's phases as they are trained. */
export function phasedRun(plan: RunPlan, { progress, signal, beforeBatch }: RunHost): PhasedRun {
  const { settings, task, train, validation, preset, cache } = plan;
  return {
    settings,
    task: imageTask(task).create(settings, imagesOf(plan)),
    validation: validation.length > 0 ? validation : undefined,
    loader: (phase) => loaderFor(train, phase, settings, preset),
    cache,
    precision: availablePrecision(settings.precision, progress),
    signal,
    progress,
    beforeBatch,
  };
}

/** A plan's training images as its task looks at them. */
export const imagesOf = ({ classes, train }: Pick<RunPlan, 'classes' | 'train'>): TaskImages => ({
  ...{ classes, length: train.length },
  label: (index) => train.label(index),
});

async function compared(entry: ModelEntry, classes: number, run: PhasedRun): Promise<ComparisonRun> {
  run.progress?.note('From scratch, for comparison:');
  return trainFromScratch(entry, classes, run);
}
