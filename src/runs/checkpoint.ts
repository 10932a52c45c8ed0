/** A run's state after an epoch, as one weight file: with it an interrupted run goes on as if nothing had happened. */
import type { StateDict, TensorData } from '../core/dtype.ts';
import type { SourceLike } from '../device/byte-source.ts';
import type { EMAState, GradScalerState, ScheduleState } from '../optim/index.ts';
import type { FitState } from '../train/fit-options.ts';
import { thinLosses } from '../train/history.ts';
import { partsChunks, readParts } from '../train/parts-file.ts';
import { parseInputs, type RunInputs } from './inputs.ts';
import type { FinetuneSettings } from './options.ts';
import type { FinetuneResult } from './result.ts';

export interface Checkpoint {
  readonly settings: FinetuneSettings;
  /** Of a model out of a file, Keras's or an ONNX graph: its layers and how they are connected. */
  readonly topology?: unknown;
  /** Digest of the weights, the list of photos and the settings that last: all must be the same when the run goes on. */
  readonly inputs: string;
  /** The same one by one, to tell what is not; absent or null where it cannot be told. */
  readonly listed?: RunInputs | null;
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
  /** The averages of the weights; null or absent where there are none. */
  readonly ema?: EMAState | null;
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

const MARK = 'regraft_checkpoint';

/** The bytes of a checkpoint: a safetensors file. */
export function checkpointChunks(checkpoint: Checkpoint): Iterable<Uint8Array> {
  const { model, optimizer, ema, progress, listed, ...plain } = checkpoint;
  const { best, stepLosses, history, waited } = progress;
  const { state: bestState, values: _, ...bestNumbers } = best ?? { state: null };
  const json = {
    ...plain,
    groups: optimizer.groups,
    averaged: ema ? ema.updates : null,
    history,
    waited,
    stepLosses: thinLosses(stepLosses, STEP_LOSSES),
    best: best && { ...bestNumbers, kept: bestState !== null },
  };
  return partsChunks(
    { model, optimizer: optimizer.state, ema: ema?.state, best: bestState, inputs: listed && asTensor(listed) },
    MARK,
    json,
  );
}

const LISTED = 'listed';

/** The list of a large data set has megabytes: it goes beside the tensors, not into the header. */
function asTensor(inputs: RunInputs): StateDict {
  const data = new TextEncoder().encode(JSON.stringify(inputs));
  return new Map([[LISTED, { data, shape: [data.length], dtype: 'uint8' }]]);
}

/**
 * Reads what {@link checkpointChunks} made.
 * @throws WeightFileError if it cannot be read.
 */
export async function readCheckpointFile(source: SourceLike): Promise<Checkpoint> {
  const { json, part } = await readParts(source, MARK, 'checkpoint of regraft finetune');
  // biome-ignore lint/suspicious/noExplicitAny: what reads a run's checkpoint looks through it
  const { settings, topology, inputs, start, date, phase, schedule, scaler, random, seconds, ...parts } = json as any;
  const { groups, averaged, history, stepLosses, waited, best } = parts;
  // By name: what else an edited file has there goes nowhere.
  const { epoch, score, loss, kept } = best ?? {};
  return {
    settings,
    topology,
    inputs,
    listed: parseInputs(part('inputs').get(LISTED)?.data as Uint8Array | undefined),
    start,
    date,
    phase,
    progress: {
      history,
      stepLosses,
      waited,
      best: best && { epoch, score, loss, state: kept ? part('best') : null },
    },
    model: part('model'),
    optimizer: { state: part('optimizer'), groups },
    schedule,
    scaler,
    ema: averaged == null ? null : { updates: averaged, state: part('ema') },
    random,
    seconds,
  };
}
