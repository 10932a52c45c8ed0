/** The learning rate of a run that asks for one to be found. */
import { init } from '../graph/init.ts';
import { imageTask } from '../tasks/registry.ts';
import { findLearningRate } from '../train/find-learning-rate.ts';
import type { FitOptions } from '../train/fit-options.ts';
import type { RunPlan } from './host.ts';
import type { FinetuneSettings, SettingsOptions } from './options.ts';
import { loaderFor } from './phases.ts';
import { freezeFor, optimizerFor, planPhases } from './recipe.ts';
import { imagesOf } from './run.ts';
import { resolveSettings } from './settings.ts';

/** What is known of a run before its rate. */
export type PlanBeforeRate = Pick<RunPlan, 'settings' | 'task' | 'entry' | 'classes' | 'model' | 'train' | 'preset'>;

/** A plan's settings with the rate that a range test finds for its first phase; the model is afterwards as it was. */
export async function withFoundRate(
  { settings, task, entry, classes, model, train, preset }: PlanBeforeRate,
  { unfrozenLr, progress, signal }: Pick<FitOptions, 'progress' | 'signal'> & Pick<SettingsOptions, 'unfrozenLr'>,
): Promise<FinetuneSettings> {
  await init();
  const [phase] = planPhases(settings, entry);
  freezeFor(model, phase!);
  const loader = loaderFor(train, phase!, settings, preset);
  const found = await findLearningRate(model, {
    task: imageTask(task).create(settings, imagesOf({ classes, train })),
    train: loader,
    optimizer: optimizerFor(model, phase!, settings, loader.length).optimizer,
    progress,
    signal,
  });
  const lr = Number(found.lr.toPrecision(2));
  progress?.note(`Learning rate: ${lr}, a tenth of that at which the loss was lowest in a short trial.`);
  // Without a phase of the head alone it is the rate of all.
  const otherwise = settings.headEpochs === 0 ? lr : undefined;
  return resolveSettings({ ...settings, lr, unfrozenLr: unfrozenLr ?? otherwise }, entry);
}
