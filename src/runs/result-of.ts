/** What a fine-tuning run has to tell, as metrics.json and the report show it. */
import { currentDevice } from '../device/current.ts';
import type { TaskName } from '../tasks/kinds.ts';
import type { EvaluationOf } from '../tasks/registry.ts';
import type { FitState } from '../train/fit-options.ts';
import type { FreezingProof } from '../train/freezing-proof.ts';
import { type EpochRecord, thinLosses } from '../train/history.ts';
import type { Precision } from '../train/precision.ts';
import type { RunHost, RunPlan } from './host.ts';
import type { ComparisonRun, FinetuneResult, Phase } from './result.ts';
import { hyperparametersOf } from './settings.ts';

/** What came of a run. */
export interface RunOutcome {
  /** The one that the adapter could. */
  readonly precision: Precision;
  readonly phases: readonly Phase[];
  readonly state: FitState;
  /** Null where nothing was held out. */
  readonly evaluation: EvaluationOf<TaskName> | null;
  readonly mistakes: FinetuneResult<TaskName>['worstMistakes'];
  readonly frozen: FreezingProof;
  readonly peakGpuBytes: number | null;
  readonly comparisons: readonly ComparisonRun[];
  readonly seconds: FinetuneResult['seconds'];
}

/** The result of a run. */
export function resultOf(plan: RunPlan, host: RunHost, outcome: RunOutcome): FinetuneResult<TaskName> {
  const { settings, model, weights, train, validation } = plan;
  const { precision, phases, state, comparisons, evaluation } = outcome;
  const { description, vendor, architecture, software } = currentDevice().info;
  const lost = (state.skipped ?? []).map(({ path, reason }) => ({ path: host.shortPath(path), reason }));
  return {
    task: plan.task,
    version: host.version,
    date: host.date,
    command: plan.command,
    reproduce: plan.reproduce,
    model: {
      name: settings.model,
      weights,
      parameters: {
        total: model.parameters().reduce((n, t) => n + t.size, 0),
        trainable: Math.max(...phases.map((phase) => phase.trainableParameters)),
      },
    },
    data: {
      source: plan.source,
      classes: plan.classes,
      trainImages: train.length,
      validationImages: validation.length,
      skipped: [...plan.skipped, ...lost],
    },
    hyperparameters: hyperparametersOf({ ...settings, precision }, plan.phases),
    phases,
    history: state.history,
    stepLosses: thinLosses(state.stepLosses),
    bestEpoch: evaluation ? state.best!.epoch : state.history.length,
    evaluation,
    worstMistakes: outcome.mistakes,
    frozen: outcome.frozen,
    adapter: { description, vendor, architecture, software },
    seconds: secondsOf(outcome.seconds, state.history),
    peakGpuBytes: outcome.peakGpuBytes,
    ...(comparisons.length > 0 && { comparisons }),
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
