/** The plan of a run: what it is to do, settled before a photo is read. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { ArgumentError } from '../core/errors.ts';
import type { ModelEntry } from '../models/define.ts';
import { isNetwork, networkName } from '../models/registry.ts';
import { entryOf, topologyOf } from '../models/topology.ts';
import type { TaskName } from '../tasks/kinds.ts';
import type { Checkpoint } from './checkpoint.ts';
import type { Classifier } from './model-folder.ts';
import type { FinetuneSettings, SettingsOptions } from './options.ts';
import { freezeFor, type PlannedPhase, planPhases } from './recipe.ts';
import { givenSettings, resolveSettings, resumedSettings } from './settings.ts';
import { presetOf, requireImages, resumedWeights, wholeModelAt } from './start.ts';

/** A run as it will be. */
export interface Plan {
  readonly settings: FinetuneSettings;
  readonly entry: ModelEntry;
  readonly phases: readonly PlannedPhase[];
  /** The model to start from, where that is a whole one: fine-tuned, or Keras's. */
  readonly tuned: Classifier<TaskName> | null;
  readonly checkpoint: Checkpoint | null;
}

/** The plan of a new run. @throws ArgumentError for options that are wrong or contradict each other. */
export async function newPlan({
  out,
  ...options
}: SettingsOptions & { readonly out?: string | null | undefined }): Promise<Plan> {
  const given = givenSettings(options);
  // A run's folder may stand for the network.
  const named = given.weights ?? (given.model !== undefined && existsSync(given.model) ? given.model : undefined);
  if (given.weights === null && given.model !== undefined && !isNetwork(given.model) && existsSync(given.model))
    throw new ArgumentError(
      `finetune: ${given.model} is a model with weights of its own, which a run starts from. Leave the weights out, or name a network to start from random ones.`,
    );
  const tuned = typeof named === 'string' ? await wholeModelAt(named, given.model, given.inputRange) : null;
  const called = tuned && (given.model === undefined || given.model === named) ? tuned.name : given.model;
  if (called === undefined) throw new ArgumentError('finetune: expected the name of a model, got none.');
  const model = networkName(called);
  if (tuned && model !== tuned.name)
    throw new ArgumentError(`finetune: ${named} is a fine-tuned ${tuned.name}, not a ${model}. Leave the model out.`);
  if (tuned && out != null && resolve(out) === resolve(named!))
    throw new ArgumentError(
      `${out}: is the model that the run is to start from, and would be replaced. Choose another folder, or go on with it: resume, with more epochs.`,
    );
  const entry = await entryOf({ model, topology: topologyOf(tuned?.model) });
  requireImages('finetune', entry);
  const imageSize = given.imageSize ?? (tuned ? presetOf(tuned.transforms)?.crop : undefined);
  const orientation = given.orientation ?? tuned?.transforms.orientation;
  const settings = resolveSettings(
    { ...given, model, imageSize, orientation, ...(tuned && { weights: named }) },
    entry,
  );
  return { settings, entry, phases: planPhases(settings, entry), tuned, checkpoint: null };
}

/** The plan of the run in `out`, from its checkpoint on. @throws ArgumentError for options that it cannot go on with. */
export async function resumedPlan(out: string, options: SettingsOptions, checkpoint: Checkpoint): Promise<Plan> {
  const { model, inputRange } = checkpoint.settings;
  const entry = await entryOf({ model, topology: checkpoint.topology });
  const given = givenSettings(options);
  const weights = await resumedWeights(out, given.weights, checkpoint, entry);
  const settings = resumedSettings(out, { ...given, weights }, checkpoint, entry);
  const tuned = weights === null ? null : await wholeModelAt(weights, model, inputRange);
  return { settings, entry, phases: planPhases(settings, entry), tuned, checkpoint };
}

/** @throws ArgumentError for a module to freeze until that the model does not have: before any file is read. */
export async function checkNames({ entry, phases }: Plan): Promise<void> {
  const model = await entry.create();
  for (const phase of phases) freezeFor(model, phase);
}
