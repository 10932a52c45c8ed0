/** Weights in a page: published ones downloaded once into the origin's storage, and files of the user's. */

import { sha256 } from '../../src/core/digest.ts';
import type { StateDict } from '../../src/core/dtype.ts';
import { ArgumentError, StateDictError, WeightFileError } from '../../src/core/errors.ts';
import type { ImagePreset } from '../../src/data/transforms/compose.ts';
import { fetchPretrained } from '../../src/io/pretrained.ts';
import { readWeightFile } from '../../src/io/read.ts';
import { guessNetwork } from '../../src/models/guess-network.ts';
import type { PretrainedWeights } from '../../src/models/published.ts';
import { networkEntry } from '../../src/models/registry.ts';
import { CARRIED } from './carried.ts';
import { store, stored } from './weights-cache.ts';

/** Weights that are in memory and fit `model`. */
export interface LoadedWeights {
  readonly model: string;
  readonly state: StateDict;
  /** Outputs of the head they bring. */
  readonly numClasses: number;
  /** For people: a URL or the file's name. */
  readonly source: string;
  readonly sha256: string;
  readonly transforms: ImagePreset;
  readonly notes: readonly string[];
}

/** The published weights of a model, from storage or its publisher. @throws WeightFileError where they cannot be had. */
export async function publishedWeights(
  model: string,
  onProgress: (received: number, total: number | undefined) => void,
): Promise<LoadedWeights> {
  if (model === CARRIED.model) {
    const bytes = await (await fetch(CARRIED.url)).arrayBuffer();
    return fitting(model, new File([bytes], 'trunk.safetensors'));
  }
  const entry = await networkEntry(model);
  const record = entry.weights?.DEFAULT;
  if (!record) throw new ArgumentError(`${model} has no published weights. Open a weight file, or train from scratch.`);
  let bytes = await stored(record);
  if (!bytes) {
    bytes = await download(record, onProgress);
    await store(record, bytes);
  }
  const loaded = await fitting(model, new File([bytes], record.url.split('/').at(-1)!));
  return { ...loaded, source: record.url, transforms: record.transforms() };
}

async function download(
  record: PretrainedWeights,
  onProgress: (received: number, total: number | undefined) => void,
): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return (await fetchPretrained(record, { cache: false, onProgress })) as Uint8Array<ArrayBuffer>;
  } catch (error) {
    if (!(error instanceof WeightFileError)) throw error;
    const advice = `Or download ${record.url} by hand and open it here as a weight file.`;
    throw new WeightFileError(
      error.path,
      `${error.message.replace(`${error.path}: `, '').replace(/ Then pass.*$/, '')} ${advice}`,
    );
  }
}

/**
 * A weight file for `model`, or for whichever other network it fits.
 * @throws WeightFileError or StateDictError, with the command line's words.
 */
export async function fitting(model: string, file: File): Promise<LoadedWeights> {
  const { state: read, notes, format } = await readWeightFile(file);
  const name = (await guessNetwork(read, model)) ?? model;
  const { create, head, input } = await networkEntry(name);
  // What has other names may still be matched to the network that is chosen.
  const state = await explained(file, async () => (await create({ weights: file })).stateDict());
  return {
    model: name,
    state,
    numClasses: state.get(`${head}.weight`)!.shape[0]!,
    source: file.name,
    sha256: await sha256(new Uint8Array(await file.arrayBuffer())),
    transforms: input,
    notes: [`Read as ${format}.`, ...notes],
  };
}

/** Loading says what does not fit, as on the command line; advice for programs is left out. */
async function explained<T>(file: File, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    if (!(error instanceof StateDictError)) throw error;
    throw new WeightFileError(file.name, `fits none of the networks. Closest to what is chosen: ${error.summary}`);
  }
}
