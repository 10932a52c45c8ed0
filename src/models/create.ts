/** What all model functions have in common: seeded construction, then weights from wherever they are. */
import type { StateDict } from '../core/dtype.ts';
import { ArgumentError } from '../core/errors.ts';
import { defaultGenerator } from '../core/random.ts';
import type { FetchOptions } from '../io/index.ts';
import { BatchNorm2d, type FrozenStats, type Module } from '../nn/index.ts';
import { isPretrained, type PretrainedWeights, type WeightsTable, weightsByName } from './weights.ts';

/** Where weights come from: a record, its name, or a file in any format that `readWeights` knows. */
export type WeightsSource = PretrainedWeights | string | URL | Blob | Uint8Array | ArrayBuffer;

export interface ModelOptions {
  /** Without it the model starts from torchvision's initialisation. */
  weights?: WeightsSource | null;
  /** Outputs. By default as many as the weights have; without weights 1000 (10 for the CIFAR models). */
  numClasses?: number;
  /** Makes the initial weights repeatable on their own; without it they follow from `manualSeed`. */
  seed?: number;
  /** 'update' lets frozen batch norms update their statistics in training, as PyTorch does; 'keep' by default. */
  frozenStats?: FrozenStats;
  /** How published weights are downloaded: progress, cache folder (browsers: `{ cache: false }`). */
  download?: FetchOptions;
}

/**
 * Builds a model and loads its weights.
 * @param head the path of the last layer, whose weight's first dimension is the number of classes.
 * @throws StateDictError if the weights do not fit; ArgumentError for an unknown name or another number of classes.
 */
export async function create<M extends Module>(
  name: string,
  table: WeightsTable | undefined,
  head: string,
  options: ModelOptions,
  build: (options: { numClasses?: number }) => M,
): Promise<M> {
  const { weights, seed, frozenStats } = options;
  const source = typeof weights === 'string' ? (weightsByName(name, table, weights) ?? weights) : weights;
  if (isPretrained(source)) checkRecord(name, source, options.numClasses);
  const state = source == null ? undefined : await stateOf(source, options.download);
  const numClasses = options.numClasses ?? state?.get(`${head}.weight`)?.shape[0];
  const model = seeded(seed, () => build(numClasses === undefined ? {} : { numClasses }));
  if (state) model.loadStateDict(state, { copy: false });
  if (frozenStats)
    for (const module of model.modules()) if (module instanceof BatchNorm2d) module.frozenStats = frozenStats;
  return model;
}

function checkRecord(name: string, record: PretrainedWeights, numClasses: number | undefined): void {
  if (record.model !== name)
    throw new ArgumentError(`${name}: expected its own weights, got ${record.name} of ${record.model}.`);
  if (numClasses !== undefined && numClasses !== record.numClasses)
    throw new ArgumentError(
      `${name}: ${record.name} has ${record.numClasses} classes, numClasses asks for ${numClasses}. ` +
        'Leave numClasses out and replace the last layer after loading.',
    );
}

/** The readers are loaded when they are needed, so that a page without files does not carry them. */
async function stateOf(source: WeightsSource, download: FetchOptions | undefined): Promise<StateDict> {
  const { fetchPretrained, readWeights } = await import('../io/index.ts');
  return readWeights(isPretrained(source) ? await fetchPretrained(source, download) : source);
}

/** Runs `build` with the default generator at `seed`, and puts the generator back. */
function seeded<T>(seed: number | undefined, build: () => T): T {
  if (seed === undefined) return build();
  const before = defaultGenerator.state;
  defaultGenerator.seed(seed);
  try {
    return build();
  } finally {
    defaultGenerator.state = before;
  }
}
