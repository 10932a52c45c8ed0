/** A run's state after an epoch, as one weight file: with it an interrupted run goes on as if nothing had happened. */
import type { StateDict, TensorData } from '../core/dtype.ts';
import { WeightFileError } from '../core/errors.ts';
import type { SourceLike } from '../device/byte-source.ts';
import { readWeightFile } from '../io/read.ts';
import { safetensorsChunks } from '../io/safetensors.ts';
import type { GradScalerState, ScheduleState } from '../optim/index.ts';
import type { FitState } from './fit.ts';
import type { FinetuneSettings } from './recipe.ts';
import { type FinetuneResult, thinLosses } from './result.ts';

export interface Checkpoint {
  readonly settings: FinetuneSettings;
  /** Digest of the weights, the list of photos and the settings that last: all must be the same when the run goes on. */
  readonly inputs: string;
  /** The file or folder of the weights, to be found again from anywhere; null where there is none. */
  readonly start?: WeightsPlace | null;
  /** When the run began, ISO 8601. */
  readonly date: string;
  /** Index of the phase that the last epoch belongs to. */
  readonly phase: number;
  readonly progress: FitState;
  /** What training changes. */
  readonly model: StateDict;
  readonly optimizer: {
    readonly state: ReadonlyMap<string, TensorData>;
    readonly groups: readonly Record<string, unknown>[];
  };
  readonly schedule: ScheduleState;
  /** Of a mixed-precision run; absent in checkpoints from before there were any. */
  readonly scaler?: GradScalerState;
  /** State of the default generator, which dropout draws from. */
  readonly random: readonly number[];
  readonly seconds: FinetuneResult['seconds'];
}

/** A file or folder of weights on this machine. */
export interface WeightsPlace {
  /** Absolute. */
  readonly path: string;
  /** Relative to the run's folder: the same when both were moved together. */
  readonly fromRun: string;
  readonly sha256: string;
}

/** Enough for the report's curve; the header of a weight file is not for megabytes. */
const STEP_LOSSES = 2000;

/** The bytes of a checkpoint: a safetensors file. */
export function checkpointChunks(checkpoint: Checkpoint): Iterable<Uint8Array> {
  const { model, optimizer, progress, ...plain } = checkpoint;
  const { best, stepLosses, history, waited } = progress;
  const state: StateDict = new Map();
  const add = (prefix: string, tensors: ReadonlyMap<string, TensorData> | null | undefined) => {
    for (const [name, tensor] of tensors ?? []) state.set(`${prefix}/${name}`, tensor);
  };
  add('model', model);
  add('optimizer', optimizer.state);
  add('best', best?.state);
  const { state: bestState, predictions: _, ...bestNumbers } = best ?? { state: null };
  const text = JSON.stringify({
    ...plain,
    groups: optimizer.groups,
    history,
    waited,
    stepLosses: thinLosses(stepLosses, STEP_LOSSES),
    best: best && { ...bestNumbers, kept: bestState !== null },
  });
  return safetensorsChunks(state, { metadata: { regraft_checkpoint: text } });
}

/**
 * Reads what {@link checkpointChunks} made.
 * @throws WeightFileError if it cannot be read.
 */
export async function readCheckpointFile(source: SourceLike): Promise<Checkpoint> {
  const { state, metadata } = await readWeightFile(source);
  const text = metadata.regraft_checkpoint;
  if (text === undefined)
    throw new WeightFileError(
      typeof source === 'string' ? source : 'checkpoint',
      'is no checkpoint of regraft finetune.',
    );
  const { groups, history, stepLosses, waited, best, ...plain } = JSON.parse(text);
  const part = (prefix: string): StateDict =>
    new Map(
      [...state].flatMap(([name, t]) => (name.startsWith(`${prefix}/`) ? [[name.slice(prefix.length + 1), t]] : [])),
    );
  const { kept, ...bestNumbers } = best ?? {};
  return {
    ...plain,
    progress: { history, stepLosses, waited, best: best && { ...bestNumbers, state: kept ? part('best') : null } },
    model: part('model'),
    optimizer: { state: part('optimizer'), groups },
  };
}
